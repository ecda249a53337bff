/* The input is records, as in records.h: with the first byte even in a store, else in a registry. Both are opened,
 * looked through, and written on; neither may believe what cannot be. */
#include <string.h>

#include "collector/registry/access.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/records.h"
#include "tests/support/temp_dir.h"

static const char *const store_databases[] = {"meta",     "names", "name_index", "epochs",   "queues", "intervals",
                                              "pending",  "hours", "days",       "contacts", "gaps",   "events",
                                              "grouping", "live",  "operators",  "live_gaps"};
static const char *const registry_databases[] = {"sites", "ids", "groups", "meta", "tokens"};
enum { STORE_DATABASES = 16, REGISTRY_DATABASES = 5, MAP_BYTES = 8 << 20, SITES = 3 };
#define NOW_MS INT64_C(1795284900000)

static void take_line(void *ctx, const char *line)
{
    (void)ctx;
    FUZZ_CHECK(line[0]);
}

static int see_interval(void *ctx, const struct store_interval *item)
{
    (void)ctx;
    FUZZ_CHECK(item->sum);
    return 0;
}

static int see_cell(void *ctx, const struct store_cell *item)
{
    (void)ctx;
    FUZZ_CHECK(item);
    return 0;
}

static int see_pending(void *ctx, const struct store_pending *item)
{
    (void)ctx;
    FUZZ_CHECK(item);
    return 0;
}

static int see_live(void *ctx, const struct store_live_queue *queue)
{
    (void)ctx;
    FUZZ_CHECK(queue);
    return 0;
}

static int see_operator(void *ctx, const struct store_live_operator *who)
{
    (void)ctx;
    FUZZ_CHECK(memchr(who->name, 0, sizeof who->name) && memchr(who->reason, 0, sizeof who->reason));
    return 0;
}

static int see_queue(void *ctx, uint32_t queue)
{
    (void)ctx;
    (void)queue;
    return 0;
}

static int see_gap(void *ctx, const struct store_gap *gap)
{
    (void)ctx;
    FUZZ_CHECK(memchr(gap->reason, 0, sizeof gap->reason));
    return 0;
}

static int see_event(void *ctx, const struct store_event *event)
{
    (void)ctx;
    FUZZ_CHECK(memchr(event->kind, 0, sizeof event->kind) && memchr(event->text, 0, sizeof event->text));
    return 0;
}

static void read_site(struct store_view *view, uint32_t site)
{
    uint64_t bad = 0;
    uint32_t more = 0;
    struct store_contact contact;
    struct queue_settings settings;
    (void)store_view_intervals(view, site, 0, UINT32_MAX, see_interval, NULL, &bad);
    for (enum store_grain grain = STORE_HOUR; grain <= STORE_DAY; grain++) {
        (void)store_view_cells(view, store_scope_site(site), grain, 0, UINT32_MAX, UINT32_MAX, see_cell, NULL, &bad);
    }
    (void)store_view_contact(view, site, &contact);
    (void)store_view_queue_settings(view, site, 1, &settings);
    (void)store_view_live(view, site, see_live, NULL);
    (void)store_view_operators(view, site, &more, see_operator, NULL);
    (void)store_view_queues(view, site, see_queue, NULL);
    (void)store_view_gaps(view, site, see_gap, NULL);
    (void)store_view_live_gaps(view, site, see_gap, NULL);
    (void)store_view_events(view, site, see_event, NULL);
}

static void read_store(struct store *store)
{
    struct store_view *view = NULL;
    struct store_facts facts;
    uint64_t bad = 0;
    if (store_view_begin(store, &view) == 0) {
        (void)store_view_facts(view, &facts);
        (void)store_view_pending(view, 0, UINT32_MAX, see_pending, NULL, &bad);
        (void)store_view_queue_name(view, 1);
        (void)store_view_queue_find(view, slice_str("sales"));
        for (uint32_t site = 0; site < SITES; site++) {
            read_site(view, site);
        }
        store_view_end(view);
    }
    (void)store_check(store, take_line, NULL);
}

static void write_on(struct store *store)
{
    if (store_begin(store, NOW_MS) == 0) {
        (void)store_queue_number(store, slice_str("sales"));
        (void)store_end(store);
    }
}

static struct store_options store_options_in(const char *dir)
{
    return (struct store_options){.dir = dir, .limit_bytes = MAP_BYTES, .now_ms = NOW_MS};
}

static void try_store(const uint8_t *data, size_t size)
{
    struct temp_dir dir;
    struct store *store = NULL;
    temp_dir_make(&dir);
    struct store_options options = store_options_in(dir.path);
    FUZZ_CHECK(store_open_writer(&options, &store) == 0);
    store_close(store);
    records_put(dir.path, MAP_BYTES, store_databases, STORE_DATABASES, data, size);
    store = NULL;
    if (store_open_readonly(dir.path, &store) == 0) {
        read_store(store);
        store_close(store);
    }
    store = NULL;
    if (store_open_writer(&options, &store) == 0) {
        write_on(store);
        read_store(store);
        store_close(store);
    }
    temp_dir_remove(&dir);
}

static int see_site(void *ctx, const struct registry_site *site)
{
    (void)ctx;
    FUZZ_CHECK(memchr(site->id, 0, sizeof site->id) && memchr(site->group, 0, sizeof site->group));
    FUZZ_CHECK(memchr(site->zone, 0, sizeof site->zone) && memchr(site->serial, 0, sizeof site->serial));
    FUZZ_CHECK(registry_state_str(site->state)[0]);
    return 0;
}

static int see_token(void *ctx, const struct access_token *token)
{
    (void)ctx;
    FUZZ_CHECK(memchr(token->name, 0, sizeof token->name) && access_role_str(token->role)[0]);
    return 0;
}

static void read_registry(struct registry *registry)
{
    struct registry_site site;
    (void)registry_version(registry);
    (void)registry_each(registry, see_site, NULL);
    (void)registry_find(registry, slice_str("a"), &site);
    (void)registry_find_number(registry, 1, &site);
    (void)registry_group_find(registry, slice_str("g"));
    (void)access_each(registry, see_token, NULL);
}

static void try_registry(const uint8_t *data, size_t size)
{
    struct temp_dir dir;
    char path[128];
    struct registry *registry = NULL;
    struct registry_site site;
    temp_dir_make(&dir);
    (void)snprintf(path, sizeof path, "%s", temp_dir_file(&dir, "registry"));
    FUZZ_CHECK(registry_create(path) == 0);
    records_put(path, MAP_BYTES, registry_databases, REGISTRY_DATABASES, data, size);
    if (registry_open(path, true, &registry) == 0) {
        static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
        const struct registry_invitation invitation = {
            .id = "a", .token_psk = psk, .token_expires_ms = NOW_MS + 1000, .now_ms = NOW_MS};
        read_registry(registry);
        (void)registry_invite(registry, &invitation, true, &site);
        read_registry(registry);
        registry_close(registry);
    }
    struct temp_dir inner;
    (void)snprintf(inner.path, sizeof inner.path, "%.60s", path);
    temp_dir_remove(&inner);
    temp_dir_remove(&dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 && data[0] % 2 == 0) {
        try_store(data + 1, size - 1);
    } else if (size > 1) {
        try_registry(data + 1, size - 1);
    }
    return 0;
}
