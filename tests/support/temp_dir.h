/* temp_dir: a directory of a test that goes with the test, and damage to the files in it. Lies in memory where the
 * machine has such a place. Failures of the operating system fail the test at once. */
#ifndef RINGSIDE_TESTS_SUPPORT_TEMP_DIR_H
#define RINGSIDE_TESTS_SUPPORT_TEMP_DIR_H

#include <stddef.h>
#include <stdint.h>

struct temp_dir {
    char path[64];
};

void temp_dir_make(struct temp_dir *dir);
void temp_dir_clear(const struct temp_dir *dir); /* removes the files in it, not the directory */
void temp_dir_remove(const struct temp_dir *dir);

/* DIR/NAME, in one of a few static buffers that take turns. */
const char *temp_dir_file(const struct temp_dir *dir, const char *name);

uint64_t temp_dir_size(const struct temp_dir *dir, const char *name);
void temp_dir_write(const struct temp_dir *dir, const char *name, uint64_t at, const void *data, size_t len);
void temp_dir_read(const struct temp_dir *dir, const char *name, uint64_t at, void *data, size_t len);
void temp_dir_truncate(const struct temp_dir *dir, const char *name, uint64_t len); /* makes the file when missing */
void temp_dir_copy(const struct temp_dir *dir, const char *from, const char *to);

#endif
