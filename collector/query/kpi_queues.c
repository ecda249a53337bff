#include "collector/query/kpi_queues.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

enum { WANTED = 1, NOT_WANTED = 2 };

struct kpi_queue {
    struct slice name;
    bool named;
    uint8_t wanted; /* 0: not looked at */
    bool judged;
    struct queue_settings settings; /* shared by all sites of the scope, without what the query wishes */
};

/* NULL when there is no memory for it: then things are looked up each time. */
static struct kpi_queue *kept(struct kpi_queues *queues, uint32_t queue)
{
    struct kpi_queue *items = grow_table(queues->items, queue, &queues->count, sizeof *items);
    if (!items) {
        return NULL;
    }
    queues->items = items;
    return &items[queue];
}

struct slice kpi_queues_name(struct kpi_queues *queues, uint32_t queue)
{
    struct kpi_queue *item = kept(queues, queue);
    if (!item) {
        return store_view_queue_name(queues->view, queue);
    }
    if (!item->named) {
        item->name = store_view_queue_name(queues->view, queue);
        item->named = true;
    }
    return item->name;
}

bool kpi_queues_wants(struct kpi_queues *queues, uint32_t queue)
{
    if (queues->query->queue_count == 0) {
        return true;
    }
    struct kpi_queue *item = kept(queues, queue);
    if (item && item->wanted != 0) {
        return item->wanted == WANTED;
    }
    bool wanted = query_wants_queue(queues->query, kpi_queues_name(queues, queue));
    item = kept(queues, queue);
    if (item) {
        item->wanted = wanted ? WANTED : NOT_WANTED;
    }
    return wanted;
}

int kpi_queues_init(struct kpi_queues *queues, const struct kpi_scope *scope, const struct query *query,
                    struct store_view *view, struct query_why *why)
{
    *queues = (struct kpi_queues){.scope = scope, .query = query, .view = view, .only = UINT32_MAX};
    queues->defaults = fields_default_settings();
    for (size_t i = 0; i < query->queue_count; i++) {
        struct slice name = query->queues[i];
        uint32_t number = store_view_queue_find(view, name);
        if (number == 0) {
            (void)snprintf(why->text, sizeof why->text, "no queue '%.*s' is known here",
                           (int)(name.len > 80 ? 80 : name.len), name.data);
            return STATUS_NOT_FOUND;
        }
        queues->only = query->queue_count == 1 ? number : UINT32_MAX;
    }
    return 0;
}

void kpi_queues_deinit(struct kpi_queues *queues)
{
    free(queues->items);
    queues->items = NULL;
    queues->count = 0;
}

static bool judged_alike(const struct queue_settings *a, const struct queue_settings *b)
{
    return a->sl_method == b->sl_method && a->sl_threshold_ms == b->sl_threshold_ms &&
           a->short_abandon_ms == b->short_abandon_ms;
}

/* Joins what one more site or queue is judged by; false: they do not agree, and `shared` is what everybody gets. */
static bool agree(const struct kpi_queues *queues, struct queue_settings *shared, bool *any,
                  const struct queue_settings *own)
{
    if (!*any) {
        *shared = *own;
        *any = true;
        return true;
    }
    if (strcmp(shared->label, own->label) != 0) {
        shared->label[0] = '\0';
    }
    if (judged_alike(shared, own)) {
        return true;
    }
    *shared = queues->defaults;
    return false;
}

static struct queue_settings settings_of_all(struct kpi_queues *queues, uint32_t queue)
{
    struct queue_settings shared = queues->defaults;
    struct queue_settings own;
    bool any = false;
    bool alike = true;
    for (size_t i = 0; alike && i < queues->scope->count; i++) {
        if (store_view_queue_settings(queues->view, queues->scope->sites[i].number, queue, &own)) {
            alike = agree(queues, &shared, &any, &own);
        }
    }
    return shared;
}

struct queue_settings kpi_queues_settings(struct kpi_queues *queues, uint32_t site, uint32_t queue)
{
    struct queue_settings own;
    if (site != 0) {
        bool told = store_view_queue_settings(queues->view, site, queue, &own);
        return fields_settings(told ? &own : &queues->defaults, queues->query);
    }
    struct kpi_queue *item = kept(queues, queue);
    if (item && item->judged) {
        return fields_settings(&item->settings, queues->query);
    }
    own = settings_of_all(queues, queue);
    if (item) {
        item->settings = own;
        item->judged = true;
    }
    return fields_settings(&own, queues->query);
}

struct agreeing {
    struct kpi_queues *queues;
    uint32_t site;
    struct queue_settings *shared;
    bool *any;
};

/* Ends the walk where they do not agree. */
static int agree_on_queue(void *ctx, uint32_t queue)
{
    const struct agreeing *agreeing = ctx;
    struct kpi_queues *queues = agreeing->queues;
    struct queue_settings own;
    bool told = kpi_queues_wants(queues, queue) && store_view_queue_settings(queues->view, agreeing->site, queue, &own);
    return told && !agree(queues, agreeing->shared, agreeing->any, &own);
}

/* Adds every queue that the site told of. */
static bool agree_on_site(struct agreeing *agreeing, uint32_t site)
{
    agreeing->site = site;
    return store_view_queues(agreeing->queues->view, site, agree_on_queue, agreeing) == 0;
}

struct queue_settings kpi_queues_total_settings(struct kpi_queues *queues, uint32_t site)
{
    const struct query *query = queues->query;
    struct queue_settings shared = queues->defaults;
    bool any = false;
    struct agreeing agreeing = {.queues = queues, .shared = &shared, .any = &any};
    bool asked = query->sl_method != SL_METHOD_COUNT && query->sl_threshold_ms >= 0 && query->short_abandon_ms >= 0;
    bool alike = !asked;
    for (size_t i = 0; alike && i < queues->scope->count; i++) {
        uint32_t number = queues->scope->sites[i].number;
        alike = (site != 0 && number != site) || agree_on_site(&agreeing, number);
    }
    shared.label[0] = '\0';
    return fields_settings(&shared, query);
}
