#include "platform/file/rotated.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "platform/base/cleanup.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/file/fingerprint.h"

int rotated_describe(const struct input *input, struct rotated_file *out)
{
    struct stat meta;
    if (fstat(input->fd, &meta) != 0) {
        return STATUS_IO;
    }
    *out = (struct rotated_file){
        .device = input->device,
        .inode = input->inode,
        .size_bytes = (uint64_t)meta.st_size,
        .changed_ns = (int64_t)meta.st_mtim.tv_sec * 1000000000 + meta.st_mtim.tv_nsec,
        .readable = true,
        .gzip = input->gunzip != NULL,
    };
    return 0;
}

/* bzip2, xz, compress, zstd: logrotate and people use them; gzip was told apart when the file was opened. */
static bool is_foreign(const char *head, size_t len)
{
    static const struct {
        const char *magic;
        size_t len;
    } kinds[] = {{"BZh", 3},
                 {"\xfd"
                  "7zXZ",
                  5},
                 {"\x1f\x9d", 2},
                 {"\x28\xb5\x2f\xfd", 4}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (len >= kinds[i].len && memcmp(head, kinds[i].magic, kinds[i].len) == 0) {
            return true;
        }
    }
    return false;
}

void rotated_set_head(struct rotated_file *file, const char *head, size_t len)
{
    file->head_len = len < FOLLOW_HEAD_MAX ? len : FOLLOW_HEAD_MAX;
    memcpy(file->head, head, file->head_len);
    file->number = fingerprint_number(slice_make(file->head, file->head_len));
}

/* Of a plain file with one read: between two it may be truncated and written anew. */
static int read_head(struct input *input, char *head, size_t size, size_t *len)
{
    if (!input->gunzip) {
        int64_t n = input_peek(input, 0, head, size);
        *len = n > 0 ? (size_t)n : 0;
        return n < 0 ? (int)n : 0;
    }
    *len = 0;
    int rc = input_seek(input, 0);
    while (rc == 0 && *len < size) {
        size_t got = 0;
        rc = input_read(input, head + *len, size - *len, &got);
        *len += got;
    }
    return rc;
}

int rotated_read_head(struct input *input, struct rotated_file *file)
{
    char head[FOLLOW_HEAD_MAX];
    size_t len;
    int rc = read_head(input, head, sizeof head, &len);
    if (rc < 0 && rc != STATUS_CORRUPT) {
        return rc;
    }
    rotated_set_head(file, head, len);
    file->readable = file->gzip ? len > 0 || rc == INPUT_END : !is_foreign(head, len);
    return 0;
}

bool rotated_same_file(const struct rotated_file *a, const struct rotated_file *b)
{
    return a->device == b->device && a->inode == b->inode;
}

bool rotated_has_line(const struct rotated_file *file)
{
    return file->head_len == FOLLOW_HEAD_MAX || memchr(file->head, '\n', file->head_len) != NULL;
}

bool rotated_same_head(const struct rotated_file *a, const struct rotated_file *b)
{
    const struct rotated_file *shorter = a->head_len < b->head_len ? a : b;
    return rotated_has_line(shorter) && memcmp(a->head, b->head, shorter->head_len) == 0;
}

bool rotated_before(const struct rotated_file *a, const struct rotated_file *b)
{
    if (a->number != 0 && b->number != 0 && a->number != b->number) {
        return a->number < b->number;
    }
    if (a->changed_ns != b->changed_ns) {
        return a->changed_ns < b->changed_ns;
    }
    return a->path && b->path && strcmp(a->path, b->path) < 0;
}

/* ---- the directory ---- */

static struct rotated_file *list_room(struct rotated_list *list)
{
    struct rotated_file *files = grow_array(list->files, list->count, &list->cap, sizeof *files);
    if (!files) {
        return NULL;
    }
    list->files = files;
    return &list->files[list->count];
}

/* A file that cannot be opened: all there is to know comes from the directory. False: it is not a regular file. */
static bool describe_closed(const char *path, struct rotated_file *out)
{
    struct stat meta;
    if (stat(path, &meta) != 0 || !S_ISREG(meta.st_mode)) {
        return false;
    }
    *out = (struct rotated_file){
        .device = (uint64_t)meta.st_dev,
        .inode = (uint64_t)meta.st_ino,
        .size_bytes = (uint64_t)meta.st_size,
        .changed_ns = (int64_t)meta.st_mtim.tv_sec * 1000000000 + meta.st_mtim.tv_nsec,
    };
    return true;
}

/* 0 with *out filled, STATUS_NOT_FOUND when it is no file of ours (any more), STATUS_NO_MEMORY. */
static int describe_path(const char *path, struct rotated_file *out)
{
    struct input input;
    int rc = input_open(&input, path, false);
    if (rc == 0) {
        rc = rotated_describe(&input, out);
        if (rc == 0) {
            rc = rotated_read_head(&input, out);
        }
        input_close(&input);
    }
    if (rc == 0 || rc == STATUS_NO_MEMORY || rc == STATUS_NOT_FOUND || rc == STATUS_UNSUPPORTED) {
        return rc == STATUS_UNSUPPORTED ? STATUS_NOT_FOUND : rc;
    }
    return describe_closed(path, out) ? 0 : STATUS_NOT_FOUND;
}

static int list_add(struct rotated_list *list, const char *dir, const char *name)
{
    struct rotated_file *file = list_room(list);
    CLEANUP(cleanup_free) char *path = NULL;
    if (!file || asprintf(&path, "%s/%s", dir, name) < 0) {
        path = NULL;
        return STATUS_NO_MEMORY;
    }
    int rc = describe_path(path, file);
    if (rc != 0) {
        return rc == STATUS_NOT_FOUND ? 0 : rc;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (rotated_same_file(&list->files[i], file)) {
            return 0;
        }
    }
    file->path = path;
    path = NULL;
    list->count++;
    return 0;
}

static int scan_beside(const char *live_path, struct rotated_list *list)
{
    const char *slash = strrchr(live_path, '/');
    const char *base = slash ? slash + 1 : live_path;
    size_t base_len = strlen(base);
    CLEANUP(cleanup_free) char *dir = slash ? strndup(live_path, (size_t)(slash - live_path)) : strdup(".");
    if (!dir) {
        return STATUS_NO_MEMORY;
    }
    DIR *entries = opendir(slash == live_path ? "/" : dir);
    if (!entries) {
        return 0;
    }
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(entries)) != NULL;) {
        const char *name = entry->d_name;
        if (strncmp(name, base, base_len) == 0 && (name[base_len] == '.' || name[base_len] == '-')) {
            rc = list_add(list, dir, name);
        }
    }
    closedir(entries);
    return rc;
}

int rotated_scan(const char *live_path, struct rotated_list *out)
{
    *out = ROTATED_LIST_INIT;
    CLEANUP(cleanup_free) char *target = realpath(live_path, NULL);
    int rc = scan_beside(live_path, out);
    if (rc == 0 && target && strcmp(target, live_path) != 0) {
        rc = scan_beside(target, out);
    }
    if (rc != 0) {
        rotated_deinit(out);
    }
    return rc;
}

void rotated_deinit(struct rotated_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->files[i].path);
    }
    free(list->files);
    *list = ROTATED_LIST_INIT;
}
