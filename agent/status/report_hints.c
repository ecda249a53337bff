#include "agent/status/report_parts.h"

#include <inttypes.h>
#include <string.h>

enum { SILENT_MS = 24 * 3600 * 1000, AHEAD_MS = 120000 };

struct hints_work {
    struct json *list;
    struct buf text; /* of the hint in the making */
    bool degraded;
};

/* What was written into work->text becomes a hint of its own. */
static void put_hint(struct hints_work *work)
{
    json_add_text(work->list, buf_slice(&work->text));
    buf_reset(&work->text);
}

/* What is wrong with a live source is told by report_source_hints(). */
static void look_at_source(struct hints_work *work, const struct health_source *source)
{
    bool failing = true;
    if (strcmp(source->type, "ami") == 0) {
        failing = false;
    } else if (strcmp(source->state, "missing") == 0) {
        buf_printf(&work->text, "%s: %s does not exist: is Asterisk writing to a database (queue_log_to_file=no)?",
                   source->name, source->path);
        put_hint(work);
    } else if (strcmp(source->state, "denied") == 0) {
        buf_printf(&work->text, "%s: %s may not be read: add the user of ringside-agent to the group that owns it",
                   source->name, source->path);
        put_hint(work);
    } else if (strcmp(source->state, "error") == 0) {
        buf_printf(&work->text, "%s: %s cannot be read: %s", source->name, source->path,
                   source->last_error[0] ? source->last_error : "reason unknown");
        put_hint(work);
    } else {
        failing = false;
        if (strcmp(source->state, "catching-up") == 0) {
            buf_printf(&work->text,
                       "%s: still reading older logs, %" PRIu64 " bytes to go: today's figures are not whole yet",
                       source->name, source->lag_bytes);
            put_hint(work);
        }
        if (source->last_error[0]) {
            buf_printf(&work->text, "%s: %s", source->name, source->last_error);
            put_hint(work);
        }
    }
    if (source->hint[0]) {
        json_add_text(work->list, slice_str(source->hint));
    }
    work->degraded = work->degraded || failing || source->hint[0];
}

/* How many of the records that are counted as quarantined this tells of. */
static uint64_t look_at_damage(struct hints_work *work, const struct report_job *job)
{
    struct kv_loss damage;
    if (ledger_view_damage(job->env->view, &damage) != 0) {
        return 0;
    }
    char text[512];
    uint64_t told = 0;
    for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
        told += damage.lost[i];
    }
    ledger_damage_tell(&damage, text, sizeof text);
    buf_printf(&work->text, "the ledger was %s", text);
    put_hint(work);
    uint64_t counted = job->facts.quality[QUALITY_QUARANTINED];
    return told < counted ? told : counted;
}

static void look_at_ledger(struct hints_work *work, const struct report_job *job)
{
    const struct ledger_facts *facts = &job->facts;
    if (job->env->health && job->env->health->ledger_full) {
        buf_printf(&work->text, "the ledger is full and reading is held: give it more room (ledger.size_max) or a "
                                "shorter retention");
        put_hint(work);
        work->degraded = true;
    }
    uint64_t skipped = facts->quality[QUALITY_QUARANTINED] - look_at_damage(work, job);
    if (skipped > 0) {
        buf_printf(&work->text,
                   "%" PRIu64 " stored records failed their check and are left out: see `ringside ledger check`",
                   skipped);
        put_hint(work);
        work->degraded = true;
    }
    if (facts->quality[QUALITY_SHED_LEGS] + facts->quality[QUALITY_SHED_INTERVALS] > 0) {
        buf_printf(&work->text, "%" PRIu64 " calls and %" PRIu64 " intervals were given up for room before their time",
                   facts->quality[QUALITY_SHED_LEGS], facts->quality[QUALITY_SHED_INTERVALS]);
        put_hint(work);
    }
}

static void look_at_events(struct hints_work *work, const struct report_job *job)
{
    const struct ledger_facts *facts = &job->facts;
    int64_t age_ms = job->env->now_ms - facts->newest_event_ms;
    if (facts->newest_event_ms == 0) {
        const struct health_live *live = report_source_live(job);
        buf_printf(&work->text, live && live->leads ? "no event was ever seen: does this PBX have queues with calls?"
                                                    : "no event was ever read: is this the right queue_log?");
        put_hint(work);
    } else if (age_ms > SILENT_MS) {
        buf_printf(&work->text, "no event for %" PRId64 " hours: is this still the PBX, and the log that it writes?",
                   age_ms / 3600000);
        put_hint(work);
    } else if (age_ms < -AHEAD_MS) {
        buf_printf(&work->text, "the newest event is %" PRId64 " s in the future: compare the clocks of PBX and agent",
                   -age_ms / 1000);
        put_hint(work);
    }
    static const struct {
        enum quality counter;
        const char *says;
    } told[] = {
        {QUALITY_UNKNOWN_VERBS, "rows have verbs that are not known; they are counted by name below, not used"},
        {QUALITY_CLOCK_STEPS, "times the clock of the PBX fell back by more than a day: keep it in step by NTP"},
        {QUALITY_GAPS, "spans could not be read or seen; reports that touch them say complete: false"},
        {QUALITY_NAMES_REFUSED, "rows count under the empty name: more names came than the ledger takes"},
    };
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        if (facts->quality[told[i].counter] > 0) {
            buf_printf(&work->text, "%" PRIu64 " %s", facts->quality[told[i].counter], told[i].says);
            put_hint(work);
        }
    }
}

/* What fires is trouble of the queues or of the machine, none of the agent's own. */
static void look_at_alerts(struct hints_work *work, const struct report_job *job)
{
    const struct health_alerts *alerts = job->env->health ? &job->env->health->alerts : NULL;
    if (!alerts || alerts->firing == 0) {
        return;
    }
    buf_printf(&work->text, "alert %s", alerts->worst);
    if (alerts->firing > 1) {
        buf_printf(&work->text, "; %" PRIu32 " fire in all: see `ringside alerts`", alerts->firing);
    }
    put_hint(work);
}

const char *report_hints(const struct report_job *job, struct json *hints)
{
    struct hints_work work = {.list = hints};
    const struct health *health = job->env->health;
    bool down = !health && job->env->now_ms - job->facts.committed_ms > REPORT_SILENCE_MS;
    if (down) {
        buf_printf(&work.text,
                   "ringside-agent is not running: the last commit to this ledger is %" PRId64 " minutes old",
                   (job->env->now_ms - job->facts.committed_ms) / 60000);
        put_hint(&work);
    }
    for (uint32_t i = 0; health && i < health->source_count; i++) {
        look_at_source(&work, &health->sources[i]);
    }
    look_at_ledger(&work, job);
    work.degraded |= report_source_hints(job, hints);
    look_at_events(&work, job);
    work.degraded |= report_centre_hints(job, hints);
    look_at_alerts(&work, job);
    buf_deinit(&work.text);
    return down ? "down" : work.degraded ? "degraded" : "ok";
}
