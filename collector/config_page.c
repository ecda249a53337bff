/* Prints docs/config-collector.md from the collector's option table. */
#include <stdio.h>

#include "collector/config_table.h"

int main(void)
{
    return config_page_print(&collector_config_table, stdout) != 0;
}
