/* The input is one encoded summary, perhaps with bytes behind it. */
#include <string.h>

#include "platform/base/status.h"
#include "proto/measures.h"
#include "proto/summary.h"
#include "tests/fuzz/fuzz.h"

/* Whatever is read is written the same: there is one spelling for every summary. */
static void check_spelling(const struct summary *sum, const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT;
    summary_encode(sum, &out);
    FUZZ_CHECK(!out.failed && out.len == size && memcmp(out.data, data, size) == 0);
    buf_deinit(&out);
}

static void check_measures(const struct summary *sum)
{
    for (int i = 0; i < SL_METHOD_COUNT; i++) {
        double level = -1;
        if (measures_service_level(sum, (enum sl_method)i, 20000, 5000, &level)) {
            FUZZ_CHECK(level >= 0);
        }
    }
    double rate = -1;
    FUZZ_CHECK(measures_abandon_rate(sum, &rate) == (sum->flow[FLOW_ENTERED] > 0));
    FUZZ_CHECK(measures_short_abandons(sum, 5000) <= sum->duration[DURATION_WAIT_ABANDONED].hist.total);
}

static void check_append(const struct summary *sum)
{
    struct summary twice = {0};
    FUZZ_CHECK(summary_copy(&twice, sum) == 0 && summary_equal(&twice, sum));
    int status = summary_append(&twice, sum);
    FUZZ_CHECK(status == 0 || status == STATUS_RANGE);
    if (status == 0) {
        for (int i = 0; i < FLOW_COUNT; i++) {
            FUZZ_CHECK(twice.flow[i] == 2 * sum->flow[i]);
        }
        for (int i = 0; i < DURATION_COUNT; i++) {
            FUZZ_CHECK(twice.duration[i].sum_ms == 2 * sum->duration[i].sum_ms);
            FUZZ_CHECK(twice.duration[i].hist.total == 2 * sum->duration[i].hist.total);
            FUZZ_CHECK(twice.duration[i].max_ms == sum->duration[i].max_ms);
        }
    }
    summary_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct summary sum = {0};
    struct wire_reader reader = wire_reader_make(data, size);
    int status = summary_decode(&sum, &reader);
    if (status == 0) {
        check_spelling(&sum, data, size - wire_left(&reader));
        check_measures(&sum);
        check_append(&sum);
    } else {
        FUZZ_CHECK(status == STATUS_INVALID || status == STATUS_VERSION);
        FUZZ_CHECK(summary_is_zero(&sum));
    }
    summary_deinit(&sum);
    return 0;
}
