/* daemon: the sections that every daemon's file has. `log` is the same for all; of `service` each has its own options
 * "user" (checked by config_shape_user) and "nice". */
#ifndef RINGSIDE_PLATFORM_CONFIG_DAEMON_H
#define RINGSIDE_PLATFORM_CONFIG_DAEMON_H

#include <stdbool.h>

#include "platform/base/log.h"
#include "platform/config/config.h"
#include "platform/config/table.h"

struct config_service {
    char *user;        /* taken on when started as root; "" to stay */
    bool user_default; /* not set in the file: stay root when there is no such user */
    int nice;
};

extern const struct config_option config_daemon_log_options[1];

enum log_level config_daemon_log_level(const struct config *from);

/* out->user is owned. `status` is sticky, as in config_program_copy(). */
void config_daemon_service(const struct config *from, struct config_service *out, int *status);

#endif
