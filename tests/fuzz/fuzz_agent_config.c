/* The input is the agent's configuration file. What is refused is refused with a line that can be printed; what is
 * taken keeps the promises of the table: limits that belong together, and settings for every queue. */
#include "agent/config.h"
#include "platform/base/status.h"
#include "tests/fuzz/config_lines.h"
#include "tests/fuzz/fuzz.h"

static void check_config(const struct agent_config *config)
{
    FUZZ_CHECK(config->site.id[0] && config->ledger.dir[0]);
    FUZZ_CHECK(config->ledger.size_max_bytes > 0 && config->ledger.reserve_percent < 100);
    FUZZ_CHECK(config->ledger.interval_s > 0 && 3600 % config->ledger.interval_s == 0);
    FUZZ_CHECK(agent_config_queue(config, slice_str("sales")) && agent_config_queue(config, slice_make("", 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct agent_config *config = NULL;
    unsigned lines = 0;
    int status =
        agent_config_parse("agent.conf", slice_make((const char *)data, size), config_lines_take, &lines, &config);
    if (status == 0) {
        check_config(config);
        agent_config_free(config);
    } else {
        FUZZ_CHECK(lines > 0 && !config);
    }
    return 0;
}
