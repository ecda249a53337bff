/* rotated: the files beside a log that may hold its earlier content: NAME.0, NAME.1.gz, NAME-20261121, NAME.old, ...
 * Names are not trusted for anything else: order and identity come from the content. */
#ifndef RINGSIDE_PLATFORM_FILE_ROTATED_H
#define RINGSIDE_PLATFORM_FILE_ROTATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/file/follow.h"
#include "platform/file/input.h"

struct rotated_file {
    char *path; /* owned by the list; NULL outside of one */
    uint64_t device;
    uint64_t inode;
    uint64_t size_bytes; /* on disk */
    int64_t changed_ns;  /* time of last change, which compressing keeps */
    uint64_t number;     /* the first line begins with it; 0: with none */
    bool readable;       /* false: no permission, or compressed in a way that is not ours to read */
    bool gzip;
    size_t head_len; /* plain bytes */
    char head[FOLLOW_HEAD_MAX];
};

struct rotated_list {
    struct rotated_file *files;
    size_t count;
    size_t cap;
};

#define ROTATED_LIST_INIT ((struct rotated_list){0})

/* What can be told of an open file from its metadata; the head is left to the caller. 0 or STATUS_IO. */
int rotated_describe(const struct input *input, struct rotated_file *out);
void rotated_set_head(struct rotated_file *file, const char *head, size_t len);
int rotated_read_head(struct input *input, struct rotated_file *file); /* moves the input; a failure of the input */

/* All rotated files of `live_path`, in no order, hard links once. Where it is a symbolic link, those beside its target
 * too. 0, STATUS_NO_MEMORY. A directory that cannot be read has none. */
int rotated_scan(const char *live_path, struct rotated_list *out);
void rotated_deinit(struct rotated_list *list);

bool rotated_same_file(const struct rotated_file *a, const struct rotated_file *b);
bool rotated_has_line(const struct rotated_file *file); /* more than nothing or the beginning of a line */
/* As far as both heads go: one is a copy of the other, or of its beginning. False when one has no line: the beginnings
 * of two times look alike. */
bool rotated_same_head(const struct rotated_file *a, const struct rotated_file *b);
/* Was `a` written before `b`? By the numbers that their first lines begin with, else by the time of last change. */
bool rotated_before(const struct rotated_file *a, const struct rotated_file *b);

#endif
