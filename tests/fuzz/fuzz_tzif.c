/* The input is a file of zone data. */
#include "platform/base/status.h"
#include "platform/time/tzif.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tzif tzif;
    int status = tzif_parse(slice_make((const char *)data, size), &tzif);
    if (status != 0) {
        FUZZ_CHECK(status == STATUS_INVALID || status == STATUS_VERSION || status == STATUS_UNSUPPORTED);
        return 0;
    }
    for (size_t i = 1; i < tzif.count; i++) {
        FUZZ_CHECK(tzif.changes[i - 1].at_s < tzif.changes[i].at_s);
    }
    for (int64_t at_s = INT64_C(-3000000000); at_s < INT64_C(9000000000); at_s += 17 * 86400 + 3599) {
        int32_t offset_s = tzif_offset(&tzif, at_s);
        FUZZ_CHECK(offset_s >= -26 * 3600 && offset_s <= 26 * 3600);
    }
    (void)tzif_offset(&tzif, INT64_MIN);
    (void)tzif_offset(&tzif, INT64_MAX);
    tzif_deinit(&tzif);
    return 0;
}
