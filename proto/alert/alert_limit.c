#include "proto/alert/alert_limit.h"

#include "platform/base/num.h"
#include "platform/base/status.h"
#include "platform/config/shape.h"
#include "proto/alert/alert_metric.h"

/* "80", "0.8", "99.95": no sign, no exponent, independent of the locale. */
static bool take_decimal(struct slice text, double *out)
{
    double value = 0;
    double unit = 0; /* of the digit behind the point; 0: before it */
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.' && unit == 0 && digits > 0) {
            unit = 1;
            digits = 0;
        } else if (c >= '0' && c <= '9' && digits < 12) {
            unit /= 10;
            value = unit == 0 ? value * 10 + (c - '0') : value + unit * (c - '0');
            digits++;
        } else {
            return false;
        }
    }
    *out = value;
    return digits > 0;
}

static int take_ratio(const char *text, double *out, struct buf *why)
{
    struct slice left = slice_str(text);
    bool percent = left.len > 0 && left.data[left.len - 1] == '%';
    left.len -= percent;
    while (percent && left.len > 0 && left.data[left.len - 1] == ' ') {
        left.len--;
    }
    if (!take_decimal(left, out)) {
        return config_shape_refuse(why, text, "is no share of the whole");
    }
    *out = percent ? *out / 100 : *out;
    if (*out <= 1) {
        return 0;
    }
    config_shape_refuse(why, text, percent ? "is more than all" : "is more than all, or its % is missing");
    return STATUS_RANGE;
}

static int take_time(const char *text, double *out, struct buf *why)
{
    int64_t ms;
    int status = num_parse_duration_ms(slice_str(text), &ms);
    if (status != 0) {
        config_shape_refuse(why, text, status == STATUS_RANGE ? "is too long" : "is not a duration");
        return status;
    }
    *out = (double)ms;
    return 0;
}

static int take_count(const char *text, double *out, struct buf *why)
{
    uint64_t count;
    int status = num_parse_u64(slice_str(text), &count);
    if (status != 0 || count > 1000000000) {
        config_shape_refuse(why, text, status == STATUS_INVALID ? "is not a whole number" : "is too large");
        return status == STATUS_INVALID ? STATUS_INVALID : STATUS_RANGE;
    }
    *out = (double)count;
    return 0;
}

int alert_limit_take(enum alert_metric metric, const char *text, double *out, struct buf *why)
{
    switch (alert_metric_unit(metric)) {
    case ALERT_UNIT_RATIO: return take_ratio(text, out, why);
    case ALERT_UNIT_MS: return take_time(text, out, why);
    case ALERT_UNIT_COUNT: return take_count(text, out, why);
    }
    return STATUS_INVALID;
}

const char *alert_limit_allowed(enum alert_metric metric)
{
    static const char *const allowed[] = {[ALERT_UNIT_RATIO] = "a share such as 80% or 0.8",
                                          [ALERT_UNIT_MS] = "a duration such as 30s, 3m, 14d",
                                          [ALERT_UNIT_COUNT] = "a whole number such as 10"};
    return allowed[alert_metric_unit(metric)];
}
