/* Prints docs/config-collector.md from the collector's option table. */
#include <stdio.h>

#include "collector/config.h"

int main(void)
{
    struct buf page = BUF_INIT;
    collector_config_page(&page);
    int failed = page.failed || fwrite(page.data, 1, page.len, stdout) != page.len || fflush(stdout) != 0;
    buf_deinit(&page);
    return failed;
}
