#include "tests/unit/source/ami_recordings.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/source/queue_log.h"

enum { OFF_MS = 1500 };

/* ---- recordings ---- */

void recording_replay(struct heard *heard, const char *folder, const char *name)
{
    struct recording recording;
    assert_true(recording_open(&recording, folder, name));
    struct slice piece;
    int64_t at_ms;
    while (recording_next(&recording, &piece, &at_ms)) {
        heard->now_ms = at_ms;
        heard_bytes(heard, piece);
    }
    recording_close(&recording);
}

/* ---- the log ---- */

static void read_log(struct heard *rows, const char *folder, const char *name, int64_t until_ms)
{
    struct buf bytes = BUF_INIT;
    assert_true(recording_read(folder, name, &bytes));
    const char *text = buf_cstr(&bytes);
    while (*text) {
        size_t len = strcspn(text, "\n");
        struct call_event event;
        if (queue_log_parse(slice_make(text, len), &event) == 0 && event.at_ms <= until_ms) {
            heard_add(rows, &event);
        }
        text += len + (text[len] == '\n');
    }
    buf_deinit(&bytes);
}

void recording_log(struct heard *rows, const char *folder, int64_t until_ms)
{
    char path[512];
    (void)snprintf(path, sizeof path, CAPTURES_DIR "/%s", folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, "queue_log", 9) == 0 || strncmp(entry->d_name, "qlog", 4) == 0) {
            read_log(rows, folder, entry->d_name, until_ms);
        }
    }
    closedir(dir);
}

/* ---- comparison ---- */

static bool is_inside(const struct gap *gap, int64_t at_ms)
{
    return gap && at_ms >= gap->from_ms - 2000 && at_ms <= gap->to_ms + 3500;
}

static bool is_compared(enum event_kind kind)
{
    return (kind >= EVENT_ENTER && kind <= EVENT_WITHDRAW) || kind == EVENT_RING_NO_ANSWER ||
           kind == EVENT_RING_CANCELED || kind == EVENT_OPERATOR_DUMP;
}

/* Without class dialplan nothing tells these apart. */
static bool is_same_kind(enum event_kind log, enum event_kind ours)
{
    return log == ours || (ours == EVENT_EXIT_TIMEOUT && (log == EVENT_EXIT_EMPTY || log == EVENT_WITHDRAW));
}

static bool is_near(int64_t a, int64_t b, int64_t within)
{
    return (a > b ? a - b : b - a) <= within;
}

static bool is_pair(const struct heard_event *row, const struct heard_event *ours, bool any_kind)
{
    /* A row's time is cut to the second. */
    return !ours->used && strcmp(row->call_id, ours->call_id) == 0 && strcmp(row->queue, ours->queue) == 0 &&
           strcmp(row->operator_name, ours->operator_name) == 0 && is_near(ours->at_ms, row->at_ms + 500, OFF_MS) &&
           (any_kind ? is_compared(ours->kind) : is_same_kind(row->kind, ours->kind));
}

static struct heard_event *find_pair(struct heard *heard, const struct heard_event *row)
{
    for (size_t i = 0; i < heard->count; i++) {
        if (is_pair(row, &heard->events[i], false)) {
            return &heard->events[i];
        }
    }
    return NULL;
}

unsigned recording_complain(const char *folder, const char *what, const struct heard_event *event)
{
    printf("%s: %s: %s %s %s '%s' at %" PRId64 "\n", folder, what, event_kind_str(event->kind), event->call_id,
           event->queue, event->operator_name, event->at_ms);
    return 1;
}

static bool is_wrong(int64_t row_ms, int64_t ours_ms, int64_t within)
{
    return row_ms != EVENT_UNKNOWN && !is_near(row_ms, ours_ms, within);
}

static unsigned compare_durations(const char *folder, const struct heard_event *row, const struct heard_event *ours,
                                  int64_t within_ms)
{
    /* Both ends of a whole-second difference may be off by nearly one. */
    bool ring_counts =
        row->kind == EVENT_CONNECT || row->kind == EVENT_RING_NO_ANSWER || row->kind == EVENT_RING_CANCELED;
    bool wrong = is_wrong(row->wait_ms, ours->wait_ms, within_ms) || is_wrong(row->talk_ms, ours->talk_ms, within_ms) ||
                 (ring_counts && is_wrong(row->ring_ms, ours->ring_ms, within_ms)) ||
                 (row->kind != EVENT_CONNECT && is_wrong(row->original_position, ours->original_position, 0));
    return wrong ? recording_complain(folder, "durations", ours) : 0;
}

/* s32 has a line that its dialplan wrote with QueueLog(): no call of this PBX. */
static bool is_made_up(const char *folder, const struct heard_event *row)
{
    return strcmp(folder, "s32_custom_log") == 0 && strcmp(row->call_id, "1234.6") == 0;
}

/* s24 ends with kill -9: what was under way then has no end. */
bool recording_is_killed(const char *folder)
{
    return strcmp(folder, "s24_kill9") == 0;
}

unsigned recording_compare(const char *folder, struct heard *heard, struct heard *rows, const struct gap *gap)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < rows->count; i++) {
        struct heard_event *row = &rows->events[i];
        if (!is_compared(row->kind) || is_made_up(folder, row)) {
            continue;
        }
        struct heard_event *ours = find_pair(heard, row);
        bool excused = is_inside(gap, row->at_ms) || (gap && row->kind == EVENT_RING_CANCELED); /* began in the gap */
        if (excused) {
            if (ours) {
                ours->used = true;
            }
            continue;
        }
        if (!ours) {
            wrong += recording_complain(folder, "only in the log", row);
            continue;
        }
        ours->used = true;
        wrong += compare_durations(folder, row, ours, gap ? 2100 : 1100);
    }
    for (size_t i = 0; i < heard->count; i++) {
        const struct heard_event *ours = &heard->events[i];
        /* Those who lost a race for a call leave no row, and the end of a dump none but its own. */
        bool leaves_row = is_compared(ours->kind) && ours->kind != EVENT_RING_CANCELED;
        if (!ours->used && leaves_row && !is_inside(gap, ours->at_ms)) {
            wrong += recording_complain(folder, "not in the log", ours);
        }
    }
    return wrong;
}

/* Every ring ends once, before its call does. */
unsigned recording_check_rings(const char *folder, const struct heard *heard)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < heard->count; i++) {
        const struct heard_event *ring = &heard->events[i];
        if (ring->kind != EVENT_RING) {
            continue;
        }
        size_t k = i + 1;
        for (; k < heard->count; k++) {
            const struct heard_event *event = &heard->events[k];
            bool same = strcmp(event->call_id, ring->call_id) == 0 && strcmp(event->interface, ring->interface) == 0;
            if (same && (event->kind == EVENT_CONNECT || event->kind == EVENT_RING_NO_ANSWER ||
                         event->kind == EVENT_RING_CANCELED)) {
                break;
            }
            if (same && event->kind == EVENT_RING) {
                k = heard->count;
            }
        }
        wrong += k >= heard->count ? recording_complain(folder, "rings for ever", ring) : 0;
    }
    return wrong;
}
