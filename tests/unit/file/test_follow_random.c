/* Random schedules of a writer, rotations of every kind, and a reader that is killed and started again from its last
 * committed position, against a model that knows every line. Whatever happens: no line comes twice or out of order, a
 * line that does not come is announced by a gap (unless its file came and went without the reader ever seeing it), and
 * where nothing was destroyed there are neither holes nor gaps.
 *
 * RINGSIDE_FOLLOW_SEED and RINGSIDE_FOLLOW_COUNT choose the schedules; a failure prints its seed, with which a single
 * run prints every step. */
#include "platform/file/follow.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/unit/file/scratch.h"

enum { LINES_MAX = 1500, PARTS_MAX = 64, STEPS = 70, GRACE_MS = 1000, LINE_MAX = 300 };

struct part {
    char name[40];
    bool gzip;
    unsigned body;
};

struct world {
    struct scratch scratch;
    uint64_t random;
    uint64_t seed;
    bool loud;
    /* the writer */
    int fd;
    bool moved;     /* fd is not what the live name leads to */
    char torn[512]; /* the rest of a line begun */
    int64_t epoch;
    int64_t tick; /* every change of a file has its own time, as it has outside of a test that is in a hurry */
    uint32_t next_line;
    bool void_line[LINES_MAX];     /* never to be expected: too long, or torn for good */
    bool optional_line[LINES_MAX]; /* was there for an instant only */
    bool destroyed;                /* something was taken away that may not have been read */
    unsigned body;                 /* counts what is one file by its content, under whatever names */
    unsigned body_of[LINES_MAX];
    int64_t epoch_of[LINES_MAX];
    bool body_destroyed[LINES_MAX];
    bool body_backed_up[LINES_MAX]; /* a copy of its beginning looks like a rotated file */
    /* rotated files */
    struct part parts[PARTS_MAX];
    unsigned part_count;
    unsigned part_serial;
    unsigned style;
    /* the reader */
    struct follow *follow;
    int64_t now_ms;
    struct follow_position committed_at;
    bool committed;
    uint32_t got[LINES_MAX];
    bool gap_before[LINES_MAX];
    uint32_t got_count;
    uint32_t committed_count;
    struct follow_position newest;
    bool gap;
    unsigned gaps;
};

static uint32_t roll(struct world *world, uint32_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (uint32_t)(world->random >> 33) % below;
}

#define CHECK(world, condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fail_msg("RINGSIDE_FOLLOW_SEED=%" PRIu64 ": %s", (world)->seed, #condition);                               \
        }                                                                                                              \
    } while (0)

static void say(const struct world *world, const char *what, const char *name)
{
    if (world->loud) {
        print_message("  now %" PRId64 " line %u: %s %s\n", world->now_ms, world->next_line, what, name);
    }
}

/* ---- the writer ---- */

static void writer_open(struct world *world)
{
    if (world->fd >= 0) {
        close(world->fd);
    }
    world->body += world->moved;
    world->fd = open(scratch_path(&world->scratch, "log"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    assert_true(world->fd >= 0);
    world->moved = false;
}

static void stamp(struct world *world, const char *name)
{
    scratch_set_time(&world->scratch, name, world->epoch, ++world->tick);
}

static void writer_put(struct world *world, const char *text, size_t len)
{
    struct timespec both[2] = {{world->epoch, ++world->tick}, {world->epoch, world->tick}};
    if (len > 0) {
        assert_int_equal(write(world->fd, text, len), len);
        assert_int_equal(futimens(world->fd, both), 0);
    }
}

static void writer_end_line(struct world *world)
{
    writer_put(world, world->torn, strlen(world->torn));
    world->torn[0] = 0;
}

static void writer_line(struct world *world)
{
    writer_end_line(world);
    if (world->next_line == LINES_MAX - 1) {
        return;
    }
    uint32_t n = world->next_line++;
    bool too_long = roll(world, 40) == 0;
    int pad = too_long ? LINE_MAX + (int)roll(world, 60) : (int)roll(world, 120);
    char line[512];
    world->epoch += roll(world, 3) == 0 ? roll(world, 100) : 0;
    world->void_line[n] = too_long;
    world->body_of[n] = world->body;
    world->epoch_of[n] = world->epoch;
    snprintf(line, sizeof line, "%" PRId64 "|%u|%.*s|%u\n", world->epoch, n, pad,
             "----------------------------------------------------------------------------------------------------"
             "----------------------------------------------------------------------------------------------------"
             "----------------------------------------------------------------------------------------------------"
             "----------------------------------------------------------------------------------------------------",
             n);
    size_t cut = roll(world, 6) == 0 ? 1 + roll(world, (uint32_t)strlen(line)) : strlen(line);
    writer_put(world, line, cut);
    strcpy(world->torn, line + cut);
}

static void writer_lines(struct world *world)
{
    for (uint32_t left = 1 + roll(world, 12); left > 0; left--) {
        writer_line(world);
    }
    say(world, "wrote", world->torn[0] ? "(torn)" : "");
}

/* Sometimes the writer dies in the middle of a line and never ends it. */
static void writer_reload(struct world *world)
{
    if (world->torn[0] && roll(world, 4) == 0 && world->moved) {
        world->void_line[world->next_line - 1] = true;
        world->torn[0] = 0;
    }
    writer_end_line(world);
    say(world, "reload", "");
    writer_open(world);
    writer_line(world);
}

static void reader_some(struct world *world);

/* ---- what happens to files ---- */

static struct part *part_add(struct world *world)
{
    if (world->part_count == PARTS_MAX) {
        return NULL;
    }
    struct part *part = &world->parts[world->part_count++];
    unsigned serial = world->part_serial++;
    part->gzip = false;
    part->body = world->body;
    switch (world->style) {
    case 0: snprintf(part->name, sizeof part->name, "log.%u", serial); break;
    case 1: snprintf(part->name, sizeof part->name, "log.%u", 900 - serial); break;
    case 2: snprintf(part->name, sizeof part->name, "log.%" PRId64 "%u", world->epoch, serial); break;
    case 3: snprintf(part->name, sizeof part->name, "log-202611%u", 10 + serial); break;
    default: snprintf(part->name, sizeof part->name, "log.moved-%u", serial * 7919 % 1000);
    }
    return part;
}

static void rotate(struct world *world)
{
    struct part *part = !world->moved && scratch_has(&world->scratch, "log") ? part_add(world) : NULL;
    if (!part) {
        return;
    }
    say(world, "rename to", part->name);
    scratch_rename(&world->scratch, "log", part->name);
    world->moved = true;
    if (roll(world, 2) == 0) {
        scratch_write(&world->scratch, "log", "", 0); /* logrotate's `create` */
        stamp(world, "log");
    }
    if (roll(world, 2) == 0) {
        writer_lines(world); /* the window before the reload */
    }
    if (roll(world, 3) != 0) {
        writer_reload(world);
    }
}

static void copy_truncate(struct world *world)
{
    if (world->moved || !scratch_has(&world->scratch, "log")) {
        return;
    }
    writer_end_line(world);
    struct part *part = part_add(world);
    if (part) {
        say(world, "copytruncate to", part->name);
        scratch_copy(&world->scratch, "log", part->name);
        stamp(world, part->name);
        if (roll(world, 8) == 0) {
            writer_line(world); /* too late for the copy, but a quick reader sees it */
            writer_end_line(world);
            world->optional_line[world->next_line - 1] = true;
            world->destroyed = true;
            reader_some(world);
        }
        scratch_truncate(&world->scratch, "log", 0);
        stamp(world, "log");
        world->body++;
        if (roll(world, 2) == 0) {
            writer_lines(world);
            writer_lines(world);
        }
    }
}

static void compress(struct world *world)
{
    unsigned newest = world->part_count - (world->moved ? 1 : 0); /* the one still written to is left alone */
    if (newest == 0) {
        return;
    }
    struct part *part = &world->parts[roll(world, newest)];
    if (!part->gzip) {
        say(world, "compress", part->name);
        scratch_compress(&world->scratch, part->name);
        strcat(part->name, ".gz");
        part->gzip = true;
    }
}

static void drop_part(struct world *world)
{
    if (world->part_count > (world->moved ? 1 : 0)) {
        say(world, "delete", world->parts[0].name);
        scratch_unlink(&world->scratch, world->parts[0].name);
        world->body_destroyed[world->parts[0].body] = true;
        memmove(world->parts, world->parts + 1, --world->part_count * sizeof *world->parts);
        world->destroyed = true;
    }
}

static void link_part(struct world *world)
{
    if (world->part_count > 0 && world->part_serial < 800) {
        char name[64];
        struct part *part = &world->parts[world->part_count - 1];
        snprintf(name, sizeof name, "log.%u-link", world->part_serial++);
        say(world, "link", part->name);
        assert_int_equal(link(scratch_path(&world->scratch, part->name), scratch_path(&world->scratch, name)), 0);
    }
}

static void back_up(struct world *world)
{
    if (scratch_has(&world->scratch, "log")) {
        char name[64];
        snprintf(name, sizeof name, "log.bak%u", world->part_serial++);
        say(world, "back up to", name);
        scratch_copy(&world->scratch, "log", name);
        stamp(world, name);
        world->body_backed_up[world->body] = true;
    }
}

static void destroy_live(struct world *world)
{
    if (world->moved || !scratch_has(&world->scratch, "log")) {
        return;
    }
    writer_end_line(world);
    world->destroyed = true;
    world->body_destroyed[world->body++] = true;
    if (roll(world, 2) == 0) {
        say(world, "truncate", "");
        scratch_truncate(&world->scratch, "log", 0);
        stamp(world, "log");
    } else {
        say(world, "delete and recreate", "");
        scratch_unlink(&world->scratch, "log");
        writer_open(world);
    }
    writer_lines(world);
}

/* ---- the reader ---- */

static void reader_start(struct world *world)
{
    char path[192];
    snprintf(path, sizeof path, "%s", scratch_path(&world->scratch, "log"));
    struct follow_options options = {.path = path,
                                     .line_max = LINE_MAX,
                                     .chunk_bytes = 64 + roll(world, 2000),
                                     .drain_grace_ms = GRACE_MS,
                                     .rotated_at_start = true};
    assert_int_equal(
        follow_open(&options, world->committed ? &world->committed_at : NULL, world->now_ms, &world->follow), 0);
}

/* Killed: what was not committed is forgotten, and so is the notice of a gap that came with it. */
static void reader_restart(struct world *world)
{
    say(world, "kill the reader", "");
    follow_close(world->follow);
    world->got_count = world->committed_count;
    world->gap = false;
    reader_start(world);
}

static void reader_take_line(struct world *world, const char *line, size_t len)
{
    int64_t epoch = 0;
    uint32_t n = 0;
    uint32_t last = 0;
    const char *end = memrchr(line, '|', len);
    CHECK(world, end && sscanf(line, "%" PRId64 "|%u|", &epoch, &n) == 2 && sscanf(end, "|%u\n", &last) == 1);
    CHECK(world, n == last && n < world->next_line && !world->void_line[n]);
    CHECK(world, world->got_count == 0 || n > world->got[world->got_count - 1]); /* in order, once */
    world->gap_before[world->got_count] = world->gap;
    world->gap = false;
    world->got[world->got_count++] = n;
}

static bool reader_step(struct world *world)
{
    struct follow_chunk chunk;
    int rc = follow_read(world->follow, world->now_ms, &chunk);
    CHECK(world, rc == 0 || rc == FOLLOW_IDLE);
    if (rc != 0) {
        return false;
    }
    if (world->loud) {
        print_message("  now %" PRId64 " chunk of %s to %" PRIu64 "%s: %.*s", world->now_ms, strrchr(chunk.path, '/'),
                      chunk.after.offset, chunk.gap ? " GAP" : "", (int)chunk.bytes.len, chunk.bytes.data);
    }
    world->gap = world->gap || chunk.gap;
    world->gaps += chunk.gap;
    for (const char *at = chunk.bytes.data, *end = at + chunk.bytes.len; at < end;) {
        size_t len = (size_t)((const char *)memchr(at, '\n', (size_t)(end - at)) - at) + 1;
        reader_take_line(world, at, len);
        at += len;
    }
    world->newest = chunk.after;
    if (roll(world, 3) != 0 && !(chunk.bytes.len == 0 && world->gap)) {
        world->committed = true;
        world->committed_at = chunk.after;
        world->committed_count = world->got_count;
    }
    return true;
}

static void reader_some(struct world *world)
{
    world->now_ms += roll(world, 2) == 0 ? roll(world, GRACE_MS * 2) : 0;
    for (uint32_t left = 1 + roll(world, 8); left > 0 && reader_step(world); left--) {
        if (roll(world, 4) == 0) {
            follow_trim(world->follow);
        }
    }
}

static void reader_rest(struct world *world)
{
    for (unsigned quiet = 0; quiet < 3; quiet++) {
        while (reader_step(world)) {
            quiet = 0;
        }
        world->now_ms += GRACE_MS + 1;
    }
}

/* ---- schedules ---- */

static void step(struct world *world, bool gentle)
{
    switch (roll(world, gentle ? 22 : 26)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: writer_lines(world); break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10: reader_some(world); break;
    case 11:
    case 12:
    case 13: rotate(world); break;
    case 14: writer_reload(world); break;
    case 15: copy_truncate(world); break;
    case 16:
    case 17: compress(world); break;
    case 18: link_part(world); break;
    case 19: back_up(world); break;
    case 20:
    case 21: reader_restart(world); break;
    case 22:
    case 23: drop_part(world); break;
    default: destroy_live(world);
    }
}

static bool was_seen(const struct world *world, unsigned body)
{
    for (uint32_t i = 0; i < world->got_count; i++) {
        if (world->body_of[world->got[i]] == body) {
            return true;
        }
    }
    return false;
}

/* A gap must not be an excuse for what is still there. Only when the reader's own file is gone and another one begins
 * in the very second of the last line read, nothing tells whether that one came before or after. */
static bool may_hide(const struct world *world, uint32_t line, uint32_t previous)
{
    uint32_t first = line;
    while (first > 0 && world->body_of[first - 1] == world->body_of[line]) {
        first--;
    }
    return world->body_destroyed[world->body_of[line]] || world->epoch_of[first] <= world->epoch_of[previous];
}

static bool may_be_missing(const struct world *world, uint32_t line, uint32_t i)
{
    unsigned body = world->body_of[line];
    if (world->void_line[line] || world->optional_line[line]) {
        return true;
    }
    if (world->gap_before[i]) {
        return may_hide(world, line, i > 0 ? world->got[i - 1] : 0);
    }
    return world->body_destroyed[body] && (!was_seen(world, body) || world->body_backed_up[body]);
}

static void check_all_came(struct world *world)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < world->got_count; i++, next++) {
        for (; next < world->got[i]; next++) {
            if (!may_be_missing(world, next, i)) {
                fail_msg("RINGSIDE_FOLLOW_SEED=%" PRIu64 ": line %u is missing, %s", world->seed, next,
                         world->gap_before[i] ? "though it is still there" : "and no gap tells of it");
            }
        }
    }
    CHECK(world, world->got_count > 0 && world->got[world->got_count - 1] == world->next_line - 1);
    CHECK(world, world->destroyed || world->gaps == 0);
}

static void run_schedule(uint64_t seed, bool loud)
{
    static struct world world;
    world = (struct world){.seed = seed, .loud = loud, .fd = -1, .epoch = 1795284600, .now_ms = 1000};
    world.random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    scratch_make(&world.scratch);
    world.style = roll(&world, 5);
    bool gentle = roll(&world, 2) == 0;
    bool early = roll(&world, 2) == 0; /* the reader is there before the file is */
    if (early) {
        reader_start(&world);
        reader_some(&world);
    }
    writer_open(&world);
    if (!early) {
        reader_start(&world);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        step(&world, gentle);
    }
    writer_end_line(&world);
    writer_open(&world);
    do {
        writer_line(&world);
        writer_end_line(&world);
    } while (world.void_line[world.next_line - 1] && world.next_line < LINES_MAX - 1);
    reader_rest(&world);
    check_all_came(&world);
    follow_close(world.follow);
    close(world.fd);
    scratch_remove(&world.scratch);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_random_schedules(void **state)
{
    (void)state;
    bool single = getenv("RINGSIDE_FOLLOW_SEED") && !getenv("RINGSIDE_FOLLOW_COUNT");
    uint64_t seed = from_environment("RINGSIDE_FOLLOW_SEED", 1);
    uint64_t count = single ? 1 : from_environment("RINGSIDE_FOLLOW_COUNT", 2000);
    for (uint64_t i = 0; i < count; i++) {
        run_schedule(seed + i, single);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_schedules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
