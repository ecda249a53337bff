#include "agent/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "agent/cli/ask.h"
#include "agent/cli/options.h"
#include "agent/cli/watch.h"
#include "agent/ledger/ledger.h"
#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/json/json.h"
#include "platform/time/zone.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int complain(const struct cli_world *world, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(const struct cli_world *world, int code, const char *format, ...)
{
    va_list args;
    (void)fputs("ringside: ", world->err);
    va_start(args, format);
    (void)vfprintf(world->err, format, args);
    va_end(args);
    (void)fputc('\n', world->err);
    return code;
}

/* Whoever reads our output may have had enough of it (`| head`): then there is nobody to tell. */
static int output_failed(const struct cli_world *world)
{
    return errno == EPIPE ? EXIT_FAILED : complain(world, EXIT_FAILED, "the output could not be written");
}

static int write_out(const struct cli_world *world, const struct buf *text)
{
    size_t written = text->len ? fwrite(text->data, 1, text->len, world->out) : 0;
    if (written != text->len || fflush(world->out) != 0) {
        return output_failed(world);
    }
    return EXIT_OK;
}

/* The query is checked before anybody is asked; an option's complaint then names it as it was typed. */
static int check_query(const struct cli_options *options, const struct cli_world *world, struct query *query)
{
    struct query_why why;
    query_init(query, options->kind);
    for (size_t i = 0; i < options->item_count; i++) {
        const char *name = options->items[i].name;
        const char *value = options->items[i].value;
        if (query_take(query, slice_str(name), slice_str(value), world->now_ms, &why) != 0) {
            size_t len = strlen(name);
            char typed[64] = "";
            for (size_t c = 0; c < len && c < sizeof typed - 1; c++) {
                typed[c] = name[c] == '_' ? '-' : name[c];
            }
            return strncmp(why.text, name, len) == 0 && why.text[len] == ' '
                       ? complain(world, EXIT_USAGE, "--%s%s", typed, why.text + len)
                       : complain(world, EXIT_USAGE, "--%s: %s", typed, why.text);
        }
    }
    return query_check(query, &why) == 0 ? EXIT_OK : complain(world, EXIT_USAGE, "%s", why.text);
}

static int run_report(const struct cli_options *options, const struct cli_world *world)
{
    struct query query;
    struct query_why why = {""};
    CLEANUP(json_cleanup) struct json *document = NULL;
    int code = check_query(options, world, &query);
    if (code != EXIT_OK) {
        return code;
    }
    int status = options->ledger ? ask_ledger(options->ledger, &query, world->now_ms, &document, &why)
                                 : ask_agent(options, &document, &why);
    if (status != 0) {
        return complain(world, status == STATUS_INVALID ? EXIT_USAGE : EXIT_FAILED, "%s", why.text);
    }
    struct buf text = BUF_INIT;
    const struct render_style style = {.width = world->width, .colour = world->colour, .indent = true};
    status = render(options->kind, options->format, document, &style, &text);
    code = status == 0 ? write_out(world, &text) : complain(world, EXIT_FAILED, "%s", status_str(status));
    buf_deinit(&text);
    return code;
}

static int run_watch(const struct cli_options *options, const struct cli_world *world)
{
    struct query_why why = {""};
    if (!world->terminal) {
        return complain(world, EXIT_USAGE,
                        "watch needs a terminal; `ringside queues` prints once, `ringside live --format json` is for "
                        "programs");
    }
    int status = watch_run(options, world->colour, &why);
    return status == 0 ? EXIT_OK : complain(world, status == STATUS_INVALID ? EXIT_USAGE : EXIT_FAILED, "%s", why.text);
}

static void print_defect(void *ctx, const char *line)
{
    const struct cli_world *world = ctx;
    (void)fprintf(world->out, "%s\n", line);
}

static int run_check(const struct cli_options *options, const struct cli_world *world)
{
    struct ledger *ledger = NULL;
    struct query_why why;
    struct ledger_check_result result = {0};
    struct cli_world printing = *world;
    int status = ask_open_ledger(options->ledger, &ledger, &why);
    if (status != 0) {
        return complain(world, EXIT_FAILED, "%s", why.text);
    }
    status = ledger_check(ledger, print_defect, &printing, &result);
    ledger_close(ledger);
    if (status < 0) {
        return complain(world, EXIT_FAILED, "%s: %s", options->ledger, status_str(status));
    }
    (void)fprintf(world->out,
                  "%" PRIu64 " records, %" PRIu64 " calls, %" PRIu64 " intervals: %" PRIu64 " defects, %" PRIu64
                  " intervals out of balance\n",
                  result.records, result.legs, result.intervals, result.defects, result.unbalanced);
    if (fflush(world->out) != 0) {
        return output_failed(world);
    }
    return status > 0 || result.defects > 0 || result.unbalanced > 0 ? EXIT_FAILED : EXIT_OK;
}

static int print_text(const struct cli_world *world, const char *text)
{
    bool bad = fputs(text, world->out) < 0 || fflush(world->out) != 0;
    return bad ? output_failed(world) : EXIT_OK;
}

/* As asked for; else that of the site whose ledger is read, where this machine knows it; else the machine's own. */
static bool set_zone(const struct cli_options *options)
{
    char site_zone[65];
    if (options->zone) {
        return zone_set(options->zone) == 0;
    }
    bool known = options->ledger && ask_ledger_zone(options->ledger, site_zone, sizeof site_zone);
    if (!known || zone_set(site_zone) != 0) {
        (void)zone_set("local");
    }
    return true;
}

int cli_run(int argc, char *const *argv, const struct cli_world *world)
{
    struct cli_options options;
    struct query_why why;
    if (options_parse(argc, argv, world->agent, &options, &why) != 0) {
        return complain(world, EXIT_USAGE, "%s", why.text);
    }
    if (!set_zone(&options)) {
        return complain(world, EXIT_USAGE, "--zone '%.60s': there is no such time zone", options.zone);
    }
    switch (options.command) {
    case CLI_HELP: return print_text(world, options_help());
    case CLI_VERSION: return print_text(world, "ringside " RINGSIDE_VERSION "\n");
    case CLI_CHECK: return run_check(&options, world);
    case CLI_WATCH: return run_watch(&options, world);
    case CLI_REPORT: return run_report(&options, world);
    }
    return EXIT_FAILED;
}
