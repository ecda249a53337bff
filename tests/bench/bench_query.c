/* bench_query DIR [SITES_WITH_DATA [api [DAYS_WITH_DATA]]]: builds a centre of 1,000 sites x 10 queues in DIR (30 days
 * by hour) and asks it the questions that have a budget. All sites are known, have contacts and settings; to keep the
 * building short only some of them (50) have intervals, of an hour and 100 calls each: what is asked reads cells, and
 * their number and width are those of a full centre. Prints a line a question: name, rows, milliseconds of the query,
 * of JSON, bytes. With "api" the questions of the HTTP interface, at seven past three of the last day, in milliseconds
 * of CPU. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "collector/query/distribution_query.h"
#include "collector/query/kpi_query.h"
#include "collector/query/kpi_walk.h"
#include "collector/query/names_query.h"
#include "collector/query/overview_query.h"
#include "collector/query/ranking_query.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "proto/report/render.h"
#include "tests/support/rng.h"

enum { SITES = 1000, QUEUES = 10, DAYS = 30, HOUR_S = 3600, TEMPLATES = 256, CALLS = 100, BATCH = 20000 };
enum { HOURS = (DAYS - 1) * 24 + 16 }; /* the last day runs */

static const int64_t first_s = INT64_C(1788220800); /* 2026-09-01 */
static struct summary templates[TEMPLATES];

static void must(int status, const char *what)
{
    if (status < 0) {
        fprintf(stderr, "bench_query: %s: %s\n", what, status_str(status));
        exit(1);
    }
}

static store_scope group_of(void *ctx, uint32_t site)
{
    (void)ctx;
    return store_scope_group(site % 4 + 1);
}

static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    (void)ctx;
    (void)scope;
    return at_s / 86400;
}

static void make_templates(void)
{
    struct rng rng = {1};
    for (int i = 0; i < TEMPLATES; i++) {
        struct summary *sum = &templates[i];
        for (int call = 0; call < CALLS; call++) {
            bool answered = !rng_chance(&rng, 10);
            int64_t wait_s = rng_between(&rng, 0, 20) * rng_between(&rng, 0, 20);
            sum->flow[FLOW_ENTERED]++;
            sum->flow[answered ? FLOW_ANSWERED : FLOW_ABANDONED]++;
            must(summary_add_duration(sum, answered ? DURATION_WAIT_ANSWERED : DURATION_WAIT_ABANDONED, wait_s * 1000),
                 "template");
            if (answered) {
                int64_t talk_s = 10 + rng_between(&rng, 0, 30) * rng_between(&rng, 0, 30);
                must(summary_add_duration(sum, DURATION_TALK, talk_s * 1000), "template");
                must(summary_add_duration(sum, DURATION_HANDLE, talk_s * 1000), "template");
                must(summary_add_duration(sum, DURATION_RING, rng_between(&rng, 1, 20) * 1000), "template");
            }
        }
        sum->waiting_max = 7;
    }
}

static void put_sites(struct store *store, struct registry *registry)
{
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    const struct queue_settings settings = {.sl_threshold_ms = 20000, .short_abandon_ms = 5000};
    for (uint32_t i = 0; i < SITES; i++) {
        char id[32];
        struct registry_site site;
        (void)snprintf(id, sizeof id, "site-%04u", i);
        const struct registry_invitation invitation = {
            .id = id, .group = "g", .zone = "UTC", .token_psk = psk, .now_ms = 1};
        must(registry_invite(registry, &invitation, false, &site), "site");
        const struct store_contact contact = {.last_seen_ms = (first_s + (HOURS - 1) * HOUR_S + 410) * 1000,
                                              .zone = "UTC",
                                              .interval_s = HOUR_S,
                                              .newest_start_s = first_s + (HOURS - 1) * HOUR_S};
        must(store_put_contact(store, site.number, &contact), "contact");
        for (uint32_t queue = 1; queue <= QUEUES; queue++) {
            must(store_put_queue(store, site.number, queue, &settings), "queue");
        }
    }
}

static void put_intervals(struct store *store, uint32_t sites, int days)
{
    struct rng rng = {2};
    uint32_t open = 0;
    must(store_begin(store, 1), "begin");
    for (int hour = days < DAYS ? HOURS - days * 24 : 0; hour < HOURS; hour++) {
        for (uint32_t site = 1; site <= sites; site++) {
            for (uint32_t queue = 1; queue <= QUEUES; queue++) {
                const struct store_interval item = {.site = site,
                                                    .queue = queue,
                                                    .start_s = first_s + hour * HOUR_S,
                                                    .interval_s = HOUR_S,
                                                    .epoch = 1,
                                                    .revision = 1,
                                                    .sum = &templates[rng_below(&rng, TEMPLATES)]};
                uint64_t held;
                must(store_put_interval(store, &item, &held), "interval");
                if (++open % BATCH == 0) {
                    must(store_end(store), "commit");
                    must(store_begin(store, 1), "begin");
                }
            }
        }
    }
    must(store_end(store), "commit");
}

static void build(const char *store_dir, const char *registry_dir, uint32_t sites, int days)
{
    const struct store_options options = {.dir = store_dir, .limit_bytes = UINT64_C(16) << 30, .now_ms = 1};
    const struct store_layout layout = {NULL, group_of, day_of};
    const uint8_t epoch[LIMITS_EPOCH_BYTES] = {1};
    struct store *store;
    struct registry *registry;
    bool more = true;
    int64_t began_ms = clock_monotonic_ms();
    must(registry_create(registry_dir), "registry");
    must(registry_open(registry_dir, true, &registry), "registry");
    must(store_open_writer(&options, &store), "store");
    must(store_begin(store, 1), "begin");
    for (int i = 0; i < QUEUES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "queue-%d", i);
        must(store_queue_number(store, slice_str(name)) == 0 ? STATUS_FULL : 0, "name");
    }
    for (uint32_t site = 1; site <= sites; site++) {
        uint32_t number;
        must(store_epoch_adopt(store, site, epoch, &number), "epoch");
    }
    put_sites(store, registry);
    must(store_end(store), "commit");
    for (uint32_t site = 1; site <= sites; site++) {
        must(store_recut(store, store_scope_site(site), "UTC", &layout), "recut");
    }
    put_intervals(store, sites, days);
    int64_t put_ms = clock_monotonic_ms();
    while (more) {
        must(store_roll(store, &layout, 1, &more), "roll");
    }
    for (int scope = 0; scope < 2; scope++) {
        must(store_recut(store, scope == 0 ? STORE_ALL : store_scope_group(1), "UTC", &layout), "recut");
    }
    fprintf(stderr, "built in %lld ms, of which %lld to add up\n", (long long)(clock_monotonic_ms() - began_ms),
            (long long)(clock_monotonic_ms() - put_ms));
    store_close(store);
    registry_close(registry);
}

static void ask(const struct kpi_centre *centre, const char *name, enum kpi_whose whose, const char *zone_name,
                const char *by)
{
    struct kpi_scope *scope;
    struct query query;
    struct query_why why = {""};
    struct json *document = NULL;
    const struct zone *zone;
    struct buf text = BUF_INIT;
    int64_t began_ms = clock_monotonic_ms();
    must(kpi_scope_new(centre, whose, whose == KPI_SITE ? "site-0001" : NULL, &scope, &why), why.text);
    int64_t scope_ms = clock_monotonic_ms();
    must(kpi_scope_zone(scope, zone_name, &zone, &why), why.text);
    zone_use(zone);
    query_init(&query, REPORT_KPI);
    query.central = true;
    must(query_take(&query, slice_str("by"), slice_str(by), centre->now_ms, &why), "by");
    query.has_from = query.has_to = true;
    query.from_ms = first_s * 1000;
    query.to_ms = (first_s + DAYS * 86400) * 1000;
    must(kpi_query(scope, &query, zone, &document, &why), why.text);
    int64_t asked_ms = clock_monotonic_ms();
    const struct render_style style = {.width = 80};
    must(render(REPORT_KPI, RENDER_JSON, document, &style, &text), "render");
    printf("%-28s %6zu rows  scope %4lld ms  query %5lld ms  json %5lld ms  %zu bytes\n", name,
           json_count(document, "rows"), (long long)(scope_ms - began_ms), (long long)(asked_ms - scope_ms),
           (long long)(clock_monotonic_ms() - asked_ms), text.len);
    buf_deinit(&text);
    json_free(document);
    kpi_scope_free(scope);
    zone_use(NULL);
}

/* ---- what the HTTP interface asks ---- */

static int64_t cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* the machine may have other work */
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

struct asking {
    const struct kpi_centre *centre;
    struct kpi_scope *scope;
    const struct zone *zone;
    struct query query;
    struct series_fields fields;
    struct json *document;
    struct query_why why;
};

static int ask_overview(struct asking *asking)
{
    return overview_query(asking->scope, &asking->query, asking->zone, &asking->document, &asking->why);
}

static int ask_series(struct asking *asking)
{
    return series_query(asking->scope, &asking->query, asking->zone, &asking->fields, &asking->document, &asking->why);
}

static int ask_week(struct asking *asking)
{
    return series_week(asking->scope, &asking->query, asking->zone, &asking->fields, &asking->document, &asking->why);
}

static int ask_distribution(struct asking *asking)
{
    return distribution_query(asking->scope, &asking->query, asking->zone, &asking->document, &asking->why);
}

static int rank(struct asking *asking, bool by_queue, bool spark)
{
    struct ranking_query ranking = {.query = &asking->query,
                                    .by_queue = by_queue,
                                    .limit = RANKING_ROWS_DEFAULT,
                                    .calls_min = 1,
                                    .spark = spark,
                                    .spark_grain = QUERY_BY_HOUR};
    must(series_field_find(slice_str("service_level"), &ranking.metric) ? 0 : STATUS_INVALID, "metric");
    return ranking_query(asking->scope, &ranking, asking->zone, &asking->document, &asking->why);
}

static int rank_sites(struct asking *asking)
{
    return rank(asking, false, false);
}

static int rank_queues(struct asking *asking)
{
    return rank(asking, true, false);
}

static int rank_sparks(struct asking *asking)
{
    return rank(asking, false, true);
}

static int ask_sites(struct asking *asking)
{
    return names_query_sites(asking->centre, 90000, NULL, &asking->document, &asking->why);
}

static int ask_queues(struct asking *asking)
{
    return names_query_queues(asking->scope, &asking->document, &asking->why);
}

static int count_row(void *ctx, const struct kpi_row *row)
{
    (void)row;
    ++*(size_t *)ctx;
    return 0;
}

static int walk_site_queues(struct asking *asking)
{
    size_t rows = 0;
    asking->query.by_site = asking->query.by_queue = true;
    asking->document = json_new_map();
    return kpi_walk(asking->scope, &asking->query, asking->zone, NULL, count_row, &rows, &asking->why);
}

struct question {
    const char *name;
    const char *by; /* NULL: the answer knows */
    int64_t from_s;
    int64_t to_s; /* 0: now */
    int (*answer)(struct asking *asking);
};

static void time_question(const struct kpi_centre *centre, const struct question *question)
{
    struct asking asking = {.centre = centre, .why = {""}};
    struct buf text = BUF_INIT;
    int64_t began_us = cpu_us();
    must(kpi_scope_new(centre, KPI_ALL, NULL, &asking.scope, &asking.why), asking.why.text);
    must(kpi_scope_zone(asking.scope, "UTC", &asking.zone, &asking.why), asking.why.text);
    int64_t scope_us = cpu_us();
    zone_use(asking.zone);
    query_init(&asking.query, REPORT_KPI);
    asking.query.central = true;
    if (question->by) {
        must(query_take(&asking.query, slice_str("by"), slice_str(question->by), centre->now_ms, &asking.why), "by");
    }
    asking.query.has_from = asking.query.has_to = true;
    asking.query.from_ms = question->from_s * 1000;
    asking.query.to_ms = question->to_s ? question->to_s * 1000 : centre->now_ms;
    series_fields_usual(&asking.fields);
    must(question->answer(&asking), question->name);
    int64_t asked_us = cpu_us();
    must(json_write(asking.document, 0, &text), "json");
    printf("%-34s CPU: scope %6.1f ms  query %7.1f ms  json %6.1f ms  %zu bytes\n", question->name,
           (double)(scope_us - began_us) / 1000, (double)(asked_us - scope_us) / 1000,
           (double)(cpu_us() - asked_us) / 1000, text.len);
    buf_deinit(&text);
    json_free(asking.document);
    kpi_scope_free(asking.scope);
    zone_use(NULL);
}

static void time_interface(const struct kpi_centre *centre)
{
    const int64_t now_s = centre->now_ms / 1000;
    const int64_t today_s = now_s - now_s % 86400;
    const int64_t month_s = first_s;
    const struct question questions[] = {
        {"overview", NULL, today_s, 0, ask_overview},
        {"timeseries all by hour, 30 days", "total,hour", month_s, 0, ask_series},
        {"timeseries queues by day, 30 days", "queue,day", month_s, 0, ask_series},
        {"timeseries sites by day, 7 days", "site,day", today_s - 6 * 86400, 0, ask_series},
        {"heatmap, 30 days", "total,hour-of-week", month_s, 0, ask_week},
        {"distribution, 30 days", "total", month_s, 0, ask_distribution},
        {"ranking of sites, today", NULL, today_s, 0, rank_sites},
        {"ranking of sites, today, by hour", NULL, today_s, 0, rank_sparks},
        {"ranking of queues, today", NULL, today_s, 0, rank_queues},
        {"ranking of sites, 7 days", NULL, today_s - 6 * 86400, 0, rank_sites},
        {"ranking of sites, 30 days", NULL, month_s, 0, rank_sites},
        {"ranking of queues, 30 days", NULL, month_s, 0, rank_queues},
        {"sites", NULL, today_s, 0, ask_sites},
        {"queues", NULL, today_s, 0, ask_queues},
        {"walk of sites' queues, 1 hour", NULL, now_s - 3600, 0, walk_site_queues},
        {"walk of sites' queues, 7 days", NULL, today_s - 6 * 86400, 0, walk_site_queues},
    };
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const char *only = getenv("BENCH_ONLY");
        if (only && !strstr(questions[i].name, only)) {
            continue;
        }
        time_question(centre, &questions[i]);
    }
}

int main(int argc, char **argv)
{
    char store_dir[512];
    char registry_dir[512];
    if (argc < 2) {
        fprintf(stderr, "usage: bench_query DIR [SITES_WITH_DATA [api [DAYS_WITH_DATA]]]\n");
        return 2;
    }
    (void)snprintf(store_dir, sizeof store_dir, "%s/store", argv[1]);
    (void)snprintf(registry_dir, sizeof registry_dir, "%s/registry", argv[1]);
    struct stat there;
    if (stat(store_dir, &there) != 0) {
        make_templates();
        build(store_dir, registry_dir, argc > 2 ? (uint32_t)atoi(argv[2]) : 50, argc > 4 ? atoi(argv[4]) : DAYS);
    }
    struct kpi_centre centre = {.zone = "UTC", .now_ms = (first_s + DAYS * 86400) * 1000, .row_limit = 1000000};
    must(store_open_readonly(store_dir, &centre.store), "store");
    must(registry_open(registry_dir, false, &centre.registry), "registry");
    bool interface = argc > 3 && strcmp(argv[3], "api") == 0;
    for (int round = 0; interface && round < 2; round++) {
        centre.now_ms = (first_s + (HOURS - 1) * HOUR_S + 420) * INT64_C(1000);
        time_interface(&centre);
    }
    for (int round = 0; !interface && round < 2; round++) {
        ask(&centre, "all_total_hour", KPI_ALL, "UTC", "total,hour");
        ask(&centre, "all_total_hour_madrid", KPI_ALL, "Europe/Madrid", "total,hour");
        ask(&centre, "all_queue_hour", KPI_ALL, "UTC", "queue,hour");
        ask(&centre, "all_queue_day", KPI_ALL, "UTC", "queue,day");
        ask(&centre, "all_queue", KPI_ALL, "UTC", "queue");
        ask(&centre, "all_queue_hour_of_week", KPI_ALL, "UTC", "queue,hour-of-week");
        ask(&centre, "all_site", KPI_ALL, "UTC", "site");
        ask(&centre, "one_site_hour", KPI_SITE, "UTC", "queue,hour");
    }
    store_close(centre.store);
    registry_close(centre.registry);
    return 0;
}
