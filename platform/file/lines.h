/* lines: an input cut into chunks of whole lines, with the position behind each chunk. Shared by reader and follow.
 *
 * The buffer keeps the bytes before the next chunk too (FOLLOW_TAIL_MAX of them). They are hashed into the position,
 * and each read of a plain file fetches them again: when they differ, the content has moved under our feet. */
#ifndef RINGSIDE_PLATFORM_FILE_LINES_H
#define RINGSIDE_PLATFORM_FILE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "platform/file/follow.h"
#include "platform/file/input.h"

enum {
    LINES_END = 1,  /* outcome: no whole line left; of a growing file perhaps only for now */
    LINES_MOVED = 2 /* outcome: what lay before the position is not there any more (truncated, rewritten) */
};

enum { LINES_PADDING = 64 };

struct lines {
    char *data;
    size_t touched_bytes; /* of data, from its beginning: filled at some time since it was made */
    size_t line_max;
    size_t chunk_bytes;
    size_t before; /* bytes kept in front of `start`: min(offset, FOLLOW_TAIL_MAX) */
    size_t start;  /* data[start..end) was read and not handed out */
    size_t end;
    uint64_t offset; /* of data[start] in the file */
    bool skipping;   /* data[start] is inside a line that is dropped up to its line feed */
    bool uncounted;  /* ... and that was not too long but begun in the middle */
    bool begun;      /* a chunk of this file was handed out */
    size_t head_len;
    uint64_t head_hash; /* of the first `hashed_len` bytes */
    size_t hashed_len;
    uint64_t first_number;
    uint64_t last_number;
    uint64_t line_skipped_bytes; /* of the line being skipped */
    uint64_t skipped_bytes;      /* for the next chunk */
    uint64_t skipped_lines;
    char head[FOLLOW_HEAD_MAX];
};

int lines_init(struct lines *lines, size_t line_max, size_t chunk_bytes); /* 0 or STATUS_NO_MEMORY */
void lines_deinit(struct lines *lines);

/* From the beginning of another input. What was skipped and not yet reported stays for the next chunk. */
void lines_rewind(struct lines *lines);

/* From the beginning of a plain input that was seen to begin with `head`: so that it shows when it is truncated and
 * written anew between that look and the first read. */
void lines_begin(struct lines *lines, struct input *input, struct slice head);

/* Continues behind `position` when head and tail of the input are the ones it tells of; the input's own place does not
 * matter. 0, STATUS_NOT_FOUND (another file, or a shorter one), or a failure of the input. Unless 0, both are at the
 * beginning again. */
int lines_resume(struct lines *lines, struct input *input, const struct follow_position *position);

/* For a plain file whose head is that of `position` though what lay before the offset is not: continues at the first
 * line that begins at the offset, or at the end when the file is shorter. 0, STATUS_NOT_FOUND, STATUS_IO. */
int lines_resume_altered(struct lines *lines, struct input *input, const struct follow_position *position);

/* 0 and the next chunk (its path and gap are left to the caller), LINES_END, LINES_MOVED or a failure of the input.
 * With `last_line`, the end of the input ends its last line too. */
int lines_next(struct lines *lines, struct input *input, bool last_line, struct follow_chunk *out);

/* Gives back the memory that a long read took. What was handed out is valid no more. */
void lines_trim(struct lines *lines);

void lines_drop_rest(struct lines *lines); /* the unfinished last line will never be finished: counts it as skipped */

#endif
