#include "collector/query/names_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/query/query_document.h"
#include "collector/query/site_document.h"
#include "collector/query/site_standing.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

/* ---- sites ---- */

struct site_list {
    const struct kpi_scope *scope;
    struct site_document from;
    struct json *sites;
};

static int add_site(void *ctx, const struct registry_site *site)
{
    struct site_list *list = ctx;
    struct site_standing standing;
    const struct kpi_site *member = kpi_scope_find(list->scope, site->number);
    int status = member ? kpi_scope_late(list->scope) : 0;
    if (!member || status != 0) {
        return status;
    }
    struct json *out = json_add_map(list->sites);
    site_document_brief(&list->from, site, out);
    status = site_standing_read(list->from.view, member, &standing);
    site_standing_put(&standing, out);
    return status;
}

int names_query_sites(const struct kpi_centre *centre, int64_t idle_ms, const char *group, struct json **out,
                      struct query_why *why)
{
    struct kpi_scope *scope = NULL;
    struct site_list list = {.from = {.now_ms = centre->now_ms, .idle_ms = idle_ms}};
    int status = kpi_scope_new(centre, group ? KPI_GROUP : KPI_ALL, group, &scope, why);
    status = status == 0 ? store_view_begin(centre->store, &list.from.view) : status;
    struct json *document = query_document_new();
    if (status == 0) {
        list.scope = scope;
        fields_time(document, "as_of", centre->now_ms);
        list.sites = json_put_list(document, "sites");
        status = registry_each(centre->registry, add_site, &list);
    }
    store_view_end(list.from.view);
    kpi_scope_free(scope);
    return query_document_end(status, document, out, why);
}

int names_query_site(const struct kpi_centre *centre, int64_t idle_ms, const char *id, bool whole, struct json **out,
                     struct query_why *why)
{
    struct registry_site site;
    struct site_document from = {.now_ms = centre->now_ms, .idle_ms = idle_ms, .discreet = !whole};
    why->text[0] = '\0';
    int status = registry_find(centre->registry, slice_str(id), &site);
    if (status == STATUS_NOT_FOUND) {
        (void)snprintf(why->text, sizeof why->text, "there is no site '%.64s'", id);
    }
    status = status == 0 ? store_view_begin(centre->store, &from.view) : status;
    struct json *document = query_document_new();
    if (status == 0) {
        site_document_full(&from, &site, document);
    }
    store_view_end(from.view);
    return query_document_end(status, document, out, why);
}

/* ---- groups ---- */

struct group {
    char name[REGISTRY_NAME_MAX + 1];
    int64_t sites;
};

struct group_list {
    struct group *items;
    size_t count;
    size_t cap;
    int64_t ungrouped;
};

static int count_site(void *ctx, const struct registry_site *site)
{
    struct group_list *list = ctx;
    if (site->state == REGISTRY_REMOVED) {
        return 0;
    }
    if (!site->group[0]) {
        list->ungrouped++;
        return 0;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, site->group) == 0) {
            list->items[i].sites++;
            return 0;
        }
    }
    struct group *items = grow_array(list->items, list->count, &list->cap, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    list->items = items;
    struct group *item = &items[list->count++];
    (void)snprintf(item->name, sizeof item->name, "%s", site->group);
    item->sites = 1;
    return 0;
}

static int compare_groups(const void *left, const void *right)
{
    return strcmp(((const struct group *)left)->name, ((const struct group *)right)->name);
}

int names_query_groups(const struct kpi_centre *centre, struct json **out, struct query_why *why)
{
    struct group_list list = {0};
    why->text[0] = '\0';
    int status = registry_each(centre->registry, count_site, &list);
    struct json *document = query_document_new();
    struct json *groups = json_put_list(document, "groups");
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof *list.items, compare_groups);
    }
    for (size_t i = 0; i < list.count; i++) {
        struct json *group = json_add_map(groups);
        json_put_str(group, "group", list.items[i].name);
        json_put_int(group, "sites", list.items[i].sites);
    }
    json_put_int(document, "ungrouped", list.ungrouped);
    free(list.items);
    return query_document_end(status, document, out, why);
}

/* ---- queues ---- */

struct queue {
    struct slice name; /* of the view; empty: nobody told of it */
    int64_t sites;
    bool judged_apart;
    struct queue_settings settings;
};

struct queue_list {
    const struct kpi_scope *scope;
    struct store_view *view;
    uint32_t site;
    struct queue *items; /* by number */
    size_t count;
};

static void join_settings(struct queue *queue, const struct queue_settings *own)
{
    struct queue_settings *shared = &queue->settings;
    if (queue->sites == 1) {
        *shared = *own;
        return;
    }
    queue->judged_apart =
        queue->judged_apart || shared->sl_method != own->sl_method || shared->sl_threshold_ms != own->sl_threshold_ms;
    if (strcmp(shared->label, own->label) != 0) {
        shared->label[0] = '\0';
    }
}

static int take_queue(void *ctx, uint32_t number)
{
    struct queue_list *list = ctx;
    struct queue_settings own;
    int status = kpi_scope_late(list->scope);
    if (status != 0 || !store_view_queue_settings(list->view, list->site, number, &own)) {
        return status;
    }
    struct queue *items = grow_table(list->items, number, &list->count, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    list->items = items;
    items[number].sites++;
    join_settings(&items[number], &own);
    return 0;
}

static int compare_queues(const void *left, const void *right)
{
    const struct slice a = ((const struct queue *)left)->name;
    const struct slice b = ((const struct queue *)right)->name;
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static void put_queue(const struct queue *queue, struct json *out)
{
    json_put_text(out, "queue", queue->name);
    json_put_str(out, "label", queue->settings.label[0] ? queue->settings.label : NULL);
    json_put_int(out, "sites", queue->sites);
    if (queue->judged_apart || queue->settings.sl_method >= SL_METHOD_COUNT) {
        json_put_null(out, "service_level");
        return;
    }
    (void)query_document_level(out, "service_level", &queue->settings);
}

static void put_queues(struct queue_list *list, struct json *out)
{
    for (uint32_t number = 0; number < list->count; number++) {
        bool told = list->items[number].sites > 0;
        list->items[number].name = told ? store_view_queue_name(list->view, number) : slice_make("", 0);
    }
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare_queues);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].name.len > 0) {
            put_queue(&list->items[i], json_add_map(out));
        }
    }
}

int names_query_queues(struct kpi_scope *scope, struct json **out, struct query_why *why)
{
    struct queue_list list = {.scope = scope};
    why->text[0] = '\0';
    struct json *document = query_document_new();
    int status = store_view_begin(scope->centre->store, &list.view);
    for (size_t i = 0; status == 0 && i < scope->count; i++) {
        list.site = scope->sites[i].number;
        status = store_view_queues(list.view, list.site, take_queue, &list);
    }
    if (status == 0) {
        put_queues(&list, json_put_list(document, "queues"));
    }
    store_view_end(list.view);
    free(list.items);
    return query_document_end(status, document, out, why);
}

/* ---- the store ---- */

int names_query_store(const struct kpi_centre *centre, struct json **out, struct query_why *why)
{
    struct store_view *view = NULL;
    struct store_facts facts = {0};
    why->text[0] = '\0';
    int status = store_view_begin(centre->store, &view);
    status = status == 0 ? store_view_facts(view, &facts) : status;
    store_view_end(view);
    struct json *document = query_document_new();
    fields_time(document, "created", facts.created_ms);
    fields_time(document, "committed", facts.committed_ms);
    json_put_int(document, "commits", (int64_t)facts.commits);
    json_put_int(document, "intervals", (int64_t)facts.interval_count);
    json_put_int(document, "pending", (int64_t)facts.pending_count);
    json_put_int(document, "used_bytes", (int64_t)facts.used_bytes);
    json_put_int(document, "file_bytes", (int64_t)facts.file_bytes);
    json_put_int(document, "limit_bytes", (int64_t)facts.limit_bytes);
    return query_document_end(status, document, out, why);
}
