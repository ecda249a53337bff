/* watch: tells when a file or its directory may have changed. A hint, never the truth: network file systems and
 * overflowing queues stay silent, so whoever uses it looks by time as well. */
#ifndef RINGSIDE_PLATFORM_FILE_WATCH_H
#define RINGSIDE_PLATFORM_FILE_WATCH_H

struct watch {
    int fd; /* readable after a change; -1: there is no watching here */
    int directory;
    int file;
};

void watch_open(struct watch *watch);
void watch_close(struct watch *watch);
void watch_directory_of(struct watch *watch, const char *path); /* names made, moved, removed beside `path` */
void watch_file(struct watch *watch, int fd); /* content of this open file, instead of the one before; -1: of none */
void watch_drain(struct watch *watch);

#endif
