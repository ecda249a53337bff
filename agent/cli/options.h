/* options: the command line of `ringside`, read. */
#ifndef RINGSIDE_AGENT_CLI_OPTIONS_H
#define RINGSIDE_AGENT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/report/query.h"
#include "proto/report/render.h"

enum cli_command { CLI_REPORT, CLI_WATCH, CLI_CHECK, CLI_HELP, CLI_VERSION };

enum { CLI_ITEMS_MAX = QUERY_QUEUES_MAX + 16 };

struct cli_item {
    const char *name; /* as in proto/paths.h */
    const char *value;
};

/* Everything is borrowed from argv and the environment. */
struct cli_options {
    enum cli_command command;
    enum report_kind kind;
    const char *agent;  /* URL */
    const char *ledger; /* directory; NULL: ask the agent */
    const char *zone;   /* NULL: the system's */
    enum render_format format;
    struct cli_item items[CLI_ITEMS_MAX];
    size_t item_count;
};

/* STATUS_INVALID with one line in why->text. */
int options_parse(int argc, char *const *argv, const char *agent_default, struct cli_options *out,
                  struct query_why *why);

/* The text of `ringside help`. */
const char *options_help(void);

#endif
