/* scratch: a temporary directory of a test and quick ways to put files into it. Every failure of the operating system
 * fails the test at once. Paths are built in a ring of buffers: the last few stay valid. The directory lies in TMPDIR,
 * else in memory where there is such a place, else in /tmp. */
#ifndef RINGSIDE_TESTS_UNIT_FILE_SCRATCH_H
#define RINGSIDE_TESTS_UNIT_FILE_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scratch {
    char dir[64];
};

void scratch_make(struct scratch *scratch);
void scratch_remove(struct scratch *scratch); /* and all that is in it */

const char *scratch_path(const struct scratch *scratch, const char *name);
void scratch_write(const struct scratch *scratch, const char *name, const void *data, size_t len);
void scratch_append(const struct scratch *scratch, const char *name, const char *text);
/* One gzip member of stored blocks: quick, and needs no library. */
void scratch_gzip(const struct scratch *scratch, const char *name, const void *data, size_t len, bool append);
void scratch_gzip_program(const struct scratch *scratch, const char *name); /* NAME.gz by gzip(1); NAME stays */
/* What gzip(1) does to a file: NAME.gz with the same time of last change, NAME is removed. */
void scratch_compress(const struct scratch *scratch, const char *name);
void scratch_copy(const struct scratch *scratch, const char *from, const char *to);
void scratch_rename(const struct scratch *scratch, const char *from, const char *to);
void scratch_unlink(const struct scratch *scratch, const char *name);
void scratch_truncate(const struct scratch *scratch, const char *name, int64_t len);
void scratch_set_time(const struct scratch *scratch, const char *name, int64_t seconds, int64_t nanoseconds);
bool scratch_has(const struct scratch *scratch, const char *name);
char *scratch_read(const struct scratch *scratch, const char *name, size_t *len); /* returns owned */

#endif
