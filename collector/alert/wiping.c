#include "collector/alert/wiping.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "platform/tls/secret.h"

void *wiping_malloc(size_t size)
{
    return malloc(size);
}

void *wiping_calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

/* realloc() would leave a copy where the bytes were. */
void *wiping_realloc(void *memory, size_t size)
{
    if (!memory) {
        return malloc(size);
    }
    size_t have = malloc_usable_size(memory);
    void *moved = malloc(size);
    if (moved) {
        memcpy(moved, memory, have < size ? have : size);
        wiping_free(memory);
    }
    return moved;
}

char *wiping_strdup(const char *text)
{
    return strdup(text);
}

void wiping_free(void *memory)
{
    if (memory) {
        secret_wipe(memory, malloc_usable_size(memory));
        free(memory);
    }
}
