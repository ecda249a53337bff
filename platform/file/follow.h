/* follow: the bytes of a growing, rotating log in order, each exactly once, in chunks of whole lines.
 *
 * Pull, never push: follow_read() hands out the next chunk or says that there is none; the caller keeps
 * chunk.after with its own data (one transaction) and gives it back to follow_open() after a restart.
 * A file is known by a fingerprint of its first bytes and of the bytes before the offset; device and inode are hints.
 * Rotated files are looked for as PATH.* and PATH-* (beside the target too when PATH is a symbolic link), plain or
 * gzip; their order comes from the numbers that their first lines begin with, then from the time of last change. A
 * renamed file is read until a new one has a line in it and drain_grace_ms have passed since that was seen and since
 * the old one grew last; a last line that is torn by then counts as skipped.
 * Not thread safe. */
#ifndef RINGSIDE_PLATFORM_FILE_FOLLOW_H
#define RINGSIDE_PLATFORM_FILE_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

enum { FOLLOW_IDLE = 1 }; /* outcome: nothing to read now; wait for follow_fd() or poll again later */

enum { FOLLOW_HEAD_MAX = 1024, FOLLOW_TAIL_MAX = 256 };

/* Where in which file. Plain numbers; the caller stores them field by field. Offsets of .gz files count plain bytes. */
struct follow_position {
    uint64_t device;
    uint64_t inode;
    uint64_t offset;   /* all bytes before it were handed out */
    uint32_t head_len; /* how many bytes of the head the fingerprint covers; 0: nothing known yet */
    uint32_t tail_len;
    uint64_t head_hash; /* FNV-1a 64 (stable across versions and machines) of the first head_len bytes */
    uint64_t tail_hash; /* FNV-1a 64 of the tail_len bytes before offset */
    /* The numbers (epoch seconds) with which the file's first line and the last line handed out begin; 0: none. They
     * tell older rotated files from newer ones when the file itself is gone. */
    uint64_t first_number;
    uint64_t last_number;
};

enum follow_state {
    FOLLOW_READING,     /* at the live file */
    FOLLOW_MISSING,     /* the file does not exist (yet) */
    FOLLOW_DENIED,      /* no permission; tried again by itself */
    FOLLOW_CATCHING_UP, /* in a rotated file */
    FOLLOW_ERROR
};

struct follow_chunk {
    struct slice bytes;           /* whole lines, each ended by '\n'; at least 64 readable bytes lie behind it;
                                     empty when over-long lines were all there was */
    struct follow_position after; /* the position behind these bytes */
    const char *path;             /* the file they came from; borrowed until the next call */
    bool file_begins;             /* the first chunk of a file (offset 0) */
    uint64_t skipped_bytes;       /* bytes of over-long lines (> line_max) skipped before or in this chunk */
    uint64_t skipped_lines;
    bool gap; /* bytes between the last position and this chunk are gone for good (truncated
                 before read, or the rotated file is no longer there) */
};

struct follow_options {
    const char *path;        /* the live file; a symlink is followed anew each time it is opened */
    size_t line_max;         /* longer lines are skipped to their line feed and counted; default 8191 */
    size_t chunk_bytes;      /* default 256 KiB */
    uint32_t drain_grace_ms; /* how long a renamed file is still read after the new one appeared; default 10 s */
    bool rotated_at_start;   /* without a resume position: also read existing rotated files, oldest first */
};

struct follow;

/* Never fails because a file is missing or unreadable: that is a state. Borrows nothing after return. now_ms is a
 * monotonic clock; the same clock goes to follow_read(). 0, STATUS_NO_MEMORY, STATUS_INVALID. */
int follow_open(const struct follow_options *options, const struct follow_position *resume, int64_t now_ms,
                struct follow **out);
void follow_close(struct follow *follow);

/* 0 and a chunk (valid until the next call), FOLLOW_IDLE, or a negative failure (STATUS_IO, STATUS_NO_MEMORY) after
 * which it may be called again. */
int follow_read(struct follow *follow, int64_t now_ms, struct follow_chunk *out);

/* Gives back the memory that long reads took; ends what the last chunk lent. */
void follow_trim(struct follow *follow);

/* A descriptor that becomes readable when a read may be worth it (inotify), or -1. Only a hint: read by time as well,
 * once a second or so (network file systems tell nothing, and grace times end by themselves). The same descriptor for
 * the whole life. */
int follow_fd(const struct follow *follow);
void follow_fd_drain(struct follow *follow); /* call when it is readable, before reading */

enum follow_state follow_state(const struct follow *follow);
const char *follow_state_str(enum follow_state state);
uint64_t follow_lag_bytes(struct follow *follow); /* bytes of the current file not yet handed out */

#endif
