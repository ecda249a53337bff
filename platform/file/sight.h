/* sight: what the directory of a log showed at one moment, the live file and its rotated ones together, and the two
 * questions asked of it: which file holds this position, and which one comes after this file. */
#ifndef RINGSIDE_PLATFORM_FILE_SIGHT_H
#define RINGSIDE_PLATFORM_FILE_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/file/follow.h"
#include "platform/file/input.h"
#include "platform/file/lines.h"
#include "platform/file/rotated.h"

/* Up to where everything was read: the files after it are still to come. */
struct sight_mark {
    enum {
        SIGHT_NOTHING, /* every file is still to come */
        SIGHT_FILE,    /* up to the end of `file` */
        SIGHT_NUMBERS  /* up to somewhere in a file that is gone */
    } kind;
    uint64_t first_number;
    uint64_t last_number; /* of the last line read; 0: not known */
    struct rotated_file file;
};

struct sight {
    struct input live;             /* closed when it could not be opened */
    int live_status;               /* of opening it */
    struct rotated_file live_file; /* when it is open */
    struct rotated_list rotated;
    const char *path;     /* borrowed */
    int64_t directory_ns; /* last change of the directory before we looked */
};

/* 0; STATUS_BUSY when files kept being renamed while we looked (try later); STATUS_NO_MEMORY, STATUS_IO. */
int sight_open(const char *path, struct sight *out);
void sight_close(struct sight *sight);
bool sight_stable(const struct sight *sight); /* nothing was renamed, made or removed since we looked */

/* A file to go on with; the caller takes the input over. */
struct sight_choice {
    struct input input;
    char *path; /* owned */
    bool live;
    bool gap; /* something between the mark and this file seems to be lost, or cannot be read */
};

void sight_choice_drop(struct sight_choice *choice); /* closes what was not taken over */

/* The file that holds the position. `lines` continues in out->input behind it. `spoiled_inode` (0: none) is passed
 * over. 0, STATUS_NOT_FOUND, STATUS_NO_MEMORY. With a gap when the file was found but not its content before the
 * offset. */
int sight_find(struct sight *sight, const struct follow_position *position, uint64_t spoiled_inode, struct lines *lines,
               struct sight_choice *out);

/* Another rotated file that begins as `current` does (its head is set) and goes on behind the `end` plain bytes that
 * were read of that one: `current` was a copy made too early. `lines` continues in out->input behind `position`, or at
 * the beginning without one (NULL). 0, STATUS_NOT_FOUND, STATUS_NO_MEMORY. */
int sight_find_longer(struct sight *sight, const struct rotated_file *current, uint64_t end,
                      const struct follow_position *position, struct lines *lines, struct sight_choice *out);

/* The oldest file with a line after the mark; the live file is always the newest. A live file without one is no choice:
 * as long as nothing is in it, a file before it may still grow, and the beginning of a time stamp is not enough to tell
 * one file from another. `current` is none either (NULL: there is none). `lines` is
 * not touched. 0, STATUS_NOT_FOUND (none yet), STATUS_BUSY (it was renamed away), STATUS_NO_MEMORY. */
int sight_next(struct sight *sight, const struct sight_mark *mark, const struct rotated_file *current,
               struct sight_choice *out);

/* A mark behind all that is there now. */
void sight_mark_now(const struct sight *sight, struct sight_mark *out);

#endif
