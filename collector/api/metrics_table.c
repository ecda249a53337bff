/* The sites and rows: who has a series of its own, and who is joined with others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/metrics_internal.h"
#include "collector/api/metrics_line.h"
#include "platform/base/grow.h"
#include "platform/base/utf8.h"

struct metrics_site *metrics_table_find(const struct metrics *metrics, uint32_t number)
{
    return number < metrics->index_count ? metrics->index[number] : NULL;
}

static struct metrics_site *add_site(struct metrics *metrics, const struct registry_site *registry)
{
    struct metrics_site **index =
        grow_table(metrics->index, registry->number, &metrics->index_count, sizeof(struct metrics_site *));
    if (!index) {
        return NULL;
    }
    metrics->index = index;
    struct metrics_site **sites =
        grow_array(metrics->sites, metrics->site_count, &metrics->site_cap, sizeof(struct metrics_site *));
    if (!sites) {
        return NULL;
    }
    metrics->sites = sites;
    struct metrics_site *site = calloc(1, sizeof *site);
    if (site) {
        site->early = !metrics->started;
        site->apart = metrics->apart_sites < metrics->options->metrics_series_max;
        metrics->apart_sites += site->apart;
        (void)snprintf(site->label, sizeof site->label, "site=\"%s\"", registry->id); /* an id needs no escaping */
        metrics->sites[metrics->site_count++] = site;
        metrics->index[registry->number] = site;
    }
    return site;
}

struct metrics_site *metrics_table_site(struct metrics *metrics, const struct registry_site *registry)
{
    struct metrics_site *site = metrics_table_find(metrics, registry->number);
    site = site ? site : add_site(metrics, registry);
    if (site) {
        site->registry = *registry;
        site->there = true;
    }
    return site;
}

/* ---- rows ---- */

static void free_row(struct metrics_row *row)
{
    if (row) {
        free(row->labels);
        free(row);
    }
}

static char *labels_of(const struct metrics_site *site, struct slice queue)
{
    struct buf labels = BUF_INIT;
    buf_append_str(&labels, site->label);
    buf_append(&labels, ",", 1);
    metrics_line_label(&labels, "queue", queue);
    char *copy = labels.failed ? NULL : strdup(buf_cstr(&labels));
    buf_deinit(&labels);
    return copy;
}

/* A row of a site that is told apart has labels and is listed. */
static struct metrics_row *add_row(struct metrics *metrics, const struct metrics_site *site, struct slice queue)
{
    struct metrics_row *row = calloc(1, sizeof *row);
    if (row) {
        row->live = live_figures_none();
    }
    if (!row || !site->apart) {
        return row;
    }
    struct metrics_row **rows =
        grow_array(metrics->rows, metrics->row_count, &metrics->row_cap, sizeof(struct metrics_row *));
    row->labels = rows ? labels_of(site, queue) : NULL;
    metrics->rows = rows ? rows : metrics->rows;
    if (!row->labels) {
        free_row(row);
        return NULL;
    }
    metrics->rows[metrics->row_count++] = row;
    return row;
}

static size_t place_of(const struct metrics_site *site, uint32_t queue)
{
    size_t low = 0;
    size_t high = site->place_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (site->places[middle].queue < queue) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Names that would be told apart from others only by their bytes, or taken for the joined ones, are joined. */
static bool may_be_apart(const struct metrics *metrics, const struct metrics_site *site, struct slice name)
{
    return site->apart && metrics->apart_rows < metrics->options->metrics_series_max && name.len > 0 &&
           !slice_is(name, METRICS_OTHER) && utf8_valid(name);
}

static struct metrics_row *choose_row(struct metrics *metrics, struct metrics_site *site, struct slice name)
{
    if (may_be_apart(metrics, site, name)) {
        struct metrics_row *row = add_row(metrics, site, name);
        metrics->apart_rows += row != NULL;
        return row;
    }
    if (!site->other) {
        site->other = add_row(metrics, site, slice_str(METRICS_OTHER));
    }
    return site->other;
}

struct metrics_row *metrics_table_row(struct metrics *metrics, struct metrics_site *site, struct slice name,
                                      uint32_t queue)
{
    size_t at = place_of(site, queue);
    if (at < site->place_count && site->places[at].queue == queue) {
        return site->places[at].row;
    }
    struct metrics_place *places = grow_array(site->places, site->place_count, &site->place_cap, sizeof *places);
    if (!places) {
        return NULL;
    }
    site->places = places;
    struct metrics_row *row = choose_row(metrics, site, name);
    if (row) {
        memmove(&places[at + 1], &places[at], (site->place_count - at) * sizeof *places);
        places[at] = (struct metrics_place){queue, row};
        site->place_count++;
        metrics->joined_queues += row == site->other;
    }
    return row;
}

struct metrics_row *metrics_table_next(const struct metrics_site *site, size_t *at)
{
    while (*at < site->place_count) {
        struct metrics_row *row = site->places[(*at)++].row;
        if (row != site->other) {
            return row;
        }
    }
    return (*at)++ == site->place_count ? site->other : NULL;
}

/* ---- what ends ---- */

static void free_site(struct metrics_site *site)
{
    size_t at = 0;
    for (struct metrics_row *row; (row = metrics_table_next(site, &at));) {
        free_row(row);
    }
    free(site->places);
    free(site);
}

static void unlist_rows(struct metrics *metrics, const struct metrics_site *site)
{
    size_t at = 0;
    for (struct metrics_row *row; (row = metrics_table_next(site, &at));) {
        size_t kept = 0;
        for (size_t i = 0; i < metrics->row_count; i++) {
            metrics->rows[kept] = metrics->rows[i];
            kept += metrics->rows[i] != row;
        }
        metrics->row_count = kept;
        metrics->apart_rows -= row != site->other;
    }
}

static void drop_site(struct metrics *metrics, struct metrics_site *site)
{
    for (size_t i = 0; i < site->place_count; i++) {
        metrics->joined_queues -= site->places[i].row == site->other;
    }
    if (site->apart) {
        metrics->apart_sites--;
        unlist_rows(metrics, site);
    } else if (site->other) {
        tally_add(&metrics->others_left, &site->other->shown);
    }
    metrics->index[site->registry.number] = NULL;
    free_site(site);
}

void metrics_table_drop_gone(struct metrics *metrics)
{
    size_t kept = 0;
    for (size_t i = 0; i < metrics->site_count; i++) {
        struct metrics_site *site = metrics->sites[i];
        if (site->there) {
            metrics->sites[kept++] = site;
        } else {
            drop_site(metrics, site);
        }
    }
    metrics->site_count = kept;
}

void metrics_table_join(struct metrics *metrics)
{
    metrics->others.shown = metrics->others_left;
    metrics->others.live = live_figures_none();
    metrics->joined_sites = 0;
    for (size_t i = 0; i < metrics->site_count; i++) {
        const struct metrics_site *site = metrics->sites[i];
        metrics->joined_sites += !site->apart;
        if (!site->apart && site->other) {
            tally_add(&metrics->others.shown, &site->other->shown);
            live_figures_add(&metrics->others.live, &site->other->live);
        }
    }
    if (metrics->joined_sites > 0 && !metrics->others.labels) { /* once told it stays */
        metrics->others.labels = strdup("site=\"" METRICS_OTHER "\",queue=\"" METRICS_OTHER "\"");
    }
}

void metrics_table_free(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->site_count; i++) {
        free_site(metrics->sites[i]);
    }
    free(metrics->others.labels);
    free(metrics->sites);
    free(metrics->index);
    free(metrics->rows);
}
