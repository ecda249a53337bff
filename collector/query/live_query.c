#include "collector/query/live_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "proto/report/fields.h"

/* A row that is among those with the longest waits so far. */
struct candidate {
    struct registry_site site;
    struct live_site live; /* without its rows */
    struct live_row row;
};

struct asking {
    struct store_view *view;
    const struct live_query *query;
    uint32_t queue; /* 0: all */
    struct json *rows;
    struct json *operators; /* NULL: not asked for */
    struct live_figures total;
    int64_t sites;
    int64_t sites_telling;
    int64_t sites_stale;
    int64_t more;
    int status;
    struct candidate *longest; /* in order; NULL: every row is told */
    size_t longest_count;
};

/* Of the site that is being told of. */
struct telling {
    struct asking *asking;
    const struct registry_site *site;
    const struct live_site *live;
};

static struct slice name_of(const struct telling *telling, uint32_t queue)
{
    return store_view_queue_name(telling->asking->view, queue);
}

static void put_name(struct json *out, const char *key, struct slice name)
{
    if (name.len > 0) {
        json_put_text(out, key, name);
    } else {
        json_put_null(out, key);
    }
}

static void add_row(const struct telling *telling, const struct live_row *row)
{
    struct json *out = json_add_map(telling->asking->rows);
    json_put_str(out, "site", telling->site->id);
    json_put_str(out, "group", telling->site->group[0] ? telling->site->group : NULL);
    put_name(out, "queue", name_of(telling, row->queue));
    live_figures_put(&row->figures, out);
    live_site_put_age(telling->live, telling->asking->query->now_ms, out);
}

/* Only among those that wait now, of sites of which that is known. */
static void keep_longest(const struct telling *telling, const struct live_row *row)
{
    struct asking *asking = telling->asking;
    int64_t wait_ms = row->figures.longest_wait_ms;
    size_t max = asking->query->longest;
    size_t place = asking->longest_count;
    if (telling->live->stale || row->figures.waiting <= 0 || wait_ms < 0) {
        return;
    }
    while (place > 0 && asking->longest[place - 1].row.figures.longest_wait_ms < wait_ms) {
        place--;
    }
    if (place == max) {
        return;
    }
    asking->longest_count += asking->longest_count < max;
    struct candidate *item = &asking->longest[place];
    memmove(item + 1, item, (asking->longest_count - place - 1) * sizeof *item);
    *item = (struct candidate){.site = *telling->site, .live = *telling->live, .row = *row};
    item->live.rows = NULL;
    item->live.count = 0;
}

static void add_longest(struct asking *asking)
{
    for (size_t i = 0; i < asking->longest_count; i++) {
        const struct candidate *item = &asking->longest[i];
        const struct telling telling = {asking, &item->site, &item->live};
        add_row(&telling, &item->row);
    }
}

static void add_rows(const struct telling *telling)
{
    struct asking *asking = telling->asking;
    const struct live_site *live = telling->live;
    for (size_t i = 0; i < live->count; i++) {
        const struct live_row *row = &live->rows[i];
        if (asking->queue == 0 || asking->queue == row->queue) {
            (asking->longest ? keep_longest : add_row)(telling, row);
        }
        if (asking->queue == row->queue && !live->stale) {
            live_figures_add(&asking->total, &row->figures);
        }
    }
    if (asking->queue == 0 && !live->stale) {
        live_figures_add(&asking->total, &live->total);
    }
}

static int add_operator(void *ctx, const struct store_live_operator *who)
{
    const struct telling *telling = ctx;
    const struct live_site *live = telling->live;
    struct asking *asking = telling->asking;
    if (asking->queue != 0 && who->queue != asking->queue) {
        return 0;
    }
    struct json *out = json_add_map(asking->operators);
    int64_t since_ms = who->since_ms ? who->since_ms - live->offset_ms : 0;
    int64_t until_ms = live->stale ? live->as_of_ms : asking->query->now_ms;
    json_put_str(out, "site", telling->site->id);
    json_put_str(out, "operator", who->name);
    json_put_str(out, "state", shift_state_names[who->state]);
    fields_time(out, "since", since_ms);
    fields_span(out, "in_state_ms", since_ms == 0 ? -1 : until_ms > since_ms ? until_ms - since_ms : 0);
    put_name(out, "queue", name_of(telling, who->queue));
    json_put_str(out, "reason", who->reason[0] ? who->reason : NULL);
    live_site_put_age(live, asking->query->now_ms, out);
    return 0;
}

static int add_operators(struct telling *telling)
{
    uint32_t more = 0;
    int status = store_view_operators(telling->asking->view, telling->site->number, &more, add_operator, telling);
    telling->asking->more += more;
    return status == STORE_UNTOLD ? 0 : status;
}

static int add_site(struct asking *asking, const struct registry_site *site)
{
    struct live_site live;
    struct telling telling = {asking, site, &live};
    int status = live_site_read(asking->view, site, asking->query->now_ms, &live);
    asking->sites++;
    if (status == 0 && live.tells) {
        asking->sites_telling++;
        asking->sites_stale += live.stale;
        add_rows(&telling);
        status = asking->operators ? add_operators(&telling) : 0;
    }
    live_site_free(&live);
    return status;
}

static int look_at_site(void *ctx, const struct registry_site *site)
{
    struct asking *asking = ctx;
    const char *group = asking->query->group;
    if (site->state != REGISTRY_JOINED || (group && strcmp(site->group, group) != 0)) {
        return 0;
    }
    asking->status = add_site(asking, site);
    return asking->status;
}

static int not_found(struct query_why *why, const char *what, const char *name)
{
    (void)snprintf(why->text, sizeof why->text, "there is no %s '%.64s'", what, name);
    return STATUS_NOT_FOUND;
}

static int ask(struct asking *asking, struct registry *registry, struct query_why *why)
{
    const struct live_query *query = asking->query;
    if (query->queue) {
        asking->queue = store_view_queue_find(asking->view, slice_str(query->queue));
        if (asking->queue == 0) {
            return not_found(why, "queue", query->queue);
        }
    }
    if (query->group && registry_group_find(registry, slice_str(query->group)) == 0) {
        return not_found(why, "group", query->group);
    }
    if (query->site) {
        struct registry_site site;
        int status = registry_find(registry, slice_str(query->site), &site);
        return status == STATUS_NOT_FOUND ? not_found(why, "site", query->site)
               : status != 0              ? status
                                          : add_site(asking, &site);
    }
    int status = registry_each(registry, look_at_site, asking);
    return asking->status != 0 ? asking->status : status;
}

int live_query(struct store_view *view, struct registry *registry, const struct live_query *query, struct json **out,
               struct query_why *why)
{
    struct asking asking = {.view = view, .query = query, .total = live_figures_none()};
    if (query->longest > 0) {
        asking.longest = calloc(query->longest, sizeof *asking.longest);
        if (!asking.longest) {
            return STATUS_NO_MEMORY;
        }
    }
    struct json *document = json_new_map();
    fields_time(document, "as_of", query->now_ms);
    asking.rows = json_put_list(document, "rows");
    struct json *totals = json_put_map(document, "totals");
    asking.operators = query->operators ? json_put_list(document, "operators") : NULL;
    int status = ask(&asking, registry, why);
    add_longest(&asking);
    free(asking.longest);
    if (status < 0) {
        json_free(document);
        return status;
    }
    live_figures_put(&asking.total, totals);
    json_put_int(totals, "sites", asking.sites);
    json_put_int(totals, "sites_telling", asking.sites_telling);
    json_put_int(totals, "sites_stale", asking.sites_stale);
    if (query->operators) {
        json_put_int(document, "operators_more", asking.more);
    }
    *out = document;
    return json_build_failed() ? STATUS_NO_MEMORY : 0;
}
