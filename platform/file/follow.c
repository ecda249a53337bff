#include "platform/file/follow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "platform/base/status.h"
#include "platform/file/lines.h"
#include "platform/file/sight.h"
#include "platform/file/watch.h"

enum { FOLLOW_LINE_MAX = 8191, FOLLOW_CHUNK_BYTES = 256 * 1024, FOLLOW_DRAIN_GRACE_MS = 10 * 1000 };

/* At any time either a file is open (input.fd >= 0) and is read on from `lines`, or the next one is looked for: by
 * `position` when we are lost within a file (after a start, or when its content moved), else after `mark`. */
struct follow {
    char *path;
    int64_t drain_grace_ms;
    struct watch watch;
    struct input input;
    struct lines lines;
    char *current_path;
    bool live;              /* when last looked, the open file was the live one */
    bool settled;           /* nobody writes to the open file any more */
    bool succeeded;         /* a newer live file with content was seen */
    int64_t quiet_since_ms; /* since then, and since the open file grew last */
    bool lost;
    bool handed; /* `position` lies in the open file */
    struct follow_position position;
    struct sight_mark mark; /* before the open file everything was read up to here */
    bool gap;               /* to be told with the next chunk */
    uint64_t carried_bytes; /* skipped before the open file or the position in it, and still to be told */
    uint64_t carried_lines;
    uint64_t spoiled_inode; /* a compressed file that turned out to be bad */
    enum follow_state state;
};

int follow_open(const struct follow_options *options, const struct follow_position *resume, int64_t now_ms,
                struct follow **out)
{
    if (!options->path || !*options->path || options->path[strlen(options->path) - 1] == '/') {
        return STATUS_INVALID;
    }
    struct follow *follow = calloc(1, sizeof *follow);
    if (!follow) {
        return STATUS_NO_MEMORY;
    }
    follow->input = INPUT_INIT;
    follow->state = FOLLOW_MISSING;
    follow->quiet_since_ms = now_ms;
    follow->drain_grace_ms = options->drain_grace_ms ? options->drain_grace_ms : FOLLOW_DRAIN_GRACE_MS;
    watch_open(&follow->watch);
    follow->path = strdup(options->path);
    int rc = lines_init(&follow->lines, options->line_max ? options->line_max : FOLLOW_LINE_MAX,
                        options->chunk_bytes ? options->chunk_bytes : FOLLOW_CHUNK_BYTES);
    if (rc != 0 || !follow->path) {
        follow_close(follow);
        return STATUS_NO_MEMORY;
    }
    if (resume && resume->head_len > 0) {
        follow->position = *resume;
        follow->lost = true;
    } else if (!options->rotated_at_start) {
        struct sight sight;
        if (sight_open(follow->path, &sight) == 0) {
            sight_mark_now(&sight, &follow->mark);
            sight_close(&sight);
        }
    }
    *out = follow;
    return 0;
}

void follow_close(struct follow *follow)
{
    if (follow) {
        input_close(&follow->input);
        lines_deinit(&follow->lines);
        watch_close(&follow->watch);
        free(follow->current_path);
        free(follow->path);
        free(follow);
    }
}

/* ---- from one file to the other ---- */

/* Takes the choice. `lines` already stands where reading goes on. */
static void follow_install(struct follow *follow, struct sight_choice *choice, int64_t now_ms)
{
    input_close(&follow->input);
    free(follow->current_path);
    follow->input = choice->input;
    follow->current_path = choice->path;
    follow->live = choice->live;
    follow->settled = choice->input.gunzip != NULL;
    follow->succeeded = false;
    follow->gap = follow->gap || choice->gap;
    follow->quiet_since_ms = now_ms;
    follow->state = choice->live ? FOLLOW_READING : FOLLOW_CATCHING_UP;
    watch_file(&follow->watch, follow->input.fd);
}

/* The open file, as what everything was read up to. Where nothing of it was seen yet, that is the file before. */
static int follow_mark_current(const struct follow *follow, struct sight_mark *out)
{
    if (follow->lines.head_len == 0) {
        *out = follow->mark;
        return 0;
    }
    *out = (struct sight_mark){
        .kind = SIGHT_FILE, .first_number = follow->lines.first_number, .last_number = follow->lines.last_number};
    int rc = rotated_describe(&follow->input, &out->file);
    if (rc == 0) {
        rotated_set_head(&out->file, follow->lines.head, follow->lines.head_len);
    }
    return rc;
}

/* What was skipped since will be read, and skipped, once more. */
static void follow_unskip(struct follow *follow)
{
    follow->lines.skipped_bytes = follow->carried_bytes;
    follow->lines.skipped_lines = follow->carried_lines;
}

/* Gives the open file up and looks for what comes after it, or, being lost in it, for a copy that holds the rest. */
static void follow_abandon(struct follow *follow)
{
    input_close(&follow->input);
    watch_file(&follow->watch, -1);
    lines_rewind(&follow->lines);
    follow_unskip(follow);
    follow->lost = follow->handed;
    follow->handed = false;
    follow->state = FOLLOW_CATCHING_UP;
}

/* The state for a live file that could not be opened. True: nothing to do until it can be. */
static bool follow_is_shut(struct follow *follow, const struct sight *sight)
{
    switch (sight->live_status) {
    case 0:
    case STATUS_NOT_FOUND: return false;
    case STATUS_DENIED: follow->state = FOLLOW_DENIED; return true;
    default: follow->state = FOLLOW_ERROR; return true;
    }
}

/* The choice is read from its beginning. */
static void follow_begin(struct follow *follow, const struct sight *sight, struct sight_choice *choice)
{
    if (choice->live) {
        lines_begin(&follow->lines, &choice->input, slice_make(sight->live_file.head, sight->live_file.head_len));
    } else {
        lines_rewind(&follow->lines);
    }
    follow->handed = false;
    follow->carried_bytes = follow->lines.skipped_bytes;
    follow->carried_lines = follow->lines.skipped_lines;
}

static int follow_find(struct follow *follow, struct sight *sight, int64_t now_ms)
{
    struct sight_choice choice;
    int rc = sight_find(sight, &follow->position, follow->spoiled_inode, &follow->lines, &choice);
    if (rc == 0) {
        follow->lost = false;
        follow->handed = true;
        follow_install(follow, &choice, now_ms);
        /* A copy of the file that was read: whoever wrote to that one does not write to this one. */
        follow->settled = follow->settled || (!choice.live && choice.input.inode != follow->position.inode);
        return 0;
    }
    if (rc != STATUS_NOT_FOUND) {
        return rc;
    }
    if (sight->live.fd < 0) { /* perhaps the whole directory is not there yet: no verdict before the live file is */
        follow->state = FOLLOW_MISSING;
        return FOLLOW_IDLE;
    }
    if (!sight_stable(sight)) {
        return FOLLOW_IDLE;
    }
    follow->lost = false;
    follow->gap = true;
    if (follow->spoiled_inode == 0) {
        follow->mark = (struct sight_mark){.kind = SIGHT_NUMBERS,
                                           .first_number = follow->position.first_number,
                                           .last_number = follow->position.last_number};
    }
    follow->spoiled_inode = 0;
    return 0;
}

static int follow_begin_next(struct follow *follow, struct sight *sight, int64_t now_ms)
{
    struct sight_choice choice;
    int rc = sight_next(sight, &follow->mark, NULL, &choice);
    if (rc == 0) {
        follow_begin(follow, sight, &choice);
        follow_install(follow, &choice, now_ms);
        return 0;
    }
    if (rc == STATUS_NOT_FOUND) {
        follow->state = sight->live.fd >= 0 ? FOLLOW_READING : FOLLOW_MISSING;
        watch_file(&follow->watch, sight->live.fd);
    }
    return rc == STATUS_NOT_FOUND || rc == STATUS_BUSY ? FOLLOW_IDLE : rc;
}

/* Nothing is open: 0 when something is now, or when it is clear that what we were lost in is gone. */
static int follow_look(struct follow *follow, int64_t now_ms)
{
    if (follow->watch.directory < 0) {
        watch_directory_of(&follow->watch, follow->path);
    }
    struct sight sight;
    int rc = sight_open(follow->path, &sight);
    if (rc != 0) {
        return rc == STATUS_BUSY ? FOLLOW_IDLE : rc;
    }
    if (follow_is_shut(follow, &sight)) {
        rc = FOLLOW_IDLE;
    } else if (follow->lost) {
        rc = follow_find(follow, &sight, now_ms);
    } else {
        rc = follow_begin_next(follow, &sight, now_ms);
    }
    sight_close(&sight);
    return rc;
}

/* ---- at the end of the open file ---- */

/* Does the live path still lead to the open file? */
static bool follow_is_live(const struct follow *follow, bool *missing)
{
    struct stat meta;
    if (stat(follow->path, &meta) != 0) {
        *missing = true;
        return false;
    }
    *missing = false;
    return (uint64_t)meta.st_ino == follow->input.inode && (uint64_t)meta.st_dev == follow->input.device;
}

/* May the open file be left for `next`? A rotated file with a newer one behind it has lost its writer long ago; the one
 * before the live file is read until it has been quiet for the grace time. */
static bool follow_may_leave(struct follow *follow, const struct sight_choice *next, int64_t now_ms)
{
    if (!next->live || follow->settled) {
        return true;
    }
    if (!follow->succeeded) {
        follow->succeeded = true;
        follow->quiet_since_ms = now_ms;
    }
    return now_ms - follow->quiet_since_ms >= follow->drain_grace_ms;
}

/* What was written to the open file before the next one was begun is there when that one was seen: one look at the size
 * settles that nothing is left. */
static bool follow_is_drained(const struct follow *follow)
{
    return follow->input.gunzip || input_size_bytes(&follow->input) == follow->input.offset;
}

/* The content of the open file may go on elsewhere: in a longer copy, or in the live file when that is the same under
 * another inode (edited, copied and moved back). Then `next` becomes that, and `lines` continues in it.
 * 0, STATUS_NOT_FOUND, STATUS_NO_MEMORY. */
static int follow_same_content(struct follow *follow, struct sight *sight, const struct sight_mark *mark,
                               struct sight_choice *next)
{
    if (follow->lines.head_len == 0) {
        return STATUS_NOT_FOUND;
    }
    struct sight_choice longer;
    int rc = sight_find_longer(sight, &mark->file, follow->input.offset, follow->handed ? &follow->position : NULL,
                               &follow->lines, &longer);
    if (rc == 0) {
        sight_choice_drop(next);
        *next = longer;
        return 0;
    }
    if (rc != STATUS_NOT_FOUND || !next->live || !follow->handed || sight->live_file.head_len < mark->file.head_len ||
        !rotated_same_head(&sight->live_file, &mark->file)) {
        return rc;
    }
    rc = lines_resume(&follow->lines, &next->input, &follow->position);
    if (rc == STATUS_NOT_FOUND) {
        rc = lines_resume_altered(&follow->lines, &next->input, &follow->position);
        next->gap = rc == 0;
    }
    return rc;
}

/* Goes on in `next`, or in what holds more of the open file's content. Takes `next`. */
static int follow_change_over(struct follow *follow, struct sight *sight, const struct sight_mark *mark,
                              struct sight_choice *next, int64_t now_ms)
{
    lines_drop_rest(&follow->lines);
    int rc = follow_same_content(follow, sight, mark, next);
    if (rc == 0) { /* what looked like a torn line goes on there */
        follow_unskip(follow);
    } else if (rc == STATUS_NOT_FOUND) {
        follow_begin(follow, sight, next);
        follow->mark = *mark;
    } else {
        sight_choice_drop(next);
        follow_abandon(follow);
        return rc;
    }
    follow->spoiled_inode = 0;
    follow_install(follow, next, now_ms);
    return 0;
}

static int follow_leave(struct follow *follow, struct sight *sight, const struct sight_mark *mark, int64_t now_ms)
{
    struct rotated_file current = {.device = follow->input.device, .inode = follow->input.inode};
    struct sight_choice next;
    int rc = sight_next(sight, mark, &current, &next);
    if (rc != 0) {
        return rc == STATUS_NOT_FOUND || rc == STATUS_BUSY ? FOLLOW_IDLE : rc;
    }
    bool drained = follow_is_drained(follow);
    if (!drained || !follow_may_leave(follow, &next, now_ms)) {
        sight_choice_drop(&next);
        return drained ? FOLLOW_IDLE : 0;
    }
    return follow_change_over(follow, sight, mark, &next, now_ms);
}

static int follow_at_end(struct follow *follow, int64_t now_ms)
{
    bool missing;
    follow->live = follow_is_live(follow, &missing);
    if (follow->live) {
        follow->state = FOLLOW_READING;
        return FOLLOW_IDLE;
    }
    follow->state = FOLLOW_CATCHING_UP;
    struct sight_mark mark;
    struct sight sight;
    int rc = follow_mark_current(follow, &mark);
    if (rc == 0) {
        rc = sight_open(follow->path, &sight);
    }
    if (rc != 0) {
        return rc == STATUS_BUSY ? FOLLOW_IDLE : rc;
    }
    if (follow_is_shut(follow, &sight)) {
        rc = FOLLOW_IDLE;
    } else {
        rc = follow_leave(follow, &sight, &mark, now_ms);
        if (rc == FOLLOW_IDLE && missing) {
            follow->state = FOLLOW_MISSING;
        }
    }
    sight_close(&sight);
    return rc;
}

/* The open file cannot be read any further. A live one may recover; of a rotated one there may be a copy, else what is
 * left of it is lost and we go on behind it. */
static int follow_at_failure(struct follow *follow, int rc)
{
    if (rc == STATUS_NO_MEMORY || (rc != STATUS_CORRUPT && follow->live)) {
        follow->state = FOLLOW_ERROR;
        return rc;
    }
    struct sight_mark mark;
    int failed = follow_mark_current(follow, &mark);
    if (failed != 0) {
        return failed;
    }
    follow->mark = mark;
    follow->spoiled_inode = follow->input.inode;
    follow->gap = follow->gap || !follow->handed;
    follow_abandon(follow);
    return 0;
}

int follow_read(struct follow *follow, int64_t now_ms, struct follow_chunk *out)
{
    for (;;) {
        if (follow->input.fd < 0) {
            int rc = follow_look(follow, now_ms);
            if (rc != 0) {
                follow->state = rc < 0 ? FOLLOW_ERROR : follow->state;
                return rc;
            }
            continue;
        }
        uint64_t before = follow->input.offset;
        int rc = lines_next(&follow->lines, &follow->input, false, out);
        if (follow->input.offset != before) {
            follow->quiet_since_ms = now_ms;
        }
        if (rc == 0) {
            out->path = follow->current_path;
            out->gap = follow->gap;
            follow->gap = false;
            follow->position = out->after;
            follow->handed = true;
            follow->carried_bytes = follow->carried_lines = 0;
            return 0;
        }
        if (rc == LINES_MOVED) {
            follow->spoiled_inode = 0;
            follow_abandon(follow);
            continue;
        }
        rc = rc == LINES_END ? follow_at_end(follow, now_ms) : follow_at_failure(follow, rc);
        if (rc != 0) {
            return rc;
        }
    }
}

void follow_trim(struct follow *follow)
{
    lines_trim(&follow->lines);
}

int follow_fd(const struct follow *follow)
{
    return follow->watch.fd;
}

void follow_fd_drain(struct follow *follow)
{
    watch_drain(&follow->watch);
}

enum follow_state follow_state(const struct follow *follow)
{
    return follow->state;
}

const char *follow_state_str(enum follow_state state)
{
    switch (state) {
    case FOLLOW_READING: return "reading";
    case FOLLOW_MISSING: return "missing";
    case FOLLOW_DENIED: return "denied";
    case FOLLOW_CATCHING_UP: return "catching-up";
    case FOLLOW_ERROR: return "error";
    }
    return "unknown";
}

uint64_t follow_lag_bytes(struct follow *follow)
{
    if (follow->input.fd < 0) {
        return 0;
    }
    uint64_t size = input_size_bytes(&follow->input);
    uint64_t taken = follow->input.gunzip ? input_taken_bytes(&follow->input) : follow->lines.offset;
    return size > taken ? size - taken : 0;
}
