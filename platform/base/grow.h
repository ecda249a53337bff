/* grow: arrays that double. */
#ifndef RINGSIDE_PLATFORM_BASE_GROW_H
#define RINGSIDE_PLATFORM_BASE_GROW_H

#include <stddef.h>
#include <stdint.h>

/* Room for one item more behind `count` items: the array as it is while count < *cap, else moved to a larger one with
 * *cap raised. NULL when out of memory: then array and *cap are as before and still the caller's. Pass NULL and 0 to
 * begin; end with free(). */
void *grow_array(void *array, size_t count, size_t *cap, size_t item_bytes);

/* Room for the item of this number in a table that is looked up by small numbers: the table as it is while number <
 * *count, else moved to a larger one, what is new in it zero, with *count raised. NULL when out of memory or for a
 * number of GROW_NUMBERS_MAX or more: then all is as before. Pass NULL and 0 to begin; end with free(). */
enum { GROW_NUMBERS_MAX = 1 << 24 };
void *grow_table(void *table, uint32_t number, size_t *count, size_t item_bytes);

#endif
