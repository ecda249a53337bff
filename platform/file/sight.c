#include "platform/file/sight.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/file/fingerprint.h"

/* Lines of one second may be in any order, and clocks are set back a little now and then. */
enum { SIGHT_SLACK_S = 60 };

/* ---- looking ---- */

static int64_t directory_changed_ns(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) + 1 : 0;
    CLEANUP(cleanup_free) char *dir = slash ? strndup(path, len) : strdup(".");
    struct stat meta;
    if (!dir || stat(dir, &meta) != 0) {
        return -1;
    }
    return (int64_t)meta.st_mtim.tv_sec * 1000000000 + meta.st_mtim.tv_nsec;
}

bool sight_stable(const struct sight *sight)
{
    struct stat meta;
    bool there = stat(sight->path, &meta) == 0;
    if (sight->live.fd >= 0 &&
        (!there || (uint64_t)meta.st_ino != sight->live.inode || (uint64_t)meta.st_dev != sight->live.device)) {
        return false;
    }
    if (there && sight->live_status == STATUS_NOT_FOUND) {
        return false;
    }
    return directory_changed_ns(sight->path) == sight->directory_ns;
}

static int sight_look(struct sight *sight)
{
    sight->directory_ns = directory_changed_ns(sight->path);
    sight->live_status = input_open(&sight->live, sight->path, true);
    int rc = 0;
    if (sight->live_status == 0) {
        rc = rotated_describe(&sight->live, &sight->live_file);
        if (rc == 0) {
            rc = rotated_read_head(&sight->live, &sight->live_file);
        }
        if (rc == 0) {
            rc = input_seek(&sight->live, 0);
        }
    }
    if (rc == 0) {
        rc = rotated_scan(sight->path, &sight->rotated);
    }
    return rc;
}

int sight_open(const char *path, struct sight *out)
{
    enum { ATTEMPTS = 4 };
    for (int i = 0; i < ATTEMPTS; i++) {
        *out = (struct sight){.path = path, .live = INPUT_INIT};
        int rc = sight_look(out);
        if (rc == 0 && sight_stable(out)) {
            return 0;
        }
        sight_close(out);
        if (rc != 0) {
            return rc;
        }
    }
    return STATUS_BUSY;
}

void sight_close(struct sight *sight)
{
    input_close(&sight->live);
    rotated_deinit(&sight->rotated);
}

void sight_mark_now(const struct sight *sight, struct sight_mark *out)
{
    *out = (struct sight_mark){.kind = sight->rotated.count > 0 ? SIGHT_FILE : SIGHT_NOTHING};
    for (size_t i = 0; i < sight->rotated.count; i++) {
        const struct rotated_file *file = &sight->rotated.files[i];
        if (i == 0 || file->changed_ns > out->file.changed_ns) {
            out->file.changed_ns = file->changed_ns;
        }
        if (file->number > out->file.number) {
            out->file.number = file->number;
        }
    }
}

/* ---- choosing ---- */

static int choose_live(struct sight *sight, struct sight_choice *out)
{
    char *path = strdup(sight->path);
    if (!path) {
        return STATUS_NO_MEMORY;
    }
    *out = (struct sight_choice){.input = sight->live, .path = path, .live = true};
    sight->live = INPUT_INIT;
    return 0;
}

/* Opens the file that was seen. STATUS_NOT_FOUND: another one has that name now, or it cannot be opened. */
static int choose_rotated(struct rotated_file *file, struct sight_choice *out)
{
    struct input input;
    int rc = input_open(&input, file->path, false);
    if (rc != 0) {
        return rc == STATUS_NO_MEMORY ? rc : STATUS_NOT_FOUND;
    }
    if (input.inode != file->inode || input.device != file->device) {
        input_close(&input);
        return STATUS_NOT_FOUND;
    }
    *out = (struct sight_choice){.input = input, .path = file->path};
    file->path = NULL;
    return 0;
}

void sight_choice_drop(struct sight_choice *choice)
{
    input_close(&choice->input);
    free(choice->path);
}

/* Which of two copies to read: the one that is not compressed (it may still be in the making), else the longer. */
static bool is_better_copy(const struct rotated_file *a, const struct rotated_file *b)
{
    return a->gzip != b->gzip ? !a->gzip : a->size_bytes > b->size_bytes;
}

static bool has_head_of(const struct rotated_file *file, const struct follow_position *position)
{
    return file->readable && position->head_len > 0 && file->head_len >= position->head_len &&
           fingerprint_add(FINGERPRINT_START, file->head, position->head_len) == position->head_hash;
}

/* Of the rotated files with this head that were not tried yet, the best; it is marked as tried. NULL: none left. */
static struct rotated_file *best_untried(struct sight *sight, const struct follow_position *position, bool *tried,
                                         uint64_t spoiled_inode)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < sight->rotated.count; i++) {
        const struct rotated_file *file = &sight->rotated.files[i];
        if (!tried[i] && file->path && file->inode != spoiled_inode && has_head_of(file, position) &&
            (best == SIZE_MAX || is_better_copy(file, &sight->rotated.files[best]))) {
            best = i;
        }
    }
    if (best == SIZE_MAX) {
        return NULL;
    }
    tried[best] = true;
    return &sight->rotated.files[best];
}

typedef int (*resume_fn)(struct lines *lines, struct input *input, const struct follow_position *position);

static int find_by(struct sight *sight, const struct follow_position *position, uint64_t spoiled_inode,
                   struct lines *lines, resume_fn resume, struct sight_choice *out)
{
    if (sight->live.fd >= 0 && has_head_of(&sight->live_file, position)) {
        int rc = resume(lines, &sight->live, position);
        if (rc == 0 || rc == STATUS_NO_MEMORY) {
            return rc == 0 ? choose_live(sight, out) : rc;
        }
    }
    CLEANUP(cleanup_free) bool *tried = calloc(sight->rotated.count + 1, sizeof *tried);
    if (!tried) {
        return STATUS_NO_MEMORY;
    }
    struct rotated_file *file;
    while ((file = best_untried(sight, position, tried, spoiled_inode)) != NULL) {
        struct sight_choice choice;
        int rc = choose_rotated(file, &choice);
        if (rc == 0) {
            rc = resume(lines, &choice.input, position);
            if (rc == 0) {
                *out = choice;
                return 0;
            }
            sight_choice_drop(&choice);
        }
        if (rc == STATUS_NO_MEMORY) {
            return rc;
        }
    }
    return STATUS_NOT_FOUND;
}

int sight_find(struct sight *sight, const struct follow_position *position, uint64_t spoiled_inode, struct lines *lines,
               struct sight_choice *out)
{
    int rc = find_by(sight, position, spoiled_inode, lines, lines_resume, out);
    if (rc == STATUS_NOT_FOUND) {
        rc = find_by(sight, position, spoiled_inode, lines, lines_resume_altered, out);
        if (rc == 0) {
            out->gap = true;
        }
    }
    return rc;
}

static bool has_more(struct input *input, uint64_t end)
{
    char byte;
    size_t got;
    return input->gunzip ? input_seek(input, end) == 0 && input_read(input, &byte, 1, &got) == 0
                         : input_size_bytes(input) > end;
}

static int go_on_in(struct input *input, const struct follow_position *position, struct lines *lines)
{
    if (position) {
        return lines_resume(lines, input, position);
    }
    lines_rewind(lines);
    return input_seek(input, 0);
}

int sight_find_longer(struct sight *sight, const struct rotated_file *current, uint64_t end,
                      const struct follow_position *position, struct lines *lines, struct sight_choice *out)
{
    for (size_t i = 0; i < sight->rotated.count; i++) {
        struct rotated_file *file = &sight->rotated.files[i];
        if (!file->readable || rotated_same_file(file, current) || file->head_len < current->head_len ||
            !rotated_same_head(file, current) || (sight->live.fd >= 0 && rotated_same_file(file, &sight->live_file))) {
            continue;
        }
        struct sight_choice choice;
        int rc = choose_rotated(file, &choice);
        if (rc == 0) {
            rc = has_more(&choice.input, end) ? go_on_in(&choice.input, position, lines) : STATUS_NOT_FOUND;
            if (rc == 0) {
                *out = choice;
                return 0;
            }
            sight_choice_drop(&choice);
        }
        if (rc == STATUS_NO_MEMORY) {
            return rc;
        }
    }
    return STATUS_NOT_FOUND;
}

/* ---- what comes next ---- */

static bool is_after_numbers(const struct rotated_file *file, const struct sight_mark *mark)
{
    /* A file that begins in the second of the last line comes after it, unless that second is all we know. */
    bool spans = mark->first_number != 0 && mark->first_number < mark->last_number;
    return mark->last_number != 0 && (file->number > mark->last_number || (file->number == mark->last_number && spans));
}

static bool is_after(const struct rotated_file *file, const struct sight_mark *mark)
{
    switch (mark->kind) {
    case SIGHT_NOTHING: return true;
    case SIGHT_NUMBERS: return is_after_numbers(file, mark);
    case SIGHT_FILE: break;
    }
    if (rotated_same_head(file, &mark->file) || !rotated_before(&mark->file, file)) {
        return false;
    }
    /* One that begins before our file ended is an excerpt of it, not its successor. */
    return file->number == 0 || file->number + SIGHT_SLACK_S >= mark->last_number;
}

static bool is_gz(const char *suffix)
{
    return strncmp(suffix, ".gz", 3) == 0 && (suffix[3] == 0 || suffix[3] == '.');
}

/* X.gz, or X.gz.tmp as some make it first, while X is there: a compression under way, and nothing that X has not. What
 * can be read of the two must be the same, for X may be another file by now. */
static bool has_plain_twin(const struct sight *sight, const struct rotated_file *file)
{
    for (size_t i = 0; i < sight->rotated.count; i++) {
        const struct rotated_file *other = &sight->rotated.files[i];
        size_t len = other->path && !other->gzip ? strlen(other->path) : 0;
        if (len == 0) {
            continue;
        }
        bool by_name = strncmp(file->path, other->path, len) == 0 && is_gz(file->path + len);
        bool by_head = file->head_len <= other->head_len && memcmp(file->head, other->head, file->head_len) == 0;
        if (by_name && (by_head || !other->readable)) {
            return true;
        }
    }
    return false;
}

static bool is_candidate(const struct sight *sight, const struct rotated_file *file, const struct rotated_file *current)
{
    if ((current && rotated_same_file(file, current)) ||
        (sight->live.fd >= 0 && rotated_same_file(file, &sight->live_file))) {
        return false;
    }
    if (!file->readable) {
        return file->size_bytes > 0;
    }
    if (!rotated_has_line(file) || (file->gzip && has_plain_twin(sight, file))) {
        return false;
    }
    return sight->live.fd < 0 || !rotated_same_head(file, &sight->live_file);
}

/* Begins after the live file did: its place in the order cannot be told (the clock was set back). */
static bool is_out_of_order(const struct sight *sight, const struct rotated_file *file)
{
    return sight->live.fd >= 0 && sight->live_file.number != 0 && file->number > sight->live_file.number;
}

/* The live file begins before the one already read: numbers do not tell the order now. */
static bool is_clock_set_back(const struct sight *sight, const struct sight_mark *mark)
{
    return sight->live.fd >= 0 && sight->live_file.number != 0 && sight->live_file.number < mark->file.number;
}

/* Seems to be written after the mark's file, and yet is not to be read. The time of last change alone proves nothing:
 * files restored from a backup or copied have a new one. */
static bool is_missed(const struct sight *sight, const struct rotated_file *file, const struct sight_mark *mark)
{
    if (mark->kind != SIGHT_FILE || file->changed_ns <= mark->file.changed_ns) {
        return false;
    }
    if (!file->readable) {
        return !has_plain_twin(sight, file);
    }
    return (is_out_of_order(sight, file) || is_clock_set_back(sight, mark)) && !rotated_same_head(file, &mark->file);
}

static struct rotated_file *oldest_after(struct sight *sight, const struct sight_mark *mark,
                                         const struct rotated_file *current)
{
    struct rotated_file *best = NULL;
    for (size_t i = 0; i < sight->rotated.count; i++) {
        struct rotated_file *file = &sight->rotated.files[i];
        if (is_candidate(sight, file, current) && file->readable && !is_out_of_order(sight, file) &&
            is_after(file, mark)) {
            bool copy = best && rotated_same_head(file, best);
            if (!best || (copy ? is_better_copy(file, best) : rotated_before(file, best))) {
                best = file;
            }
        }
    }
    return best;
}

/* Is something missed between the mark and `next` (NULL: the live file)? What is missed behind that is told there. */
static bool misses_some(const struct sight *sight, const struct sight_mark *mark, const struct rotated_file *current,
                        const struct rotated_file *next)
{
    for (size_t i = 0; i < sight->rotated.count; i++) {
        const struct rotated_file *file = &sight->rotated.files[i];
        if (file != next && (!next || file->changed_ns < next->changed_ns) && is_candidate(sight, file, current) &&
            !(file->readable && !is_out_of_order(sight, file) && is_after(file, mark)) &&
            is_missed(sight, file, mark)) {
            return true;
        }
    }
    return false;
}

int sight_next(struct sight *sight, const struct sight_mark *mark, const struct rotated_file *current,
               struct sight_choice *out)
{
    struct rotated_file *file = oldest_after(sight, mark, current);
    bool gap = misses_some(sight, mark, current, file);
    int rc;
    if (file) {
        rc = choose_rotated(file, out);
        if (rc == STATUS_NOT_FOUND) {
            return STATUS_BUSY;
        }
    } else if (sight->live.fd >= 0 && rotated_has_line(&sight->live_file) &&
               !(current && rotated_same_file(&sight->live_file, current))) {
        rc = choose_live(sight, out);
    } else {
        return STATUS_NOT_FOUND;
    }
    if (rc == 0) {
        out->gap = gap;
    }
    return rc;
}
