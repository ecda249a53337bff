/* bulletin: what receivers are told, as documents. An item is one piece of news; deliveries hold several. */
#ifndef RINGSIDE_COLLECTOR_ALERT_BULLETIN_H
#define RINGSIDE_COLLECTOR_ALERT_BULLETIN_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/json/json.h"
#include "proto/alert/alert_watch.h"

enum { BULLETIN_VERSION = 1 };

/* A member of "alerts" of the webhook's document; `url` is the dashboard's, empty: none. Returns owned, NULL without
 * memory. */
struct json *bulletin_item(enum alert_news news, const struct alert *alert, bool again, int64_t at_ms, const char *url);

/* {"version", "delivery", "from", "made", "alerts": items}; appended. STATUS_NO_MEMORY. */
int bulletin_webhook(const char *delivery, const char *name, int64_t made_ms, const struct json *items,
                     struct buf *out);

/* Alertmanager's POST /api/v2/alerts. What fires is held to fire until until_ms unless told again. */
int bulletin_alertmanager(const char *name, int64_t until_ms, const struct json *items, struct buf *out);

#endif
