/* The options of how people and machines ask the centre, and of how it tells by itself. */
#include <string.h>

#include "collector/config_table.h"
#include "platform/base/status.h"
#include "platform/config/units.h"

int collector_config_api_listen(const char *text, char host[CONFIG_SHAPE_HOST_MAX + 1], uint16_t *port, struct buf *why)
{
    char copy[CONFIG_SHAPE_HOST_MAX + 16];
    size_t len = strlen(text);
    host[0] = '\0';
    *port = 0;
    if (strcmp(text, "none") == 0) {
        return 0;
    }
    if (len < 3 || len >= sizeof copy || strcmp(text + len - 2, ":0") != 0) {
        return collector_config_listen(text, host, port, why);
    }
    memcpy(copy, text, len + 1);
    copy[len - 1] = '1'; /* any free port is wanted; the address must be one all the same */
    int status = collector_config_listen(copy, host, port, why);
    *port = 0;
    return status;
}

static int validate_listen(const char *text, struct buf *why)
{
    char host[CONFIG_SHAPE_HOST_MAX + 1];
    uint16_t port;
    return collector_config_api_listen(text, host, &port, why);
}

static int validate_url(const char *text, struct buf *why)
{
    bool fine = text[0] == '\0' || strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
    for (const char *at = text; fine && *at; at++) {
        fine = *at > ' ' && *at < 127 && !strchr("\"'<>\\`", *at);
    }
    return fine ? 0 : config_shape_refuse(why, text, "is not an http or https address");
}

const struct config_option collector_config_api_options[14] = {
    {.name = "listen",
     .type = CONFIG_STRING,
     .default_text = "127.0.0.1:8484",
     .validate = validate_listen,
     .allowed = "an address with a port (127.0.0.1:8484, [::1]:8484; port 0: any free one), or none",
     .help = "Where the dashboard, the HTTP interface and the metrics are; beyond loopback give a certificate too, or "
             "put a proxy with TLS before it",
     .restart = true},
    {.name = "certificate",
     .type = CONFIG_STRING,
     .default_text = "",
     .validate = config_shape_optional_path,
     .allowed = "an absolute path, or \"\"",
     .help = "Certificate with its chain (PEM) for HTTPS; empty: plain HTTP",
     .restart = true},
    {.name = "key",
     .type = CONFIG_STRING,
     .default_text = "",
     .validate = config_shape_optional_path,
     .allowed = "an absolute path, or \"\"",
     .help = "The certificate's private key (PEM), readable by the service and nobody else",
     .restart = true},
    {.name = "url",
     .type = CONFIG_STRING,
     .default_text = "",
     .validate = validate_url,
     .allowed = "http://... or https://...",
     .help = "What people's browsers call the dashboard: for the links in alerts; empty: no links",
     .restart = true},
    {.name = "workers",
     .type = CONFIG_INT,
     .default_text = "2",
     .min = 1,
     .max = 64,
     .help = "Threads that make answers; questions beyond that wait their turn",
     .restart = true},
    {.name = "budget",
     .type = CONFIG_DURATION,
     .default_text = "5s",
     .min = 100,
     .max = 5 * MS_MINUTE,
     .help = "So long an answer may take; then it is given up and the asker told to ask for less",
     .restart = true},
    {.name = "rows_max",
     .type = CONFIG_INT,
     .default_text = "20000",
     .min = 100,
     .max = 1000000,
     .help = "Rows in one answer; questions that would give more are refused",
     .restart = true},
    {.name = "connections_max",
     .type = CONFIG_INT,
     .default_text = "500",
     .min = 4,
     .max = 10000,
     .help = "Connections open at once",
     .restart = true},
    {.name = "address_connections_max",
     .type = CONFIG_INT,
     .default_text = "100",
     .min = 2,
     .max = 10000,
     .help = "The same of one address; behind a proxy all browsers are one address",
     .restart = true},
    {.name = "streams_max",
     .type = CONFIG_INT,
     .default_text = "200",
     .min = 1,
     .max = 10000,
     .help = "Pages that follow this moment at once",
     .restart = true},
    {.name = "requests_per_second",
     .type = CONFIG_INT,
     .default_text = "100",
     .min = 1,
     .max = 100000,
     .help = "Requests with one token in the long run; beyond that the answer is 429",
     .restart = true},
    {.name = "requests_burst",
     .type = CONFIG_INT,
     .default_text = "500",
     .min = 10,
     .max = 100000,
     .help = "Requests at once above that",
     .restart = true},
    {.name = "metrics_open",
     .type = CONFIG_BOOL,
     .default_text = "no",
     .help = "/metrics without a token",
     .restart = true},
    {.name = "metrics_queues_max",
     .type = CONFIG_INT,
     .default_text = "2000",
     .min = 0,
     .max = 100000,
     .help = "Queues of sites that /metrics tells apart; the others are joined as _other",
     .restart = true},
};

const struct config_option collector_config_alerting_options[1] = {
    {.name = "pace",
     .type = CONFIG_DURATION,
     .default_text = "15s",
     .min = MS_SECOND,
     .max = MS_HOUR,
     .help = "How often the rules (sections alert) are looked at",
     .restart = true},
};
