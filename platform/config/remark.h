/* remark: whether the machine fits the settings, told to people a line each. Nothing here changes anything. */
#ifndef RINGSIDE_PLATFORM_CONFIG_REMARK_H
#define RINGSIDE_PLATFORM_CONFIG_REMARK_H

#include <stdint.h>
#include <stdio.h>

#include "platform/config/daemon.h"

enum config_remark_level { CONFIG_REMARK_NOTE, CONFIG_REMARK_WARNING, CONFIG_REMARK_ERROR };

struct config_remarks {
    FILE *err;
    const char *path; /* of the file with the settings */
    unsigned errors;  /* things with which the program cannot run */
};

void config_remark(struct config_remarks *remarks, enum config_remark_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* SECTION.size_max against the room at `place`, a directory that exists. What `file` takes already needs no room
 * again. */
void config_remark_room(struct config_remarks *remarks, const char *section, uint64_t size_max_bytes, const char *place,
                        const char *file);

/* Whether root can become the daemon's user; `program` is what the daemon is called: "agent". */
void config_remark_user(struct config_remarks *remarks, const struct config_service *service, const char *program);

/* What service.sandbox gives on this machine, as `what` says; `whole`: enough for "required". */
void config_remark_sandbox(struct config_remarks *remarks, const struct config_service *service, const char *program,
                           bool whole, const char *what);

#endif
