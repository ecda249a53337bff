/* credentials_internal: what the files of this stage share. */
#ifndef RINGSIDE_AGENT_CREDENTIALS_CREDENTIALS_INTERNAL_H
#define RINGSIDE_AGENT_CREDENTIALS_CREDENTIALS_INTERNAL_H

#include <sys/types.h>

#include "agent/credentials/credentials.h"

#define CREDENTIALS_IDENTITY "identity.pem"
#define CREDENTIALS_CA "ca.pem"
#define CREDENTIALS_URL "collector.url"

enum { CREDENTIALS_FILE_MAX = 64 * 1024 };

/* Both return the status that they are given, so that they end a function. */
int credentials_refuse(struct credentials_why *why, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int credentials_refuse_file(struct credentials_why *why, int status, const char *path, const char *what);

char *credentials_path(const char *dir, const char *name); /* owned; NULL: no memory */

/* A whole file, appended. STATUS_NOT_FOUND, STATUS_DENIED, STATUS_RANGE (too large), STATUS_IO, STATUS_NO_MEMORY. */
int credentials_read(const char *path, struct buf *out);
int credentials_write(const char *dir, const char *name, struct slice content, mode_t mode,
                      struct credentials_why *why);

/* "2026-11-21 09:30:00 UTC" */
struct credentials_time {
    char text[40];
};
struct credentials_time credentials_time(int64_t at_s);

#endif
