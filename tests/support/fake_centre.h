/* fake_centre: a store and a registry in memory, to link a stage against in place of rs_store and rs_registry.
 * Intervals have what they hold now and what the cells contain of them; cells are added up plainly, once, when first
 * asked for. Any broken promise ends the program. */
#ifndef RINGSIDE_TESTS_SUPPORT_FAKE_CENTRE_H
#define RINGSIDE_TESTS_SUPPORT_FAKE_CENTRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/registry/registry.h"
#include "collector/store/store.h"

enum { FAKE_CENTRE_SITES = 16, FAKE_CENTRE_QUEUES = 256, FAKE_CENTRE_GAPS = 16 };

struct fake_item {
    uint32_t site;
    uint32_t queue;
    int64_t start_s;
    uint32_t interval_s;
    struct summary now;
    struct summary then;
    bool has_now;
    bool has_then; /* the cells contain it */
    bool pending;
};

struct fake_cell {
    store_scope scope;
    int grain;
    int64_t key_s;
    uint32_t queue;
    struct buf stored;
};

struct store {
    struct registry_site sites[FAKE_CENTRE_SITES]; /* site n at n - 1 */
    size_t site_count;
    const char *group_names[FAKE_CENTRE_SITES]; /* group n at n - 1 */
    store_scope groups[FAKE_CENTRE_SITES];      /* as the cells are grouped */
    const char *day_zones[FAKE_CENTRE_SITES];   /* by which a site's days are cut; NULL: it has none */
    const char *centre_day_zone;                /* those of groups and of all */
    bool grouping_unknown;
    struct store_contact contacts[FAKE_CENTRE_SITES];
    bool has_contact[FAKE_CENTRE_SITES];
    struct queue_settings settings[FAKE_CENTRE_SITES][FAKE_CENTRE_QUEUES];
    bool has_settings[FAKE_CENTRE_SITES][FAKE_CENTRE_QUEUES];
    struct store_gap gaps[FAKE_CENTRE_GAPS];
    uint32_t gap_sites[FAKE_CENTRE_GAPS];
    size_t gap_count;
    char queues[FAKE_CENTRE_QUEUES][32]; /* queue n at n */
    size_t queue_count;
    struct fake_item *items; /* by site, start, queue */
    size_t count;
    size_t cap;
    struct fake_cell *cells; /* by scope, grain, key, queue */
    size_t cell_count;
    size_t cell_cap;
    bool built;
    uint64_t interval_reads; /* what was handed out, to see which way was taken */
    uint64_t hour_reads;
    uint64_t day_reads;
};

struct store *fake_centre_new(void);
void fake_centre_free(struct store *centre);
struct registry *fake_centre_registry(struct store *centre);

/* Number of the new site, joined; group 0: none. */
uint32_t fake_centre_site(struct store *centre, const char *id, uint32_t group, const char *zone);
uint32_t fake_centre_queue(struct store *centre, const char *name);

/* Items in ascending order of site, start and queue. The summaries are filled in by the caller, who sets the flags. */
struct fake_item *fake_centre_add(struct store *centre, uint32_t site, int64_t start_s, uint32_t queue,
                                  uint32_t interval_s);

#endif
