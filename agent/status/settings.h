/* settings: what a queue of the ledger is called and judged by. Inside the status stage only. */
#ifndef RINGSIDE_AGENT_STATUS_SETTINGS_H
#define RINGSIDE_AGENT_STATUS_SETTINGS_H

#include <stdint.h>

#include "agent/ledger/ledger.h"
#include "platform/json/json.h"
#include "proto/report/query.h"

void settings_put_label(struct json *map, struct ledger_view *view, uint32_t queue); /* "label", where one is set */
void settings_put_queue(struct json *map, struct ledger_view *view, uint32_t queue); /* "queue" and "label" */

/* The settings that hold for a queue, the query's wishes first. */
struct queue_settings settings_of(struct ledger_view *view, uint32_t queue, const struct query *query);

#endif
