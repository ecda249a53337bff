#include "collector/kpi_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collector/options.h"
#include "collector/query/kpi_query.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "proto/paths.h"
#include "proto/report/render.h"

enum { WIDTH_MIN = 60, WIDTH_DEFAULT = 80, WIDTH_MAX = 200, BY_MAX = 16 };

static const char help_text[] =
    "usage: ringside-collector [-c FILE] kpi [OPTION]...\n"
    "\n"
    "whose figures (default: all sites)\n"
    "  --site ID | --group NAME | --all\n"
    "\n"
    "what\n"
    "  --from T --to T    2026-11-21T10:00:00Z, 2026-11-21, 10:00, now, today,\n"
    "                     yesterday, this-week, last-week, this-month, last-month,\n"
    "                     90m, 24h, 7d (that long ago)\n"
    "  --queue NAME       only this queue; may be given again\n"
    "  --by LIST          queue (default), total (all queues in one row), site (a row for\n"
    "                     each; with queue: for each queue of each), and one of interval,\n"
    "                     hour, day, hour-of-week\n"
    "  --zone NAME        time zone of days and hours, for example Europe/Madrid (default:\n"
    "                     the site's, or that which all sites share, else the centre's)\n"
    "  --service-level D  threshold, such as 20s\n"
    "  --service-level-method NAME   asterisk_sl, amazon, ...\n"
    "  --short-abandon D  waits up to this are short, such as 5s\n"
    "  --bins yes         durations with their whole distribution (JSON): upper edge in\n"
    "                     ms and count of each occupied bin in turn\n"
    "\n"
    "how\n"
    "  --format table|json|csv\n"
    "\n"
    "Exit status: 0 ok, 1 failed, 2 wrong usage. Colours only on a terminal and not\n"
    "with NO_COLOR set.\n";

struct wish {
    const char *site;
    const char *group;
    bool all;
    bool help;
    const char *from;
    const char *to;
    const char *zone;
    const char *service_level;
    const char *method;
    const char *short_abandon;
    const char *bins;
    const char *format_name;
    const char *queue_items[QUERY_QUEUES_MAX];
    const char *by_items[BY_MAX];
    struct options_list queues;
    struct options_list by;
    enum render_format format;
};

static int parse_words(int argc, char **argv, struct wish *wish)
{
    const struct options_spec specs[] = {
        {.name = "--site", .value = &wish->site},
        {.name = "--group", .value = &wish->group},
        {.name = "--all", .flag = &wish->all},
        {.name = "--help", .flag = &wish->help},
        {.name = "-h", .flag = &wish->help},
        {.name = "--from", .value = &wish->from},
        {.name = "--to", .value = &wish->to},
        {.name = "--zone", .value = &wish->zone},
        {.name = "--queue", .list = &wish->queues},
        {.name = "--by", .list = &wish->by},
        {.name = "--service-level", .value = &wish->service_level},
        {.name = "--service-level-method", .value = &wish->method},
        {.name = "--short-abandon", .value = &wish->short_abandon},
        {.name = "--bins", .value = &wish->bins},
        {.name = "--format", .value = &wish->format_name},
    };
    struct options_list none = {.max = 0};
    wish->queues = (struct options_list){.items = wish->queue_items, .max = QUERY_QUEUES_MAX};
    wish->by = (struct options_list){.items = wish->by_items, .max = BY_MAX};
    return options_parse(argc, argv, specs, sizeof specs / sizeof specs[0], &none);
}

static int take_format(struct wish *wish)
{
    static const struct {
        const char *name;
        enum render_format format;
    } formats[] = {{"table", RENDER_TABLE}, {"json", RENDER_JSON}, {"csv", RENDER_CSV}};
    wish->format = RENDER_TABLE;
    for (size_t i = 0; wish->format_name && i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(wish->format_name, formats[i].name) == 0) {
            wish->format = formats[i].format;
            return EXIT_OK;
        }
    }
    return wish->format_name
               ? options_usage("--format '%.40s' is not allowed; allowed: table, json, csv", wish->format_name)
               : EXIT_OK;
}

static int check_wish(struct wish *wish)
{
    if ((wish->site != NULL) + (wish->group != NULL) + wish->all > 1) {
        return options_usage("only one of --site, --group and --all");
    }
    return take_format(wish);
}

/* Says what is wrong with the name of the option as it was typed. */
static int take(struct query *query, const char *option, const char *name, const char *value, int64_t now_ms)
{
    struct query_why why = {""};
    if (!value || query_take(query, slice_str(name), slice_str(value), now_ms, &why) == 0) {
        return EXIT_OK;
    }
    size_t len = strlen(name);
    bool named = strncmp(why.text, name, len) == 0 && why.text[len] == ' ';
    return options_usage("%s %s", option, named ? why.text + len + 1 : why.text);
}

static int take_list(struct query *query, const char *option, const char *name, const struct options_list *list,
                     int64_t now_ms)
{
    int result = EXIT_OK;
    for (size_t i = 0; result == EXIT_OK && i < list->count; i++) {
        result = take(query, option, name, list->items[i], now_ms);
    }
    return result;
}

/* With the zone in force that local times are meant in. */
static int read_query(const struct wish *wish, int64_t now_ms, struct query *query)
{
    struct query_why why;
    query_init(query, REPORT_KPI);
    query->central = true;
    const struct {
        const char *option;
        const char *name;
        const char *value;
    } items[] = {
        {"--from", PATHS_QUERY_FROM, wish->from},
        {"--to", PATHS_QUERY_TO, wish->to},
        {"--service-level", PATHS_QUERY_SERVICE_LEVEL, wish->service_level},
        {"--service-level-method", PATHS_QUERY_SERVICE_LEVEL_METHOD, wish->method},
        {"--short-abandon", PATHS_QUERY_SHORT_ABANDON, wish->short_abandon},
        {"--bins", PATHS_QUERY_BINS, wish->bins},
    };
    int result = take_list(query, "--queue", PATHS_QUERY_QUEUE, &wish->queues, now_ms);
    if (result == EXIT_OK) {
        result = take_list(query, "--by", PATHS_QUERY_BY, &wish->by, now_ms);
    }
    for (size_t i = 0; result == EXIT_OK && i < sizeof items / sizeof items[0]; i++) {
        result = take(query, items[i].option, items[i].name, items[i].value, now_ms);
    }
    if (result == EXIT_OK && query_check(query, &why) != 0) {
        result = options_usage("%s", why.text);
    }
    return result;
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return WIDTH_DEFAULT;
    }
    return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

static int print(const struct json *document, enum render_format format)
{
    const char *no_colour = getenv("NO_COLOR");
    bool terminal = isatty(STDOUT_FILENO) == 1;
    const struct render_style style = {
        .width = terminal_width(), .colour = terminal && !(no_colour && *no_colour), .indent = true};
    struct buf text = BUF_INIT;
    int status = render(REPORT_KPI, format, document, &style, &text);
    int result = status == 0 ? EXIT_OK : options_failed("%s", status_str(status));
    if (result == EXIT_OK && (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0)) {
        /* Whoever reads may have had enough (`| head`): then there is nobody to tell. */
        result = errno == EPIPE ? EXIT_FAILED : options_failed("the output could not be written");
    }
    buf_deinit(&text);
    return result;
}

static int told(int status, const struct query_why *why)
{
    return options_failed("%s", why->text[0] ? why->text : status_str(status));
}

static int ask(struct kpi_scope *scope, const struct wish *wish)
{
    struct query query;
    struct query_why why = {""};
    const struct zone *zone = NULL;
    struct json *document = NULL;
    int status = kpi_scope_zone(scope, wish->zone, &zone, &why);
    if (status != 0) {
        return status == STATUS_NOT_FOUND ? options_usage("--zone: %s", why.text) : told(status, &why);
    }
    zone_use(zone);
    int result = read_query(wish, scope->centre->now_ms, &query);
    if (result != EXIT_OK) {
        return result;
    }
    status = kpi_query(scope, &query, zone, &document, &why);
    result = status == 0 ? print(document, wish->format) : told(status, &why);
    json_free(document);
    return result;
}

static int failed_to_open(const char *what, const char *dir, int status)
{
    if (status == STATUS_NOT_FOUND) {
        return options_failed("%s: there is no %s; ringside-collector init makes it", dir, what);
    }
    return options_failed("%s: %s", dir, status_str(status));
}

static int run(const struct collector_config *config, const struct wish *wish)
{
    struct kpi_centre centre = {.zone = config->zone, .now_ms = clock_wall_ms()};
    struct kpi_scope *scope = NULL;
    struct query_why why = {""};
    enum kpi_whose whose = wish->site ? KPI_SITE : wish->group ? KPI_GROUP : KPI_ALL;
    int status = registry_open(config->data.registry_dir, false, &centre.registry);
    if (status != 0) {
        return failed_to_open("registry", config->data.registry_dir, status);
    }
    int result;
    status = store_open_readonly(config->data.store_dir, &centre.store);
    if (status != 0) {
        result = failed_to_open("store", config->data.store_dir, status);
    } else {
        status = kpi_scope_new(&centre, whose, wish->site ? wish->site : wish->group, &scope, &why);
        result = status == 0 ? ask(scope, wish) : told(status, &why);
        kpi_scope_free(scope);
        zone_use(NULL);
        store_close(centre.store);
    }
    registry_close(centre.registry);
    return result;
}

int kpi_command(const struct collector_config *config, int argc, char **argv)
{
    struct wish wish = {.site = NULL};
    int result = parse_words(argc, argv, &wish);
    if (result != EXIT_OK) {
        return result;
    }
    if (wish.help) {
        (void)fputs(help_text, stdout);
        return EXIT_OK;
    }
    result = check_wish(&wish);
    return result == EXIT_OK ? run(config, &wish) : result;
}
