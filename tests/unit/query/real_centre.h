/* real_centre: an empty store and registry in directories of their own, to be filled and asked. */
#ifndef RINGSIDE_TESTS_UNIT_QUERY_REAL_CENTRE_H
#define RINGSIDE_TESTS_UNIT_QUERY_REAL_CENTRE_H

#include "collector/query/kpi_scope.h"
#include "collector/store/store_write.h"
#include "tests/support/temp_dir.h"

#define REAL_CENTRE_NOW_MS INT64_C(1795284900000) /* 2026-11-21 18:15 UTC */

struct real_centre {
    struct temp_dir store_dir;
    struct temp_dir registry_dir;
    struct store *store;
    struct registry *registry;
    struct kpi_centre centre; /* in UTC */
};

void real_centre_open(struct real_centre *real);
void real_centre_close(struct real_centre *real);

uint32_t real_centre_join(struct real_centre *real, const char *id, const char *group); /* its number */

/* Of a site that speaks every quarter of an hour and was online then. */
struct store_contact real_centre_contact(int64_t seen_ms);

#endif
