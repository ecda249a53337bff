/* grow: arrays that double. */
#ifndef RINGSIDE_PLATFORM_BASE_GROW_H
#define RINGSIDE_PLATFORM_BASE_GROW_H

#include <stddef.h>

/* Room for one item more behind `count` items: the array as it is while count < *cap, else moved to a larger one with
 * *cap raised. NULL when out of memory: then array and *cap are as before and still the caller's. Pass NULL and 0 to
 * begin; end with free(). */
void *grow_array(void *array, size_t count, size_t *cap, size_t item_bytes);

#endif
