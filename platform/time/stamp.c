#include "platform/time/stamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/base/status.h"

enum { DAY_S = 86400, ERA_YEARS = 400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468 };

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* The year is counted from March, so that the leap day is its last; an era is 400 years. */
int64_t stamp_days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(shifted, ERA_YEARS);
    int64_t year_of_era = shifted - era * ERA_YEARS;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - DAYS_TO_1970;
}

void stamp_civil_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = floor_div(shifted, ERA_DAYS);
    int64_t day_of_era = shifted - era * ERA_DAYS;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = year_of_era + era * ERA_YEARS + (*month <= 2);
}

unsigned stamp_month_days(int64_t year, unsigned month)
{
    static const unsigned days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month] + (month == 2 && leap);
}

struct scan {
    const char *at;
    const char *end;
    bool failed;
};

static unsigned scan_digits(struct scan *scan, unsigned count)
{
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++, scan->at++) {
        if (scan->failed || scan->at == scan->end || *scan->at < '0' || *scan->at > '9') {
            scan->failed = true;
            return 0;
        }
        value = value * 10 + (unsigned)(*scan->at - '0');
    }
    return value;
}

static char scan_one_of(struct scan *scan, const char *allowed)
{
    if (!scan->failed && scan->at < scan->end) {
        for (const char *c = allowed; *c; c++) {
            if (*scan->at == *c) {
                scan->at++;
                return *c;
            }
        }
    }
    scan->failed = true;
    return 0;
}

static unsigned scan_fraction_ms(struct scan *scan)
{
    if (scan->failed || scan->at == scan->end || *scan->at != '.') {
        return 0;
    }
    scan->at++;
    unsigned value = scan_digits(scan, 1) * 100;
    for (unsigned weight = 10; !scan->failed && scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
         weight /= 10) {
        value += (unsigned)(*scan->at++ - '0') * weight;
    }
    return value;
}

/* "Z" or "+hh:mm"; seconds east of UTC. */
static int32_t scan_offset(struct scan *scan)
{
    char sign = scan_one_of(scan, "Zz+-");
    if (sign == 'Z' || sign == 'z' || sign == 0) {
        return 0;
    }
    unsigned hours = scan_digits(scan, 2);
    (void)scan_one_of(scan, ":");
    unsigned minutes = scan_digits(scan, 2);
    scan->failed = scan->failed || hours > 23 || minutes > 59;
    int32_t offset = (int32_t)(hours * 3600 + minutes * 60);
    return sign == '-' ? -offset : offset;
}

int stamp_parse(struct slice text, int64_t *out_ms)
{
    struct scan scan = {text.data, text.data + text.len, false};
    unsigned year = scan_digits(&scan, 4);
    (void)scan_one_of(&scan, "-");
    unsigned month = scan_digits(&scan, 2);
    (void)scan_one_of(&scan, "-");
    unsigned day = scan_digits(&scan, 2);
    (void)scan_one_of(&scan, "Tt ");
    unsigned hour = scan_digits(&scan, 2);
    (void)scan_one_of(&scan, ":");
    unsigned minute = scan_digits(&scan, 2);
    (void)scan_one_of(&scan, ":");
    unsigned second = scan_digits(&scan, 2);
    unsigned fraction_ms = scan_fraction_ms(&scan);
    int32_t offset_s = scan_offset(&scan);
    if (scan.failed || scan.at != scan.end) {
        return STATUS_INVALID;
    }
    if (month < 1 || month > 12 || day < 1 || day > stamp_month_days(year, month) || hour > 23 || minute > 59 ||
        second > 60) {
        return STATUS_RANGE;
    }
    int64_t seconds = stamp_days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - offset_s;
    *out_ms = seconds * 1000 + fraction_ms;
    return 0;
}

char *stamp_format(int64_t at_ms, int32_t offset_s, char out[STAMP_MAX])
{
    const int64_t first_ms = INT64_C(-62167219200000); /* 0000-01-01T00:00:00 */
    const int64_t last_ms = INT64_C(253402300799999);  /* 9999-12-31T23:59:59.999 */
    int64_t local_ms = at_ms < first_ms ? first_ms : at_ms > last_ms ? last_ms : at_ms + offset_s * INT64_C(1000);
    local_ms = local_ms < first_ms ? first_ms : local_ms > last_ms ? last_ms : local_ms;
    int64_t seconds = floor_div(local_ms, 1000);
    int64_t days = floor_div(seconds, DAY_S);
    unsigned of_day = (unsigned)(seconds - days * DAY_S);
    unsigned ms = (unsigned)(local_ms - seconds * 1000);
    int64_t year;
    unsigned month;
    unsigned day;
    stamp_civil_of(days, &year, &month, &day);
    int used = snprintf(out, STAMP_MAX, "%04u-%02u-%02uT%02u:%02u:%02u", (unsigned)year % 10000, month % 100, day % 100,
                        of_day / 3600, of_day / 60 % 60, of_day % 60);
    if (ms != 0) {
        used += snprintf(out + used, STAMP_MAX - (size_t)used, ".%03u", ms % 1000);
    }
    if (offset_s == 0) {
        (void)snprintf(out + used, STAMP_MAX - (size_t)used, "Z");
    } else {
        unsigned minutes = (unsigned)abs(offset_s) / 60;
        (void)snprintf(out + used, STAMP_MAX - (size_t)used, "%c%02u:%02u", offset_s < 0 ? '-' : '+',
                       minutes / 60 % 100, minutes % 60);
    }
    return out;
}
