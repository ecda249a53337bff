/* intern: strings to small dense ids, for names that repeat (queues, operators, verbs). Ids start at 1 and are
 * handed out in order; 0 means "no name". Not thread safe. */
#ifndef RINGSIDE_PLATFORM_BASE_INTERN_H
#define RINGSIDE_PLATFORM_BASE_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/slice.h"

struct intern;

int intern_new(uint32_t max, struct intern **out); /* at most `max` names; returns owned */
void intern_free(struct intern *names);

/* The id of `name`, added when it is new (the bytes are copied); 0 when it is new and there is no room. */
uint32_t intern_put(struct intern *names, struct slice name);
bool intern_failed(const struct intern *names); /* a name was not taken for want of memory: ever, since intern_new() */
uint32_t intern_find(const struct intern *names, struct slice name); /* 0 when unknown */
struct slice intern_name(const struct intern *names, uint32_t id);   /* empty for 0 or unknown; borrowed, NUL follows */
uint32_t intern_count(const struct intern *names);                   /* ids 1..count exist */

#endif
