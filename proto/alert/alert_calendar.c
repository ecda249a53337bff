#include "proto/alert/alert_calendar.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

enum { DAY_MIN = 24 * 60, WEEK_MIN = 7 * DAY_MIN, DAY_S = 86400, WEEK_S = 7 * DAY_S };

static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

static int refuse(struct buf *why, struct slice text, const char *what)
{
    buf_printf(why, "\"%.*s\" %s", (int)(text.len > 60 ? 60 : text.len), text.data, what);
    return STATUS_INVALID;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_sign(struct slice *text, char sign)
{
    if (text->len == 0 || text->data[0] != sign) {
        return false;
    }
    *text = slice_make(text->data + 1, text->len - 1);
    return true;
}

static bool take_digits(struct slice *text, size_t count, unsigned *out)
{
    *out = 0;
    if (text->len < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text->data[i])) {
            return false;
        }
        *out = *out * 10 + (unsigned)(text->data[i] - '0');
    }
    *text = slice_make(text->data + count, text->len - count);
    return true;
}

static bool take_word(struct slice *text, const char *word)
{
    size_t len = strlen(word);
    if (text->len < len || memcmp(text->data, word, len) != 0) {
        return false;
    }
    *text = slice_make(text->data + len, text->len - len);
    return true;
}

static bool take_day(struct slice *text, unsigned *day)
{
    for (*day = 0; *day < 7; ++*day) {
        if (take_word(text, days[*day])) {
            return true;
        }
    }
    return false;
}

/* "08:00"; 24:00 is the day's end. */
static bool take_clock(struct slice *text, unsigned *minute)
{
    unsigned hour;
    unsigned past;
    if (!take_digits(text, 2, &hour) || !take_sign(text, ':') || !take_digits(text, 2, &past) || past > 59 ||
        hour * 60 + past > DAY_MIN) {
        return false;
    }
    *minute = hour * 60 + past;
    return true;
}

static bool take_days(struct slice *text, unsigned *first, unsigned *last)
{
    *first = 0;
    *last = 6;
    if (take_word(text, "daily")) {
        return true;
    }
    if (!take_day(text, first)) {
        return false;
    }
    *last = *first;
    return !take_sign(text, '-') || take_day(text, last);
}

static bool take_times(struct slice *text, unsigned *from, unsigned *to)
{
    *from = 0;
    *to = DAY_MIN;
    if (text->len == 0) {
        return true;
    }
    if (!take_sign(text, ' ') || !take_clock(text, from) || !take_sign(text, '-') || !take_clock(text, to) ||
        *from == DAY_MIN || *from == *to) {
        return false;
    }
    *to += *to < *from ? DAY_MIN : 0;
    return text->len == 0;
}

int alert_calendar_take_hours(struct alert_calendar *calendar, struct slice text, struct buf *why)
{
    struct slice left = text;
    unsigned first;
    unsigned last;
    unsigned from;
    unsigned to;
    if (!take_days(&left, &first, &last) || !take_times(&left, &from, &to)) {
        return refuse(why, text, "says no hours of the week");
    }
    unsigned count = (last + 7 - first) % 7 + 1;
    struct alert_hours *hours = realloc(calendar->hours, (calendar->hours_count + count) * sizeof *hours);
    if (!hours) {
        return STATUS_NO_MEMORY;
    }
    calendar->hours = hours;
    for (unsigned i = 0; i < count; i++) {
        uint32_t midnight = (first + i) % 7 * DAY_MIN;
        hours[calendar->hours_count++] = (struct alert_hours){.from_min = midnight + from, .to_min = midnight + to};
    }
    return 0;
}

static bool take_date(struct slice *text, struct zone_date *date)
{
    unsigned year;
    if (!take_digits(text, 4, &year) || !take_sign(text, '-') || !take_digits(text, 2, &date->month) ||
        !take_sign(text, '-') || !take_digits(text, 2, &date->day)) {
        return false;
    }
    date->year = year;
    return date->month >= 1 && date->month <= 12 && date->day >= 1 &&
           date->day <= stamp_month_days(date->year, date->month);
}

/* *second is -1 where no time of the day follows. */
static bool take_moment(struct slice *text, struct zone_date *date, int32_t *second)
{
    unsigned minute;
    *second = -1;
    if (!take_date(text, date)) {
        return false;
    }
    if (!take_sign(text, 'T')) {
        return true;
    }
    if (!take_clock(text, &minute)) {
        return false;
    }
    *second = (int32_t)minute * 60;
    return true;
}

static bool take_yearly(struct slice *text, struct alert_span *span)
{
    span->yearly = true;
    span->from_s = span->to_s = -1;
    struct zone_date *date = &span->from;
    date->year = 2000; /* a leap year: the 29th of February is a day, though not of every year */
    bool read = take_digits(text, 2, &date->month) && take_sign(text, '-') && take_digits(text, 2, &date->day);
    return read && date->month >= 1 && date->month <= 12 && date->day >= 1 &&
           date->day <= stamp_month_days(date->year, date->month);
}

static bool take_span(struct slice *text, struct alert_span *span)
{
    if (take_word(text, "yearly ")) {
        return take_yearly(text, span);
    }
    if (!take_moment(text, &span->from, &span->from_s)) {
        return false;
    }
    if (text->len == 0) { /* a moment alone is no span */
        span->to = span->from;
        span->to_s = span->from_s;
        return span->from_s < 0;
    }
    return take_word(text, "..") && take_moment(text, &span->to, &span->to_s);
}

/* By the local clock alone, so that no zone is needed to know it. */
static bool in_order(const struct alert_span *span)
{
    int64_t from = stamp_days_of(span->from.year, span->from.month, span->from.day) * DAY_S;
    int64_t to = stamp_days_of(span->to.year, span->to.month, span->to.day) * DAY_S;
    return from + (span->from_s < 0 ? 0 : span->from_s) < to + (span->to_s < 0 ? DAY_S : span->to_s);
}

int alert_calendar_take_mute(struct alert_calendar *calendar, struct slice text, struct buf *why)
{
    struct alert_span span = {0};
    struct slice left = text;
    if (!take_span(&left, &span) || left.len != 0) {
        return refuse(why, text, "says no days or span");
    }
    if (!span.yearly && !in_order(&span)) {
        return refuse(why, text, "ends before it begins");
    }
    struct alert_span *mutes = realloc(calendar->mutes, (calendar->mute_count + 1) * sizeof *mutes);
    if (!mutes) {
        return STATUS_NO_MEMORY;
    }
    calendar->mutes = mutes;
    mutes[calendar->mute_count++] = span;
    return 0;
}

void alert_calendar_deinit(struct alert_calendar *calendar)
{
    free(calendar->hours);
    free(calendar->mutes);
    *calendar = (struct alert_calendar){0};
}

static bool within(const struct alert_span *span, int64_t at_s)
{
    if (span->yearly) {
        struct zone_date date = zone_date_of(at_s);
        return date.month == span->from.month && date.day == span->from.day;
    }
    int64_t from_s = span->from_s < 0 ? zone_date_start(span->from) : zone_moment(span->from, span->from_s);
    int64_t to_s = span->to_s < 0 ? zone_next_day_start(zone_date_start(span->to)) : zone_moment(span->to, span->to_s);
    return at_s >= from_s && at_s < to_s;
}

/* What the clock on the wall shows: where the hour happens twice it counts twice, or not at all. */
static bool in_hours(const struct alert_calendar *calendar, int64_t at_s)
{
    int64_t wall_s = at_s + zone_offset(at_s) + 3 * (int64_t)DAY_S; /* 1970 began on a Thursday */
    int64_t into_s = wall_s % WEEK_S;
    uint32_t minute = (uint32_t)((into_s < 0 ? into_s + WEEK_S : into_s) / 60);
    for (size_t i = 0; i < calendar->hours_count; i++) {
        const struct alert_hours *hours = &calendar->hours[i];
        if ((minute >= hours->from_min && minute < hours->to_min) || minute + WEEK_MIN < hours->to_min) {
            return true;
        }
    }
    return calendar->hours_count == 0;
}

static bool counts(const struct alert_calendar *calendar, int64_t at_s)
{
    for (size_t i = 0; i < calendar->mute_count; i++) {
        if (within(&calendar->mutes[i], at_s)) {
            return false;
        }
    }
    return in_hours(calendar, at_s);
}

bool alert_calendar_counts(const struct alert_calendar *calendar, int64_t at_ms)
{
    int64_t at_s = at_ms / 1000 - (at_ms % 1000 < 0);
    if (!calendar->zone) {
        return counts(calendar, at_s);
    }
    const struct zone *before = NULL; /* the process's own, unless it has a name */
    if (zone_find(zone_name(), &before) != 0) {
        before = NULL;
    }
    zone_use(calendar->zone);
    bool does = counts(calendar, at_s);
    zone_use(before);
    return does;
}
