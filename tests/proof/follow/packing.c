#include "tests/proof/follow/world_internal.h"

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"
#include "platform/file/gzip.h"

char *world_read_whole(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat meta;
    assert(fd >= 0 && fstat(fd, &meta) == 0);
    char *data = malloc((size_t)meta.st_size + 1);
    assert(data && read(fd, data, (size_t)meta.st_size) == meta.st_size);
    close(fd);
    *len = (size_t)meta.st_size;
    return data;
}

void world_write_whole(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    close(fd);
}

static void pack(struct world *world, struct world_name *name, struct rng *rng, bool whole)
{
    size_t len;
    char *data = world_read_whole(world_path(world, name->text), &len);
    struct buf packed = BUF_INIT;
    size_t cut = rng_chance(rng, 20) ? (size_t)rng_below(rng, len + 1) : len; /* two members are one file too */
    assert(gzip_pack(slice_make(data, cut), 1, &packed) == 0);
    if (cut < len) {
        assert(gzip_pack(slice_make(data + cut, len - cut), 1, &packed) == 0);
    }
    free(data);
    const char *path = world_path(world, name->packing);
    world_write_whole(path, packed.data, whole ? packed.len : (size_t)rng_below(rng, packed.len));
    buf_deinit(&packed);
    if (name->packed == PACK_NONE) {
        name->packed_file = world_add_file(world, path, world->files[name->file].body, 0);
        world_stamp_directory(world);
    }
    struct world_file *file = &world->files[name->packed_file];
    file->gzip = true;
    file->broken = !whole;
    file->len = (uint32_t)len;
    if (whole) {
        const struct world_file *plain = &world->files[name->file];
        struct timespec both[2] = {{plain->epoch, plain->tick}, {plain->epoch, plain->tick}};
        assert(utimensat(AT_FDCWD, path, both, 0) == 0);
        file->epoch = plain->epoch;
        file->tick = plain->tick;
    }
}

static void pack_done(struct world *world, struct world_name *name)
{
    assert(unlink(world_path(world, name->text)) == 0);
    strcpy(name->text, name->packing);
    name->file = name->packed_file;
    name->packed = PACK_NONE;
    world_stamp_directory(world);
}

static void pack_whole(struct world *world, struct world_name *name, struct rng *rng)
{
    pack(world, name, rng, true);
    char *tail = strstr(name->packing, ".tmp");
    if (tail) {
        char final[72];
        (void)snprintf(final, sizeof final, "%.*s", (int)(tail - name->packing), name->packing);
        assert(rename(world_path(world, name->packing), world_path(world, final)) == 0);
        strcpy(name->packing, final);
        world_stamp_directory(world);
    }
    name->packed = PACK_WHOLE;
}

static bool is_linked(const struct world *world, const struct world_name *name)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world->name_count; i++) {
        count += world->names[i].file == name->file;
    }
    return count > 1;
}

void world_compress(struct world *world, struct rng *rng)
{
    if (!world_is_free(world) || world->name_count == 0 || world_is_full(world)) {
        return;
    }
    struct world_name *name = &world->names[rng_below(rng, world->name_count)];
    struct world_file *file = &world->files[name->file];
    bool written = name->file == world->writer_file && !rng_chance(rng, 10);
    if (file->gzip || name->denied || written || is_linked(world, name)) { /* as gzip has it */
        return;
    }
    bool at_once = rng_chance(rng, 50);
    if (name->packed == PACK_BEGUN && rng_chance(rng, 20)) {
        world_say(world, "compression given up: %s", name->packing);
        assert(unlink(world_path(world, name->packing)) == 0);
        name->packed = PACK_NONE;
        world_stamp_directory(world);
        return;
    }
    if (name->packed == PACK_NONE) {
        strcpy(name->packing, name->text);
        strcat(name->packing, rng_chance(rng, 30) ? ".gz.tmp" : ".gz");
        if (!at_once) {
            pack(world, name, rng, false);
            name->packed = PACK_BEGUN;
            world_say(world, "compression begun: %s", name->packing);
            return;
        }
    }
    if (name->packed != PACK_WHOLE) {
        pack_whole(world, name, rng);
        world_say(world, "compressed: %s", name->packing);
    }
    if (at_once) {
        pack_done(world, name);
        world_say(world, "only %s is left", name->text);
    }
}
