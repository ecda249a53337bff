/* kpi_missing: what the centre knows that it does not know: gaps that sites told of, sites that are silent, and
 * summaries that still wait at a site. */
#ifndef RINGSIDE_COLLECTOR_QUERY_KPI_MISSING_H
#define RINGSIDE_COLLECTOR_QUERY_KPI_MISSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/query/kpi_scope.h"
#include "collector/store/store.h"
#include "platform/json/json.h"

/* How long after its last word a site counts as silent (agents without the live view speak every five minutes), and how
 * old a moment is when all of it has arrived. */
enum { KPI_MISSING_SILENT_S = 660, KPI_MISSING_SETTLED_S = 120, KPI_MISSING_GAPS_LISTED = 1000 };

struct kpi_missing_span {
    uint32_t site;
    int64_t from_ms;
    int64_t to_ms;
};

struct kpi_missing_gap {
    uint32_t site;
    struct store_gap gap;
};

struct kpi_missing {
    const struct kpi_scope *scope;
    int64_t from_s;
    int64_t to_s;
    int64_t known_s;                /* up to here everything of every site could be known */
    struct kpi_missing_span *spans; /* by site, then time */
    size_t count;
    size_t cap;
    struct kpi_missing_span *joined; /* of all sites, by time, without overlap */
    size_t joined_count;
    struct kpi_missing_gap *gaps; /* the first ones */
    size_t gap_count;
    size_t gap_cap;
    size_t gaps_left_out;
};

int kpi_missing_gather(const struct kpi_scope *scope, struct store_view *view, int64_t from_s, int64_t to_s,
                       struct kpi_missing *out); /* deinit in any case */
void kpi_missing_deinit(struct kpi_missing *missing);

/* Whether something of [from_s, to_s) is missing; of one site, or (0) of any. What is over needs a word from each site
 * since; for what still runs it is enough that no site is silent. */
bool kpi_missing_touches(const struct kpi_missing *missing, uint32_t site, int64_t from_s, int64_t to_s);

/* Whether all that happened until then has had time to arrive: only then must what waits agree with the books. */
bool kpi_missing_settled(const struct kpi_missing *missing, uint32_t site, int64_t to_s);

/* Whether the site owes a word for too long. */
bool kpi_missing_is_silent(const struct kpi_site *site);

/* gaps[], silent[], behind[] */
void kpi_missing_put(const struct kpi_missing *missing, struct json *out);

#endif
