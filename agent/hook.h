/* hook: the program that is run with the news of the site's own alerts, one at a time, each with a time limit. News
 * wait for their turn; when too many do, the oldest that tell of an end make room. Lives on the loop's thread. */
#ifndef RINGSIDE_AGENT_HOOK_H
#define RINGSIDE_AGENT_HOOK_H

#include <stdint.h>

#include "platform/json/json.h"
#include "platform/loop/loop.h"
#include "platform/service/runner.h"

struct hook;

enum { HOOK_WAITING_MAX = 64 };

/* Borrows; `path` is the runner's program. Returns owned. What runs when it is freed ends with the runner. */
int hook_new(struct loop *loop, struct runner *runner, const char *path, int64_t timeout_ms, struct hook **out);
void hook_free(struct hook *hook); /* NULL is fine */

/* `from` is a document of sentry.h, borrowed for the call. */
void hook_run(struct hook *hook, const struct json *from);

#endif
