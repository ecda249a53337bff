#include "tests/unit/api/metrics_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/kv/kv.h"
#include "platform/kv/record.h"
#include "platform/time/stamp.h"
#include "platform/time/zone.h"

static store_scope group_of(void *ctx, uint32_t site)
{
    (void)ctx;
    (void)site;
    return STORE_ALL;
}

static int64_t day_of(void *ctx, store_scope scope, int64_t at_s)
{
    const struct metrics_world *world = ctx;
    const struct zone *zone = NULL;
    bool own = scope >= 1 && scope <= WORLD_SITES;
    assert_int_equal(zone_find(own ? world->zones[scope] : "UTC", &zone), 0);
    zone_use(zone);
    struct zone_date date = zone_date_of(at_s);
    zone_use(NULL);
    return stamp_days_of(date.year, date.month, date.day);
}

static struct store_layout layout_of(struct metrics_world *world)
{
    return (struct store_layout){world, group_of, day_of};
}

struct metrics_world *world_open(void)
{
    struct metrics_world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    temp_dir_make(&world->store_dir);
    temp_dir_make(&world->registry_dir);
    const struct store_options options = {.dir = world->store_dir.path, .limit_bytes = 64 << 20, .now_ms = 1};
    assert_int_equal(registry_create(world->registry_dir.path), 0);
    assert_int_equal(registry_open(world->registry_dir.path, true, &world->registry), 0);
    assert_int_equal(store_open_writer(&options, &world->store), 0);
    world->now_ms = WORLD_NOW_S * 1000;
    world->options =
        (struct api_options){.idle_ms = 60000, .zone = "UTC", .store = world->store, .registry = world->registry};
    return world;
}

void world_start(struct metrics_world *world, uint32_t series_max)
{
    metrics_free(world->metrics);
    world->options.metrics_series_max = series_max;
    assert_int_equal(metrics_new(&world->options, world->now_ms, &world->metrics), 0);
}

static void damage_interval(const char *dir, struct slice key)
{
    const struct kv_options options = {.dir = dir, .map_bytes = 64 << 20, .max_dbs = 20};
    struct kv *kv = NULL;
    struct kv_txn *txn = NULL;
    struct slice value;
    struct buf bytes = BUF_INIT;
    unsigned intervals;
    assert_int_equal(kv_open(&options, &kv), 0);
    assert_int_equal(kv_db(kv, "intervals", false, &intervals), 0);
    assert_int_equal(kv_begin(kv, true, &txn), 0);
    assert_int_equal(kv_get(txn, intervals, key, &value), 0);
    buf_append(&bytes, value.data, value.len);
    bytes.data[bytes.len / 2] ^= 0x10;
    assert_int_equal(kv_put(txn, intervals, key, buf_slice(&bytes)), 0);
    assert_int_equal(kv_commit(txn), 0);
    kv_close(kv);
    buf_deinit(&bytes);
}

void world_damage(struct metrics_world *world, uint32_t site, uint32_t queue, int64_t start_s, int64_t at_ms)
{
    uint32_t slot_s = (uint32_t)(start_s - start_s % WORLD_INTERVAL_S);
    struct record_key key = record_key_3u32(site, slot_s, queue);
    const struct store_options options = {.dir = world->store_dir.path, .limit_bytes = 64 << 20, .now_ms = at_ms};
    metrics_free(world->metrics);
    world->metrics = NULL;
    store_close(world->store);
    damage_interval(world->store_dir.path, record_key_slice(&key));
    assert_int_equal(store_open_writer(&options, &world->store), 0);
    world->options.store = world->store;
}

void world_close(struct metrics_world *world)
{
    metrics_free(world->metrics);
    store_close(world->store);
    registry_close(world->registry);
    temp_dir_remove(&world->store_dir);
    temp_dir_remove(&world->registry_dir);
    buf_deinit(&world->text);
    free(world);
}

uint32_t world_join(struct metrics_world *world, const char *id, const char *zone)
{
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    static const uint8_t key[REGISTRY_KEY_BYTES] = {2};
    const uint8_t epoch[LIMITS_EPOCH_BYTES] = {7};
    struct registry_site site;
    const struct registry_invitation invitation = {.id = id,
                                                   .group = "north",
                                                   .zone = zone,
                                                   .token_psk = psk,
                                                   .token_expires_ms = world->now_ms + 1000,
                                                   .now_ms = world->now_ms};
    assert_int_equal(registry_invite(world->registry, &invitation, false, &site), 0);
    assert_int_equal(registry_enrol(world->registry, id, psk, key, "01", 1800000000, world->now_ms), 0);
    assert_in_range(site.number, 1, WORLD_SITES);
    (void)snprintf(world->zones[site.number], sizeof world->zones[0], "%s", zone);
    world->contacts[site.number] = (struct store_contact){.last_seen_ms = world->now_ms,
                                                          .online = true,
                                                          .interval_s = WORLD_INTERVAL_S,
                                                          .lag_ms = 1500,
                                                          .clock_offset_ms = -250,
                                                          .agent_version = "1.2\"3"};
    assert_int_equal(store_begin(world->store, world->now_ms), 0);
    assert_int_equal(store_put_contact(world->store, site.number, &world->contacts[site.number]), 0);
    assert_int_equal(store_epoch_adopt(world->store, site.number, epoch, &world->epochs[site.number]), 0);
    assert_int_equal(store_end(world->store), 0);
    return site.number;
}

uint32_t world_queue(struct metrics_world *world, uint32_t site, const char *name)
{
    const struct queue_settings settings = {.sl_threshold_ms = 20000};
    assert_int_equal(store_begin(world->store, world->now_ms), 0);
    uint32_t queue = store_queue_number(world->store, slice_str(name));
    assert_int_equal(store_put_queue(world->store, site, queue, &settings), 0);
    assert_int_equal(store_end(world->store), 0);
    return queue;
}

void world_contact(struct metrics_world *world, uint32_t site)
{
    assert_int_equal(store_begin(world->store, world->now_ms), 0);
    assert_int_equal(store_put_contact(world->store, site, &world->contacts[site]), 0);
    assert_int_equal(store_end(world->store), 0);
}

void world_put(struct metrics_world *world, uint32_t site, uint32_t queue, int64_t start_s, const struct summary *sum)
{
    uint64_t held;
    const struct store_interval item = {.site = site,
                                        .queue = queue,
                                        .start_s = start_s - start_s % WORLD_INTERVAL_S,
                                        .interval_s = WORLD_INTERVAL_S,
                                        .epoch = world->epochs[site],
                                        .revision = ++world->revision,
                                        .sum = sum};
    world->contacts[site].taken++;
    assert_int_equal(store_begin(world->store, world->now_ms), 0);
    assert_int_equal(store_put_interval(world->store, &item, &held), STORE_TAKEN);
    assert_int_equal(store_put_contact(world->store, site, &world->contacts[site]), 0);
    assert_int_equal(store_end(world->store), 0);
}

void world_put_calls(struct metrics_world *world, uint32_t site, uint32_t queue, int64_t start_s, uint32_t calls,
                     int64_t wait_ms)
{
    struct summary sum = {0};
    sum.flow[FLOW_ENTERED] = sum.flow[FLOW_ANSWERED] = calls;
    for (uint32_t i = 0; i < calls; i++) {
        assert_int_equal(summary_add_duration(&sum, DURATION_WAIT_ANSWERED, wait_ms), 0);
    }
    world_put(world, site, queue, start_s, &sum);
    summary_deinit(&sum);
}

void world_roll(struct metrics_world *world)
{
    const struct store_layout layout = layout_of(world);
    for (bool more = true; more;) {
        assert_int_equal(store_roll(world->store, &layout, world->now_ms, &more), 0);
    }
}

void world_recut(struct metrics_world *world, uint32_t site, const char *zone)
{
    const struct store_layout layout = layout_of(world);
    (void)snprintf(world->zones[site], sizeof world->zones[0], "%s", zone);
    assert_int_equal(store_recut(world->store, site, zone, &layout), 0);
}

void world_scrape(struct metrics_world *world)
{
    world->now_ms += 5000;
    buf_reset(&world->text);
    assert_int_equal(metrics_write(world->metrics, world->now_ms, INT64_MAX, &world->text), 0);
    (void)buf_cstr(&world->text);
}

double world_value(const struct metrics_world *world, const char *sample)
{
    size_t len = strlen(sample);
    for (const char *line = (const char *)world->text.data; line && *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, sample, len) == 0 && line[len] == ' ') {
            return strtod(line + len, NULL);
        }
    }
    return -1;
}
