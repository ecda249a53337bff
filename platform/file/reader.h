/* reader: one file from its beginning (or a position) to its end, plain or gzip by its first bytes, in chunks of
 * whole lines. The import's way in; follow uses it for rotated files. */
#ifndef RINGSIDE_PLATFORM_FILE_READER_H
#define RINGSIDE_PLATFORM_FILE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "platform/file/follow.h"

/* Outcome: no more bytes. A last line without line feed has been handed out with one added only when options.last_line
 * is set, else it is held back and not counted in the position. */
enum { READER_END = 1 };

struct reader_options {
    const char *path;
    size_t line_max;    /* default 8191 */
    size_t chunk_bytes; /* default 1 MiB */
    bool last_line;
};

struct reader;

/* 0, STATUS_NOT_FOUND, STATUS_DENIED, STATUS_UNSUPPORTED (not a regular file; never blocks on one), STATUS_IO,
 * STATUS_NO_MEMORY. Returns owned. */
int reader_open(const struct reader_options *options, struct reader **out);
void reader_close(struct reader *reader); /* NULL is fine */

/* Skips to a position of the same content: 0 when head and tail fingerprints match (then reading goes on behind it),
 * STATUS_NOT_FOUND when this is another file or it is shorter (then nothing moved). Call before the first read. */
int reader_resume(struct reader *reader, const struct follow_position *position);

/* 0 and a chunk (valid until the next call), READER_END, STATUS_IO (also when the file was truncated or rewritten while
 * it was read) or STATUS_CORRUPT (bad gzip data or an end in the middle of it; what came before was handed out). */
int reader_read(struct reader *reader, struct follow_chunk *out);

uint64_t reader_size_bytes(const struct reader *reader);  /* of the file on disk (compressed when gz) */
uint64_t reader_taken_bytes(const struct reader *reader); /* of that, consumed so far: for progress */

#endif
