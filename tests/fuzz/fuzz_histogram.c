/* The input is a length byte and two encoded histograms, the first of that many bytes. */
#include <string.h>

#include "platform/base/status.h"
#include "proto/histogram.h"
#include "tests/fuzz/fuzz.h"

static bool decode(struct histogram *hist, const uint8_t *data, size_t size)
{
    struct wire_reader reader = wire_reader_make(data, size);
    int status = histogram_decode(hist, &reader);
    FUZZ_CHECK(status == 0 || status == STATUS_INVALID);
    FUZZ_CHECK(status == 0 || (hist->used == 0 && hist->total == 0));
    return status == 0;
}

/* There is one spelling for every histogram: whatever is read is written the same. */
static void check_spelling(const struct histogram *hist, const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT;
    histogram_encode(hist, &out);
    FUZZ_CHECK(out.len == size && (size == 0 || memcmp(out.data, data, size) == 0));
    buf_deinit(&out);
}

static void check_answers(const struct histogram *hist)
{
    FUZZ_CHECK(histogram_count_within(hist, INT64_MAX) == hist->total);
    int64_t median = histogram_percentile(hist, 0.5);
    int64_t most = histogram_percentile(hist, 1);
    if (hist->total == 0) {
        FUZZ_CHECK(median == -1 && most == -1);
        return;
    }
    FUZZ_CHECK(median <= most && most == histogram_bin_upper(hist->bins[hist->used - 1].bin));
    FUZZ_CHECK(histogram_count_within(hist, median) >= hist->total - hist->total / 2);
    FUZZ_CHECK(histogram_count_within(hist, median - 1) <= hist->total / 2);
}

static void check_sums(const struct histogram *a, const struct histogram *b)
{
    struct histogram left = {0};
    struct histogram right = {0};
    FUZZ_CHECK(histogram_copy(&left, a) == 0 && histogram_copy(&right, b) == 0);
    int status = histogram_merge(&left, b);
    FUZZ_CHECK(histogram_merge(&right, a) == status);
    if (status == 0) {
        FUZZ_CHECK(histogram_equal(&left, &right) && left.total == right.total);
        FUZZ_CHECK(left.total == a->total + b->total);
        check_answers(&left);
        FUZZ_CHECK(histogram_subtract(&left, b) == 0 && histogram_equal(&left, a) && left.total == a->total);
        FUZZ_CHECK(histogram_subtract(&right, a) == 0 && histogram_equal(&right, b));
    } else {
        FUZZ_CHECK(status == STATUS_RANGE && histogram_equal(&left, a) && histogram_equal(&right, b));
    }
    status = histogram_subtract(&left, b);
    FUZZ_CHECK(status == 0 || (status == STATUS_RANGE && histogram_equal(&left, a)));
    if (status == 0) {
        FUZZ_CHECK(histogram_merge(&left, b) == 0 && histogram_equal(&left, a));
    }
    histogram_deinit(&left);
    histogram_deinit(&right);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t first = data[0] < size - 1 ? data[0] : size - 1;
    const uint8_t *second = data + 1 + first;
    size_t second_size = size - 1 - first;
    struct histogram a = {0};
    struct histogram b = {0};
    if (decode(&a, data + 1, first)) {
        check_spelling(&a, data + 1, first);
        check_answers(&a);
    }
    if (decode(&b, second, second_size)) {
        check_spelling(&b, second, second_size);
        check_answers(&b);
    }
    check_sums(&a, &b);
    histogram_deinit(&a);
    histogram_deinit(&b);
    return 0;
}
