#include "tests/proof/follow/reader.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "platform/base/status.h"

/* What is to happen in the middle of the follower's work, at its n-th call of the operating system. */
static struct {
    struct world *world;
    unsigned left;
    struct rng rng;
    bool happened;
} amid;

void reader_amid(void)
{
    static const enum world_deed deeds[] = {
        WORLD_WRITE,    WORLD_REOPEN,         WORLD_ROTATE,      WORLD_COPY, WORLD_TRUNCATE, WORLD_COPY_TRUNCATE,
        WORLD_COMPRESS, WORLD_DELETE_ROTATED, WORLD_SWITCH_LINK, WORLD_DENY, WORLD_ROTATE,   WORLD_COMPRESS};
    if (amid.left == 0 || --amid.left > 0) {
        return;
    }
    enum world_deed deed = deeds[rng_below(&amid.rng, sizeof deeds / sizeof *deeds)];
    world_say(amid.world, "  amid the work of the follower: %s", world_deed_str(deed));
    amid.happened = true;
    amid.world->stats->amid++;
    world_do(amid.world, deed, &amid.rng);
}

const char *reader_deed_str(enum reader_deed deed)
{
    static const char *const names[READER_DEEDS] = {"read", "read all", "restart", "wait"};
    return names[deed];
}

/* ---- what came ---- */

static bool is_same_line(const struct world *world, uint32_t line, struct slice bytes)
{
    const struct world_line *known = &world->lines[line];
    return known->to - known->from == bytes.len && memcmp(world->text + known->from, bytes.data, bytes.len) == 0;
}

/* The number of the last line handed out of a file, as the follower may remember it. */
static uint64_t last_number(const struct reader *reader, uint32_t line)
{
    const struct world *world = reader->world;
    uint64_t number = 0;
    for (uint32_t i = world->bodies[world->lines[line].body].first_line; i <= line; i++) {
        uint64_t of_line = world->lines[i].is_void ? 0 : world_number(world, i);
        number = of_line ? of_line : number;
    }
    return number;
}

static uint32_t next_wanted(const struct reader *reader)
{
    return reader->state.got_count > 0 ? reader->got[reader->state.got_count - 1] + 1 : 0;
}

/* Only when the reader's own file is gone and another one begins in the very second of the last line read, or has no
 * times in it, nothing tells whether that one came before or after. */
static bool may_hide(const struct reader *reader, uint32_t line)
{
    const struct world *world = reader->world;
    if (!reader->state.gap) {
        return false;
    }
    uint32_t next = next_wanted(reader);
    bool silent = reader->state.silent; /* lines skipped were all there was: the follower has their times alone */
    if (!silent && (next == 0 || !world->bodies[world->lines[next - 1].body].hurt)) {
        return false;
    }
    uint64_t known = silent ? reader->state.position.last_number : last_number(reader, next - 1);
    return known == 0 || world_number(world, world->bodies[world->lines[line].body].first_line) <= known;
}

static bool is_wanted(const struct reader *reader, uint32_t line)
{
    const struct world_line *known = &reader->world->lines[line];
    return !known->is_void && !known->gone && !may_hide(reader, line);
}

static void explain_stranger(struct reader *reader, struct slice bytes)
{
    for (uint32_t line = 0; line < reader->world->line_count; line++) {
        if (is_same_line(reader->world, line, bytes)) {
            world_fail(reader->world, "line %u came again, or too late", line);
        }
    }
    world_fail(reader->world, "nobody ever wrote this line: %.*s", (int)bytes.len, bytes.data);
}

/* Which line this is: of lines of equal bytes the first one that may be next. */
static uint32_t recognise(struct reader *reader, struct slice bytes)
{
    const struct world *world = reader->world;
    uint32_t from = next_wanted(reader);
    uint32_t first = UINT32_MAX;
    bool passed = false; /* one that should have been the next */
    for (uint32_t line = from; line < world->line_count; line++) {
        bool is_next = !passed && !world->lines[line].is_void;
        passed = passed || is_next;
        if (is_same_line(world, line, bytes)) {
            if (is_next || !world->lines[line].gone) {
                return line;
            }
            first = first == UINT32_MAX ? line : first;
        }
        if (first != UINT32_MAX && is_wanted(reader, line)) {
            break;
        }
    }
    if (first == UINT32_MAX) {
        explain_stranger(reader, bytes);
    }
    return first;
}

/* Bytes are gone that the reader would have come to in the file it was in, and it could see that. */
static void check_told(struct reader *reader, uint32_t line)
{
    struct world *world = reader->world;
    uint32_t from = next_wanted(reader);
    for (uint32_t missing = from; missing < line; missing++) {
        if (is_wanted(reader, missing)) {
            world_fail(world, "line %u did not come before line %u, though it is still there%s", missing, line,
                       reader->state.gap ? " (a gap was told)" : "");
        }
        const struct world_line *lost = &world->lines[missing];
        if (!lost->is_void && !reader->state.gap && from > 0 && lost->body == world->lines[from - 1].body &&
            !world->bodies[lost->body].shortened) {
            world_fail(world, "line %u is gone, and no gap tells of it before line %u", missing, line);
        }
    }
    if (reader->state.gap) {
        uint32_t body = from > 0 ? world->lines[from - 1].body : 0;
        bool hurt = false;
        for (; body <= world->lines[line].body; body++) {
            hurt = hurt || world->bodies[body].hurt;
        }
        if (!hurt) {
            world_fail(world, "a gap was told before line %u, though nothing is gone", line);
        }
    }
}

static void take_line(struct reader *reader, struct slice bytes)
{
    uint32_t line = recognise(reader, bytes);
    if (reader->world->lines[line].is_void) {
        world_fail(reader->world, "line %u is too long or torn, and was handed out", line);
    }
    check_told(reader, line);
    assert(reader->state.got_count < WORLD_LINES_MAX);
    reader->got[reader->state.got_count++] = line;
    reader->state.gap = false;
}

static void hold(struct reader *reader, uint64_t inode)
{
    uint32_t last = next_wanted(reader);
    struct world *world = reader->world;
    for (unsigned i = world->file_count; i-- > 0;) {
        if (world->files[i].inode == inode) {
            world->holds = true;
            world->held_file = i;
            world->held_body = last > 0 ? world->lines[last - 1].body : world->files[i].body;
            return;
        }
    }
    world_fail(world, "a chunk came of a file that never was");
}

static void check_chunk(struct reader *reader, const struct follow_chunk *chunk)
{
    const struct follow_position *after = &chunk->after;
    size_t len = chunk->bytes.len;
    if (len == 0 ? chunk->skipped_lines == 0 : chunk->bytes.data[len - 1] != '\n') {
        world_fail(reader->world, "the chunk holds no whole lines");
    }
    if (after->offset < len || (chunk->file_begins && chunk->skipped_bytes == 0 && after->offset != len)) {
        world_fail(reader->world, "%zu bytes of a file %s, and the offset is %llu", len,
                   chunk->file_begins ? "that begins" : "that goes on", (unsigned long long)after->offset);
    }
    for (size_t i = 0; i < 64; i++) {
        (void)*(volatile const char *)(chunk->bytes.data + len + i);
    }
}

static void take_chunk(struct reader *reader, const struct follow_chunk *chunk, struct rng *rng)
{
    struct world *world = reader->world;
    world_say(world, "%zu bytes of %s up to %llu%s%s", chunk->bytes.len, strrchr(chunk->path, '/') + 1,
              (unsigned long long)chunk->after.offset, chunk->gap ? ", a gap before" : "",
              chunk->skipped_lines ? ", lines skipped" : "");
    check_chunk(reader, chunk);
    struct reader_state *state = &reader->state;
    world->stats->gaps += chunk->gap;
    world->stats->skipped += chunk->skipped_lines;
    state->gap = state->gap || chunk->gap;
    const char *end = chunk->bytes.data + chunk->bytes.len;
    for (const char *at = chunk->bytes.data; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        take_line(reader, slice_make(at, (size_t)(feed - at) + 1));
        at = feed + 1;
    }
    state->skipped_lines += chunk->skipped_lines;
    state->skipped_bytes += chunk->skipped_bytes;
    state->position = chunk->after;
    state->silent = chunk->bytes.len == 0;
    hold(reader, chunk->after.inode);
    world_review(world);
    if (rng_chance(rng, 66)) {
        if (reader->commit_count == READER_COMMITS_MAX) {
            memmove(reader->commits, reader->commits + 1, sizeof reader->commits - sizeof reader->commits[0]);
            reader->commit_count--;
        }
        reader->commits[reader->commit_count++] = *state;
    }
}

/* ---- what is said of it ---- */

static void check_state(struct reader *reader)
{
    struct world *world = reader->world;
    enum follow_state state = follow_state(reader->follow);
    bool fits;
    if (world->place == WORLD_AWAY || (world->place == WORLD_HERE && !world->live)) {
        fits = state == FOLLOW_MISSING;
    } else if (world->place == WORLD_SHUT) {
        fits = state == FOLLOW_DENIED;
    } else if (world->live_denied) {
        fits = state == FOLLOW_DENIED || state == FOLLOW_READING;
    } else {
        fits = state == FOLLOW_READING || state == FOLLOW_CATCHING_UP;
    }
    if (!fits) {
        world_fail(world, "the state is %s", follow_state_str(state));
    }
}

static bool read_once(struct reader *reader, struct rng *rng)
{
    struct follow_chunk chunk;
    amid.world = reader->world;
    amid.happened = false;
    int rc = follow_read(reader->follow, reader->now_ms, &chunk);
    bool happened = amid.happened;
    amid.world = NULL;
    if (rc == FOLLOW_IDLE) {
        world_say(reader->world, "idle: %s", follow_state_str(follow_state(reader->follow)));
        if (!happened) {
            check_state(reader);
        }
        return false;
    }
    if (rc != 0) {
        world_fail(reader->world, "reading failed: %s", status_str(rc));
    }
    take_chunk(reader, &chunk, rng);
    return true;
}

/* ---- the life of it ---- */

static void start(struct reader *reader, struct rng *rng)
{
    char path[192];
    (void)snprintf(path, sizeof path, "%s", world_path(reader->world, "queue_log"));
    struct follow_options options = {.path = path,
                                     .line_max = WORLD_LINE_MAX,
                                     .chunk_bytes = (size_t)rng_between(rng, 1, rng_chance(rng, 50) ? 400 : 8000),
                                     .drain_grace_ms = reader->grace_ms,
                                     .rotated_at_start = true};
    const struct follow_position *resume = reader->state.position.head_len > 0 ? &reader->state.position : NULL;
    if (follow_open(&options, resume, reader->now_ms, &reader->follow) != 0) {
        world_fail(reader->world, "it does not start");
    }
}

static bool is_there(const struct world *world, uint64_t inode)
{
    bool there = (world->live && world->files[world->live_file].inode == inode) ||
                 (world->writer >= 0 && world->files[world->writer_file].inode == inode);
    for (unsigned i = 0; i < world->name_count; i++) {
        there = there || world->files[world->names[i].file].inode == inode;
    }
    return there;
}

/* The number of its inode was given out again, to the log that is there now. */
static void reuse_inode(struct reader *reader)
{
    struct stat meta;
    if (!is_there(reader->world, reader->state.position.inode) &&
        stat(world_path(reader->world, "queue_log"), &meta) == 0) {
        reader->state.position.inode = (uint64_t)meta.st_ino;
        reader->state.position.device = (uint64_t)meta.st_dev;
    }
}

/* Killed: what was not committed is forgotten; now and then the last commits are lost too. */
static void restart(struct reader *reader, struct rng *rng)
{
    follow_close(reader->follow);
    reader->follow = NULL;
    reader->world->stats->restarts++;
    unsigned lost = rng_chance(rng, 25) ? (unsigned)rng_below(rng, 6) : 0;
    reader->commit_count -= lost < reader->commit_count ? lost : reader->commit_count;
    reader->state = reader->commit_count > 0 ? reader->commits[reader->commit_count - 1] : (struct reader_state){0};
    reader->world->holds = false;
    world_review(reader->world);
    if (reader->state.position.head_len > 0 && rng_chance(rng, 50)) {
        reuse_inode(reader);
    }
    world_say(reader->world, "killed, and %u commits lost: goes on at %llu, after line %d", lost,
              (unsigned long long)reader->state.position.offset, (int)next_wanted(reader) - 1);
    start(reader, rng);
}

static void look(void *ctx)
{
    struct reader *reader = ctx;
    if (amid.world == NULL && reader->follow) {
        struct rng rng = {.state = (uint64_t)reader->now_ms};
        while (read_once(reader, &rng)) {
        }
    }
}

void reader_open(struct reader *reader, struct world *world, struct rng *rng)
{
    world->look = look;
    world->look_ctx = reader;
    reader->world = world;
    reader->grace_ms = rng_chance(rng, 80) ? 1000 : 1;
    reader->now_ms = 1000;
    start(reader, rng);
}

void reader_close(struct reader *reader)
{
    follow_close(reader->follow);
    reader->follow = NULL;
}

void reader_do(struct reader *reader, enum reader_deed deed, struct rng *rng)
{
    unsigned left = deed == READER_READ_ALL ? UINT32_MAX : 1 + (unsigned)rng_below(rng, 6);
    switch (deed) {
    case READER_READ:
    case READER_READ_ALL:
        if (rng_chance(rng, 35)) {
            amid.left = 1 + (unsigned)rng_below(rng, rng_chance(rng, 50) ? 12 : 80);
            amid.rng = (struct rng){.state = rng_next(rng)};
        }
        reader->now_ms += rng_chance(rng, 50) ? (int64_t)rng_below(rng, 1500) : 0;
        for (; left > 0 && read_once(reader, rng); left--) {
        }
        amid.left = 0;
        break;
    case READER_RESTART: restart(reader, rng); break;
    case READER_WAIT: reader->now_ms += (int64_t)rng_below(rng, 2500); break;
    case READER_DEEDS: break;
    }
}

/* ---- the end ---- */

static void check_skipped(struct reader *reader)
{
    const struct world *world = reader->world;
    uint64_t lines = 0;
    uint64_t bytes = 0;
    uint64_t lines_most = 0;
    uint64_t bytes_most = 0;
    unsigned got = 0;
    for (uint32_t i = 0; i < world->line_count; i++) {
        const struct world_line *line = &world->lines[i];
        if (got < reader->state.got_count && reader->got[got] == i) {
            got++;
            continue;
        }
        const struct world_body *body = &world->bodies[line->body];
        bool alone =
            line->from == body->from && world->text[line->to - 1] != '\n'; /* no file is begun for half a line */
        bool sure = line->is_void && !line->gone && !alone;
        lines += sure;
        bytes += sure ? line->to - line->from : 0;
        lines_most++;
        bytes_most += line->to - line->from;
    }
    const struct reader_state *state = &reader->state;
    bool hid = lines_most > lines; /* what is hidden behind a gap may hold such lines too */
    if (state->skipped_lines > lines_most || state->skipped_bytes > bytes_most ||
        (!hid && (state->skipped_lines < lines || state->skipped_bytes < bytes))) {
        world_fail(reader->world, "%llu lines (%llu bytes) were told as skipped, and it should be %llu (%llu) to %llu",
                   (unsigned long long)state->skipped_lines, (unsigned long long)state->skipped_bytes,
                   (unsigned long long)lines, (unsigned long long)bytes, (unsigned long long)lines_most);
    }
}

void reader_finish(struct reader *reader)
{
    struct world *world = reader->world;
    struct rng rng = {.state = world->seed};
    for (unsigned quiet = 0; quiet < 3; quiet++) {
        while (read_once(reader, &rng)) {
            quiet = 0;
        }
        reader->now_ms += reader->grace_ms + 1;
    }
    if (next_wanted(reader) != world->line_count) {
        world_fail(world, "it stops before line %u; there are %u", next_wanted(reader), world->line_count);
    }
    if (follow_state(reader->follow) != FOLLOW_READING || follow_lag_bytes(reader->follow) != 0) {
        world_fail(world, "all is read, and the state is %s with %llu bytes to come",
                   follow_state_str(follow_state(reader->follow)),
                   (unsigned long long)follow_lag_bytes(reader->follow));
    }
    check_skipped(reader);
}
