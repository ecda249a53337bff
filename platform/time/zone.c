#include "platform/time/zone.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/time/zone_internal.h"

enum { DAY_S = 86400 };

static char zone_current[ZONE_NAME_MAX];
static char *zone_inherited; /* TZ as the process got it */
static bool zone_saw_inherited;
static _Thread_local const struct zone *zone_in_force; /* NULL: the process's own */

bool zone_name_is_plain(const char *name)
{
    size_t len = strlen(name);
    /* One name, one spelling: what was found once is kept for good, and there is no end to "Europe///Berlin". */
    if (len == 0 || *name == '/' || name[len - 1] == '/' || strstr(name, "//") || strstr(name, "..") ||
        len >= ZONE_NAME_MAX) {
        return false;
    }
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("/_+-", *c)) {
            return false;
        }
    }
    return true;
}

bool zone_path(const char *name, char out[ZONE_PATH_MAX])
{
    const char *dir = getenv("TZDIR");
    int len = snprintf(out, ZONE_PATH_MAX, "%s/%s", dir ? dir : "/usr/share/zoneinfo", name);
    return len > 0 && len < ZONE_PATH_MAX;
}

static bool zone_exists(const char *name)
{
    char path[ZONE_PATH_MAX];
    struct stat found;
    return zone_path(name, path) && stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

const char *zone_inherited_tz(void)
{
    return zone_saw_inherited ? zone_inherited : getenv("TZ");
}

void zone_local_name(const char *tz, char out[ZONE_NAME_MAX])
{
    if (tz && *tz == ':') {
        tz++;
    }
    char target[512];
    ssize_t len = readlink("/etc/localtime", target, sizeof target - 1);
    target[len > 0 ? len : 0] = 0;
    const char *mark = strstr(target, "zoneinfo/");
    out[0] = '\0';
    if (tz && zone_name_is_plain(tz)) {
        (void)snprintf(out, ZONE_NAME_MAX, "%s", tz);
    } else if (!tz && mark && zone_name_is_plain(mark + 9)) {
        (void)snprintf(out, ZONE_NAME_MAX, "%.127s", mark + 9);
    }
}

static void name_local(void)
{
    zone_local_name(getenv("TZ"), zone_current);
    if (!zone_current[0]) {
        (void)snprintf(zone_current, sizeof zone_current, "%s", tzname[0]);
    }
}

int zone_set(const char *name)
{
    if (!zone_saw_inherited) {
        zone_saw_inherited = true;
        const char *tz = getenv("TZ");
        zone_inherited = tz ? strdup(tz) : NULL;
    }
    if (strcmp(name, "local") == 0) {
        int failed = zone_inherited ? setenv("TZ", zone_inherited, 1) : unsetenv("TZ");
        tzset();
        name_local();
        return failed ? STATUS_NO_MEMORY : 0;
    }
    if (!zone_name_is_plain(name) || (strcmp(name, "UTC") != 0 && !zone_exists(name))) {
        return STATUS_NOT_FOUND;
    }
    if (setenv("TZ", strcmp(name, "UTC") == 0 ? "UTC0" : name, 1) != 0) {
        return STATUS_NO_MEMORY;
    }
    tzset();
    (void)snprintf(zone_current, sizeof zone_current, "%s", name);
    return 0;
}

void zone_use(const struct zone *zone)
{
    zone_in_force = zone;
}

const char *zone_name(void)
{
    if (zone_in_force) {
        return zone_text(zone_in_force);
    }
    if (!*zone_current) {
        tzset();
        name_local();
    }
    return zone_current;
}

int32_t zone_offset(int64_t at_s)
{
    if (zone_in_force) {
        return zone_table_offset(zone_in_force, at_s);
    }
    time_t at = (time_t)at_s;
    struct tm local;
    return localtime_r(&at, &local) ? (int32_t)local.tm_gmtoff : 0;
}

/* The local date as a day number, the measure by which days are told apart. */
static int64_t local_day(int64_t at_s)
{
    int64_t local = at_s + zone_offset(at_s);
    return local / DAY_S - (local % DAY_S < 0);
}

/* The first second whose local day is at least `day`, known to lie in (before, at_or_after]. */
static int64_t first_of_day(int64_t day, int64_t before, int64_t at_or_after)
{
    while (at_or_after - before > 1) {
        int64_t middle = before + (at_or_after - before) / 2;
        if (local_day(middle) >= day) {
            at_or_after = middle;
        } else {
            before = middle;
        }
    }
    return at_or_after;
}

int64_t zone_local_day_start(int64_t at_s)
{
    int64_t day = local_day(at_s);
    int64_t before = at_s - DAY_S;
    while (local_day(before) >= day) {
        before -= DAY_S;
    }
    return first_of_day(day, before, at_s);
}

int64_t zone_next_day_start(int64_t at_s)
{
    int64_t day = local_day(at_s);
    int64_t after = at_s + DAY_S;
    while (local_day(after) <= day) {
        after += DAY_S;
    }
    return first_of_day(day + 1, at_s, after);
}

int64_t zone_local_hour_start(int64_t at_s)
{
    int64_t local = at_s + zone_offset(at_s);
    int64_t into = local % 3600;
    return at_s - (into < 0 ? into + 3600 : into);
}

struct zone_date zone_date_of(int64_t at_s)
{
    struct zone_date date;
    stamp_civil_of(local_day(at_s), &date.year, &date.month, &date.day);
    return date;
}

int64_t zone_date_start(struct zone_date date)
{
    int64_t day = stamp_days_of(date.year, date.month, date.day);
    int64_t before = (day - 2) * DAY_S; /* no zone is two days from UTC */
    return first_of_day(day, before, (day + 2) * DAY_S);
}

int64_t zone_moment(struct zone_date date, int32_t second_of_day)
{
    int64_t wall = stamp_days_of(date.year, date.month, date.day) * DAY_S + second_of_day;
    int64_t before = wall - 2 * DAY_S;
    int64_t after = wall + 2 * DAY_S;
    int64_t early = wall - zone_offset(before);
    int64_t late = wall - zone_offset(after);
    if (early > late) {
        int64_t swap = early;
        early = late;
        late = swap;
    }
    if (early + zone_offset(early) == wall) {
        return early;
    }
    if (late + zone_offset(late) == wall) {
        return late;
    }
    /* The clock jumped over it: the first moment that shows a later time. */
    while (late - early > 1) {
        int64_t middle = early + (late - early) / 2;
        if (middle + zone_offset(middle) >= wall) {
            late = middle;
        } else {
            early = middle;
        }
    }
    return late;
}

char *zone_format(int64_t at_ms, char out[STAMP_MAX])
{
    int64_t at_s = at_ms / 1000 - (at_ms % 1000 < 0);
    return stamp_format(at_ms, zone_offset(at_s), out);
}
