/* daemon: the sections that every daemon's file has. `log` is the same for all; of `service` each has its own options
 * "user" (checked by config_shape_user) and "nice"; "sandbox" is the same again. */
#ifndef RINGSIDE_PLATFORM_CONFIG_DAEMON_H
#define RINGSIDE_PLATFORM_CONFIG_DAEMON_H

#include <stdbool.h>

#include "platform/base/log.h"
#include "platform/config/config.h"
#include "platform/config/table.h"

/* In the order of the words of service.sandbox. */
enum config_sandbox { CONFIG_SANDBOX_YES, CONFIG_SANDBOX_NO, CONFIG_SANDBOX_REQUIRED };

struct config_service {
    char *user;        /* taken on when started as root; "" to stay */
    bool user_default; /* not set in the file: stay root when there is no such user */
    int nice;
    enum config_sandbox sandbox;
};

extern const struct config_option config_daemon_log_options[1];

/* An element of the table of "service". */
extern const char *const config_daemon_sandbox_words[];
#define CONFIG_DAEMON_SANDBOX_OPTION                                                                                   \
    {                                                                                                                  \
        .name = "sandbox", .type = CONFIG_ENUM, .default_text = "yes", .words = config_daemon_sandbox_words,           \
        .help = "Confine the process to the files, ports and system calls that it needs, as far as the kernel can "    \
                "(docs/operations.md); required: do not start where it cannot",                                        \
        .restart = true                                                                                                \
    }

enum log_level config_daemon_log_level(const struct config *from);

/* out->user is owned. `status` is sticky, as in config_program_copy(). */
void config_daemon_service(const struct config *from, struct config_service *out, int *status);

#endif
