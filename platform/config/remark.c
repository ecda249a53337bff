#include "platform/config/remark.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MIB_BYTES = 1 << 20 };

void config_remark(struct config_remarks *remarks, enum config_remark_level level, const char *format, ...)
{
    static const char *const names[] = {"note", "warning", "error"};
    char text[768];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    remarks->errors += level == CONFIG_REMARK_ERROR;
    (void)fprintf(remarks->err, "%s: %s: %s\n", remarks->path, names[level], text);
}

void config_remark_room(struct config_remarks *remarks, const char *section, uint64_t size_max_bytes, const char *place,
                        const char *file)
{
    struct statvfs fs;
    if (statvfs(place, &fs) != 0) {
        return;
    }
    struct stat info;
    uint64_t taken_bytes = stat(file, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
    uint64_t room_bytes = (uint64_t)fs.f_bavail * fs.f_frsize + taken_bytes;
    if (room_bytes < size_max_bytes) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "%s.size_max: %" PRIu64 "MiB, but %s has only %" PRIu64
                      "MiB of room; the %s cannot grow to its size",
                      section, size_max_bytes / MIB_BYTES, place, room_bytes / MIB_BYTES, section);
    }
}

void config_remark_user(struct config_remarks *remarks, const struct config_service *service, const char *program)
{
    if (service->user[0] == '\0' || geteuid() != 0 || getpwnam(service->user)) {
        return;
    }
    if (service->user_default) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "service.user: there is no user \"%s\"; started as root, the %s stays root", service->user,
                      program);
    } else {
        config_remark(remarks, CONFIG_REMARK_ERROR,
                      "service.user: there is no user \"%s\"; allowed: an existing user, or \"\" to stay root",
                      service->user);
    }
}

void config_remark_sandbox(struct config_remarks *remarks, const struct config_service *service, const char *program,
                           bool whole, const char *what)
{
    const char *word = config_daemon_sandbox_words[service->sandbox];
    if (service->sandbox == CONFIG_SANDBOX_NO) {
        config_remark(remarks, CONFIG_REMARK_NOTE, "service.sandbox = no: the %s is not confined; could be: %s",
                      program, what);
    } else if (service->sandbox == CONFIG_SANDBOX_REQUIRED && !whole) {
        config_remark(remarks, CONFIG_REMARK_ERROR, "service.sandbox = required: %s; the %s would not start", what,
                      program);
    } else {
        config_remark(remarks, CONFIG_REMARK_NOTE, "service.sandbox = %s: %s", word, what);
    }
}
