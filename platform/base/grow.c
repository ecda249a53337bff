#include "platform/base/grow.h"

#include <stdint.h>
#include <stdlib.h>

enum { FIRST_CAP = 16 };

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
