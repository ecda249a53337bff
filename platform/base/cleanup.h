/* cleanup: free by scope. CLEANUP(fn) on a pointer variable calls fn(&variable) when it goes out of scope
 * (a GCC and Clang extension; the tree is built as gnu11 for it). */
#ifndef RINGSIDE_PLATFORM_BASE_CLEANUP_H
#define RINGSIDE_PLATFORM_BASE_CLEANUP_H

#include <stdlib.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void cleanup_free(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

#endif
