/* The platter's recording: what is safe, and what came since. */
#include "tests/support/faults/platter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct platter platter = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool platter_records(void)
{
    return platter.records;
}

void platter_enter(void)
{
    (void)pthread_mutex_lock(&platter.lock);
}

void platter_leave(void)
{
    (void)pthread_mutex_unlock(&platter.lock);
}

/* ---- nodes ---- */

struct platter_node *platter_node_of(const struct stat *info)
{
    for (struct platter_node *node = platter.nodes; node; node = node->next) {
        if (!node->gone && node->inode == info->st_ino) {
            return node;
        }
    }
    return NULL;
}

struct platter_node *platter_node_at(const char *full)
{
    struct stat info;
    return fstatat(AT_FDCWD, full, &info, AT_SYMLINK_NOFOLLOW) == 0 ? platter_node_of(&info) : NULL;
}

struct platter_node *platter_node_add(const struct stat *info)
{
    struct platter_node *node = faults_take(sizeof *node);
    node->inode = info->st_ino;
    node->directory = S_ISDIR(info->st_mode);
    node->mode = info->st_mode & 07777;
    node->fd = -1;
    node->next = platter.nodes;
    platter.nodes = node;
    return node;
}

bool platter_is_empty(const uint8_t *bytes, uint64_t count)
{
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

void platter_copy(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += PLATTER_BLOCK_BYTES) {
        uint64_t len = bytes - at < PLATTER_BLOCK_BYTES ? bytes - at : PLATTER_BLOCK_BYTES;
        if (!platter_is_empty(from + at, len)) {
            memcpy(to + at, from + at, len);
        }
    }
}

/* Behind the length there are zeros, in pages that nobody touched where nothing ever was: files are mostly empty. */
static void safe_length(struct platter_node *node, uint64_t bytes)
{
    if (bytes > node->safe_room) {
        uint8_t *more = faults_take(bytes * 2);
        platter_copy(more, node->safe, node->safe_bytes);
        faults_give(node->safe);
        node->safe = more;
        node->safe_room = bytes * 2;
    }
    if (bytes < node->safe_bytes) {
        memset(node->safe + bytes, 0, node->safe_bytes - bytes);
    }
    node->safe_bytes = bytes;
}

static void safe_write(struct platter_node *node, uint64_t at, const uint8_t *data, uint64_t bytes)
{
    if (at + bytes > node->safe_bytes) {
        safe_length(node, at + bytes);
    }
    memcpy(node->safe + at, data, bytes);
}

/* Into zeros: where the file has none of its own, nothing is read. */
static bool read_data(int fd, uint8_t *to, uint64_t bytes)
{
    uint64_t at = 0;
    while (at < bytes) {
        long data = syscall(SYS_lseek, fd, at, SEEK_DATA);
        if (data < 0 || (uint64_t)data >= bytes) {
            return data >= 0 || errno == ENXIO;
        }
        long hole = syscall(SYS_lseek, fd, data, SEEK_HOLE);
        uint64_t end = hole > data && (uint64_t)hole < bytes ? (uint64_t)hole : bytes;
        for (at = (uint64_t)data; at < end;) {
            long got = syscall(SYS_pread64, fd, to + at, end - at, at);
            if (got <= 0) {
                return false;
            }
            at += (uint64_t)got;
        }
    }
    return true;
}

static bool read_all(int fd, uint8_t *to, uint64_t bytes)
{
    uint64_t have = 0;
    while (have < bytes) {
        long got = syscall(SYS_pread64, fd, to + have, bytes - have, have);
        if (got <= 0) {
            return false;
        }
        have += (uint64_t)got;
    }
    return true;
}

static int load(struct platter_node *node, const char *full, const struct stat *info)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, full, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    safe_length(node, (uint64_t)info->st_size);
    node->length = (uint64_t)info->st_size;
    bool read = read_data(fd, node->safe, node->length);
    (void)syscall(SYS_close, fd);
    return read ? 0 : -1;
}

/* ---- changes ---- */

static struct platter_change *change_add(struct platter_node *node, bool is_write, uint64_t at, uint64_t bytes,
                                         uint64_t length)
{
    struct platter_change *change = faults_take(sizeof *change);
    change->moment = platter.moments++;
    change->is_write = is_write;
    change->at = at;
    change->bytes = bytes;
    change->data = is_write ? faults_take(bytes) : NULL;
    change->length = length;
    change->resized = length != node->length;
    node->length = length;
    if (node->last) {
        node->last->next = change;
    } else {
        node->first = change;
    }
    node->last = change;
    return change;
}

static void changes_forget(struct platter_node *node)
{
    while (node->first) {
        struct platter_change *change = node->first;
        node->first = change->next;
        faults_give(change->data);
        faults_give(change);
    }
    node->last = NULL;
}

static void changes_settle(struct platter_node *node)
{
    for (const struct platter_change *change = node->first; change; change = change->next) {
        if (change->is_write) {
            safe_write(node, change->at, change->data, change->bytes);
        }
        safe_length(node, change->length);
    }
    changes_forget(node);
}

/* These bytes are safe now, whatever of the file is not. Earlier writes of the same place go with them, as they lie in
 * the same page: when one of those is taken later, it must not bring back what was there before. */
static void write_through(struct platter_node *node, uint64_t at, const uint8_t *data, uint64_t bytes)
{
    for (struct platter_change *change = node->first; change; change = change->next) {
        change->length = change->length > at + bytes ? change->length : at + bytes;
        if (!change->is_write || change->at >= at + bytes || change->at + change->bytes <= at) {
            continue;
        }
        uint64_t from = change->at > at ? change->at : at;
        uint64_t to = change->at + change->bytes < at + bytes ? change->at + change->bytes : at + bytes;
        memcpy(change->data + (from - change->at), data + (from - at), to - from);
    }
    safe_write(node, at, data, bytes);
    if (at + bytes > node->length) {
        node->length = at + bytes;
    }
}

/* ---- mappings ---- */

static void look_at_map(struct platter_node *node)
{
    struct stat info;
    if (!node->mapped || node->fd < 0 || fstat(node->fd, &info) != 0 || info.st_size == 0) {
        return;
    }
    uint64_t bytes = (uint64_t)info.st_size;
    uint8_t *now = faults_take(bytes);
    uint8_t *known = faults_take(bytes);
    platter_copy(known, node->safe, node->safe_bytes < bytes ? node->safe_bytes : bytes);
    for (const struct platter_change *change = node->first; change; change = change->next) {
        if (change->is_write && change->at < bytes) {
            memcpy(known + change->at, change->data,
                   change->at + change->bytes <= bytes ? change->bytes : bytes - change->at);
        }
    }
    if (read_all(node->fd, now, bytes)) {
        for (uint64_t at = 0; at < bytes; at += PLATTER_SECTOR_BYTES) {
            uint64_t len = bytes - at < PLATTER_SECTOR_BYTES ? bytes - at : PLATTER_SECTOR_BYTES;
            if (memcmp(now + at, known + at, len) != 0) {
                memcpy(change_add(node, true, at, len, node->length)->data, now + at, len);
            }
        }
    }
    faults_give(now);
    faults_give(known);
}

void platter_look_at_maps(void)
{
    for (struct platter_node *node = platter.nodes; node; node = node->next) {
        look_at_map(node);
    }
}

/* ---- what the doors tell ---- */

void platter_opened(struct faults_file *file, int fd, const char *full, int flags, bool made)
{
    struct stat info;
    if (!platter.records || fstat(fd, &info) != 0 || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        return;
    }
    platter_enter();
    file->node = platter_node_of(&info);
    if (!file->node) {
        file->node = platter_node_add(&info);
    }
    if (made) {
        platter_name_change(file->node, NULL, full);
    } else if (flags & O_TRUNC && file->node->length > 0) {
        (void)change_add(file->node, false, 0, 0, 0);
    }
    platter_leave();
}

void platter_closed(struct faults_file *file, int fd)
{
    if (platter.records && file->node) {
        platter_enter();
        if (file->node->fd == fd) {
            look_at_map(file->node);
            file->node->fd = -1;
        }
        platter_leave();
    }
}

static void gather(uint8_t *to, const struct iovec *parts, size_t bytes)
{
    for (size_t done = 0; done < bytes; parts++) {
        size_t len = parts->iov_len < bytes - done ? parts->iov_len : bytes - done;
        memcpy(to + done, parts->iov_base, len);
        done += len;
    }
}

void platter_wrote(struct faults_file *file, const struct iovec *parts, size_t bytes, off_t at)
{
    if (!platter.records || !file->node) {
        return;
    }
    platter_enter();
    struct platter_node *node = file->node;
    uint64_t end = (uint64_t)at + bytes;
    if (file->write_through) {
        uint8_t *data = faults_take(bytes);
        gather(data, parts, bytes);
        write_through(node, (uint64_t)at, data, bytes);
        faults_give(data);
    } else {
        uint64_t length = end > node->length ? end : node->length;
        gather(change_add(node, true, (uint64_t)at, bytes, length)->data, parts, bytes);
    }
    platter_leave();
}

void platter_length(struct faults_file *file, uint64_t length)
{
    if (platter.records && file->node && file->node->length != length) {
        platter_enter();
        (void)change_add(file->node, false, 0, 0, length);
        platter_leave();
    }
}

void platter_reserved(struct faults_file *file, uint64_t end)
{
    if (file->node && end > file->node->length) {
        platter_length(file, end);
    }
}

void platter_mapped(struct faults_file *file, int fd)
{
    if (platter.records && file->node) {
        file->node->mapped = true;
        file->node->fd = fd;
    }
}

static void settle(struct platter_node *node, int fd)
{
    struct stat info;
    if (fd >= 0 && fstat(fd, &info) == 0) {
        node->mode = info.st_mode & 07777;
    }
    look_at_map(node);
    changes_settle(node);
}

void platter_synced(struct faults_file *file, int fd)
{
    if (!platter.records || !file->node) {
        return;
    }
    platter_enter();
    if (file->directory) {
        platter_names_settle(file->node);
    } else {
        settle(file->node, fd);
    }
    platter_leave();
}

void platter_synced_maps(void)
{
    if (!platter.records) {
        return;
    }
    platter_enter();
    for (struct platter_node *node = platter.nodes; node; node = node->next) {
        if (node->mapped) {
            settle(node, node->fd);
        }
    }
    platter_leave();
}

/* ---- begin and end ---- */

static int scan(struct platter_node *directory, const char *path)
{
    DIR *listing = opendir(path);
    if (!listing) {
        return -1;
    }
    int status = 0;
    for (struct dirent *entry; status == 0 && (entry = readdir(listing)) != NULL;) {
        char full[PATH_MAX];
        struct stat info;
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (self || snprintf(full, sizeof full, "%s/%s", path, entry->d_name) >= (int)sizeof full ||
            fstatat(AT_FDCWD, full, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
            continue;
        }
        struct platter_node *known = platter_node_of(&info); /* a second name */
        struct platter_node *node = known ? known : platter_node_add(&info);
        platter_set_entry(&directory->entries, entry->d_name, node);
        if (!known) {
            status = node->directory ? scan(node, full) : load(node, full, &info);
        }
    }
    (void)closedir(listing);
    return status;
}

int faults_platter_begin(void)
{
    struct stat info;
    faults_platter_end();
    if (!faults_watching() || fstatat(AT_FDCWD, faults_root(), &info, 0) != 0 || !S_ISDIR(info.st_mode)) {
        return -1;
    }
    platter.root = platter_node_add(&info);
    if (scan(platter.root, faults_root()) != 0) {
        faults_platter_end();
        return -1;
    }
    platter.records = true;
    for (int fd = 0; fd < FAULTS_FILES_MAX; fd++) {
        struct faults_file *file = faults_file(fd);
        if (file) {
            platter_opened(file, fd, "", 0, false);
        }
    }
    return 0;
}

static void node_free(struct platter_node *node)
{
    changes_forget(node);
    while (node->entries) {
        platter_drop_entry(&node->entries, node->entries->name, NULL);
    }
    faults_give(node->safe);
    faults_give(node);
}

void faults_platter_end(void)
{
    platter.records = false;
    while (platter.first) {
        struct platter_naming *naming = platter.first;
        platter.first = naming->next;
        platter_naming_free(naming);
    }
    platter.last = NULL;
    while (platter.nodes) {
        struct platter_node *node = platter.nodes;
        platter.nodes = node->next;
        node_free(node);
    }
    platter.root = NULL;
    platter.moments = 0;
    for (int fd = 0; fd < FAULTS_FILES_MAX; fd++) {
        struct faults_file *file = faults_file(fd);
        if (file) {
            file->node = NULL;
        }
    }
}
