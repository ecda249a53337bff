#include "collector/api/metrics_line.h"

#include <string.h>

#include "platform/base/utf8.h"

enum { DIGITS_MAX = 20 };

static void put_int(struct buf *out, int64_t value)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    buf_append(out, digits + at, sizeof digits - at);
}

static void put_seconds(struct buf *out, int64_t value_ms)
{
    uint64_t left = value_ms < 0 ? 0 - (uint64_t)value_ms : (uint64_t)value_ms;
    if (value_ms < 0) {
        buf_append(out, "-", 1);
    }
    put_int(out, (int64_t)(left / 1000));
    unsigned rest = (unsigned)(left % 1000);
    if (rest > 0) {
        const char fraction[] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10)};
        buf_append(out, fraction, sizeof fraction);
    }
}

static void put_name(struct buf *out, const char *name, const char *labels, const char *more)
{
    bool first = labels && labels[0];
    bool second = more && more[0];
    buf_append_str(out, name);
    if (first || second) {
        buf_append(out, "{", 1);
        buf_append_str(out, first ? labels : "");
        buf_append(out, ",", first && second);
        buf_append_str(out, second ? more : "");
        buf_append(out, "}", 1);
    }
    buf_append(out, " ", 1);
}

void metrics_line_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_line_int(struct buf *out, const char *name, const char *labels, const char *more, int64_t value)
{
    put_name(out, name, labels, more);
    put_int(out, value);
    buf_append(out, "\n", 1);
}

void metrics_line_seconds(struct buf *out, const char *name, const char *labels, const char *more, int64_t value_ms)
{
    put_name(out, name, labels, more);
    put_seconds(out, value_ms);
    buf_append(out, "\n", 1);
}

void metrics_line_single(struct buf *out, const char *name, const char *type, const char *help, int64_t value)
{
    metrics_line_family(out, name, type, help);
    metrics_line_int(out, name, NULL, NULL, value);
}

void metrics_line_single_seconds(struct buf *out, const char *name, const char *type, const char *help,
                                 int64_t value_ms)
{
    metrics_line_family(out, name, type, help);
    metrics_line_seconds(out, name, NULL, NULL, value_ms);
}

static void put_escaped(struct buf *out, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c == '\\' || c == '"') {
            buf_append(out, "\\", 1);
        }
        if (c == '\n') {
            buf_append(out, "\\n", 2);
        } else {
            buf_append(out, &c, 1);
        }
    }
}

void metrics_line_label(struct buf *out, const char *name, struct slice value)
{
    struct buf repaired = BUF_INIT;
    buf_append_str(out, name);
    buf_append(out, "=\"", 2);
    if (utf8_valid(value)) {
        put_escaped(out, value);
    } else {
        utf8_repair(value, &repaired);
        put_escaped(out, buf_slice(&repaired));
        out->failed |= repaired.failed;
    }
    buf_append(out, "\"", 1);
    buf_deinit(&repaired);
}
