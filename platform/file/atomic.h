/* atomic: replaces a file as a whole, so that after a crash there is the old content or the new, never a mixture. */
#ifndef RINGSIDE_PLATFORM_FILE_ATOMIC_H
#define RINGSIDE_PLATFORM_FILE_ATOMIC_H

#include <stddef.h>
#include <sys/types.h>

#include "platform/base/buf.h"

/* Writes a temporary file beside `path`, PATH.new, syncs it, renames it over `path` and syncs the directory. `mode` is
 * exact (no umask). 0, STATUS_NOT_FOUND (no such directory), STATUS_DENIED, STATUS_FULL, STATUS_BUSY (others replace it
 * without an end), STATUS_IO, STATUS_NO_MEMORY; then the old file is untouched and no temporary file is left. Only a
 * failure of the directory's sync, STATUS_IO, leaves the new content in place. Any number of processes may do it at
 * once; what one left that was ended in between goes the next time. */
int atomic_replace(const char *path, const void *data, size_t len, mode_t mode);

/* Appends the whole content of a regular file of at most `max` bytes, as it stood at one moment if it is replaced in
 * that way. STATUS_RANGE (longer), STATUS_INVALID (no regular file), and as above; then `out` is as it was. The memory
 * is taken once, so that wiping `out` wipes all that was read. */
int atomic_read(const char *path, size_t max, struct buf *out);

/* Renames a file or directory and syncs the directory it comes to lie in. STATUS_BUSY: a directory that is not empty is
 * in the way. */
int atomic_rename(const char *from, const char *to);

#endif
