/* kpi_scope: who is asked about: a site, a group or all of them, with what each site last said of itself. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_SCOPE_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/registry/registry.h"
#include "collector/store/store.h"
#include "platform/time/zone.h"
#include "proto/report/query.h"

/* Borrowed by whatever is made from it. */
struct kpi_centre {
    struct store *store;
    struct registry *registry;
    const char *zone; /* as configured; "local" and unknown ones count as the machine's own */
    int64_t now_ms;
    uint32_t row_limit; /* 0: KPI_QUERY_ROWS_MAX */
    /* Asked now and then while an answer is made; once it says true the answer is given up with STATUS_LATE. NULL:
     * takes the time it takes. */
    bool (*expired)(void *ctx);
    void *expired_ctx;
};

enum kpi_whose { KPI_SITE, KPI_GROUP, KPI_ALL };

struct kpi_site {
    char id[LIMITS_SITE_MAX + 1];
    uint32_t number;
    bool counts;             /* joined, once at least */
    bool owes;               /* and still expected to send */
    const struct zone *zone; /* its own; NULL: not known */
    char day_zone[64];       /* by which the store cut its days; empty: not known */
    store_scope group;       /* that its cells were added to */
    uint32_t interval_s;
    int64_t known_s;   /* up to here, by its own clock, the centre could know everything */
    int64_t now_s;     /* by its own clock */
    int64_t backlog_s; /* the oldest finished interval that waits at the site; 0: none */
    uint64_t backlog;
    int64_t newest_s; /* end of the newest interval held; 0: none */
};

struct kpi_scope {
    const struct kpi_centre *centre;
    enum kpi_whose whose;
    char name[LIMITS_SITE_MAX + 1];
    store_scope scope;
    struct kpi_site *sites; /* in the order of their ids */
    size_t count;
    size_t cap;
    uint32_t *index; /* by number: position + 1 */
    size_t index_count;
    char day_zone[64];
    bool grouped;    /* the scope's own cells hold just these sites */
    uint32_t grid_s; /* the longest interval of its sites: spans are widened to multiples of it */
};

/* STATUS_NOT_FOUND with why->text written; else a failure as it comes. Returns owned. */
int kpi_scope_new(const struct kpi_centre *centre, enum kpi_whose whose, const char *name, struct kpi_scope **out,
                  struct query_why *why);
/* The same, of one of its sites alone; spans are widened as in the whole. STATUS_NOT_FOUND, STATUS_NO_MEMORY. Returns
 * owned. */
int kpi_scope_narrow(const struct kpi_scope *scope, const char *id, struct kpi_scope **out);
void kpi_scope_free(struct kpi_scope *scope); /* NULL is fine */

/* The zone of days and hours: the one asked for; else the site's own, or that of all sites where they share one; else
 * the centre's. STATUS_NOT_FOUND only for one asked for. */
int kpi_scope_zone(const struct kpi_scope *scope, const char *asked, const struct zone **out, struct query_why *why);

const struct kpi_site *kpi_scope_find(const struct kpi_scope *scope, uint32_t number); /* NULL: not in it */

/* Whether the time given for the answer is over: STATUS_LATE, else 0. Asked of the centre; cheap enough for each
 * record.
 */
int kpi_scope_late(const struct kpi_scope *scope);

/* Whether the store still has groups and days as when the scope was made. */
bool kpi_scope_holds(const struct kpi_scope *scope);

#endif
