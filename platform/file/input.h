/* input: the plain bytes of one regular file, which may be gzip (told by its first bytes). */
#ifndef RINGSIDE_PLATFORM_FILE_INPUT_H
#define RINGSIDE_PLATFORM_FILE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gunzip;

enum { INPUT_END = 1 }; /* outcome: no more bytes; of a plain file perhaps only for now */

struct input {
    int fd; /* -1: closed */
    uint64_t device;
    uint64_t inode;
    struct gunzip *gunzip; /* NULL: plain */
    uint64_t offset;       /* plain bytes read so far */
};

#define INPUT_INIT ((struct input){.fd = -1})

/* Opens without ever blocking. `plain_only` takes gzip bytes as they are.
 * 0, STATUS_NOT_FOUND, STATUS_DENIED, STATUS_UNSUPPORTED (not a regular file), STATUS_IO, STATUS_NO_MEMORY. */
int input_open(struct input *input, const char *path, bool plain_only);
void input_close(struct input *input); /* may be called twice */

/* 0 and 1..room bytes, INPUT_END, STATUS_IO, STATUS_NO_MEMORY or (gzip) STATUS_CORRUPT. */
int input_read(struct input *input, void *at, size_t room, size_t *got);

/* Plain only: up to `len` bytes at `offset`, not moving; fewer at the end of the file. One read: between two, the file
 * may be truncated and written anew. Returns the count or STATUS_IO. */
int64_t input_peek(const struct input *input, uint64_t offset, void *at, size_t len);

/* The next read begins at `offset`. gzip is read through to there, again from the beginning when it lies behind.
 * 0, or STATUS_NOT_FOUND when a gzip file is shorter; a failure as of input_read(). */
int input_seek(struct input *input, uint64_t offset);

uint64_t input_size_bytes(const struct input *input);  /* of the file on disk now; 0 when it cannot be told */
uint64_t input_taken_bytes(const struct input *input); /* of that, read so far */

#endif
