/* ask: where a report's document comes from: the running agent, or a ledger on disk. */
#ifndef RINGSIDE_AGENT_CLI_ASK_H
#define RINGSIDE_AGENT_CLI_ASK_H

#include <stdint.h>

#include "agent/cli/options.h"
#include "agent/ledger/ledger.h"
#include "platform/base/buf.h"
#include "platform/json/json.h"

/* 0 and an owned document; STATUS_INVALID when the agent calls the request wrong, else another failure: with
 * why->text in any case. */
int ask_agent(const struct cli_options *options, struct json **out, struct query_why *why);
int ask_ledger(const char *dir, const struct query *query, int64_t now_ms, struct json **out, struct query_why *why);

/* The options as "name=value", one behind the other in `items`; the slices, CLI_ITEMS_MAX of them, point there.
 * STATUS_NO_MEMORY. */
int ask_items(const struct cli_options *options, struct buf *items, struct slice *slices);

/* Says what became of a request to the agent, an outcome of fetch.h or a failure; returns the failure it amounts to. */
int ask_explain(const struct cli_options *options, int status, struct query_why *why);

/* Returns owned; on failure why->text names the directory. */
int ask_open_ledger(const char *dir, struct ledger **out, struct query_why *why);

/* The time zone of the site whose ledger it is; false when it cannot be told. */
bool ask_ledger_zone(const char *dir, char *out, size_t size);

#endif
