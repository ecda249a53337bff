#include "agent/cli/options.h"

#include <stdio.h>
#include <string.h>

#include "platform/base/status.h"
#include "proto/paths.h"

static const char help_text[] = "usage: ringside COMMAND [OPTION]...\n"
                                "\n"
                                "  watch              the branch live, full screen: queues, callers, operators\n"
                                "  live               the same once; with --format json for programs\n"
                                "  status             how the agent is, and what to do about it\n"
                                "  queues             every queue now and today\n"
                                "  operators          who answered calls today, and who is on one\n"
                                "  calls              open calls, and those that ended in the last hour\n"
                                "  kpi                figures of any span\n"
                                "  alerts             what the site's own rules find (`alert` in agent.conf)\n"
                                "  ledger check       verify every record of a ledger (with --ledger)\n"
                                "  help, version\n"
                                "\n"
                                "where from\n"
                                "  --agent URL        ask the agent there (default $RINGSIDE_AGENT, else\n"
                                "                     " PATHS_DEFAULT_AGENT ")\n"
                                "  --ledger DIR       read a ledger without its agent\n"
                                "  --zone NAME        with --ledger: time zone of days and hours, for example\n"
                                "                     Europe/Madrid (default: the site's)\n"
                                "\n"
                                "what\n"
                                "  --from T --to T    2026-11-21T10:00:00Z, 2026-11-21, 10:00, now, today,\n"
                                "                     yesterday, this-week, last-week, this-month, last-month,\n"
                                "                     90m, 24h, 7d (that long ago) (kpi, calls, operators)\n"
                                "  --queue NAME       only this queue; may come again (kpi, calls, queues,\n"
                                "                     watch, live)\n"
                                "  --by LIST          queue, total, interval, hour, day       (kpi, operators\n"
                                "                     without total)\n"
                                "  --service-level D  threshold, such as 20s                  (kpi)\n"
                                "  --service-level-method NAME   asterisk_sl, amazon, ...     (kpi)\n"
                                "  --short-abandon D  waits up to this are short, such as 5s  (kpi)\n"
                                "  --bins yes         durations with their whole distribution  (kpi, JSON)\n"
                                "  --limit N          at most so many calls                   (calls, live)\n"
                                "\n"
                                "how\n"
                                "  --format table|json|csv\n"
                                "\n"
                                "Exit status: 0 ok, 1 failed, 2 wrong usage. Colours only on a terminal and not\n"
                                "with NO_COLOR set.\n";

const char *options_help(void)
{
    return help_text;
}

/* What is wrong: words around the culprit, which is cut to a line's worth. */
static int usage(struct query_why *why, const char *before, const char *culprit, const char *after)
{
    (void)snprintf(why->text, sizeof why->text, "%s%.40s%s", before, culprit, after);
    return STATUS_INVALID;
}

/* Options that go to the report as they are: "--service-level" is its "service_level". */
static const char *query_name(const char *option)
{
    static const char *const names[][2] = {
        {"from", PATHS_QUERY_FROM},
        {"to", PATHS_QUERY_TO},
        {"queue", PATHS_QUERY_QUEUE},
        {"by", PATHS_QUERY_BY},
        {"service-level", PATHS_QUERY_SERVICE_LEVEL},
        {"service-level-method", PATHS_QUERY_SERVICE_LEVEL_METHOD},
        {"short-abandon", PATHS_QUERY_SHORT_ABANDON},
        {"limit", PATHS_QUERY_LIMIT},
        {"bins", PATHS_QUERY_BINS},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(option, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return NULL;
}

static int take_format(struct cli_options *options, const char *value, struct query_why *why)
{
    static const struct {
        const char *name;
        enum render_format format;
    } formats[] = {{"table", RENDER_TABLE}, {"json", RENDER_JSON}, {"csv", RENDER_CSV}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(value, formats[i].name) == 0) {
            options->format = formats[i].format;
            return 0;
        }
    }
    return usage(why, "--format '", value, "' is not allowed; allowed: table, json, csv");
}

static int take_option(struct cli_options *options, const char *name, const char *value, struct query_why *why)
{
    const char *item = query_name(name);
    if (item) {
        if (options->item_count == CLI_ITEMS_MAX) {
            return usage(why, "too many options", "", "");
        }
        options->items[options->item_count++] = (struct cli_item){item, value};
        return 0;
    }
    if (strcmp(name, "format") == 0) {
        return take_format(options, value, why);
    }
    if (strcmp(name, "agent") == 0) {
        options->agent = value;
    } else if (strcmp(name, "ledger") == 0) {
        options->ledger = value;
    } else {
        options->zone = value;
    }
    return 0;
}

static bool is_option(const char *name)
{
    static const char *const own[] = {"format", "agent", "ledger", "zone"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (strcmp(name, own[i]) == 0) {
            return true;
        }
    }
    return query_name(name) != NULL;
}

/* "--name value" or "--name=value" at argv[*at], which moves on to the last argument used. */
static int take_argument(int argc, char *const *argv, int *at, struct cli_options *options, struct query_why *why)
{
    char name[32];
    const char *text = argv[*at] + 2;
    size_t len = strcspn(text, "=");
    if (len < sizeof name) {
        memcpy(name, text, len);
        name[len] = 0;
    }
    if (len >= sizeof name || !is_option(name)) {
        return usage(why, "unknown option '", argv[*at], "'; see `ringside help`");
    }
    if (text[len] == '=') {
        return take_option(options, name, text + len + 1, why);
    }
    if (*at + 1 >= argc) {
        return usage(why, "--", name, " needs a value");
    }
    return take_option(options, name, argv[++*at], why);
}

struct words {
    const char *at[3];
    int count;
};

static int take_command(struct cli_options *options, const struct words *words, struct query_why *why)
{
    const char *first = words->count > 0 ? words->at[0] : "";
    bool check = words->count == 2 && strcmp(first, "ledger") == 0 && strcmp(words->at[1], "check") == 0;
    if (strcmp(first, "help") == 0) {
        options->command = CLI_HELP;
        return 0;
    }
    if (strcmp(first, "version") == 0) {
        options->command = CLI_VERSION;
    } else if (strcmp(first, "watch") == 0) {
        options->command = CLI_WATCH;
    } else if (check) {
        options->command = CLI_CHECK;
    } else if (strcmp(first, "ledger") == 0) {
        return usage(why, "ledger knows only: ledger check --ledger DIR", "", "");
    } else {
        options->kind = query_kind_find(slice_str(first));
        if (options->kind == REPORT_KIND_COUNT) {
            return usage(why, "unknown command '", first, "'; see `ringside help`");
        }
    }
    if (words->count > 1 && !check) {
        return usage(why, "unexpected '", words->at[1], "' behind the command; see `ringside help`");
    }
    return 0;
}

static int check_together(const struct cli_options *options, struct query_why *why)
{
    if (options->command == CLI_CHECK && !options->ledger) {
        return usage(why, "ledger check needs --ledger DIR", "", "");
    }
    if (options->zone && !options->ledger) {
        return usage(why, "--zone goes with --ledger; an agent answers in its site's zone", "", "");
    }
    if (options->command == CLI_CHECK && (options->item_count > 0 || options->format != RENDER_TABLE)) {
        return usage(why, "ledger check takes only --ledger", "", "");
    }
    if (options->command == CLI_REPORT && options->kind == REPORT_ALERTS && options->ledger) {
        return usage(why, "alerts asks the agent: alerts live in the daemon, a ledger alone does not know them", "",
                     "");
    }
    if (options->command == CLI_WATCH && options->ledger) {
        return usage(why, "watch asks the agent; a ledger alone does not know what is happening now", "", "");
    }
    if (options->command == CLI_WATCH && options->format != RENDER_TABLE) {
        return usage(why, "watch is for people; `ringside live --format json` prints the same for programs", "", "");
    }
    for (size_t i = 0; options->command == CLI_WATCH && i < options->item_count; i++) {
        if (strcmp(options->items[i].name, PATHS_QUERY_QUEUE) != 0) {
            return usage(why, "watch takes only --agent and --queue", "", "");
        }
    }
    return 0;
}

int options_parse(int argc, char *const *argv, const char *agent_default, struct cli_options *out,
                  struct query_why *why)
{
    struct cli_options options = {.agent = agent_default && *agent_default ? agent_default : PATHS_DEFAULT_AGENT};
    struct words words = {.count = 0};
    int status = 0;
    for (int at = 1; status == 0 && at < argc; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
            words = (struct words){.at = {"help"}, .count = 1};
            break;
        }
        if (strcmp(argv[at], "--version") == 0) {
            words = (struct words){.at = {"version"}, .count = 1};
            break;
        }
        if (strncmp(argv[at], "--", 2) == 0 && argv[at][2]) {
            status = take_argument(argc, argv, &at, &options, why);
        } else if (argv[at][0] == '-') {
            status = usage(why, "unknown option '", argv[at], "'; see `ringside help`");
        } else if (words.count == 3) {
            status = usage(why, "'", argv[at], "' is too much; see `ringside help`");
        } else {
            words.at[words.count++] = argv[at];
        }
    }
    if (status == 0 && words.count == 0) {
        status =
            usage(why, "what shall it be? watch, status, queues, operators, calls, kpi or alerts; see `ringside help`",
                  "", "");
    }
    if (status == 0) {
        status = take_command(&options, &words, why);
    }
    if (status == 0) {
        status = check_together(&options, why);
    }
    if (status == 0) {
        *out = options;
    }
    return status;
}
