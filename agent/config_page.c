/* Prints docs/config.md from the agent's option table. */
#include <stdio.h>

#include "agent/config.h"

int main(void)
{
    struct buf page = BUF_INIT;
    agent_config_page(&page);
    int failed = page.failed || fwrite(page.data, 1, page.len, stdout) != page.len || fflush(stdout) != 0;
    buf_deinit(&page);
    return failed;
}
