/* Where there is no inotify: everything is found by looking again. */
#include "platform/file/watch.h"

void watch_open(struct watch *watch)
{
    *watch = (struct watch){.fd = -1, .directory = -1, .file = -1};
}

void watch_close(struct watch *watch)
{
    (void)watch;
}

void watch_directory_of(struct watch *watch, const char *path)
{
    (void)watch;
    (void)path;
}

void watch_file(struct watch *watch, int fd)
{
    (void)watch;
    (void)fd;
}

void watch_drain(struct watch *watch)
{
    (void)watch;
}
