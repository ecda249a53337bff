#include "agent/status/report_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/status/gaps.h"
#include "agent/status/settings.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

enum { NAMES_MAX = 1 << 16, CURSORS_TOLD_MAX = 32 };

struct status_work {
    const struct report_job *job;
    struct json *list;
    struct ledger_cursor *cursors; /* the newest of each path */
    size_t cursor_count;
    size_t cursor_cap;
};

/* null: nothing was ever lost. */
static void put_damage(struct json *ledger, const struct report_job *job)
{
    struct kv_loss damage;
    if (ledger_view_damage(job->env->view, &damage) != 0) {
        json_put_null(ledger, "damage");
        return;
    }
    struct json *map = json_put_map(ledger, "damage");
    json_put_int(map, "times", damage.times);
    fields_time(map, "at", damage.at_ms);
    json_put_str(map, "what", damage.what);
    json_put_str(map, "file", damage.aside);
    json_put_bool(map, "began_anew", damage.anew);
    json_put_bool(map, "exact", damage.exact);
    struct json *lost = json_put_map(map, "lost");
    for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
        json_put_int(lost, ledger_loss_names[i], (int64_t)damage.lost[i]);
    }
}

static void put_ledger(struct json *out, const struct report_job *job)
{
    const struct ledger_facts *facts = &job->facts;
    struct json *ledger = json_put_map(out, "ledger");
    fields_time(ledger, "created", facts->created_ms);
    json_put_int(ledger, "used_bytes", (int64_t)facts->used_bytes);
    json_put_int(ledger, "map_bytes", (int64_t)facts->map_bytes);
    json_put_int(ledger, "legs", (int64_t)(facts->leg_count + facts->settling_count));
    json_put_int(ledger, "leg_bytes", (int64_t)facts->leg_bytes);
    json_put_int(ledger, "intervals", (int64_t)facts->interval_count);
    json_put_int(ledger, "interval_bytes", (int64_t)facts->interval_bytes);
    json_put_bool(ledger, "full", job->env->health && job->env->health->ledger_full);
    json_put_int(ledger, "commits", (int64_t)facts->commits);
    fields_time(ledger, "committed", facts->committed_ms);
    fields_span(ledger, "committed_age_ms", facts->committed_ms ? job->env->now_ms - facts->committed_ms : -1);
    put_damage(ledger, job);
}

static const struct health_source *find_health(const struct health *health, const char *name, const char *path)
{
    for (uint32_t i = 0; health && i < health->source_count; i++) {
        const struct health_source *source = &health->sources[i];
        if (strcmp(source->name, name) == 0 && (!path || strcmp(source->path, path) == 0)) {
            return source;
        }
    }
    return NULL;
}

static void put_health(struct json *row, const struct health_source *source)
{
    json_put_str(row, "type", source && source->type[0] ? source->type : NULL);
    json_put_str(row, "state", source ? source->state : NULL);
    if (source) {
        json_put_int(row, "lag_bytes", (int64_t)source->lag_bytes);
    } else {
        json_put_null(row, "lag_bytes");
    }
    json_put_str(row, "last_error", source && source->last_error[0] ? source->last_error : NULL);
}

/* Dated names of rotated files are new ones forever: of so many paths the newest are told. */
static void drop_oldest_cursor(struct status_work *work)
{
    size_t oldest = 0;
    for (size_t i = 1; i < work->cursor_count; i++) {
        oldest = work->cursors[i].updated_ms < work->cursors[oldest].updated_ms ? i : oldest;
    }
    work->cursor_count--;
    memmove(work->cursors + oldest, work->cursors + oldest + 1, (work->cursor_count - oldest) * sizeof *work->cursors);
}

/* A file that was rotated leaves a cursor behind under the path that it had: of each path the newest tells. */
static int take_cursor(void *ctx, const struct ledger_cursor *cursor)
{
    struct status_work *work = ctx;
    size_t at = 0;
    while (at < work->cursor_count && (strcmp(work->cursors[at].source, cursor->source) != 0 ||
                                       strcmp(work->cursors[at].path, cursor->path) != 0)) {
        at++;
    }
    if (at == work->cursor_count) {
        struct ledger_cursor *cursors =
            grow_array(work->cursors, work->cursor_count, &work->cursor_cap, sizeof *cursors);
        if (!cursors) {
            return STATUS_NO_MEMORY;
        }
        work->cursors = cursors;
        work->cursors[work->cursor_count++] = *cursor;
        if (work->cursor_count > CURSORS_TOLD_MAX) {
            drop_oldest_cursor(work);
        }
    } else if (cursor->updated_ms >= work->cursors[at].updated_ms) {
        work->cursors[at] = *cursor;
    }
    return 0;
}

static void put_cursor(const struct status_work *work, const struct ledger_cursor *cursor)
{
    struct json *row = json_add_map(work->list);
    json_put_str(row, "name", cursor->source);
    json_put_str(row, "path", cursor->path);
    put_health(row, find_health(work->job->env->health, cursor->source, NULL));
    json_put_int(row, "offset", (int64_t)cursor->offset);
    fields_time(row, "first_event", cursor->first_ms);
    fields_time(row, "last_event", cursor->last_ms);
    fields_time(row, "updated", cursor->updated_ms);
}

/* Sources that never brought anything have no cursor, and are the ones to worry about. */
static void put_silent_sources(struct json *list, const struct health *health)
{
    for (uint32_t i = 0; health && i < health->source_count; i++) {
        bool listed = false;
        for (size_t at = 0; at < json_count(list, "") && !listed; at++) {
            listed = strcmp(json_text(json_item(list, at), "name"), health->sources[i].name) == 0;
        }
        if (!listed) {
            struct json *row = json_add_map(list);
            json_put_str(row, "name", health->sources[i].name);
            json_put_str(row, "path", health->sources[i].path);
            put_health(row, &health->sources[i]);
            json_put_int(row, "offset", 0);
            fields_time(row, "first_event", 0);
            fields_time(row, "last_event", 0);
            fields_time(row, "updated", 0);
        }
    }
}

static int take_verb(void *ctx, struct slice verb, uint64_t count)
{
    struct status_work *work = ctx;
    struct json *row = json_add_map(work->list);
    json_put_text(row, "verb", verb);
    json_put_int(row, "count", (int64_t)count);
    return 0;
}

static int take_gap(void *ctx, const struct ledger_gap *gap)
{
    struct status_work *work = ctx;
    struct json *row = json_add_map(work->list);
    fields_time(row, "from", gap->from_ms);
    fields_time(row, "to", gap->to_ms);
    json_put_str(row, "kind", gaps_kind(gap));
    json_put_str(row, "reason", gap->reason);
    return 0;
}

static void put_queues(struct json *list, const struct report_job *job)
{
    struct ledger_view *view = job->env->view;
    for (uint32_t id = 1; id < NAMES_MAX && ledger_view_name(view, LEDGER_QUEUE, id).len > 0; id++) {
        struct queue_settings settings = settings_of(view, id, job->query);
        struct json *row = json_add_map(list);
        settings_put_queue(row, view, id);
        json_put_str(row, "service_level_method", measures_sl_name((enum sl_method)settings.sl_method));
        fields_number(row, "service_level_threshold_s", (double)settings.sl_threshold_ms / 1000);
        fields_number(row, "short_abandon_s", (double)settings.short_abandon_ms / 1000);
    }
}

static void put_identity(struct json *out, const struct report_job *job)
{
    char epoch[2 * sizeof job->facts.epoch + 1];
    for (size_t i = 0; i < sizeof job->facts.epoch; i++) {
        (void)snprintf(epoch + 2 * i, 3, "%02x", job->facts.epoch[i]);
    }
    const struct health *health = job->env->health;
    json_put_str(out, "epoch", epoch);
    json_put_str(out, "version", RINGSIDE_VERSION);
    fields_time(out, "as_of", job->env->now_ms);
    json_put_str(out, "zone", zone_name());
    json_put_int(out, "interval_s", job->facts.interval_s);
    fields_time(out, "started", health ? health->started_ms : 0);
    fields_span(out, "uptime_ms", health ? job->env->now_ms - health->started_ms : -1);
    confinement_put(out, "sandbox", health ? &health->confinement : NULL);
    fields_time(out, "newest_event", job->facts.newest_event_ms);
}

int report_status(const struct report_job *job, struct json *out)
{
    struct ledger_view *view = job->env->view;
    struct status_work work = {.job = job};
    struct json *hints = json_new_list();
    json_put_str(out, "state", report_hints(job, hints));
    json_put(out, "hints", hints);
    put_identity(out, job);
    put_ledger(out, job);
    int status = report_centre(job, json_put_map(out, "centre"));
    work.list = json_put_list(out, "sources");
    if (status == 0) {
        status = ledger_view_cursors(view, take_cursor, &work);
    }
    for (size_t i = 0; status == 0 && i < work.cursor_count; i++) {
        put_cursor(&work, &work.cursors[i]);
    }
    free(work.cursors);
    put_silent_sources(work.list, job->env->health);
    report_source(job, out);
    struct json *quality = json_put_map(out, "quality");
    for (int i = 0; i < QUALITY_COUNT; i++) {
        json_put_int(quality, quality_names[i], (int64_t)job->facts.quality[i]);
    }
    work.list = json_put_list(out, "unknown_verbs");
    if (status == 0) {
        status = ledger_view_unknown_verbs(view, take_verb, &work);
    }
    work.list = json_put_list(out, "gaps");
    if (status == 0) {
        status = ledger_view_gaps(view, take_gap, &work);
    }
    put_queues(json_put_list(out, "queues"), job);
    return status;
}
