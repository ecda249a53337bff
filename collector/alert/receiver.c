#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/alert/lookout.h"
#include "platform/base/status.h"
#include "platform/config/shape.h"
#include "platform/config/units.h"

enum { URL_MAX_BYTES = 1000, HOST_MAX_BYTES = 253 };

static const char *const types[] = {[RECEIVER_WEBHOOK] = "webhook", [RECEIVER_ALERTMANAGER] = "alertmanager", NULL};

int receiver_name_valid(const char *text, struct buf *why)
{
    bool made = config_shape_made_of(text, "-_.", 64);
    return made ? 0 : config_shape_refuse(why, text, "is not a name for a receiver");
}

/* Behind "http://" or "https://"; NULL for anything else. */
static const char *behind_scheme(const char *url)
{
    return strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
}

static int validate_url(const char *text, struct buf *why)
{
    if (text[0] == '\0') {
        return 0; /* missing: told with the section */
    }
    const char *host = behind_scheme(text);
    if (!host || strcspn(host, "/?") == 0 || host[0] == ':') {
        return config_shape_refuse(why, text, "is not an address of the web");
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= 32 || (unsigned char)*c >= 127) {
            return config_shape_refuse(why, text, "holds a character that no address has");
        }
    }
    if (memchr(host, '@', strcspn(host, "/?")) || strchr(text, '#')) {
        return config_shape_refuse(why, text, "holds a user or a fragment");
    }
    return 0;
}

const struct config_option receiver_options[RECEIVER_OPTIONS] = {
    {.name = "type",
     .type = CONFIG_ENUM,
     .default_text = "webhook",
     .words = types,
     .restart = true,
     .help = "What speaks there: anything that takes our JSON, or an Alertmanager"},
    {.name = "url",
     .type = CONFIG_STRING,
     .default_text = "",
     .min = 0,
     .max = URL_MAX_BYTES,
     .validate = validate_url,
     .allowed = "http://... or https://..., without user and fragment",
     .restart = true,
     .help = "Where it is told; of an Alertmanager its root, without /api/v2/alerts"},
    {.name = "secret_file",
     .type = CONFIG_STRING,
     .default_text = "",
     .validate = config_shape_optional_path,
     .of_type = "webhook",
     .allowed = "an absolute path, or \"\"",
     .restart = true,
     .help = "Its first line is the key of the signature; read anew each time; empty: not signed"},
    {.name = "bearer_file",
     .type = CONFIG_STRING,
     .default_text = "",
     .validate = config_shape_optional_path,
     .allowed = "an absolute path, or \"\"",
     .restart = true,
     .help = "Its first line is sent as Authorization: Bearer; read anew each time; empty: nothing is sent"},
    {.name = "ca_file",
     .type = CONFIG_STRING,
     .default_text = "",
     .validate = config_shape_optional_path,
     .allowed = "an absolute path, or \"\"",
     .restart = true,
     .help = "Certificates (PEM) that https is checked against; empty: the system's"},
    {.name = "timeout",
     .type = CONFIG_DURATION,
     .default_text = "10s",
     .min = 100,
     .max = 2 * MS_MINUTE,
     .restart = true,
     .help = "So long one attempt may take as a whole"},
    {.name = "repeat",
     .type = CONFIG_DURATION,
     .default_text = "0s",
     .min = 0,
     .max = 7 * MS_DAY,
     .of_type = "webhook",
     .restart = true,
     .help = "What still fires is told again after so long, and then again; 0s: once"},
    {.name = "retry_max",
     .type = CONFIG_DURATION,
     .default_text = "5m",
     .min = 100,
     .max = MS_HOUR,
     .restart = true,
     .help = "Longest wait between two attempts; it grows from a second"},
};

static bool is_loopback(const char *url)
{
    const char *host = behind_scheme(url);
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
           (strncmp(host, "localhost", 9) == 0 && strchr(":/?", host[9]));
}

static bool check_url(const struct config_item *from, struct config_report *report)
{
    const char *url = config_text(from, "url");
    int line = config_option_line(from, "url");
    if (url[0] == '\0') {
        (void)config_report_at(report, line ? line : config_line(from),
                               "receiver \"%s\".url: is missing; allowed: http://... or https://...",
                               config_title(from));
        return false;
    }
    if (config_text(from, "bearer_file")[0] && strncmp(url, "http://", 7) == 0 && !is_loopback(url)) {
        (void)config_report_at(report, line,
                               "receiver \"%s\".url: the bearer token would be readable on the way; allowed: "
                               "https://..., or a loopback address",
                               config_title(from));
        return false;
    }
    return true;
}

static void copy(char **to, const struct config_item *from, const char *option, int *status)
{
    *to = strdup(option ? config_text(from, option) : config_title(from));
    if (!*to) {
        *status = STATUS_NO_MEMORY;
    }
}

int receiver_read(const struct config_item *from, struct config_report *report, struct receiver *out)
{
    int status = 0;
    *out = (struct receiver){0};
    if (!check_url(from, report)) {
        return STATUS_INVALID;
    }
    copy(&out->name, from, NULL, &status);
    copy(&out->url, from, "url", &status);
    copy(&out->secret_file, from, "secret_file", &status);
    copy(&out->bearer_file, from, "bearer_file", &status);
    copy(&out->ca_file, from, "ca_file", &status);
    out->type = (enum receiver_type)config_number(from, "type");
    out->timeout_ms = config_number(from, "timeout");
    out->repeat_ms = config_number(from, "repeat");
    out->retry_max_ms = config_number(from, "retry_max");
    if (status != 0) {
        receiver_deinit(out);
    }
    return status;
}

void receiver_deinit(struct receiver *receiver)
{
    free(receiver->name);
    free(receiver->url);
    free(receiver->secret_file);
    free(receiver->bearer_file);
    free(receiver->ca_file);
    *receiver = (struct receiver){0};
}
