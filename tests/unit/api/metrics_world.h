/* metrics_world: a small real store and registry to scrape, and how to look into what was scraped. */
#ifndef RINGSIDE_TESTS_UNIT_API_METRICS_WORLD_H
#define RINGSIDE_TESTS_UNIT_API_METRICS_WORLD_H

#include "collector/api/metrics.h"
#include "collector/store/store_write.h"
#include "platform/base/buf.h"
#include "tests/support/temp_dir.h"

enum { WORLD_SITES = 16, WORLD_INTERVAL_S = 900, WORLD_DAY_S = 86400 };

#define WORLD_NOW_S INT64_C(1795284900) /* 2026-11-21T17:35:00Z */

struct metrics_world {
    struct temp_dir store_dir;
    struct temp_dir registry_dir;
    struct store *store;
    struct registry *registry;
    struct api_options options;
    struct metrics *metrics;
    int64_t now_ms;
    char zones[WORLD_SITES + 1][64];
    uint32_t epochs[WORLD_SITES + 1];
    uint64_t revision;
    struct store_contact contacts[WORLD_SITES + 1];
    struct buf text;
};

struct metrics_world *world_open(void);
void world_start(struct metrics_world *world, uint32_t series_max); /* again: the collector was restarted */
/* An interval is damaged in the file, and the store mended at that time; world_start() is to follow. */
void world_damage(struct metrics_world *world, uint32_t site, uint32_t queue, int64_t start_s, int64_t at_ms);
void world_close(struct metrics_world *world);

uint32_t world_join(struct metrics_world *world, const char *id, const char *zone); /* its number */
uint32_t world_queue(struct metrics_world *world, uint32_t site, const char *name); /* told of */

/* Takes the interval's newest content; its contact tells of it. */
void world_put(struct metrics_world *world, uint32_t site, uint32_t queue, int64_t start_s, const struct summary *sum);
/* One with so many calls, all answered after that wait. */
void world_put_calls(struct metrics_world *world, uint32_t site, uint32_t queue, int64_t start_s, uint32_t calls,
                     int64_t wait_ms);
void world_roll(struct metrics_world *world);
void world_recut(struct metrics_world *world, uint32_t site, const char *zone);
void world_contact(struct metrics_world *world, uint32_t site); /* writes it as it stands */

/* Scrapes 5 s later. */
void world_scrape(struct metrics_world *world);
/* The sample of that whole name with labels; -1: there is none. */
double world_value(const struct metrics_world *world, const char *sample);

#endif
