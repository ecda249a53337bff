/* The input is the collector's configuration file. What is refused is refused with a line that can be printed; what is
 * taken keeps the promises of the table. */
#include "collector/config.h"
#include "platform/base/status.h"
#include "tests/fuzz/config_lines.h"
#include "tests/fuzz/fuzz.h"

static void check_config(const struct collector_config *config)
{
    FUZZ_CHECK(config->data.dir[0] && config->data.store_dir[0] && config->data.registry_dir[0]);
    FUZZ_CHECK(config->ingest.sessions_max > 0 && config->ingest.handshakes_max > 0);
    FUZZ_CHECK(config->identity.site_life_ms > 0 && config->store.size_max_bytes > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct collector_config *config = NULL;
    unsigned lines = 0;
    int status = collector_config_parse("collector.conf", slice_make((const char *)data, size), config_lines_take,
                                        &lines, &config);
    if (status == 0) {
        check_config(config);
        collector_config_free(config);
    } else {
        FUZZ_CHECK(lines > 0 && !config);
    }
    return 0;
}
