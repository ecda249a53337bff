#include "platform/base/num.h"

#include "platform/base/status.h"

/* Reads leading digits; *used tells how many. */
static int parse_digits(struct slice text, uint64_t *out, size_t *used)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return STATUS_RANGE;
        }
        value = value * 10 + digit;
    }
    if (i == 0) {
        return STATUS_INVALID;
    }
    *out = value;
    *used = i;
    return 0;
}

int num_parse_u64(struct slice text, uint64_t *out)
{
    uint64_t value;
    size_t used;
    int status = parse_digits(text, &value, &used);
    if (status == 0 && used != text.len) {
        status = STATUS_INVALID;
    }
    if (status == 0) {
        *out = value;
    }
    return status;
}

int num_parse_i64(struct slice text, int64_t *out)
{
    int negative = text.len > 0 && text.data[0] == '-';
    uint64_t value;
    int status = num_parse_u64(slice_make(text.data + negative, text.len - (size_t)negative), &value);
    if (status != 0) {
        return status;
    }
    if (value > (uint64_t)INT64_MAX) {
        return STATUS_RANGE;
    }
    *out = negative ? -(int64_t)value : (int64_t)value;
    return 0;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static int parse_with_unit(struct slice text, const struct unit *units, size_t count, uint64_t *out)
{
    uint64_t value;
    size_t used;
    int status = parse_digits(text, &value, &used);
    if (status != 0) {
        return status;
    }
    struct slice suffix = slice_make(text.data + used, text.len - used);
    for (size_t i = 0; i < count; i++) {
        if (slice_is(suffix, units[i].name)) {
            if (value > (uint64_t)INT64_MAX / units[i].factor) {
                return STATUS_RANGE;
            }
            *out = value * units[i].factor;
            return 0;
        }
    }
    return STATUS_INVALID;
}

int num_parse_duration_ms(struct slice text, int64_t *out)
{
    static const struct unit units[] = {
        {"", 1000},     {"ms", 1},      {"s", 1000},     {"m", 60000},
        {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000},
    };
    uint64_t value;
    int status = parse_with_unit(text, units, sizeof units / sizeof units[0], &value);
    if (status == 0) {
        *out = (int64_t)value;
    }
    return status;
}

int num_parse_bytes(struct slice text, uint64_t *out)
{
    static const struct unit units[] = {
        {"", 1},         {"B", 1},         {"k", 1 << 10},   {"K", 1 << 10},  {"kB", 1 << 10},
        {"KB", 1 << 10}, {"KiB", 1 << 10}, {"M", 1 << 20},   {"MB", 1 << 20}, {"MiB", 1 << 20},
        {"G", 1 << 30},  {"GB", 1 << 30},  {"GiB", 1 << 30},
    };
    return parse_with_unit(text, units, sizeof units / sizeof units[0], out);
}
