#include "platform/time/when.h"

#include "platform/base/num.h"
#include "platform/base/status.h"
#include "platform/time/stamp.h"
#include "platform/time/zone.h"

enum { DAY_S = 86400 };

/* Moves a date by whole days on the calendar, whatever their length. */
static struct zone_date date_plus(struct zone_date date, int64_t days)
{
    struct zone_date moved;
    stamp_civil_of(stamp_days_of(date.year, date.month, date.day) + days, &moved.year, &moved.month, &moved.day);
    return moved;
}

static struct zone_date month_plus(struct zone_date date, int months)
{
    int64_t count = date.year * 12 + (int64_t)date.month - 1 + months;
    return (struct zone_date){count / 12, (unsigned)(count % 12) + 1, 1};
}

static struct zone_date monday_of(struct zone_date date)
{
    int64_t days = stamp_days_of(date.year, date.month, date.day);
    int64_t weekday = (days + 3) % 7; /* 1970-01-01 was a Thursday; 0 is Monday */
    return date_plus(date, -(weekday < 0 ? weekday + 7 : weekday));
}

/* The days that a word spans: [*first, *behind). False when it is no such word. */
static bool span_of(struct slice text, struct zone_date today, struct zone_date *first, struct zone_date *behind)
{
    if (slice_is(text, "today")) {
        *first = today;
        *behind = date_plus(today, 1);
    } else if (slice_is(text, "yesterday")) {
        *first = date_plus(today, -1);
        *behind = today;
    } else if (slice_is(text, "this-week")) {
        *first = monday_of(today);
        *behind = date_plus(*first, 7);
    } else if (slice_is(text, "last-week")) {
        *behind = monday_of(today);
        *first = date_plus(*behind, -7);
    } else if (slice_is(text, "this-month")) {
        *first = month_plus(today, 0);
        *behind = month_plus(today, 1);
    } else if (slice_is(text, "last-month")) {
        *first = month_plus(today, -1);
        *behind = month_plus(today, 0);
    } else {
        return false;
    }
    return true;
}

static int parse_number(struct slice text, size_t at, size_t len, unsigned *out)
{
    uint64_t value;
    if (at + len > text.len || num_parse_u64(slice_make(text.data + at, len), &value) != 0) {
        return STATUS_INVALID;
    }
    *out = (unsigned)value;
    return 0;
}

/* "YYYY-MM-DD", exactly. */
static int parse_date(struct slice text, struct zone_date *out)
{
    unsigned year;
    unsigned month;
    unsigned day;
    if (text.len != 10 || text.data[4] != '-' || text.data[7] != '-' || parse_number(text, 0, 4, &year) != 0 ||
        parse_number(text, 5, 2, &month) != 0 || parse_number(text, 8, 2, &day) != 0) {
        return STATUS_INVALID;
    }
    if (month < 1 || month > 12 || day < 1 || day > stamp_month_days(year, month)) {
        return STATUS_RANGE;
    }
    *out = (struct zone_date){year, month, day};
    return 0;
}

/* "HH:MM" or "HH:MM:SS". */
static int parse_clock(struct slice text, int32_t *second_of_day)
{
    unsigned hour;
    unsigned minute;
    unsigned second = 0;
    bool short_form = text.len == 5 && text.data[2] == ':';
    bool long_form = text.len == 8 && text.data[2] == ':' && text.data[5] == ':';
    if ((!short_form && !long_form) || parse_number(text, 0, 2, &hour) != 0 || parse_number(text, 3, 2, &minute) != 0 ||
        (long_form && parse_number(text, 6, 2, &second) != 0)) {
        return STATUS_INVALID;
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return STATUS_RANGE;
    }
    *second_of_day = (int32_t)(hour * 3600 + minute * 60 + second);
    return 0;
}

static int parse_local(struct slice text, int64_t *out_ms)
{
    struct zone_date date;
    int32_t second_of_day;
    if (text.len < 11 || (text.data[10] != 'T' && text.data[10] != 't' && text.data[10] != ' ')) {
        return STATUS_INVALID;
    }
    int status = parse_date(slice_make(text.data, 10), &date);
    if (status == 0) {
        status = parse_clock(slice_make(text.data + 11, text.len - 11), &second_of_day);
    }
    if (status == 0) {
        *out_ms = zone_moment(date, second_of_day) * 1000;
    }
    return status;
}

/* A stay of "90m": it needs its unit, for a bare number could be anything. */
static int parse_ago(struct slice text, int64_t now_ms, int64_t *out_ms)
{
    int64_t ago_ms;
    if (text.len < 2 || (text.data[text.len - 1] >= '0' && text.data[text.len - 1] <= '9')) {
        return STATUS_INVALID;
    }
    int status = num_parse_duration_ms(text, &ago_ms);
    if (status == 0 && ago_ms > INT64_C(36525) * DAY_S * 1000) {
        status = STATUS_RANGE;
    }
    if (status == 0) {
        *out_ms = now_ms - ago_ms;
    }
    return status;
}

int when_parse(struct slice text, int64_t now_ms, bool end, int64_t *out_ms)
{
    struct zone_date today = zone_date_of(now_ms / 1000);
    struct zone_date first;
    struct zone_date behind;
    if (slice_is(text, "now")) {
        *out_ms = now_ms;
        return 0;
    }
    if (span_of(text, today, &first, &behind)) {
        *out_ms = zone_date_start(end ? behind : first) * 1000;
        return 0;
    }
    int status = parse_date(text, &first);
    if (status == 0) {
        *out_ms = zone_date_start(end ? date_plus(first, 1) : first) * 1000;
        return 0;
    }
    int32_t second_of_day;
    if (status == STATUS_INVALID && (status = parse_clock(text, &second_of_day)) == 0) {
        *out_ms = zone_moment(today, second_of_day) * 1000;
        return 0;
    }
    if (status == STATUS_INVALID) {
        status = parse_local(text, out_ms);
    }
    if (status == STATUS_INVALID) {
        status = stamp_parse(text, out_ms);
    }
    if (status == STATUS_INVALID) {
        status = parse_ago(text, now_ms, out_ms);
    }
    return status;
}
