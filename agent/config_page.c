/* Prints docs/config.md from the agent's option table. */
#include <stdio.h>

#include "agent/config_table.h"

int main(void)
{
    return config_page_print(&agent_config_table, stdout) != 0;
}
