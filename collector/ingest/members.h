/* members: which group a site is in and by which zone its days are cut, as the store's cells have it, and bringing the
 * store in line when the registry says otherwise. The clerk's thread alone. */
#ifndef RINGSIDE_COLLECTOR_INGEST_MEMBERS_H
#define RINGSIDE_COLLECTOR_INGEST_MEMBERS_H

#include "collector/registry/registry.h"
#include "collector/store/store_write.h"

struct members;

int members_new(struct registry *registry, struct store *store, const char *centre_zone, struct members **out);
void members_free(struct members *members);

/* The site's zone as its agent says, for sites whose registry record names none. True: that is news. */
bool members_tell_zone(struct members *members, uint32_t site, const char *zone);

/* Compares registry and store, and regroups, recuts and removes where they differ. Not within a transaction. */
int members_update(struct members *members);

const struct store_layout *members_layout(const struct members *members); /* borrowed */

#endif
