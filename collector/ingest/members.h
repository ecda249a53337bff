/* members: which group a site is in and by which zone its days are cut, as the store's cells have it, and bringing the
 * store in line when the registry says otherwise. The clerk's thread alone. */
#ifndef RINGSIDE_COLLECTOR_INGEST_MEMBERS_H
#define RINGSIDE_COLLECTOR_INGEST_MEMBERS_H

#include "collector/registry/registry.h"
#include "collector/store/store_write.h"

struct members;

int members_new(struct registry *registry, struct store *store, const char *centre_zone, struct members **out);
void members_free(struct members *members);

/* The site's zone as its agent says, for sites whose registry record names none. */
void members_tell_zone(struct members *members, uint32_t site, const char *zone);

/* Compares registry and store, and regroups, recuts and removes where they differ. Not within a transaction. */
int members_update(struct members *members, int64_t now_ms);

/* The same for the sites alone that told another zone. Each is brought in line at once, and then not again for ten
 * minutes. members_stale(): there may be some, and it is time to look. */
bool members_stale(const struct members *members, int64_t now_ms);
int members_settle_stale(struct members *members, int64_t now_ms);

bool members_gone(const struct members *members, uint32_t site); /* removed, with all its data */

const struct store_layout *members_layout(const struct members *members); /* borrowed */

#endif
