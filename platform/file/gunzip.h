/* gunzip: the plain bytes of a gzip file, member after member. */
#ifndef RINGSIDE_PLATFORM_FILE_GUNZIP_H
#define RINGSIDE_PLATFORM_FILE_GUNZIP_H

#include <stddef.h>
#include <stdint.h>

struct gunzip;

enum { GUNZIP_END = 1 };

int gunzip_open(int fd, struct gunzip **out); /* borrows fd, reads it from its beginning; returns owned */
void gunzip_close(struct gunzip *gunzip);     /* NULL is fine */

/* 0 and 1..room bytes, GUNZIP_END, STATUS_IO, STATUS_NO_MEMORY, or STATUS_CORRUPT: bad data, an end in the middle of a
 * member, or something else than zeros behind the last one. All bytes before the fault are handed out first. */
int gunzip_read(struct gunzip *gunzip, void *at, size_t room, size_t *got);

uint64_t gunzip_taken_bytes(const struct gunzip *gunzip); /* compressed bytes used */

#endif
