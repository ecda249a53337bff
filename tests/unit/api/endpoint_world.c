#include "tests/unit/api/endpoint_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/asset.h"
#include "collector/api/metrics.h"
#include "collector/store/store_write.h"
#include "platform/time/zone.h"
#include "tests/support/temp_dir.h"

enum { SITES = 3, QUEUES = 2, INTERVAL_S = 900, SLOTS = 2 * 96, TARGET_MAX = 4096 };

#define NOW_S (WORLD_NOW_MS / 1000)

/* What the endpoints ask of the rest of the collector. */
const uint8_t asset_openapi[] = {'{', '}'};
const size_t asset_openapi_len = 2;

static struct world {
    struct temp_dir store_dir;
    struct temp_dir registry_dir;
    struct store *store;
    struct registry *registry;
    struct api_options options;
    struct access_token token;
    bool nobody;
    const char *body;
    int64_t deadline_ms;
    struct endpoint_item items[ENDPOINT_ITEMS_MAX + 8];
    char target[TARGET_MAX];
    struct endpoint_answer answer;
    struct json *document;
} world;

int metrics_write(struct metrics *metrics, int64_t now_ms, int64_t deadline_ms, struct buf *out)
{
    (void)metrics;
    (void)now_ms;
    (void)deadline_ms;
    buf_append_str(out, "ringside_up 1\n");
    return 0;
}

static void vitals(void *ctx, struct api_vitals *out)
{
    (void)ctx;
    *out = (struct api_vitals){.ingest_alive = true};
}

/* ---- the centre ---- */

static void join(const char *id, const char *group)
{
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    static const uint8_t key[REGISTRY_KEY_BYTES] = {2};
    struct registry_site site;
    const struct registry_invitation invitation = {.id = id,
                                                   .group = group,
                                                   .zone = "Europe/Madrid",
                                                   .token_psk = psk,
                                                   .token_expires_ms = WORLD_NOW_MS + 1000,
                                                   .now_ms = WORLD_NOW_MS};
    assert_int_equal(registry_invite(world.registry, &invitation, false, &site), 0);
    assert_int_equal(registry_enrol(world.registry, id, psk, key, "01", NOW_S + 1000, WORLD_NOW_MS), 0);
}

static void put_interval(uint32_t site, uint32_t queue, uint32_t epoch, int64_t start_s)
{
    struct summary sum = {0};
    uint64_t revision;
    uint32_t count = 1 + (uint32_t)(start_s / INTERVAL_S * 7 + site * 5 + queue * 3) % 5;
    sum.flow[FLOW_ENTERED] = count + site % 2;
    sum.flow[FLOW_ANSWERED] = count;
    sum.flow[FLOW_ABANDONED] = site % 2;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ANSWERED, (i * 13 + queue * 4) * 1000), 0);
    }
    if (site % 2) {
        assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ABANDONED, 30000), 0);
    }
    const struct store_interval item = {.site = site,
                                        .queue = queue,
                                        .start_s = start_s,
                                        .interval_s = INTERVAL_S,
                                        .epoch = epoch,
                                        .revision = 1,
                                        .sum = &sum};
    assert_int_equal(store_put_interval(world.store, &item, &revision), STORE_TAKEN);
    summary_deinit(&sum);
}

static void put_site(uint32_t site)
{
    const uint8_t epoch[LIMITS_EPOCH_BYTES] = {(uint8_t)site};
    const struct queue_settings settings = {.sl_threshold_ms = 20000, .short_abandon_ms = 5000};
    const struct store_contact contact = {.last_seen_ms = WORLD_NOW_MS - 100,
                                          .live_seen_ms = WORLD_NOW_MS - 100,
                                          .live_ms = WORLD_NOW_MS - 100,
                                          .connected_ms = WORLD_NOW_MS - 5000,
                                          .online = true,
                                          .address = "192.0.2.7",
                                          .agent_version = "0.5.0",
                                          .zone = "Europe/Madrid",
                                          .interval_s = INTERVAL_S,
                                          .heartbeat_s = 60,
                                          .newest_start_s = NOW_S / INTERVAL_S * INTERVAL_S};
    const struct store_live_queue live[] = {{STORE_QUEUE_TOTAL, 0, 0, 0, -1, 5, 2, 1, 2},
                                            {1, site, 3, WORLD_NOW_MS - 30000, 1, 4, 2, 0, 2}};
    const struct store_live_operator people[] = {{"Ana", "", SHIFT_TALK, WORLD_NOW_MS - 12000, 1}};
    uint32_t number = 0;
    assert_int_equal(store_put_contact(world.store, site, &contact), 0);
    assert_int_equal(store_epoch_adopt(world.store, site, epoch, &number), 0);
    assert_int_equal(store_put_live(world.store, site, live, 2), 0);
    assert_int_equal(store_put_operators(world.store, site, people, 1, 0), 0);
    for (uint32_t queue = 1; queue <= QUEUES; queue++) {
        assert_int_equal(store_put_queue(world.store, site, queue, &settings), 0);
        for (int64_t slot = 0; slot < SLOTS; slot++) {
            put_interval(site, queue, number, (NOW_S / INTERVAL_S - slot) * INTERVAL_S);
        }
    }
}

int world_setup(void **state)
{
    (void)state;
    temp_dir_make(&world.store_dir);
    temp_dir_make(&world.registry_dir);
    const struct store_options options = {.dir = world.store_dir.path, .limit_bytes = 64 << 20, .now_ms = 1};
    assert_int_equal(zone_set("UTC"), 0);
    assert_int_equal(registry_create(world.registry_dir.path), 0);
    assert_int_equal(registry_open(world.registry_dir.path, true, &world.registry), 0);
    assert_int_equal(store_open_writer(&options, &world.store), 0);
    join("a", "north");
    join("b", "north");
    join("c", "");
    assert_int_equal(store_begin(world.store, WORLD_NOW_MS), 0);
    assert_int_equal(store_queue_number(world.store, slice_str("sales")), 1);
    assert_int_equal(store_queue_number(world.store, slice_str("support")), 2);
    for (uint32_t site = 1; site <= SITES; site++) {
        put_site(site);
    }
    assert_int_equal(store_end(world.store), 0);
    world.options = (struct api_options){.budget_ms = 5000,
                                         .rows_max = 20000,
                                         .idle_ms = 660000,
                                         .zone = "Europe/Madrid",
                                         .store = world.store,
                                         .registry = world.registry,
                                         .vitals = vitals};
    world.token = (struct access_token){.name = "wall", .role = ACCESS_VIEW, .expires_ms = WORLD_NOW_MS + 86400000};
    return 0;
}

static void forget(void)
{
    json_free(world.document);
    world.document = NULL;
    buf_deinit(&world.answer.body);
}

int world_teardown(void **state)
{
    (void)state;
    forget();
    store_close(world.store);
    registry_close(world.registry);
    temp_dir_remove(&world.store_dir);
    temp_dir_remove(&world.registry_dir);
    return 0;
}

struct api_options *world_options(void)
{
    return &world.options;
}

struct store *world_store(void)
{
    return world.store;
}

void world_as(int role)
{
    world.nobody = role == 0;
    world.token.role = role == ACCESS_ADMIN ? ACCESS_ADMIN : ACCESS_VIEW;
}

void world_body(const char *text)
{
    world.body = text;
}

void world_deadline(int64_t monotonic_ms)
{
    world.deadline_ms = monotonic_ms;
}

/* ---- questions ---- */

static const struct endpoint *find(const char *method, struct slice path, struct slice *rest)
{
    for (size_t i = 0; i < endpoint_count; i++) {
        const struct endpoint *one = &endpoint_table[i];
        size_t len = strlen(one->path);
        bool open = one->path[len - 1] == '/';
        if (strcmp(one->method, method) == 0 &&
            (open ? path.len > len && memcmp(path.data, one->path, len) == 0 : slice_is(path, one->path))) {
            *rest = open ? slice_make(path.data + len, path.len - len) : slice_make("", 0);
            return one;
        }
    }
    fail_msg("no endpoint %s %.*s", method, (int)path.len, path.data);
    return NULL;
}

static size_t read_items(char *text)
{
    size_t count = 0;
    char *save = NULL;
    for (char *part = text ? strtok_r(text, "&", &save) : NULL; part; part = strtok_r(NULL, "&", &save)) {
        char *equals = strchr(part, '=');
        size_t len = equals ? (size_t)(equals - part) : strlen(part);
        world.items[count++] = (struct endpoint_item){slice_make(part, len), slice_str(equals ? equals + 1 : "")};
    }
    return count;
}

int world_ask(const char *method, const char *target)
{
    struct endpoint_request request = {.options = &world.options,
                                       .token = world.nobody ? NULL : &world.token,
                                       .items = world.items,
                                       .body = slice_str(world.body),
                                       .now_ms = WORLD_NOW_MS,
                                       .deadline_ms = world.deadline_ms,
                                       .instance = "0123456789abcdef"};
    forget();
    assert_true(strlen(target) < sizeof world.target);
    (void)snprintf(world.target, sizeof world.target, "%s", target);
    char *query = strchr(world.target, '?');
    if (query) {
        *query++ = '\0';
    }
    request.item_count = read_items(query);
    const struct endpoint *endpoint = find(method, slice_str(world.target), &request.rest);
    world.answer = (struct endpoint_answer){.code = 0};
    endpoint->answer(&request, &world.answer);
    assert_string_equal(zone_name(), "UTC"); /* as it was before */
    assert_true(world.answer.code >= 200 && world.answer.type);
    if (strcmp(world.answer.type, "application/json") == 0) {
        assert_int_equal(json_parse(buf_slice(&world.answer.body), 1 << 24, &world.document, NULL, 0), 0);
    }
    world.body = NULL;
    return world.answer.code;
}

int world_get(const char *target)
{
    int code = world_ask("GET", target);
    if (code >= 400) {
        print_message("%s: %d %s\n", target, code, world_what());
    }
    return code;
}

const struct endpoint_answer *world_answer(void)
{
    return &world.answer;
}

const struct json *world_document(void)
{
    return world.document;
}

const char *world_text(void)
{
    return buf_cstr(&world.answer.body);
}

const char *world_what(void)
{
    return json_text(world.document, "error/what");
}

int64_t world_int(const char *path)
{
    int64_t value = INT64_MIN;
    assert_true(json_int(world.document, path, &value));
    return value;
}

void world_refused(const char *target, int code, const char *where, const char *what)
{
    int got = world_ask("GET", target);
    const struct endpoint_answer *answer = &world.answer;
    if (got != code || strcmp(json_text(world.document, "error/where"), where) != 0 || !strstr(world_what(), what)) {
        fail_msg("%s: %d %.300s", target, got, world_text());
    }
    assert_int_equal(world_int("error/code"), code);
    assert_int_equal(answer->fresh_ms, 0);
    assert_int_equal(answer->stale_ms, 0);
    assert_string_equal(answer->file_name, "");
}
