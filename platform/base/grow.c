#include "platform/base/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16, TABLE_STEP = 64 };

void *grow_array(void *array, size_t count, size_t *cap, size_t item_bytes)
{
    if (count < *cap) {
        return array;
    }
    size_t more = *cap ? *cap * 2 : FIRST_CAP;
    if (more <= *cap || more > SIZE_MAX / item_bytes) {
        return NULL;
    }
    void *moved = realloc(array, more * item_bytes);
    if (moved) {
        *cap = more;
    }
    return moved;
}

void *grow_table(void *table, uint32_t number, size_t *count, size_t item_bytes)
{
    if (number < *count) {
        return table;
    }
    size_t more = number < GROW_NUMBERS_MAX ? ((size_t)number / TABLE_STEP + 1) * TABLE_STEP : 0;
    if (more == 0 || more > SIZE_MAX / item_bytes) {
        return NULL;
    }
    uint8_t *moved = realloc(table, more * item_bytes);
    if (moved) {
        memset(moved + *count * item_bytes, 0, (more - *count) * item_bytes);
        *count = more;
    }
    return moved;
}
