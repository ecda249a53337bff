/* kv_names: a database whose name is another by one byte, for names have no check of their own. */
#ifndef RINGSIDE_PLATFORM_KV_KV_NAMES_H
#define RINGSIDE_PLATFORM_KV_KV_NAMES_H

#include "platform/kv/kv_repair.h"

/* Whether one of the databases that were found is one of the owner's under a damaged name; damage->what says which. */
bool kv_names_are_wrong(const struct kv_repair_options *options, struct kv_damage *damage);

/* Gives such databases of the environment in `place` their own names back, in *damage too. */
int kv_names_mend(const struct kv_repair_options *options, const char *place, struct kv_damage *damage);

#endif
