/* live_site: how a site's queues and operators are now, as it last told: the one place that says what is known of that,
 * how old it is and whether it still holds. */
#ifndef RINGSIDE_COLLECTOR_QUERY_LIVE_SITE_H
#define RINGSIDE_COLLECTOR_QUERY_LIVE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/registry/registry.h"
#include "collector/store/store.h"
#include "platform/json/json.h"

/* -1: not known. */
struct live_figures {
    int64_t waiting;
    int64_t longest_wait_ms; /* of those who wait, grown until now; nobody waits: not known either */
    int64_t talking;
    int64_t held;
    int64_t ready;
    int64_t paused;
    int64_t logged_in;
    int64_t on_call;
};

struct live_row {
    uint32_t queue;
    struct live_figures figures;
};

struct live_site {
    bool tells;        /* else nothing below is known */
    bool stale;        /* silent for too long, gone, or reading what happened long ago: this is how it was */
    int64_t as_of_ms;  /* centre's clock */
    int64_t offset_ms; /* site's clock less ours */
    struct live_figures total;
    struct live_row *rows; /* by number of the queue: all queues that the site told of */
    size_t count;
};

/* Silent for three heartbeats it is gone, whatever was written last: of the site, or of these, where it does not say.
 * What is written lags a little. */
enum { LIVE_HEARTBEAT_S = 30, LIVE_HEARTBEATS = 3, LIVE_WRITTEN_LATE_MS = 10000 };

/* A site that reads its log so late tells of callers who waited then. A lag that is not known (-1) is none. */
enum { LIVE_LAG_MAX_MS = 120000 };

/* 0, STATUS_NO_MEMORY, or a failure of the store. Free with live_site_free() in any case. */
int live_site_read(struct store_view *view, const struct registry_site *site, int64_t now_ms, struct live_site *out);
void live_site_free(struct live_site *live);

/* All figures unknown; and adding what is known, each figure on its own. */
struct live_figures live_figures_none(void);
void live_figures_add(struct live_figures *sum, const struct live_figures *more);

/* Members of a map; what is not known is null. */
void live_figures_put(const struct live_figures *figures, struct json *out);
void live_site_put_age(const struct live_site *live, int64_t now_ms, struct json *out);

#endif
