#include "platform/config/daemon.h"

#include "platform/config/program.h"

static const char *const level_words[] = {"error", "warning", "notice", "info", "debug", NULL};

const char *const config_daemon_sandbox_words[] = {"yes", "no", "required", NULL};

const struct config_option config_daemon_log_options[1] = {
    {.name = "level",
     .type = CONFIG_ENUM,
     .default_text = "info",
     .words = level_words,
     .help = "Messages less urgent than this are not written",
     .restart = true},
};

enum log_level config_daemon_log_level(const struct config *from)
{
    static const enum log_level levels[] = {LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG};
    return levels[config_number(config_section(from, "log"), "level")];
}

void config_daemon_service(const struct config *from, struct config_service *out, int *status)
{
    const struct config_item *service = config_section(from, "service");
    config_program_copy(&out->user, config_text(service, "user"), status);
    out->user_default = config_option_line(service, "user") == 0;
    out->nice = (int)config_number(service, "nice");
    out->sandbox = (enum config_sandbox)config_number(service, "sandbox");
}
