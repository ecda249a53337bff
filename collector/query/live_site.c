#include "collector/query/live_site.h"

#include <stdlib.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

struct reading {
    struct live_site *live;
    size_t cap;
    int64_t until_ms; /* waits grow up to here, by the site's clock */
};

struct live_figures live_figures_none(void)
{
    return (struct live_figures){.waiting = -1,
                                 .longest_wait_ms = -1,
                                 .talking = -1,
                                 .held = -1,
                                 .ready = -1,
                                 .paused = -1,
                                 .logged_in = -1,
                                 .on_call = -1};
}

static void add_count(int64_t *sum, int64_t more)
{
    if (more >= 0) {
        *sum = (*sum < 0 ? 0 : *sum) + more;
    }
}

void live_figures_add(struct live_figures *sum, const struct live_figures *more)
{
    add_count(&sum->waiting, more->waiting);
    add_count(&sum->talking, more->talking);
    add_count(&sum->held, more->held);
    add_count(&sum->ready, more->ready);
    add_count(&sum->paused, more->paused);
    add_count(&sum->logged_in, more->logged_in);
    add_count(&sum->on_call, more->on_call);
    if (more->longest_wait_ms > sum->longest_wait_ms) {
        sum->longest_wait_ms = more->longest_wait_ms;
    }
}

/* Every queue that the site ever told of is idle unless its live view says otherwise. */
static int add_idle(void *ctx, uint32_t queue)
{
    struct reading *reading = ctx;
    struct live_site *live = reading->live;
    struct live_row *rows = grow_array(live->rows, live->count, &reading->cap, sizeof *rows);
    if (!rows) {
        return STATUS_NO_MEMORY;
    }
    live->rows = rows;
    rows[live->count] = (struct live_row){.queue = queue, .figures = live_figures_none()};
    rows[live->count].figures.waiting = 0;
    rows[live->count++].figures.talking = 0;
    return 0;
}

static int by_queue(const void *left, const void *right)
{
    const struct live_row *a = left;
    const struct live_row *b = right;
    return (a->queue > b->queue) - (a->queue < b->queue);
}

static struct live_figures figures_of(const struct reading *reading, const struct store_live_queue *told)
{
    int64_t wait_ms = -1;
    if (told->waiting > 0 && told->oldest_enter_ms > 0) {
        wait_ms = told->oldest_enter_ms > reading->until_ms ? 0 : reading->until_ms - told->oldest_enter_ms;
    }
    return (struct live_figures){.waiting = told->waiting,
                                 .longest_wait_ms = wait_ms,
                                 .talking = told->talking,
                                 .held = told->held,
                                 .ready = told->ready,
                                 .paused = told->paused,
                                 .logged_in = told->logged_in,
                                 .on_call = told->on_call};
}

static int take_queue(void *ctx, const struct store_live_queue *told)
{
    const struct reading *reading = ctx;
    struct live_site *live = reading->live;
    const struct live_row wanted = {.queue = told->queue};
    struct live_figures figures = figures_of(reading, told);
    if (told->queue == STORE_QUEUE_TOTAL) { /* an operator in two queues is one */
        live->total.ready = figures.ready;
        live->total.paused = figures.paused;
        live->total.logged_in = figures.logged_in;
        live->total.on_call = figures.on_call;
        return 0;
    }
    struct live_row *row = live->count ? bsearch(&wanted, live->rows, live->count, sizeof *live->rows, by_queue) : NULL;
    if (row) {
        row->figures = figures;
        const struct live_figures callers = {
            figures.waiting, figures.longest_wait_ms, figures.talking, figures.held, -1, -1, -1, -1};
        live_figures_add(&live->total, &callers);
    }
    return 0;
}

static bool is_here(const struct registry_site *site, const struct store_contact *contact, int64_t now_ms)
{
    int64_t heartbeat_s = contact->heartbeat_s ? (int64_t)contact->heartbeat_s : LIVE_HEARTBEAT_S;
    return site->state == REGISTRY_JOINED && contact->online && contact->lag_ms <= LIVE_LAG_MAX_MS &&
           now_ms - contact->live_seen_ms <= LIVE_HEARTBEATS * heartbeat_s * 1000 + LIVE_WRITTEN_LATE_MS;
}

int live_site_read(struct store_view *view, const struct registry_site *site, int64_t now_ms, struct live_site *out)
{
    struct store_contact contact;
    *out = (struct live_site){.total = live_figures_none()};
    if (!view || !store_view_contact(view, site->number, &contact) || contact.live_ms == 0) {
        return 0;
    }
    out->as_of_ms = contact.live_seen_ms;
    out->offset_ms = contact.clock_offset_ms;
    out->stale = !is_here(site, &contact, now_ms);
    /* What is as it was grew until then: in the log, where that is read late. */
    int64_t late_ms = contact.lag_ms > LIVE_LAG_MAX_MS ? contact.lag_ms : 0;
    int64_t until_ms = out->stale ? out->as_of_ms - late_ms : now_ms;
    struct reading reading = {.live = out, .until_ms = until_ms + out->offset_ms};
    int status = store_view_queues(view, site->number, add_idle, &reading);
    if (status == 0) {
        out->total.waiting = 0;
        out->total.talking = 0;
        status = store_view_live(view, site->number, take_queue, &reading);
    }
    out->tells = status == 0;
    return status == STORE_UNTOLD ? 0 : status;
}

void live_site_free(struct live_site *live)
{
    free(live->rows);
    live->rows = NULL;
    live->count = 0;
}

void live_figures_put(const struct live_figures *figures, struct json *out)
{
    fields_span(out, "waiting", figures->waiting);
    fields_span(out, "longest_wait_ms", figures->longest_wait_ms);
    fields_span(out, "talking", figures->talking);
    fields_span(out, "held", figures->held);
    fields_span(out, "ready", figures->ready);
    fields_span(out, "paused", figures->paused);
    fields_span(out, "logged_in", figures->logged_in);
    fields_span(out, "on_call", figures->on_call);
}

void live_site_put_age(const struct live_site *live, int64_t now_ms, struct json *out)
{
    int64_t age_ms = now_ms > live->as_of_ms ? now_ms - live->as_of_ms : 0;
    fields_time(out, "as_of", live->as_of_ms);
    fields_span(out, "age_ms", live->as_of_ms ? age_ms : -1);
    json_put_bool(out, "stale", live->stale);
}
