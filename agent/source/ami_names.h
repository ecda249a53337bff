/* ami_names: texts that many things share, kept as long as one of them does. Number 0 is the empty text. */
#ifndef RINGSIDE_AGENT_SOURCE_AMI_NAMES_H
#define RINGSIDE_AGENT_SOURCE_AMI_NAMES_H

#include <stdint.h>

#include "agent/source/ami_index.h"
#include "platform/base/slice.h"

enum { AMI_NAME_MAX = 255 }; /* longer ones are cut */

struct ami_names {
    struct ami_pool items;
    struct ami_index index;
    uint64_t seed;
};

int ami_names_init(struct ami_names *names, uint64_t seed); /* 0 or STATUS_NO_MEMORY */
void ami_names_deinit(struct ami_names *names);

/* One holder more; *out is 0 for an empty text. 0 or STATUS_NO_MEMORY. */
int ami_names_hold(struct ami_names *names, struct slice text, uint32_t *out);
void ami_names_release(struct ami_names *names, uint32_t name);

uint32_t ami_names_find(const struct ami_names *names, struct slice text); /* 0 when nobody holds it */
struct slice ami_names_text(const struct ami_names *names, uint32_t name); /* borrowed while it is held */

#endif
