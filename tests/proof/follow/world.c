#include "tests/proof/follow/world.h"

#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/proof/follow/world_internal.h"

void world_say(const struct world *world, const char *format, ...)
{
    if (world->loud) {
        va_list args;
        va_start(args, format);
        printf("    ");
        vprintf(format, args);
        printf("\n");
        va_end(args);
    }
}

void world_fail(struct world *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(world->failure, sizeof world->failure, format, args);
    va_end(args);
    longjmp(world->failed, 1);
}

const char *world_path(const struct world *world, const char *name)
{
    static char ring[8][192];
    static unsigned next;
    char *path = ring[next++ % 8];
    (void)snprintf(path, sizeof ring[0], "%s/d/%s", world->base, name);
    return path;
}

uint64_t world_number(const struct world *world, uint32_t line)
{
    const char *text = world->text + world->lines[line].from;
    char *end = NULL;
    uint64_t number = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    return end && end - text <= TIME_DIGITS ? number : 0;
}

enum { EPOCH_START = 1795284600 };

/* ---- what can be read ---- */

static void see(const struct world *world, uint32_t *readable, uint32_t index)
{
    const struct world_file *file = &world->files[index];
    if (!file->broken && file->len > readable[file->body]) {
        readable[file->body] = file->len;
    }
}

/* How much of each body can be read. */
static void see_all(const struct world *world, uint32_t *readable)
{
    if (world->live) {
        see(world, readable, world->live_file);
    }
    if (world->holds && world->files[world->held_file].body == world->held_body) {
        see(world, readable, world->held_file);
    }
    for (unsigned i = 0; i < world->name_count; i++) {
        const struct world_name *name = &world->names[i];
        if (!name->hidden && !name->denied) {
            see(world, readable, name->file);
            if (name->packed == PACK_WHOLE) {
                see(world, readable, name->packed_file);
            }
        }
    }
}

static void note_shortened(struct world *world, uint32_t index)
{
    const struct world_file *file = &world->files[index];
    struct world_body *body = &world->bodies[file->body];
    body->shortened = body->shortened || (file->len > 0 && file->len < body->to - body->from);
}

void world_review(struct world *world)
{
    uint32_t readable[WORLD_BODIES_MAX] = {0};
    see_all(world, readable);
    for (unsigned i = 0; i < world->body_count; i++) {
        struct world_body *body = &world->bodies[i];
        body->hurt = body->hurt || readable[i] < body->to - body->from;
    }
    for (unsigned i = 0; i < world->name_count; i++) {
        note_shortened(world, world->names[i].file);
        if (world->names[i].denied) { /* what is in it cannot be told, not even that it is known */
            world->bodies[world->files[world->names[i].file].body].hurt = true;
        }
    }
    if (world->holds) {
        note_shortened(world, world->held_file);
    }
    for (unsigned i = 0; i < world->line_count; i++) {
        struct world_line *line = &world->lines[i];
        if (!line->gone && line->to - world->bodies[line->body].from > readable[line->body]) {
            line->gone = true;
            world->stats->gone++;
        }
    }
}

bool world_is_free(const struct world *world)
{
    return world->place == WORLD_HERE;
}

/* ---- all together ---- */

const char *world_deed_str(enum world_deed deed)
{
    static const char *const names[WORLD_DEEDS] = {"write",          "write much",  "reopen",        "rotate",
                                                   "copy",           "truncate",    "copytruncate",  "compress",
                                                   "delete rotated", "delete live", "replace live",  "switch link",
                                                   "hard link",      "deny",        "move directory"};
    return names[deed];
}

void world_do(struct world *world, enum world_deed deed, struct rng *rng)
{
    switch (deed) {
    case WORLD_WRITE: world_write_lines(world, rng, 1 + (unsigned)rng_below(rng, 6)); break;
    case WORLD_WRITE_MUCH: world_write_lines(world, rng, 1 + (unsigned)rng_below(rng, 40)); break;
    case WORLD_REOPEN: world_reopen(world, rng); break;
    case WORLD_ROTATE: world_rotate(world, rng); break;
    case WORLD_COPY: (void)world_copy(world); break;
    case WORLD_TRUNCATE: world_truncate(world, rng); break;
    case WORLD_COPY_TRUNCATE: world_copy_truncate(world, rng); break;
    case WORLD_COMPRESS: world_compress(world, rng); break;
    case WORLD_DELETE_ROTATED: world_delete_rotated(world, rng); break;
    case WORLD_DELETE_LIVE: (void)world_delete_live(world); break;
    case WORLD_REPLACE_LIVE: world_replace_live(world, rng); break;
    case WORLD_SWITCH_LINK: world_switch_link(world, rng); break;
    case WORLD_HARD_LINK: world_hard_link(world, rng); break;
    case WORLD_DENY: world_deny(world, rng); break;
    case WORLD_MOVE_DIRECTORY: world_move_directory(world); break;
    case WORLD_DEEDS: break;
    }
    world_review(world);
}

void world_open(struct world *world, struct rng *rng)
{
    world->style = (enum world_style)rng_below(rng, WORLD_STYLES);
    world->linked = rng_chance(rng, 25);
    world->link_in_name = rng_chance(rng, 50);
    world->keep = 2 + (unsigned)rng_below(rng, 12);
    world->epoch = EPOCH_START;
    world->writer = -1;
    world->writer_file = NONE;
    assert(mkdir(world_path(world, ""), 0755) == 0);
    strcpy(world->live_target, "queue_log");
    if (world->linked) {
        char target[64];
        world_next_target(world, target, sizeof target);
        world_link_to(world, target);
    }
}

void world_settle(struct world *world)
{
    if (world->place == WORLD_AWAY) {
        world_move_directory(world);
    }
    if (world->place == WORLD_SHUT) {
        assert(chmod(world_path(world, ""), 0755) == 0);
        world->place = WORLD_HERE;
    }
    if (world->live_denied) {
        world_allow(world, world->live_target, true);
        world->live_denied = false;
    }
    if (world->writer >= 0) {
        world_put_rest(world);
    }
    world_open_writer(world);
    world_put_rest(world);
    do {
        char text[128];
        int n = snprintf(text, sizeof text, "%lld|%u|the last one\n", (long long)world->epoch, ++world->serial);
        world_put(world, text, (size_t)n);
    } while (world->lines[world->line_count - 1].is_void);
    world_review(world);
}

static void empty(const char *path)
{
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert(unlinkat(dirfd(entries), entry->d_name, 0) == 0);
        }
    }
    if (entries) {
        closedir(entries);
    }
    (void)rmdir(path);
}

void world_close(struct world *world)
{
    char away[192];
    (void)snprintf(away, sizeof away, "%s/away", world->base);
    if (world->place == WORLD_SHUT) {
        (void)chmod(world_path(world, ""), 0755);
    }
    if (world->writer >= 0) {
        close(world->writer);
    }
    empty(world_path(world, ""));
    empty(away);
}
