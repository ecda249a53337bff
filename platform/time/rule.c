#include "platform/time/rule.h"

#include <ctype.h>
#include <stddef.h>

#include "platform/base/status.h"
#include "platform/time/stamp.h"

enum { DAY_S = 86400, OFFSET_HOURS_MAX = 24, CHANGE_HOURS_MAX = 167, CHANGE_SECOND_DEFAULT = 2 * 3600 };

struct scan {
    const char *at;
    const char *end;
    bool failed;
};

static char peek(const struct scan *scan)
{
    return !scan->failed && scan->at < scan->end ? *scan->at : '\0';
}

static bool take(struct scan *scan, char c)
{
    bool there = peek(scan) == c && c != '\0';
    scan->at += there;
    return there;
}

static unsigned take_number(struct scan *scan, unsigned min, unsigned max)
{
    unsigned value = 0;
    unsigned digits = 0;
    for (; digits < 4 && isdigit((unsigned char)peek(scan)); digits++) {
        value = value * 10 + (unsigned)(*scan->at++ - '0');
    }
    scan->failed = scan->failed || digits == 0 || value < min || value > max;
    return value;
}

/* "CET", or anything but '>' in angle brackets. */
static void skip_name(struct scan *scan)
{
    unsigned letters = 0;
    if (take(scan, '<')) {
        for (; peek(scan) != '\0' && peek(scan) != '>'; letters++) {
            scan->at++;
        }
        scan->failed = !take(scan, '>') || scan->failed;
    } else {
        for (; isalpha((unsigned char)peek(scan)); letters++) {
            scan->at++;
        }
    }
    scan->failed = scan->failed || letters < 3;
}

/* "[+-]hh[:mm[:ss]]" */
static int32_t take_time(struct scan *scan, unsigned hours_max)
{
    bool negative = take(scan, '-');
    if (!negative) {
        (void)take(scan, '+');
    }
    unsigned seconds = take_number(scan, 0, hours_max) * 3600;
    if (take(scan, ':')) {
        seconds += take_number(scan, 0, 59) * 60;
        if (take(scan, ':')) {
            seconds += take_number(scan, 0, 59);
        }
    }
    return negative ? -(int32_t)seconds : (int32_t)seconds;
}

static struct rule_change take_change(struct scan *scan)
{
    struct rule_change change = {.kind = RULE_DAY_ZERO, .second = CHANGE_SECOND_DEFAULT};
    if (take(scan, 'M')) {
        change.kind = RULE_DAY_WEEK;
        change.month = take_number(scan, 1, 12);
        scan->failed = !take(scan, '.') || scan->failed;
        change.week = take_number(scan, 1, 5);
        scan->failed = !take(scan, '.') || scan->failed;
        change.day = take_number(scan, 0, 6);
    } else if (take(scan, 'J')) {
        change.kind = RULE_DAY_JULIAN;
        change.day = take_number(scan, 1, 365);
    } else {
        change.day = take_number(scan, 0, 365);
    }
    if (take(scan, '/')) {
        change.second = take_time(scan, CHANGE_HOURS_MAX);
    }
    return change;
}

static void take_changes(struct scan *scan, struct rule *rule)
{
    /* What every libc takes when the changes are not told. */
    rule->to_summer = (struct rule_change){RULE_DAY_WEEK, 0, 2, 3, CHANGE_SECOND_DEFAULT};
    rule->to_standard = (struct rule_change){RULE_DAY_WEEK, 0, 1, 11, CHANGE_SECOND_DEFAULT};
    if (take(scan, ',')) {
        rule->to_summer = take_change(scan);
        scan->failed = !take(scan, ',') || scan->failed;
        rule->to_standard = take_change(scan);
    }
}

int rule_parse(struct slice text, struct rule *out)
{
    struct scan scan = {text.data, text.data + text.len, false};
    struct rule rule = {0};
    skip_name(&scan);
    rule.standard_s = -take_time(&scan, OFFSET_HOURS_MAX);
    rule.summer_s = rule.standard_s;
    if (!scan.failed && scan.at < scan.end) {
        rule.changes = true;
        skip_name(&scan);
        bool told = peek(&scan) != '\0' && peek(&scan) != ',';
        rule.summer_s = told ? -take_time(&scan, OFFSET_HOURS_MAX) : rule.standard_s + 3600;
        take_changes(&scan, &rule);
    }
    if (scan.failed || scan.at != scan.end) {
        return STATUS_INVALID;
    }
    *out = rule;
    return 0;
}

static bool is_leap(int64_t year)
{
    return stamp_month_days(year, 2) == 29;
}

static int64_t day_of_change(const struct rule_change *change, int64_t year)
{
    int64_t new_year = stamp_days_of(year, 1, 1);
    if (change->kind == RULE_DAY_ZERO) {
        return new_year + change->day;
    }
    if (change->kind == RULE_DAY_JULIAN) {
        return new_year + change->day - 1 + (change->day > 59 && is_leap(year));
    }
    int64_t first = stamp_days_of(year, change->month, 1);
    int64_t weekday = (first % 7 + 11) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + ((int64_t)change->day - weekday + 7) % 7 + 7 * (int64_t)(change->week - 1);
    return day < first + stamp_month_days(year, change->month) ? day : day - 7;
}

/* The newest change of one kind at or before a moment. One may be hours or days outside its year. */
static int64_t newest_change(const struct rule_change *change, int32_t offset_before_s, int64_t year, int64_t at_s)
{
    int64_t newest = INT64_MIN;
    for (int64_t y = year - 2; y <= year + 1; y++) {
        int64_t when = day_of_change(change, y) * DAY_S + change->second - offset_before_s;
        newest = when <= at_s && when > newest ? when : newest;
    }
    return newest;
}

int32_t rule_offset(const struct rule *rule, int64_t at_s)
{
    if (!rule->changes) {
        return rule->standard_s;
    }
    const int64_t far_s = INT64_C(1) << 40; /* 34,000 years: beyond it nobody asks, and sums stay within 64 bits */
    int64_t year;
    unsigned month;
    unsigned day;
    at_s = at_s > far_s ? far_s : at_s < -far_s ? -far_s : at_s;
    int64_t local_s = at_s + rule->standard_s;
    stamp_civil_of(local_s / DAY_S - (local_s % DAY_S < 0), &year, &month, &day);
    int64_t to_summer = newest_change(&rule->to_summer, rule->standard_s, year, at_s);
    int64_t to_standard = newest_change(&rule->to_standard, rule->summer_s, year, at_s);
    /* A year that is summer from end to end says that it ends in the second in which the next begins. */
    return to_summer >= to_standard ? rule->summer_s : rule->standard_s;
}
