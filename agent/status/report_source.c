/* The live source as this box sees it: whether the PBX tells what happens, what that costs, and what it keeps back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/status/report_parts.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { DOWN_MS = 60000, MANY = 10, MANY_OF = 50 };

const struct health_live *report_source_live(const struct report_job *job)
{
    return job->env->health && job->env->health->live.configured ? &job->env->health->live : NULL;
}

const struct health_source *report_source_find(const struct report_job *job, bool live)
{
    const struct health *health = job->env->health;
    for (uint32_t i = 0; health && i < health->source_count; i++) {
        if ((strcmp(health->sources[i].type, "ami") == 0) == live) {
            return &health->sources[i];
        }
    }
    return NULL;
}

void report_source(const struct report_job *job, struct json *out)
{
    static const char *const sights[] = {[HEALTH_UNTOLD] = NULL, [HEALTH_SEEN] = "seen", [HEALTH_UNSEEN] = "unseen"};
    const struct health_live *live = report_source_live(job);
    if (!live) {
        json_put_null(out, "live");
        return;
    }
    struct json *map = json_put_map(out, "live");
    json_put_bool(map, "connected", live->connected);
    fields_time(map, "since", live->connected_since_ms);
    json_put_bool(map, "leads", live->leads);
    json_put_str(map, "version", live->version[0] ? live->version : NULL);
    json_put_int(map, "connects", (int64_t)live->connects);
    json_put_int(map, "events", (int64_t)live->events);
    json_put_int(map, "actions", (int64_t)live->actions);
    json_put_int(map, "received_bytes", (int64_t)live->received_bytes);
    struct json *snapshot = json_put_map(map, "snapshot");
    json_put_int(snapshot, "bytes", (int64_t)live->snapshot_bytes);
    json_put_int(snapshot, "took_ms", live->snapshot_took_ms);
    json_put_bool(map, "filtered", live->filtered);
    json_put_str(map, "refused_callers", sights[live->refused]);
    json_put_str(map, "limits", live->limits[0] ? live->limits : NULL);
    json_put_str(map, "last_error", live->last_error[0] ? live->last_error : NULL);
}

/* ---- hints ---- */

struct source_hints {
    const struct report_job *job;
    const struct health_live *live;
    const char *name;
    struct json *list;
    struct buf text;
};

static void put_hint(struct source_hints *work)
{
    json_add_text(work->list, buf_slice(&work->text));
    buf_reset(&work->text);
}

/* Since when nothing is seen: the board knows, else since the start. */
static int64_t down_since_ms(const struct source_hints *work)
{
    const struct board_copy *board = work->job->env->live;
    return board && board->down_since_ms ? board->down_since_ms : work->job->env->health->started_ms;
}

static bool look_at_connection(struct source_hints *work)
{
    const struct health_source *source = report_source_find(work->job, true);
    char since[STAMP_MAX];
    int64_t since_ms = down_since_ms(work);
    if (work->live->connected) {
        return false;
    }
    if (source && strcmp(source->state, "refused") == 0) {
        buf_printf(&work->text,
                   "%s: the PBX refuses the login: compare user and secret with its manager.conf, and whether "
                   "permit/deny there let this box in: %s",
                   work->name, work->live->last_error[0] ? work->live->last_error : "it does not say why");
        put_hint(work);
        return true;
    }
    buf_printf(&work->text, "%s: not connected to the PBX since %s: %s; %s", work->name, zone_format(since_ms, since),
               work->live->last_error[0] ? work->live->last_error : "no answer so far",
               work->live->leads ? "no call is counted meanwhile"
                                 : "operators, holds and refused callers are not seen meanwhile");
    put_hint(work);
    return work->job->env->now_ms - since_ms > DOWN_MS;
}

/* What the PBX keeps back or sends for nothing; told only while connected, for then it is known. */
static void look_at_rights(struct source_hints *work)
{
    const struct health_live *live = work->live;
    if (!live->connected) {
        return;
    }
    if (live->limits[0]) {
        buf_printf(&work->text, "%s: %s: see the manager user's read and write in manager.conf", work->name,
                   live->limits);
        put_hint(work);
    }
    if (live->refused == HEALTH_UNSEEN) {
        buf_printf(&work->text,
                   "%s: callers refused at the door (queue full, nobody there) are not seen: give the manager user "
                   "the read class dialplan (or cdr)",
                   work->name);
        put_hint(work);
    }
    if (!live->filtered) {
        buf_printf(&work->text,
                   "%s: the PBX sends all its events (%" PRIu64 " MB so far) where a small part is needed: give the "
                   "manager user the write class system, so that the agent can set its filter",
                   work->name, live->received_bytes / 1000000);
        put_hint(work);
    }
}

static bool is_many(const struct ledger_facts *facts, uint64_t count)
{
    return count >= MANY && count * MANY_OF >= facts->leg_count + facts->settling_count;
}

/* Where log and live source do not tell of the same calls. */
static void look_at_agreement(struct source_hints *work)
{
    const struct ledger_facts *facts = &work->job->facts;
    uint64_t live_only = facts->quality[QUALITY_LIVE_ONLY];
    uint64_t log_only = facts->quality[QUALITY_LOG_ONLY];
    uint64_t guessed = facts->quality[QUALITY_GUESSED_EXITS];
    if (is_many(facts, live_only)) {
        buf_printf(&work->text,
                   "%" PRIu64 " calls were seen by %s and never came in the log: does the PBX write its queue_log "
                   "elsewhere, or to a database?",
                   live_only, work->name);
        put_hint(work);
    }
    if (is_many(facts, log_only)) {
        buf_printf(&work->text,
                   "%" PRIu64 " calls of the log were never seen by %s: is it the same PBX, and does the manager user "
                   "have the read classes agent and call?",
                   log_only, work->name);
        put_hint(work);
    }
    if (work->live->leads && guessed > 0) {
        buf_printf(&work->text,
                   "%" PRIu64 " callers left for a reason that the PBX did not tell and count as timeouts: give the "
                   "manager user the read class dialplan, or read queue_log as well",
                   guessed);
        put_hint(work);
    }
}

bool report_source_hints(const struct report_job *job, struct json *hints)
{
    const struct health_source *source = report_source_find(job, true);
    struct source_hints work = {
        .job = job, .live = report_source_live(job), .name = source ? source->name : "ami", .list = hints};
    if (!work.live) {
        return false;
    }
    bool degraded = look_at_connection(&work);
    look_at_rights(&work);
    look_at_agreement(&work);
    buf_deinit(&work.text);
    return degraded;
}
