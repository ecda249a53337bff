#include "agent/status/report_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SILENT_MS = 24 * 3600 * 1000, AHEAD_MS = 120000 };

struct hints_work {
    struct json *list;
    bool degraded;
};

__attribute__((format(printf, 2, 3))) static void hint(struct json *list, const char *format, ...)
{
    char text[640];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_add_text(list, slice_str(text));
}

static void look_at_source(struct hints_work *work, const struct health_source *source)
{
    bool failing = true;
    if (strcmp(source->state, "missing") == 0) {
        hint(work->list, "%s: %s does not exist: is Asterisk writing to a database (queue_log_to_file=no)?",
             source->name, source->path);
    } else if (strcmp(source->state, "denied") == 0) {
        hint(work->list, "%s: %s may not be read: add the user of ringside-agent to the group that owns it",
             source->name, source->path);
    } else if (strcmp(source->state, "error") == 0) {
        hint(work->list, "%s: %s cannot be read: %s", source->name, source->path,
             source->last_error[0] ? source->last_error : "reason unknown");
    } else {
        failing = false;
        if (strcmp(source->state, "catching_up") == 0) {
            hint(work->list, "%s: still reading older logs, %" PRIu64 " bytes to go: today's figures are not whole yet",
                 source->name, source->lag_bytes);
        }
        if (source->last_error[0]) {
            hint(work->list, "%s: %s", source->name, source->last_error);
        }
    }
    if (source->hint[0]) {
        json_add_text(work->list, slice_str(source->hint));
    }
    work->degraded = work->degraded || failing || source->hint[0];
}

static void look_at_ledger(struct hints_work *work, const struct report_job *job)
{
    const struct ledger_facts *facts = &job->facts;
    if (facts->full || (job->env->health && job->env->health->ledger_full)) {
        hint(work->list,
             "the ledger is full and reading is held: give it more room (ledger.size) or a shorter retention");
        work->degraded = true;
    }
    if (facts->quality[QUALITY_QUARANTINED] > 0) {
        hint(work->list, "%" PRIu64 " stored records failed their check and are left out: see `ringside ledger check`",
             facts->quality[QUALITY_QUARANTINED]);
        work->degraded = true;
    }
    if (facts->quality[QUALITY_SHED_LEGS] + facts->quality[QUALITY_SHED_INTERVALS] > 0) {
        hint(work->list, "%" PRIu64 " calls and %" PRIu64 " intervals were given up for room before their time",
             facts->quality[QUALITY_SHED_LEGS], facts->quality[QUALITY_SHED_INTERVALS]);
    }
}

static void look_at_events(struct hints_work *work, const struct report_job *job)
{
    const struct ledger_facts *facts = &job->facts;
    int64_t age_ms = job->env->now_ms - facts->newest_event_ms;
    if (facts->newest_event_ms == 0) {
        hint(work->list, "no event was ever read: is this the right queue_log?");
    } else if (age_ms > SILENT_MS) {
        hint(work->list, "no event for %" PRId64 " hours: is this still the log that the PBX writes?",
             age_ms / 3600000);
    } else if (age_ms < -AHEAD_MS) {
        hint(work->list, "the newest event is %" PRId64 " s in the future: compare the clocks of PBX and agent",
             -age_ms / 1000);
    }
    if (facts->quality[QUALITY_UNKNOWN_VERBS] > 0) {
        hint(work->list, "%" PRIu64 " rows have verbs that are not known; they are counted by name below, not used",
             facts->quality[QUALITY_UNKNOWN_VERBS]);
    }
    if (facts->quality[QUALITY_CLOCK_STEPS] > 0) {
        hint(work->list, "the clock of the PBX fell back by more than a day %" PRIu64 " times: keep it in step by NTP",
             facts->quality[QUALITY_CLOCK_STEPS]);
    }
    if (facts->quality[QUALITY_GAPS] > 0) {
        hint(work->list, "%" PRIu64 " spans of the log could not be read; reports that touch them say complete: false",
             facts->quality[QUALITY_GAPS]);
    }
    if (facts->quality[QUALITY_NAMES_REFUSED] > 0) {
        hint(work->list, "more names came than the ledger takes; %" PRIu64 " rows count under the empty name",
             facts->quality[QUALITY_NAMES_REFUSED]);
    }
}

const char *report_hints(const struct report_job *job, struct json *hints)
{
    struct hints_work work = {.list = hints};
    const struct health *health = job->env->health;
    bool down = !health && job->env->now_ms - job->facts.committed_ms > REPORT_SILENCE_MS;
    if (down) {
        hint(hints, "ringside-agent is not running: the last commit to this ledger is %" PRId64 " minutes old",
             (job->env->now_ms - job->facts.committed_ms) / 60000);
    }
    for (uint32_t i = 0; health && i < health->source_count; i++) {
        look_at_source(&work, &health->sources[i]);
    }
    look_at_ledger(&work, job);
    look_at_events(&work, job);
    return down ? "down" : work.degraded ? "degraded" : "ok";
}
