#include "collector/store_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/options.h"
#include "collector/place.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"

static void print_defect(void *ctx, const char *line)
{
    (void)ctx;
    (void)printf("%s\n", line);
}

static int print_facts(struct store *store)
{
    struct store_view *view;
    struct store_facts facts;
    int status = store_view_begin(store, &view);
    if (status != 0) {
        return status;
    }
    status = store_view_facts(view, &facts);
    struct kv_loss damage;
    char text[512] = "";
    if (status == 0 && store_view_damage(view, &damage)) {
        store_damage_tell(&damage, text, sizeof text);
    }
    store_view_end(view);
    if (status == 0) {
        (void)printf("%" PRIu64 " intervals, %" PRIu64
                     " of them not in hours and days yet; %.1f MiB used of %.1f MiB\n",
                     facts.interval_count, facts.pending_count, (double)facts.used_bytes / 1048576,
                     (double)facts.limit_bytes / 1048576);
    }
    if (text[0]) {
        (void)printf("the store was %s\n", text);
    }
    return status;
}

/* Every record, each interval's balance, and hours and days against the intervals that they were added up from. Works
 * beside the daemon. */
static int check(const struct collector_config *config)
{
    struct store *store;
    int status = store_open_readonly(config->data.store_dir, &store);
    if (status != 0) {
        return place_failed("the store", config->data.store_dir, status);
    }
    status = print_facts(store);
    int64_t defects = status == 0 ? store_check(store, print_defect, NULL) : status;
    store_close(store);
    if (defects < 0) {
        return place_failed("the store", config->data.store_dir, (int)defects);
    }
    (void)printf("%s", defects == 0 ? "ok\n" : "");
    return defects == 0 ? EXIT_OK : options_failed("%" PRId64 " defects", defects);
}

static int open_to_write(const struct collector_config *config, struct store **out)
{
    const struct store_options options = {.dir = config->data.store_dir,
                                          .limit_bytes = config->store.size_max_bytes,
                                          .intervals_keep_ms = config->store.intervals_keep_ms,
                                          .cells_keep_ms = config->store.cells_keep_ms,
                                          .now_ms = clock_wall_ms()};
    struct store *store;
    int status = store_open_readonly(config->data.store_dir, &store); /* mending is the daemon's */
    if (status != 0) {
        return status;
    }
    store_close(store);
    return store_open_writer(&options, out);
}

/* An older copy does not know what it lacks. */
static int renew(const struct collector_config *config)
{
    struct store *store = NULL;
    int status = open_to_write(config, &store);
    if (status == 0) {
        status = store_renew(store, clock_wall_ms());
    }
    store_close(store);
    if (status == STATUS_BUSY) {
        return options_failed("the daemon is writing the store: stop it first");
    }
    if (status != 0) {
        return place_failed("the store", config->data.store_dir, status);
    }
    (void)printf("branches will send again all that they hold\n");
    return EXIT_OK;
}

int store_command(const struct collector_config *config, int argc, char **argv)
{
    bool checks = argc == 2 && strcmp(argv[1], "check") == 0;
    if (!checks && (argc != 2 || strcmp(argv[1], "renew") != 0)) {
        return options_usage("store wants the word check or renew");
    }
    int result = place_become_owner(config);
    return result != EXIT_OK ? result : checks ? check(config) : renew(config);
}
