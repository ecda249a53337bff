#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/credentials/credentials_internal.h"
#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/file/input.h"

int credentials_refuse(struct credentials_why *why, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return status;
}

int credentials_refuse_file(struct credentials_why *why, int status, const char *path, const char *what)
{
    return credentials_refuse(why, status, "%.140s: %s", path, what);
}

char *credentials_path(const char *dir, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int read_all(struct input *input, struct buf *out)
{
    int status = 0;
    while (status == 0 && out->len <= CREDENTIALS_FILE_MAX) {
        char chunk[4096];
        size_t got = 0;
        status = input_read(input, chunk, sizeof chunk, &got);
        if (status == 0) {
            buf_append(out, chunk, got);
        }
        explicit_bzero(chunk, sizeof chunk);
    }
    if (status == 0) {
        return STATUS_RANGE;
    }
    return status != INPUT_END ? status : out->failed ? STATUS_NO_MEMORY : 0;
}

int credentials_read(const char *path, struct buf *out)
{
    struct input input = INPUT_INIT;
    int status = input_open(&input, path, true);
    if (status == 0) {
        status = read_all(&input, out);
    }
    input_close(&input);
    return status;
}

int credentials_write(const char *dir, const char *name, struct slice content, mode_t mode, struct credentials_why *why)
{
    CLEANUP(cleanup_free) char *path = credentials_path(dir, name);
    if (!path) {
        return credentials_refuse(why, STATUS_NO_MEMORY, "%s", status_str(STATUS_NO_MEMORY));
    }
    int status = atomic_replace(path, content.data, content.len, mode);
    return status == 0 ? 0 : credentials_refuse(why, status, "%.140s cannot be written: %s", path, status_str(status));
}

struct credentials_time credentials_time(int64_t at_s)
{
    struct credentials_time out;
    time_t at = (time_t)at_s;
    struct tm parts;
    if (!gmtime_r(&at, &parts) || strftime(out.text, sizeof out.text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        (void)snprintf(out.text, sizeof out.text, "second %" PRId64, at_s);
    }
    return out;
}
