/* loop_internal: what the files of the loop room share. */
#ifndef RINGSIDE_PLATFORM_LOOP_LOOP_INTERNAL_H
#define RINGSIDE_PLATFORM_LOOP_LOOP_INTERNAL_H

#include <uv.h>

#include "platform/loop/loop.h"

struct loop {
    uv_loop_t uv;
    struct loop_resolve *resolves; /* those not stopped yet: each shares its lookup with a thread */
};

int loop_status(int error); /* libuv's error as ours */

/* Closes a watch, which has its libuv handle first and itself as the handle's data, and frees it when libuv has let go
 * of it. Twice is fine. */
void loop_close(void *watch);

#endif
