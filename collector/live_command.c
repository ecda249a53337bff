#include "collector/live_command.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collector/live_text.h"
#include "collector/options.h"
#include "collector/place.h"
#include "collector/query/live_query.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/time/zone.h"

enum { DEFAULT_WIDTH = 80, JSON_INDENT = 2 };

static const char help_text[] = "usage: ringside-collector [-c FILE] live [OPTION]...\n"
                                "\n"
                                "What is happening at the sites now: a row for each queue of each.\n"
                                "\n"
                                "  --site ID | --group NAME | --all    whose (default: all sites)\n"
                                "  --queue NAME                        only this queue\n"
                                "  --operators                         who is logged in too, of sites that tell\n"
                                "  --format table|json|csv             CSV is of rows, or of operators\n"
                                "\n"
                                "What is not known is - (null, empty). A site that is silent shows how it was last,\n"
                                "marked stale, and is not in the totals.\n"
                                "\n"
                                "Exit status: 0 ok, 1 failed, 2 wrong usage.\n";

struct wish {
    const char *site;
    const char *group;
    const char *queue;
    const char *format;
    bool all;
    bool operators;
    bool help;
};

static int parse(int argc, char **argv, struct wish *wish)
{
    const struct options_spec specs[] = {
        {.name = "--site", .value = &wish->site},   {.name = "--group", .value = &wish->group},
        {.name = "--queue", .value = &wish->queue}, {.name = "--format", .value = &wish->format},
        {.name = "--all", .flag = &wish->all},      {.name = "--operators", .flag = &wish->operators},
        {.name = "--help", .flag = &wish->help},    {.name = "-h", .flag = &wish->help},
    };
    struct options_list none = {.max = 0};
    int result = options_parse(argc, argv, specs, sizeof specs / sizeof specs[0], &none);
    if (result == EXIT_OK && (wish->site != NULL) + (wish->group != NULL) + wish->all > 1) {
        return options_usage("only one of --site, --group and --all");
    }
    bool known =
        strcmp(wish->format, "table") == 0 || strcmp(wish->format, "json") == 0 || strcmp(wish->format, "csv") == 0;
    if (result == EXIT_OK && !known) {
        return options_usage("--format '%.40s' is not allowed; allowed: table, json, csv", wish->format);
    }
    return result;
}

static size_t width(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
               ? size.ws_col
               : DEFAULT_WIDTH;
}

static int print(const struct json *document, const char *format)
{
    struct buf text = BUF_INIT;
    if (strcmp(format, "json") == 0) {
        (void)json_write(document, JSON_INDENT, &text);
        buf_append_str(&text, "\n");
    } else if (strcmp(format, "csv") == 0) {
        live_text_csv(document, &text);
    } else {
        live_text_table(document, width(), &text);
    }
    bool fine = !text.failed && fwrite(text.data ? text.data : (const uint8_t *)"", 1, text.len, stdout) == text.len;
    buf_deinit(&text);
    return fine ? EXIT_OK : options_failed("the output could not be made");
}

static int ask(struct store *store, struct registry *registry, const struct wish *wish)
{
    const struct live_query query = {.site = wish->site,
                                     .group = wish->group,
                                     .queue = wish->queue,
                                     .operators = wish->operators,
                                     .now_ms = clock_wall_ms()};
    struct store_view *view = NULL;
    struct json *document = NULL;
    struct query_why why = {""};
    int status = store_view_begin(store, &view);
    if (status == 0) {
        status = live_query(view, registry, &query, &document, &why);
        store_view_end(view);
    }
    int result =
        status == 0 ? print(document, wish->format) : options_failed("%s", why.text[0] ? why.text : status_str(status));
    json_free(document);
    return result;
}

static int run(const struct collector_config *config, const struct wish *wish)
{
    struct registry *registry = NULL;
    struct store *store = NULL;
    if (zone_set(config->zone) != 0) {
        return options_usage("centre.zone: '%.64s' is no time zone of this machine", config->zone);
    }
    int result = place_become_owner(config);
    result = result == EXIT_OK ? place_open_registry(config, false, &registry) : result;
    if (result == EXIT_OK) {
        int status = store_open_readonly(config->data.store_dir, &store);
        result = status == 0 ? ask(store, registry, wish) : place_failed("store", config->data.store_dir, status);
    }
    store_close(store);
    registry_close(registry);
    return result;
}

int live_command(const struct collector_config *config, int argc, char **argv)
{
    struct wish wish = {.format = "table"};
    int result = parse(argc, argv, &wish);
    if (result == EXIT_OK && wish.help) {
        (void)fputs(help_text, stdout);
        return EXIT_OK;
    }
    return result == EXIT_OK ? run(config, &wish) : result;
}
