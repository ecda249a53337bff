#include "platform/file/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "platform/base/cleanup.h"

void watch_open(struct watch *watch)
{
    *watch = (struct watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .directory = -1, .file = -1};
}

void watch_close(struct watch *watch)
{
    if (watch->fd >= 0) {
        close(watch->fd);
    }
    watch->fd = -1;
}

void watch_directory_of(struct watch *watch, const char *path)
{
    const char *slash = strrchr(path, '/');
    CLEANUP(cleanup_free) char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (watch->fd >= 0 && dir) {
        watch->directory = inotify_add_watch(watch->fd, dir, IN_CREATE | IN_MOVE | IN_DELETE | IN_ONLYDIR);
    }
}

void watch_file(struct watch *watch, int fd)
{
    if (watch->fd < 0) {
        return;
    }
    if (watch->file >= 0) {
        inotify_rm_watch(watch->fd, watch->file);
        watch->file = -1;
    }
    if (fd >= 0) {
        char self[32]; /* the inode itself, whatever its name is by now */
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        watch->file = inotify_add_watch(watch->fd, self, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
    }
}

void watch_drain(struct watch *watch)
{
    char events[4096];
    while (watch->fd >= 0 && read(watch->fd, events, sizeof events) > 0) {
    }
}
