#include "tests/proof/site_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/base/status.h"

enum { ROWS_MAX = 2048, ROW_BYTES = 200 };

struct seen {
    int64_t start_s;
    char queue[8];
    uint32_t revision;
    bool waits; /* for the collector, or refused by it */
    uint32_t len;
    uint8_t bytes[SITE_SUMMARY_MAX];
    struct site_tally tally;
};

struct look {
    const struct site *site;
    struct ledger *ledger;
    struct ledger_view *view;
    struct ledger_facts facts;
    struct seen seen[SITE_CENTRE_MAX];
    size_t seen_count;
    char (*legs)[ROW_BYTES];
    size_t leg_count;
    uint64_t open_legs;
    uint64_t done_legs;
    struct site_why *why;
};

static bool wrong(struct look *look, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(look->why->text, sizeof look->why->text, format, arguments);
    va_end(arguments);
    return false;
}

static void on_defect(void *ctx, const char *line)
{
    struct look *look = ctx;
    (void)wrong(look, "check: %s", line);
}

static struct seen *seen_at(struct look *look, int64_t start_s, const char *queue)
{
    for (size_t i = 0; i < look->seen_count; i++) {
        if (look->seen[i].start_s == start_s && strcmp(look->seen[i].queue, queue) == 0) {
            return &look->seen[i];
        }
    }
    return NULL;
}

static void name_of(const struct look *look, uint32_t queue, char name[8])
{
    struct slice found = ledger_view_name(look->view, LEDGER_QUEUE, queue);
    (void)snprintf(name, 8, "%.*s", (int)found.len, found.data);
}

static void tally_of(const struct summary *sum, struct site_tally *out)
{
    *out = (struct site_tally){.entered = sum->flow[FLOW_ENTERED],
                               .answered = sum->flow[FLOW_ANSWERED],
                               .abandoned = sum->flow[FLOW_ABANDONED],
                               .abandoned_short = sum->flow[FLOW_ABANDONED_SHORT],
                               .timeouts = sum->flow[FLOW_EXIT_TIMEOUT],
                               .not_answered = sum->flow[FLOW_RING_NO_ANSWER],
                               .cohort_answered = sum->cohort[COHORT_ANSWERED],
                               .cohort_abandoned = sum->cohort[COHORT_ABANDONED],
                               .cohort_timeouts = sum->cohort[COHORT_EXIT_TIMEOUT],
                               .wait_answered_s = sum->duration[DURATION_WAIT_ANSWERED].sum_ms / 1000,
                               .wait_abandoned_s = sum->duration[DURATION_WAIT_ABANDONED].sum_ms / 1000,
                               .talks = sum->duration[DURATION_TALK].hist.total,
                               .talk_s = sum->duration[DURATION_TALK].sum_ms / 1000,
                               .waiting_end = sum->waiting_end};
}

static int see_interval(void *ctx, const struct ledger_interval *item)
{
    struct look *look = ctx;
    struct buf bytes = BUF_INIT;
    if (look->seen_count == SITE_CENTRE_MAX) {
        return STATUS_FULL;
    }
    struct seen *seen = &look->seen[look->seen_count++];
    *seen = (struct seen){.start_s = item->start_s, .revision = item->revision};
    name_of(look, item->queue, seen->queue);
    summary_encode(item->summary, &bytes);
    if (bytes.failed || bytes.len > sizeof seen->bytes) {
        abort();
    }
    seen->len = (uint32_t)bytes.len;
    memcpy(seen->bytes, bytes.data, bytes.len);
    buf_deinit(&bytes);
    tally_of(item->summary, &seen->tally);
    return 0;
}

static int see_dirty(void *ctx, const struct ledger_dirty *item)
{
    struct look *look = ctx;
    char name[8];
    name_of(look, item->interval.queue, name);
    struct seen *seen = seen_at(look, item->interval.start_s, name);
    if (seen) {
        seen->waits = true;
    }
    return 0;
}

static int see_refusal(void *ctx, const struct ledger_refusal *refusal)
{
    struct look *look = ctx;
    char name[8];
    name_of(look, refusal->queue, name);
    struct seen *seen = seen_at(look, refusal->start_s, name);
    if (seen) {
        seen->waits = true;
    }
    return 0;
}

static int see_leg(void *ctx, const struct call_leg *leg)
{
    struct look *look = ctx;
    char queue[8];
    struct slice who = ledger_view_name(look->view, LEDGER_OPERATOR, leg->operator_id);
    if (look->leg_count == ROWS_MAX) {
        return STATUS_FULL;
    }
    name_of(look, leg->queue, queue);
    (void)snprintf(look->legs[look->leg_count++], ROW_BYTES,
                   "%s %s %.*s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s %s %u %u", leg->call_id,
                   queue, (int)who.len, who.data, leg->enter_ms, leg->connect_ms, leg->end_ms, leg->wait_ms,
                   leg->talk_ms, leg->number, leg_outcome_str(leg->outcome), leg->missed, leg->flags);
    if (leg->enter_ms >= SITE_BEGIN_S * 1000) {
        look->open_legs += !leg_is_done(leg);
        look->done_legs += leg_is_done(leg);
    }
    return 0;
}

static int read_view(struct look *look)
{
    uint64_t bad = 0;
    int status = ledger_view_facts(look->view, &look->facts);
    if (status == 0) {
        status = ledger_view_intervals(look->view, 0, INT64_MAX, see_interval, look, &bad);
    }
    if (status == 0) {
        status = ledger_view_dirty(look->view, INT64_MAX, 0, see_dirty, look, &bad);
    }
    if (status == 0) {
        status = ledger_view_refusals(look->view, see_refusal, look);
    }
    if (status == 0) {
        status = ledger_view_closed_legs(look->view, 0, INT64_MAX, see_leg, look, &bad);
    }
    if (status == 0) {
        status = ledger_view_open_legs(look->view, see_leg, look, &bad);
    }
    return status != 0 ? status : bad > 0 ? STATUS_CORRUPT : 0;
}

static bool look_at(struct look *look)
{
    struct ledger_check_result result;
    look->why->text[0] = '\0';
    int status = ledger_open_readonly(look->site->ledger, &look->ledger);
    if (status != 0) {
        return wrong(look, "the ledger does not open: %s", status_str(status));
    }
    status = ledger_check(look->ledger, on_defect, look, &result);
    if (status != 0 || look->why->text[0] != '\0') {
        return look->why->text[0] != '\0' ? false : wrong(look, "check failed: %s", status_str(status));
    }
    status = ledger_view_begin(look->ledger, &look->view);
    if (status == 0) {
        status = read_view(look);
        ledger_view_end(look->view);
    }
    return status == 0 || wrong(look, "the ledger cannot be read: %s", status_str(status));
}

static struct look *look_new(const struct site *site, struct site_why *why)
{
    struct look *look = calloc(1, sizeof *look);
    char(*legs)[ROW_BYTES] = calloc(ROWS_MAX, ROW_BYTES);
    if (!look || !legs) {
        abort();
    }
    look->site = site;
    look->why = why;
    look->legs = legs;
    return look;
}

static void look_free(struct look *look)
{
    ledger_close(look->ledger);
    free(look->legs);
    free(look);
}

/* ---- right after a failure ---- */

/* Whatever the collector holds came from the ledger; what it holds otherwise than the ledger still waits for it. */
static bool is_told(struct look *look)
{
    const struct site_outside *outside = look->site->outside;
    bool shed = look->facts.quality[QUALITY_SHED_INTERVALS] > 0;
    for (uint64_t i = 0; i < outside->held_count; i++) {
        const struct site_held *held = &outside->held[i];
        struct seen *seen = seen_at(look, held->start_s, held->queue);
        if (!seen && held->start_s >= SITE_BEGIN_S && !shed) {
            return wrong(look, "interval %" PRId64 " of %s was sent and is gone", held->start_s, held->queue);
        }
        if (!seen || seen->waits) {
            continue;
        }
        if (held->refused || held->revision != seen->revision || held->len != seen->len ||
            memcmp(held->bytes, seen->bytes, seen->len) != 0) {
            return wrong(look, "interval %" PRId64 " of %s does not wait and is not what the collector holds",
                         held->start_s, held->queue);
        }
    }
    for (size_t i = 0; i < look->seen_count; i++) {
        const struct seen *seen = &look->seen[i];
        bool held = false;
        for (uint64_t j = 0; j < outside->held_count && !held; j++) {
            held = outside->held[j].start_s == seen->start_s && strcmp(outside->held[j].queue, seen->queue) == 0;
        }
        if (!held && !seen->waits) {
            return wrong(look, "interval %" PRId64 " of %s is lost for the collector", seen->start_s, seen->queue);
        }
    }
    return true;
}

bool site_is_whole(const struct site *site, struct site_why *why)
{
    const struct site_outside *outside = site->outside;
    char path[SITE_PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/data.mdb", site->ledger);
    if (outside->commits_told == 0 && access(path, F_OK) != 0) {
        return true; /* it was still in the making */
    }
    struct look *look = look_new(site, why);
    bool fine;
    int status = outside->commits_told == 0 ? ledger_open_readonly(site->ledger, &look->ledger) : 0;
    if (status != 0) { /* in the making: for a reader it is none yet */
        fine = status == STATUS_NOT_FOUND || wrong(look, "a ledger in the making is told as: %s", status_str(status));
    } else {
        ledger_close(look->ledger);
        look->ledger = NULL;
        fine = look_at(look);
    }
    if (fine && status == 0 && look->facts.commits < outside->commits_told) {
        fine = wrong(look, "commit %" PRIu64 " was durable, the ledger is at %" PRIu64, outside->commits_told,
                     look->facts.commits);
    }
    if (fine && status == 0 && look->facts.quality[QUALITY_LINES] < outside->lines_told) {
        fine = wrong(look, "%" PRIu64 " lines were durable, the ledger has %" PRIu64, outside->lines_told,
                     look->facts.quality[QUALITY_LINES]);
    }
    fine = fine && is_told(look);
    look_free(look);
    return fine;
}

/* ---- at the end ---- */

static bool is_tally_right(struct look *look, size_t slot, unsigned queue)
{
    static const char *const names[] = {"entered",         "answered",        "abandoned",        "abandoned_short",
                                        "timeouts",        "not_answered",    "cohort_answered",  "cohort_abandoned",
                                        "cohort_timeouts", "wait_answered_s", "wait_abandoned_s", "talks",
                                        "talk_s",          "waiting_end"};
    const struct site_tally none = {0};
    char name[8];
    int64_t start_s = SITE_BEGIN_S + (int64_t)slot * SITE_INTERVAL_S;
    (void)snprintf(name, sizeof name, "q%u", queue);
    const struct seen *seen = seen_at(look, start_s, name);
    uint64_t have[sizeof(struct site_tally) / sizeof(uint64_t)];
    uint64_t want[sizeof(struct site_tally) / sizeof(uint64_t)];
    memcpy(have, seen ? &seen->tally : &none, sizeof have);
    memcpy(want, &look->site->input->tally[slot][queue], sizeof want);
    for (size_t i = 0; i < sizeof have / sizeof have[0]; i++) {
        if (have[i] != want[i]) {
            return wrong(look, "interval %zu of %s: %s is %" PRIu64 ", not %" PRIu64, slot, name, names[i], have[i],
                         want[i]);
        }
    }
    return true;
}

static bool is_sum_right(struct look *look)
{
    const struct site_log *input = look->site->input;
    const uint64_t *quality = look->facts.quality;
    if (quality[QUALITY_LINES] != input->line_count || quality[QUALITY_BAD_LINES] != input->bad_lines) {
        return wrong(look, "%" PRIu64 " lines, %" PRIu64 " bad; %zu and %" PRIu64 " were written",
                     quality[QUALITY_LINES], quality[QUALITY_BAD_LINES], input->line_count, input->bad_lines);
    }
    uint64_t gaps = look->site->outside->log_lost ? 0 : quality[QUALITY_GAPS];
    if (gaps + quality[QUALITY_QUARANTINED] + quality[QUALITY_LATE_EVENTS] > 0) {
        return wrong(look, "%" PRIu64 " gaps, %" PRIu64 " quarantined, %" PRIu64 " late", quality[QUALITY_GAPS],
                     quality[QUALITY_QUARANTINED], quality[QUALITY_LATE_EVENTS]);
    }
    if (quality[QUALITY_SHED_LEGS] == 0 &&
        (look->open_legs != input->open_calls || look->done_legs != input->done_calls)) {
        return wrong(look, "%" PRIu64 " legs open, %" PRIu64 " over; %" PRIu64 " and %" PRIu64 " were made",
                     look->open_legs, look->done_legs, input->open_calls, input->done_calls);
    }
    return true;
}

static bool are_tallies_right(struct look *look)
{
    for (size_t slot = 0; slot < SITE_SLOTS_MAX; slot++) {
        for (unsigned queue = 0; queue < SITE_QUEUES; queue++) {
            if (!is_tally_right(look, slot, queue)) {
                return false;
            }
        }
    }
    for (size_t i = 0; i < look->seen_count; i++) {
        if (look->seen[i].start_s < SITE_BEGIN_S) {
            return wrong(look, "an interval past its retention is there: %" PRId64, look->seen[i].start_s);
        }
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void write_found(struct look *look, struct site_found *found)
{
    for (size_t i = 0; i < look->seen_count; i++) {
        const struct seen *seen = &look->seen[i];
        buf_printf(&found->intervals, "%" PRId64 " %s ", seen->start_s, seen->queue);
        for (uint32_t j = 0; j < seen->len; j++) {
            buf_printf(&found->intervals, "%02x", seen->bytes[j]);
        }
        buf_append_str(&found->intervals, "\n");
    }
    qsort(look->legs, look->leg_count, ROW_BYTES, by_text);
    for (size_t i = 0; i < look->leg_count; i++) {
        buf_printf(&found->legs, "%s\n", look->legs[i]);
    }
    (void)buf_cstr(&found->intervals);
    (void)buf_cstr(&found->legs);
    found->lines = look->facts.quality[QUALITY_LINES];
    found->shed_intervals = look->facts.quality[QUALITY_SHED_INTERVALS];
    found->shed_legs = look->facts.quality[QUALITY_SHED_LEGS];
}

bool site_is_right(const struct site *site, struct site_found *found, struct site_why *why)
{
    struct look *look = look_new(site, why);
    *found = (struct site_found){0};
    bool fine = look_at(look) && is_told(look) && is_sum_right(look);
    if (fine && look->facts.quality[QUALITY_SHED_INTERVALS] == 0) { /* else the ledger tells of less, and says so */
        fine = are_tallies_right(look);
    }
    write_found(look, found);
    look_free(look);
    return fine;
}

static bool same_text(const struct buf *found, const struct buf *clean, const char *what, struct site_why *why)
{
    size_t len = found->len < clean->len ? found->len : clean->len;
    size_t at = 0;
    while (at < len && found->data[at] == clean->data[at]) {
        at++;
    }
    if (at == found->len && at == clean->len) {
        return true;
    }
    while (at > 0 && clean->data[at - 1] != '\n') {
        at--;
    }
    (void)snprintf(why->text, sizeof why->text, "%s differ from the clean pass: %.*s / %.*s", what,
                   (int)strcspn((const char *)found->data + at, "\n"), (const char *)found->data + at,
                   (int)strcspn((const char *)clean->data + at, "\n"), (const char *)clean->data + at);
    return false;
}

bool site_same(const struct site_found *found, const struct site_found *clean, struct site_why *why)
{
    if (found->lines != clean->lines) {
        (void)snprintf(why->text, sizeof why->text, "%" PRIu64 " lines, %" PRIu64 " in the clean pass", found->lines,
                       clean->lines);
        return false;
    }
    bool shed = found->shed_intervals > 0;
    return (shed || same_text(&found->intervals, &clean->intervals, "intervals", why)) &&
           (shed || found->shed_legs > 0 || same_text(&found->legs, &clean->legs, "legs", why));
}

void site_found_free(struct site_found *found)
{
    buf_deinit(&found->intervals);
    buf_deinit(&found->legs);
}
