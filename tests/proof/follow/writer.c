#include "tests/proof/follow/world_internal.h"

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void world_stamp(struct world *world, const char *path, uint32_t index)
{
    struct world_file *file = &world->files[index];
    file->epoch = world->epoch;
    file->tick = ++world->tick;
    struct timespec both[2] = {{file->epoch, file->tick}, {file->epoch, file->tick}};
    assert(utimensat(AT_FDCWD, path, both, 0) == 0);
}

/* The directory too: the kernel's time stands still for milliseconds. */
void world_stamp_directory(struct world *world)
{
    struct timespec both[2] = {{world->epoch, ++world->tick}, {world->epoch, world->tick}};
    assert(utimensat(AT_FDCWD, world_path(world, ""), both, 0) == 0);
}

static uint64_t inode_of(const char *path)
{
    struct stat meta;
    assert(stat(path, &meta) == 0);
    return (uint64_t)meta.st_ino;
}

uint32_t world_add_file(struct world *world, const char *path, uint32_t body, uint32_t len)
{
    assert(world->file_count < WORLD_FILES_MAX);
    world->files[world->file_count] = (struct world_file){.inode = inode_of(path), .body = body, .len = len};
    world_stamp(world, path, world->file_count);
    return world->file_count++;
}

bool world_is_full(const struct world *world)
{
    return world->text_len + 8192 > WORLD_TEXT_MAX || world->line_count + 32 > WORLD_LINES_MAX ||
           world->body_count + 8 > WORLD_BODIES_MAX || world->file_count + 12 > WORLD_FILES_MAX;
}

static uint32_t line_begin(const struct world *world)
{
    const struct world_body *body = &world->bodies[world->body_count - 1];
    bool first = world->line_count == body->first_line;
    return first ? body->from : world->lines[world->line_count - 1].to;
}

static void line_end(struct world *world, bool torn)
{
    assert(world->line_count < WORLD_LINES_MAX);
    uint32_t from = line_begin(world);
    struct world_line *line = &world->lines[world->line_count++];
    *line = (struct world_line){.from = from, .to = world->text_len, .body = world->body_count - 1};
    line->is_void = torn || line->to - from - 1 > WORLD_LINE_MAX;
    world->stats->lines++;
}

void world_begin_body(struct world *world)
{
    if (world->body_count > 0 && line_begin(world) < world->text_len) {
        line_end(world, true); /* its end will never come, or will be a line of its own */
    }
    assert(world->body_count < WORLD_BODIES_MAX);
    world->bodies[world->body_count++] =
        (struct world_body){.from = world->text_len, .to = world->text_len, .first_line = world->line_count};
}

/* Bytes as they go down to a file, which gets a time of its own. */
static void put_down(struct world *world, int fd, struct world_file *file, const char *bytes, size_t len)
{
    assert(write(fd, bytes, len) == (ssize_t)len);
    world_say(world, "%zu bytes written: %.*s%s", len, len > 32 ? 32 : (int)len - 1, bytes, len > 32 ? "..." : "");
    file->epoch = world->epoch;
    file->tick = ++world->tick;
    struct timespec both[2] = {{file->epoch, file->tick}, {file->epoch, file->tick}};
    assert(futimens(fd, both) == 0);
}

/* The same bytes in the model. */
static void note(struct world *world, struct world_file *file, const char *bytes, size_t len)
{
    assert(world->text_len + len <= WORLD_TEXT_MAX && file->body == world->body_count - 1);
    file->len += (uint32_t)len;
    for (size_t i = 0; i < len; i++) {
        world->text[world->text_len++] = bytes[i];
        if (bytes[i] == '\n') {
            line_end(world, false);
        }
    }
    world->bodies[world->body_count - 1].to = world->text_len;
}

void world_put(struct world *world, const char *bytes, size_t len)
{
    if (len > 0) {
        struct world_file *file = &world->files[world->writer_file];
        put_down(world, world->writer, file, bytes, len);
        note(world, file, bytes, len);
    }
}

void world_put_rest(struct world *world)
{
    world_put(world, world->rest, strlen(world->rest));
    world->rest[0] = 0;
}

/* One text of whole lines: as a rule one, now and then the same line several times. Returns its length. */
static size_t compose(struct world *world, struct rng *rng, char *text, size_t size)
{
    static const char dashes[] = "------------------------------------------------------------------------------------";
    bool first = world->bodies[world->body_count - 1].to == world->bodies[world->body_count - 1].from;
    uint32_t begun = world->text_len - line_begin(world);
    unsigned kind = begun > 0 && begun < TIME_DIGITS ? 4 : (unsigned)rng_below(rng, 24); /* never half a time alone */
    world->epoch += rng_chance(rng, 30) ? (int64_t)rng_below(rng, 100) : 0;
    world->serial++;
    int pad = (int)rng_below(rng, sizeof dashes);
    if (kind == 0) {
        int n = snprintf(text, size, "%lld|%u|%.*s|%.*s|%.*s|%.*s|%.*s\n", (long long)world->epoch, world->serial,
                         (int)sizeof dashes - 1, dashes, (int)sizeof dashes - 1, dashes, (int)sizeof dashes - 1, dashes,
                         (int)rng_below(rng, 70), dashes, pad, dashes);
        return (size_t)n;
    }
    if (kind == 1) { /* no number, and bytes that end a string in C */
        int n = snprintf(text, size, "?%u?%.*s\n", world->serial, pad, dashes);
        text[n - 2] = text[0] = rng_chance(rng, 50) ? '\0' : 'x';
        return (size_t)n;
    }
    if (kind == 2) {
        return (size_t)snprintf(text, size, ";%u\n", world->serial);
    }
    int n = snprintf(text, size, "%lld|%u|%.*s|\n", (long long)world->epoch, world->serial, pad, dashes);
    size_t len = (size_t)n;
    for (unsigned left = kind == 3 && !first ? (unsigned)rng_below(rng, 4) : 0; left > 0 && len * 2 < size; left--) {
        memcpy(text + len, text, (size_t)n);
        len += (size_t)n;
    }
    return len;
}

void world_write_lines(struct world *world, struct rng *rng, unsigned count)
{
    for (; count > 0 && !world_is_full(world) && world->writer >= 0; count--) {
        if (rng_chance(rng, 90)) {
            world_put_rest(world);
        }
        world->rest[0] = 0; /* else the writer died in the middle of a line, and the next one begins there */
        char text[1024];
        size_t len = compose(world, rng, text, sizeof text);
        bool torn = rng_chance(rng, 12) && !memchr(text, 0, len);
        size_t cut = torn ? (size_t)rng_between(rng, 1, (int64_t)len) : len;
        world_put(world, text, cut);
        memcpy(world->rest, text + cut, len - cut);
        world->rest[len - cut] = 0;
    }
    world_say(world, "%u lines written up to now%s%s", world->line_count, world->rest[0] ? ", one begun" : "",
              world->live && world->writer_file == world->live_file ? "" : " (not to the log that is there)");
}

/* A file may begin with the rest of a line, but not with a number that is no time: files are ordered by them. */
void world_leave_rest(struct world *world)
{
    if (world->rest[0] >= '0' && world->rest[0] <= '9') {
        world->rest[0] = 0;
    }
}

void world_open_writer(struct world *world)
{
    const char *path = world_path(world, "queue_log");
    if (world->place != WORLD_HERE || world->live_denied) {
        return;
    }
    bool is_same = world->live && world->writer >= 0 && world->live_file == world->writer_file;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    assert(fd >= 0);
    if (world->writer >= 0) {
        close(world->writer);
    }
    world->writer = fd;
    if (is_same) {
        return;
    }
    world_begin_body(world);
    if (!world->live) {
        world->live = true;
        world->live_file = world_add_file(world, path, world->body_count - 1, 0);
        world_stamp_directory(world);
    }
    world->writer_file = world->live_file;
    world->files[world->live_file].body = world->body_count - 1;
    assert(world->files[world->live_file].len == 0);
}

/* The follower is in the file, finds it under a name, and cannot take it for a copy. */
static bool is_being_read(const struct world *world, uint32_t file)
{
    for (unsigned i = 0; i < world->name_count; i++) {
        const struct world_name *name = &world->names[i];
        if (name->file == file) {
            return world->holds && world->held_file == file && !world->bodies[world->files[file].body].shortened &&
                   world->held_body == world->files[file].body && !name->hidden && !name->denied &&
                   name->packed == PACK_NONE && !world->files[file].gzip;
        }
    }
    return false;
}

/* The new file has a line already, and the last one of the old file is still on its way to the disk: whoever looks in
 * between has to wait for it. */
static bool reopen_early(struct world *world)
{
    uint32_t old = world->writer_file;
    if (world->writer < 0 || !world->look || world->place != WORLD_HERE || world->live_denied ||
        (world->live && world->live_file == old) || !is_being_read(world, old)) {
        return false;
    }
    int fd = dup(world->writer);
    assert(fd >= 0);
    char text[64];
    world_put_rest(world);
    int len = snprintf(text, sizeof text, "%lld|%u|late|\n", (long long)world->epoch, ++world->serial);
    note(world, &world->files[old], text, (size_t)len);
    struct timespec before[2] = {{world->epoch, ++world->tick}, {world->epoch, world->tick}};
    world_open_writer(world);
    char first[64];
    int first_len = snprintf(first, sizeof first, "%lld|%u|early|\n", (long long)world->epoch, ++world->serial);
    world_put(world, first, (size_t)first_len);
    world_say(world, "the writer opened the log, and has not ended the old one");
    world->look(world->look_ctx);
    put_down(world, fd, &world->files[old], text, (size_t)len);
    assert(futimens(fd, before) == 0); /* files are ordered by times where their lines have none */
    world->files[old].epoch = before[0].tv_sec;
    world->files[old].tick = before[0].tv_nsec;
    close(fd);
    return true;
}

void world_reopen(struct world *world, struct rng *rng)
{
    if (world_is_full(world)) {
        return;
    }
    if (rng_chance(rng, 25) && reopen_early(world)) {
        return;
    }
    if (world->writer >= 0 && rng_chance(rng, 75)) {
        world_put_rest(world);
    }
    if (rng_chance(rng, 80)) { /* else what is left of a line begun comes as a line of its own */
        world->rest[0] = 0;
    }
    world_leave_rest(world);
    world_open_writer(world);
    world_say(world, "the writer opened the log");
    if (rng_chance(rng, 70)) {
        world_write_lines(world, rng, 1 + (unsigned)rng_below(rng, 3));
    }
}
