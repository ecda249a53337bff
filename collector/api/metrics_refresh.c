/* How counters come from sums. The store tells what each day holds, and days change: summaries come late and are
 * revised. So each site has a window of its newest days. What it holds now is put on top of what the days before held
 * when they left it; what there was at the start is taken away once. A site of which nothing new was stored is not read
 * again. */
#include <string.h>

#include "collector/api/metrics_internal.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"

enum { DAY_S = 86400, HOUR_S = 3600, LOOK_SITES = 500, READ_SITES = 100, LOOK_PENDING = 1024 };

struct refresh {
    struct metrics *metrics;
    int64_t now_ms;
    int64_t deadline_ms;
    struct store_view *view;
    struct metrics_site *site; /* that is being looked at */
    bool hours;                /* its hours are being read */
    uint64_t pending;          /* intervals seen */
};

static bool is_late(const struct refresh *refresh)
{
    return clock_monotonic_ms() > refresh->deadline_ms;
}

/* ---- which sites there are ---- */

static int take_registered(void *ctx, const struct registry_site *registry)
{
    if (registry->state == REGISTRY_REMOVED) {
        return 0;
    }
    return metrics_table_site(ctx, registry) ? 0 : STATUS_NO_MEMORY;
}

static int list_sites(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->site_count; i++) {
        metrics->sites[i]->there = false;
    }
    int status = registry_each(metrics->options->registry, take_registered, metrics);
    if (status == 0) {
        metrics_table_drop_gone(metrics);
    }
    return status == STATUS_CORRUPT ? 0 : status; /* those that cannot be read stay as they were */
}

/* ---- a look at each: contact, queues, what happens now ---- */

static struct metrics_row *row_of(const struct refresh *refresh, struct metrics_site *site, uint32_t queue)
{
    return metrics_table_row(refresh->metrics, site, store_view_queue_name(refresh->view, queue), queue);
}

/* A queue is there before its first call, so that the first call is seen as one more. */
static int note_queue(void *ctx, uint32_t queue)
{
    const struct refresh *refresh = ctx;
    return row_of(refresh, refresh->site, queue) ? 0 : STATUS_NO_MEMORY;
}

static int count_gap(void *ctx, const struct store_gap *gap)
{
    struct metrics_site *site = ctx;
    (void)gap;
    site->gaps++;
    return 0;
}

static int look_live(const struct refresh *refresh, struct metrics_site *site)
{
    struct live_site live;
    size_t at = 0;
    for (struct metrics_row *row; (row = metrics_table_next(site, &at));) {
        row->live = live_figures_none();
    }
    int status = live_site_read(refresh->view, &site->registry, refresh->now_ms, &live);
    for (size_t i = 0; status == 0 && live.tells && !live.stale && i < live.count; i++) {
        struct metrics_row *row = row_of(refresh, site, live.rows[i].queue);
        if (row) {
            live_figures_add(&row->live, &live.rows[i].figures);
        }
        status = row ? 0 : STATUS_NO_MEMORY;
    }
    live_site_free(&live);
    return status;
}

static void choose_window(const struct refresh *refresh, struct metrics_site *site)
{
    const struct api_options *options = refresh->metrics->options;
    tally_days_of(options->store, &site->registry, site->contact.zone, options->zone, &site->next_days);
    bool same = site->read && strcmp(site->next_days.name, site->days.name) == 0;
    int64_t first_s = tally_day_key(&site->next_days, refresh->now_ms / 1000) - (METRICS_DAYS - 1) * DAY_S;
    site->next_key_s = same && first_s < site->first_key_s ? site->first_key_s : first_s;
    site->due = !same || site->next_key_s != site->first_key_s || site->taken != site->contact.taken;
    site->next_s = tally_day_start(&site->next_days, site->next_key_s);
    site->window_s = same ? tally_day_start(&site->days, site->first_key_s) : site->next_s;
}

static int look_at(struct refresh *refresh, struct metrics_site *site)
{
    refresh->site = site;
    site->gaps = 0;
    if (!store_view_contact(refresh->view, site->registry.number, &site->contact)) {
        memset(&site->contact, 0, sizeof site->contact);
        site->contact.lag_ms = -1;
    }
    int status = store_view_queues(refresh->view, site->registry.number, note_queue, refresh);
    if (status == 0) {
        status = store_view_gaps(refresh->view, site->registry.number, count_gap, site);
    }
    if (status == 0) {
        status = look_live(refresh, site);
    }
    choose_window(refresh, site);
    return status;
}

/* In several views: none of them is held for long. */
static int look_at_all(struct refresh *refresh)
{
    struct metrics *metrics = refresh->metrics;
    int status = 0;
    for (size_t i = 0; status == 0 && i < metrics->site_count;) {
        status = store_view_begin(metrics->options->store, &refresh->view);
        if (status != 0) {
            break;
        }
        for (size_t n = 0; status == 0 && n < LOOK_SITES && i < metrics->site_count; n++, i++) {
            status = is_late(refresh) ? STATUS_LATE : look_at(refresh, metrics->sites[i]);
        }
        store_view_end(refresh->view);
    }
    return status;
}

/* ---- the windows of those that have news ---- */

static void clear_fresh(struct metrics_site *site)
{
    size_t at = 0;
    for (struct metrics_row *row; (row = metrics_table_next(site, &at));) {
        row->fresh = (struct tally){0};
        row->gone = (struct tally){0};
    }
}

static int take_cell(void *ctx, uint32_t queue, int64_t key_s, const struct tally *tally)
{
    const struct refresh *refresh = ctx;
    struct metrics_site *site = refresh->site;
    struct metrics_row *row = row_of(refresh, site, queue);
    if (!row) {
        return STATUS_NO_MEMORY;
    }
    tally_add(!refresh->hours && key_s < site->next_key_s ? &row->gone : &row->fresh, tally);
    return 0;
}

static int take_pending_of(const struct refresh *refresh, struct metrics_site *site, const struct store_pending *item)
{
    struct metrics_row *row = row_of(refresh, site, item->queue);
    if (!row) {
        return STATUS_NO_MEMORY;
    }
    struct tally *to = item->start_s < site->next_s && !refresh->hours ? &row->gone : &row->fresh;
    if (item->now) {
        tally_add_summary(to, item->now);
    }
    if (item->then) {
        tally_subtract_summary(to, item->then);
    }
    return 0;
}

/* There may be very many, after an import: the clock is looked at now and then. */
static int take_pending(void *ctx, const struct store_pending *item)
{
    struct refresh *refresh = ctx;
    struct metrics_site *site = metrics_table_find(refresh->metrics, item->site);
    if (++refresh->pending % LOOK_PENDING == 0 && is_late(refresh)) {
        return STATUS_LATE;
    }
    return site && site->due && item->start_s >= site->window_s ? take_pending_of(refresh, site, item) : 0;
}

static int take_pending_alone(void *ctx, const struct store_pending *item)
{
    const struct refresh *refresh = ctx;
    struct metrics_site *site = refresh->site;
    return item->site == site->registry.number && item->start_s >= site->window_s ? take_pending_of(refresh, site, item)
                                                                                  : 0;
}

/* Days are cut by another zone from now on: what the old window holds is taken from its hours, and becomes base. */
static int settle_window(struct refresh *refresh, struct metrics_site *site)
{
    struct metrics *metrics = refresh->metrics;
    int64_t next_window_s = site->window_s;
    size_t at = 0;
    site->window_s = tally_day_start(&site->days, site->first_key_s);
    site->window_s -= site->window_s % HOUR_S;
    refresh->hours = true;
    clear_fresh(site);
    int status = store_view_pending(refresh->view, site->window_s, INT64_MAX, take_pending_alone, refresh, NULL);
    if (status == 0) {
        status = tally_cells(refresh->view, &metrics->scratch, site->registry.number, STORE_HOUR, site->window_s,
                             take_cell, refresh);
    }
    refresh->hours = false;
    site->window_s = next_window_s;
    for (struct metrics_row *row; status == 0 && (row = metrics_table_next(site, &at));) {
        row->now = row->fresh;
    }
    return status;
}

static void accumulate(struct tally *tally)
{
    for (int i = 1; i < TALLY_BUCKETS; i++) {
        tally->wait_answered[i] += tally->wait_answered[i - 1];
        tally->wait_abandoned[i] += tally->wait_abandoned[i - 1];
    }
}

/* What was shown stays where what is counted now is less. Of buckets that holds for what they contain together: a wait
 * that a revision moves to another one is still one. */
static void show(struct metrics *metrics, struct metrics_row *row, const struct tally *before)
{
    struct tally value = row->base;
    struct tally old = *before;
    bool lowered = false;
    tally_add(&value, &row->now);
    accumulate(&value);
    accumulate(&old);
    for (int i = 0; i < TALLY_NUMBERS; i++) {
        int64_t number = tally_numbers(&value)[i];
        int64_t *shown = &tally_numbers(&row->shown)[i];
        lowered |= number < tally_numbers(&old)[i];
        *shown = number > *shown ? number : *shown;
    }
    metrics->lowered += lowered;
}

static void keep_window(struct metrics *metrics, struct metrics_site *site, bool recut)
{
    size_t at = 0;
    for (struct metrics_row *row; (row = metrics_table_next(site, &at));) {
        struct tally before = row->base;
        tally_add(&before, &row->now);
        if (recut) {
            tally_add(&row->base, &row->now);
            tally_subtract(&row->base, &row->fresh);
        } else if (site->read) {
            tally_add(&row->base, &row->gone);
        } else if (site->early) {
            tally_subtract(&row->base, &row->fresh);
            tally_subtract(&before, &row->fresh);
        }
        row->now = row->fresh;
        show(metrics, row, &before);
    }
    site->days = site->next_days;
    site->first_key_s = site->next_key_s;
    site->taken = site->contact.taken;
    site->read = true;
    site->due = false;
}

/* Whether the days are still cut as when the look was taken. */
static bool window_holds(const struct refresh *refresh, const struct metrics_site *site)
{
    const struct api_options *options = refresh->metrics->options;
    struct tally_days days;
    tally_days_of(options->store, &site->registry, site->contact.zone, options->zone, &days);
    return strcmp(days.name, site->next_days.name) == 0;
}

static int64_t earliest_window(struct metrics_site *const *sites, size_t count)
{
    int64_t first_s = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (sites[i]->due && sites[i]->window_s < first_s) {
            first_s = sites[i]->window_s;
        }
    }
    return first_s;
}

static int read_site(struct refresh *refresh, struct metrics_site *site)
{
    struct metrics *metrics = refresh->metrics;
    bool recut = site->read && strcmp(site->next_days.name, site->days.name) != 0;
    int64_t from_key_s = site->read && !recut ? site->first_key_s : site->next_key_s;
    refresh->site = site;
    int status =
        tally_cells(refresh->view, &metrics->scratch, site->registry.number, STORE_DAY, from_key_s, take_cell, refresh);
    if (status == 0 && window_holds(refresh, site)) {
        keep_window(metrics, site, recut);
    }
    return status;
}

/* Those that are cut anew come first: their hours are read into the same place as the days after them. */
static int settle_recut(struct refresh *refresh, struct metrics_site *const *sites, size_t count)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        struct metrics_site *site = sites[i];
        refresh->site = site;
        if (site->due && site->read && strcmp(site->next_days.name, site->days.name) != 0) {
            status = settle_window(refresh, site);
        }
        clear_fresh(site);
    }
    return status;
}

static int read_some(struct refresh *refresh, struct metrics_site *const *sites, size_t count)
{
    int status = settle_recut(refresh, sites, count);
    if (status == 0) {
        status =
            store_view_pending(refresh->view, earliest_window(sites, count), INT64_MAX, take_pending, refresh, NULL);
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (sites[i]->due) {
            status = is_late(refresh) ? STATUS_LATE : read_site(refresh, sites[i]);
        }
    }
    return status;
}

static size_t few_with_due(const struct metrics *metrics, size_t from)
{
    size_t to = from;
    for (size_t due = 0; to < metrics->site_count && due < READ_SITES; to++) {
        due += metrics->sites[to]->due;
    }
    return to;
}

static int read_all(struct refresh *refresh)
{
    struct metrics *metrics = refresh->metrics;
    int status = 0;
    for (size_t from = 0; status == 0 && from < metrics->site_count;) {
        size_t to = few_with_due(metrics, from);
        if (earliest_window(metrics->sites + from, to - from) < INT64_MAX) {
            status = store_view_begin(metrics->options->store, &refresh->view);
            if (status == 0) {
                status = read_some(refresh, metrics->sites + from, to - from);
                store_view_end(refresh->view);
            }
        }
        from = to;
    }
    return status;
}

static int read_facts(struct metrics *metrics)
{
    struct store_view *view;
    int status = store_view_begin(metrics->options->store, &view);
    if (status == 0) {
        status = store_view_facts(view, &metrics->facts);
        if (!store_view_damage(view, &metrics->damage)) {
            metrics->damage = (struct kv_loss){.times = 0};
        }
        store_view_end(view);
    }
    return status;
}

int metrics_refresh(struct metrics *metrics, int64_t now_ms, int64_t deadline_ms)
{
    struct refresh refresh = {.metrics = metrics, .now_ms = now_ms, .deadline_ms = deadline_ms};
    int status = list_sites(metrics);
    if (status == 0) {
        status = look_at_all(&refresh);
    }
    if (status == 0) {
        status = read_all(&refresh);
    }
    if (status == 0) {
        status = read_facts(metrics);
    }
    metrics_table_join(metrics);
    return status;
}
