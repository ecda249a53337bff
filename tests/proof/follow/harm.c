#include "tests/proof/follow/world_internal.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- losses ---- */

void world_delete_rotated(struct world *world, struct rng *rng)
{
    if (world_is_free(world) && world->name_count > 0) {
        unsigned index = rng_chance(rng, 70) ? 0 : (unsigned)rng_below(rng, world->name_count);
        world_say(world, "deleted: %s", world->names[index].text);
        world_drop_name(world, index);
        world_stamp_directory(world);
    }
}

bool world_delete_live(struct world *world)
{
    if (!world_is_free(world) || !world->live) {
        return false;
    }
    assert(unlink(world_path(world, world->live_target)) == 0);
    world_forget_live(world);
    world_stamp_directory(world);
    world_say(world, "the log is deleted");
    return true;
}

/* Deleted and made again; where the file system gives a number out again at once, until it is the same. */
void world_replace_live(struct world *world, struct rng *rng)
{
    if (world->live_denied || world_is_full(world) || !world_delete_live(world)) {
        return;
    }
    uint64_t before = world->writer >= 0 ? world->files[world->writer_file].inode : 0;
    if (world->writer >= 0) {
        close(world->writer);
        world->writer = -1;
    }
    world->rest[0] = 0;
    for (unsigned i = 0; i < 3; i++) {
        world_open_writer(world);
        if (world->writer < 0 || world->files[world->writer_file].inode == before || world_is_full(world)) {
            break;
        }
        assert(unlink(world_path(world, world->live_target)) == 0);
        close(world->writer);
        world->writer = -1;
        world->live = false;
    }
    world_open_writer(world);
    world_write_lines(world, rng, 1 + (unsigned)rng_below(rng, 10));
}

void world_hard_link(struct world *world, struct rng *rng)
{
    if (!world_is_free(world) || world->name_count == 0 || world->name_count == WORLD_NAMES_MAX) {
        return;
    }
    const struct world_name *from = &world->names[rng_below(rng, world->name_count)];
    if (from->denied || from->hidden || from->packed != PACK_NONE) {
        return;
    }
    struct world_name *name = &world->names[world->name_count++];
    *name = (struct world_name){.file = from->file};
    (void)snprintf(name->text, sizeof name->text, "%.20s.link%u%s", world->live_target, ++world->serial,
                   world->files[from->file].gzip ? ".gz" : "");
    assert(link(world_path(world, from->text), world_path(world, name->text)) == 0);
    world_stamp_directory(world);
    world_say(world, "linked: %s as %s", from->text, name->text);
}

/* ---- permissions and the directory ---- */

void world_allow(const struct world *world, const char *name, bool allowed)
{
    assert(chmod(world_path(world, name), allowed ? 0644 : 0) == 0);
}

void world_deny(struct world *world, struct rng *rng)
{
    if (!world->can_deny) {
        return;
    }
    unsigned what = (unsigned)rng_below(rng, 4);
    if (what == 0 && world->place != WORLD_AWAY) {
        world->place = world->place == WORLD_SHUT ? WORLD_HERE : WORLD_SHUT;
        assert(chmod(world_path(world, ""), world->place == WORLD_SHUT ? 0 : 0755) == 0);
        world_say(world, "the directory is %s", world->place == WORLD_SHUT ? "shut" : "open");
    } else if (what == 1 && world_is_free(world) && world->name_count > 0) {
        struct world_name *name = &world->names[rng_below(rng, world->name_count)];
        if (world->files[name->file].len == 0) {
            return; /* whether there is nothing in it cannot be seen then */
        }
        name->denied = !name->denied;
        for (unsigned i = 0; i < world->name_count; i++) {
            world->names[i].denied = world->names[i].file == name->file ? name->denied : world->names[i].denied;
        }
        world_allow(world, name->text, !name->denied);
        world_say(world, "%s %s", name->text, name->denied ? "is denied" : "may be read");
    } else if (world_is_free(world) && world->live) {
        world->live_denied = !world->live_denied;
        world_allow(world, world->live_target, !world->live_denied);
        world_say(world, "the log %s", world->live_denied ? "is denied" : "may be read");
    }
}

void world_move_directory(struct world *world)
{
    char away[192];
    (void)snprintf(away, sizeof away, "%s/away", world->base);
    if (world->place == WORLD_HERE) {
        assert(rename(world_path(world, ""), away) == 0);
        world->place = WORLD_AWAY;
    } else if (world->place == WORLD_AWAY) {
        assert(rename(away, world_path(world, "")) == 0);
        world->place = WORLD_HERE;
    }
    world_say(world, "the directory is %s", world->place == WORLD_AWAY ? "away" : "here");
}
