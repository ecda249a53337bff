#include "tests/unit/net/fake_resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/loop/loop.h"

/* The names that the linker's --wrap gives them. */
int instead_of_start(struct loop *loop, const char *host, loop_resolve_fn fn, void *ctx,
                     struct loop_resolve **out) __asm__("__wrap_loop_resolve_start");
void instead_of_stop(struct loop_resolve *resolve) __asm__("__wrap_loop_resolve_stop");

struct loop_resolve {
    struct loop_timer *timer;
    loop_resolve_fn fn;
    void *ctx;
};

static struct loop_address found[32];
static size_t found_count;

void fake_resolve_set(const char *addresses)
{
    int used = 0;
    found_count = 0;
    while (sscanf(addresses, "%63s%n", found[found_count].text, &used) == 1) {
        addresses += used;
        found_count++;
    }
}

static void on_timer(void *ctx)
{
    struct loop_resolve *resolve = ctx;
    if (found_count > 0) {
        resolve->fn(resolve->ctx, 0, found, found_count);
    }
}

__attribute__((used)) int instead_of_start(struct loop *loop, const char *host, loop_resolve_fn fn, void *ctx,
                                           struct loop_resolve **out)
{
    (void)host;
    struct loop_resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve) {
        return STATUS_NO_MEMORY;
    }
    *resolve = (struct loop_resolve){.fn = fn, .ctx = ctx};
    int status = loop_timer_start(loop, 0, 0, on_timer, resolve, &resolve->timer);
    *out = resolve;
    return status;
}

__attribute__((used)) void instead_of_stop(struct loop_resolve *resolve)
{
    if (resolve) {
        loop_timer_stop(resolve->timer);
        free(resolve);
    }
}
