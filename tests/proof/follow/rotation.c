#include "tests/proof/follow/world_internal.h"

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

void world_drop_name(struct world *world, unsigned index)
{
    struct world_name *name = &world->names[index];
    if (name->packed != PACK_NONE) {
        (void)unlink(world_path(world, name->packing));
    }
    assert(unlink(world_path(world, name->text)) == 0);
    memmove(name, name + 1, (--world->name_count - index) * sizeof *name);
}

static void name_move(struct world *world, struct world_name *name, const char *stem)
{
    const char *end = strrchr(name->text, '.');
    char text[64];
    (void)snprintf(text, sizeof text, "%s%s", stem, end && strcmp(end, ".gz") == 0 ? end : "");
    assert(rename(world_path(world, name->text), world_path(world, text)) == 0);
    strcpy(name->text, text);
    if (name->packed != PACK_NONE) {
        char packing[72];
        const char *tail = strstr(name->packing, ".tmp") ? ".gz.tmp" : ".gz";
        (void)snprintf(packing, sizeof packing, "%s%s", stem, tail);
        assert(rename(world_path(world, name->packing), world_path(world, packing)) == 0);
        strcpy(name->packing, packing);
    }
}

/* Makes room for the number 1: the oldest is deleted, each of the others gets the next number. */
static void shift(struct world *world)
{
    for (unsigned i = 0; i < world->name_count;) {
        if (world->names[i].number >= world->keep && !world->names[i].hidden) {
            world_say(world, "deleted: %s, the oldest", world->names[i].text);
            world_drop_name(world, i);
        } else {
            i++;
        }
    }
    for (uint32_t number = world->keep; number > 0; number--) {
        for (unsigned i = 0; i < world->name_count; i++) {
            struct world_name *name = &world->names[i];
            if (name->number == number && !name->hidden) {
                char stem[64];
                (void)snprintf(stem, sizeof stem, "%.20s.%u", world->live_target, ++name->number);
                name_move(world, name, stem);
                break;
            }
        }
    }
}

/* A name for what is rotated away now; NULL when there are too many. */
static struct world_name *name_add(struct world *world)
{
    if (world->style == WORLD_SHIFTED) {
        shift(world);
    }
    if (world->name_count == WORLD_NAMES_MAX || world_is_full(world)) {
        return NULL;
    }
    struct world_name *name = &world->names[world->name_count++];
    *name = (struct world_name){.file = NONE};
    const char *stem = world->live_target;
    unsigned serial = ++world->serial;
    switch (world->style) {
    case WORLD_SHIFTED:
        (void)snprintf(name->text, sizeof name->text, "%.20s.1", stem);
        name->number = 1;
        break;
    case WORLD_SEQUENTIAL: (void)snprintf(name->text, sizeof name->text, "%.20s.%u", stem, serial); break;
    case WORLD_DATED: (void)snprintf(name->text, sizeof name->text, "%.20s-202611%02u", stem, serial % 10000); break;
    default: (void)snprintf(name->text, sizeof name->text, "%.20s.%lld%u", stem, (long long)world->epoch, serial);
    }
    return name;
}

/* ---- rotation ---- */

void world_forget_live(struct world *world)
{
    world->live = world->live_denied = world->copied = false;
}

/* logrotate's `create`. */
static void live_create(struct world *world)
{
    const char *path = world_path(world, world->live_target);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert(fd >= 0);
    close(fd);
    world->live = true;
    world->live_file = world_add_file(world, path, 0, 0); /* its body is known when it is written to */
}

void world_rotate(struct world *world, struct rng *rng)
{
    if (!world_is_free(world) || !world->live) {
        return;
    }
    struct world_name *name = name_add(world);
    if (!name) {
        return;
    }
    world->stats->rotations++;
    assert(rename(world_path(world, world->live_target), world_path(world, name->text)) == 0);
    name->file = world->live_file;
    name->denied = world->live_denied;
    world_forget_live(world);
    bool created = rng_chance(rng, 50);
    if (created) {
        live_create(world);
    }
    world_stamp_directory(world);
    world_say(world, "renamed to %s, the new one is %s", name->text, created ? "made at once" : "still to come");
    if (rng_chance(rng, 50)) {
        world_write_lines(world, rng, 1 + (unsigned)rng_below(rng, 6)); /* to the old file */
    }
    if (rng_chance(rng, 66)) {
        world_reopen(world, rng);
    }
}

bool world_copy(struct world *world)
{
    if (!world_is_free(world) || !world->live || world->live_denied || world->live_file != world->writer_file ||
        world->copied) {
        return false;
    }
    struct world_name *name = name_add(world);
    if (!name) {
        return false;
    }
    const char *path = world_path(world, name->text);
    size_t len;
    char *data = world_read_whole(world_path(world, world->live_target), &len);
    world_write_whole(path, data, len);
    free(data);
    name->file = world_add_file(world, path, world->files[world->live_file].body, (uint32_t)len);
    world_stamp_directory(world);
    world->copied = true;
    world_say(world, "copied to %s", name->text);
    return true;
}

static void truncate_live(struct world *world, struct rng *rng)
{
    world->stats->rotations++;
    world_leave_rest(world);
    assert(truncate(world_path(world, world->live_target), 0) == 0);
    world_begin_body(world);
    world->files[world->live_file].body = world->body_count - 1;
    world->files[world->live_file].len = 0;
    world_stamp(world, world_path(world, world->live_target), world->live_file);
    world->copied = false;
    world_say(world, "truncated");
    if (rng_chance(rng, 50)) {
        world_write_lines(world, rng, (unsigned)rng_below(rng, 40));
    }
}

void world_copy_truncate(struct world *world, struct rng *rng)
{
    if (rng_chance(rng, 70) && world->writer >= 0) {
        world_put_rest(world);
    }
    if (world_copy(world)) {
        if (rng_chance(rng, 15)) {
            world_write_lines(world, rng, 1 + (unsigned)rng_below(rng, 3)); /* too late for the copy */
        }
        truncate_live(world, rng);
    }
}

void world_truncate(struct world *world, struct rng *rng)
{
    bool sane = world_is_free(world) && world->live && !world->live_denied && world->live_file == world->writer_file;
    if (sane && !world_is_full(world) && (world->copied || rng_chance(rng, 30))) {
        truncate_live(world, rng);
    }
}

/* ---- the link ---- */

void world_link_to(struct world *world, const char *target)
{
    assert(symlink(target, world_path(world, "queue_log~")) == 0);
    assert(rename(world_path(world, "queue_log~"), world_path(world, "queue_log")) == 0);
    strcpy(world->live_target, target);
}

void world_next_target(struct world *world, char *out, size_t size)
{
    (void)snprintf(out, size, world->link_in_name ? "queue_log-%u" : "target%u", ++world->serial);
}

void world_switch_link(struct world *world, struct rng *rng)
{
    if (!world->linked || !world_is_free(world) || !world->live || world_is_full(world) ||
        world->name_count == WORLD_NAMES_MAX) {
        return;
    }
    struct world_name *name = &world->names[world->name_count++];
    *name = (struct world_name){.file = world->live_file, .denied = world->live_denied, .number = world->keep};
    strcpy(name->text, world->live_target);
    for (unsigned i = 0; i < world->name_count; i++) {
        bool found = strncmp(world->names[i].text, "queue_log-", 10) == 0;
        world->names[i].hidden = !found;
        world->names[i].number = 0; /* belongs to another log than those that will be shifted */
    }
    char target[64];
    world_next_target(world, target, sizeof target);
    world_forget_live(world);
    world_link_to(world, target);
    if (rng_chance(rng, 50)) {
        live_create(world);
    }
    world_stamp_directory(world);
    world_say(world, "the link leads to %s now", target);
    if (rng_chance(rng, 50)) {
        world_reopen(world, rng);
    }
}
