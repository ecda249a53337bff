#include "collector/config_table.h"

#include <arpa/inet.h>
#include <string.h>

#include "collector/alert/lookout.h"
#include "platform/base/status.h"
#include "platform/config/daemon.h"
#include "platform/config/shape.h"
#include "platform/config/units.h"
#include "proto/alert/alert_rule.h"

static bool is_address(const char *text)
{
    struct in_addr v4;
    struct in6_addr v6;
    return inet_pton(AF_INET, text, &v4) == 1 || inet_pton(AF_INET6, text, &v6) == 1;
}

/* Labels of letters, digits and '-', which ends and begins none of them. */
static bool is_dns_name(const char *text)
{
    if (!config_shape_made_of(text, "-.", COLLECTOR_HOST_MAX)) {
        return false;
    }
    for (const char *label = text;;) {
        size_t len = strcspn(label, ".");
        if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-') {
            return false;
        }
        if (label[len] == '\0') {
            return true;
        }
        label += len + 1;
    }
}

bool collector_config_host_valid(const char *text)
{
    return is_address(text) || is_dns_name(text);
}

static int validate_host(const char *text, struct buf *why)
{
    return collector_config_host_valid(text) ? 0
                                             : config_shape_refuse(why, text, "is neither a host name nor an address");
}

int collector_config_listen(const char *text, char host[CONFIG_SHAPE_HOST_MAX + 1], uint16_t *port, struct buf *why)
{
    bool fine = config_shape_split_address(text, host, port) && is_address(host) &&
                (text[0] == '[') == (strchr(host, ':') != NULL);
    return fine ? 0 : config_shape_refuse(why, text, "is not an address with a port");
}

static int validate_listen(const char *text, struct buf *why)
{
    char host[CONFIG_SHAPE_HOST_MAX + 1];
    uint16_t port;
    return collector_config_listen(text, host, &port, why);
}

static const struct config_option data_options[] = {
    {.name = "dir",
     .type = CONFIG_PATH,
     .default_text = "/var/lib/ringside-collector",
     .help = "Directory of all that the collector keeps: its CA and keys, the sites, the numbers; on a local file "
             "system",
     .restart = true},
};

static const struct config_option ingest_options[] = {
    {.name = "listen",
     .type = CONFIG_STRING,
     .default_text = "[::]:5684",
     .validate = validate_listen,
     .allowed = "an address with a port (192.0.2.1:5684, [::]:5684)",
     .help = "Where the sites connect (CoAP over TLS); [::] takes IPv6 and IPv4",
     .restart = true},
    {.name = "hosts",
     .type = CONFIG_STRINGS,
     .default_text = "",
     .validate = validate_host,
     .allowed = "host names and addresses",
     .help = "What the sites call this machine: the names in its certificate; none: its host name, short and full. "
             "Read by init",
     .restart = true},
    {.name = "sessions_max",
     .type = CONFIG_INT,
     .default_text = "20000",
     .min = 1,
     .max = 100000,
     .help = "Connections open at once; one takes about 80 KiB",
     .restart = true},
    {.name = "handshakes_max",
     .type = CONFIG_INT,
     .default_text = "100",
     .min = 4,
     .max = 10000,
     .help = "TLS handshakes under way at once; more than that push out the oldest",
     .restart = true},
    {.name = "handshake_timeout",
     .type = CONFIG_DURATION,
     .default_text = "10s",
     .min = MS_SECOND,
     .max = 5 * MS_MINUTE,
     .help = "How long a peer may take to say who it is",
     .restart = true},
    {.name = "idle_timeout",
     .type = CONFIG_DURATION,
     .default_text = "15m",
     .min = 6 * MS_MINUTE,
     .max = MS_DAY,
     .help = "A connection that is silent for so long is closed; agents without the live view speak every 5m",
     .restart = true},
    {.name = "site_bytes_per_second",
     .type = CONFIG_BYTES,
     .default_text = "1MiB",
     .min = 4 * KIB,
     .max = GIB,
     .help = "What one site may send in the long run; beyond that it is told to come later",
     .restart = true},
    {.name = "site_bytes_burst",
     .type = CONFIG_BYTES,
     .default_text = "4MiB",
     .min = 256 * KIB,
     .max = GIB,
     .help = "What one site may send at once above that",
     .restart = true},
    {.name = "site_messages_per_second",
     .type = CONFIG_INT,
     .default_text = "50",
     .min = 1,
     .max = 100000,
     .help = "Messages of one site in the long run",
     .restart = true},
    {.name = "site_messages_burst",
     .type = CONFIG_INT,
     .default_text = "200",
     .min = 10,
     .max = 100000,
     .help = "Messages of one site at once above that",
     .restart = true},
    {.name = "buffer_max",
     .type = CONFIG_BYTES,
     .default_text = "256KiB",
     .min = 256 * KIB,
     .max = 64 * MIB,
     .help = "Memory for what one site sent and is not stored yet; a site with more waits",
     .restart = true},
    {.name = "buffer_total",
     .type = CONFIG_BYTES,
     .default_text = "64MiB",
     .min = MIB,
     .max = 16 * GIB,
     .help = "The same for all sites together; not less than buffer_max",
     .restart = true},
};

static const struct config_option store_options[] = {
    {.name = "size_max",
     .type = CONFIG_BYTES,
     .default_text = "8GiB",
     .min = 64 * MIB,
     .max = 16384 * GIB,
     .help = "To this size the store's file may grow; a year of 100 sites with ten queues is about 4GiB",
     .restart = true},
    {.name = "intervals_keep",
     .type = CONFIG_DURATION,
     .default_text = "400d",
     .min = 0,
     .max = 36600 * MS_DAY,
     .help = "How long intervals are kept as the sites sent them; 0 for ever",
     .restart = true},
    {.name = "cells_keep",
     .type = CONFIG_DURATION,
     .default_text = "0",
     .min = 0,
     .max = 36600 * MS_DAY,
     .help = "How long the hours and days added up from them are kept; 0 for ever",
     .restart = true},
    {.name = "commit_interval",
     .type = CONFIG_DURATION,
     .default_text = "20ms",
     .min = 0,
     .max = MS_SECOND,
     .help = "How long summaries of many sites are gathered for one commit; so much later a site hears that its own "
             "are safe",
     .restart = true},
};

static const struct config_option identity_options[] = {
    {.name = "site_life",
     .type = CONFIG_DURATION,
     .default_text = "90d",
     .min = MS_MINUTE,
     .max = 3660 * MS_DAY,
     .help = "How long a site's certificate is valid; the agent renews it at two thirds of that",
     .restart = true},
    {.name = "collector_life",
     .type = CONFIG_DURATION,
     .default_text = "365d",
     .min = MS_MINUTE,
     .max = 3660 * MS_DAY,
     .help = "How long the collector's own certificate is valid; it renews it at two thirds of that",
     .restart = true},
    {.name = "ca_life",
     .type = CONFIG_DURATION,
     .default_text = "7305d",
     .min = MS_DAY,
     .max = 36525 * MS_DAY,
     .help = "How long the CA made by init is valid; no certificate outlives it",
     .restart = true},
    {.name = "grace",
     .type = CONFIG_DURATION,
     .default_text = "30d",
     .min = 0,
     .max = 3660 * MS_DAY,
     .help = "So long after its end a site's certificate is still good for renewing it, and for nothing else",
     .restart = true},
    {.name = "token_life",
     .type = CONFIG_DURATION,
     .default_text = "24h",
     .min = MS_MINUTE,
     .max = 30 * MS_DAY,
     .help = "How long a join token may be used",
     .restart = true},
};

static const struct config_option centre_options[] = {
    {.name = "zone",
     .type = CONFIG_STRING,
     .default_text = "UTC",
     .validate = config_shape_zone,
     .allowed = "an IANA name (e.g. America/Sao_Paulo), UTC, or local",
     .help = "Time zone of the days and hours of groups and of all sites together; a site's own are in its own zone",
     .restart = true},
};

static const struct config_option admit_options[] = {
    {.name = "oldest",
     .type = CONFIG_DURATION,
     .default_text = "400d",
     .min = 0,
     .max = 36600 * MS_DAY,
     .help = "Intervals that began before this are refused; 0: none are",
     .restart = true},
    {.name = "ahead",
     .type = CONFIG_DURATION,
     .default_text = "1d",
     .min = MS_HOUR,
     .max = 366 * MS_DAY,
     .help = "Intervals that begin further in the future than this are refused: the site's clock is wrong",
     .restart = true},
};

static const struct config_option service_options[] = {
    {.name = "user",
     .type = CONFIG_STRING,
     .default_text = "ringside",
     .validate = config_shape_user,
     .allowed = "a user of this machine, or \"\" to stay root",
     .help = "User that the collector and its commands become when started as root; the default one need not exist",
     .restart = true},
    {.name = "nice",
     .type = CONFIG_INT,
     .default_text = "0",
     .min = 0,
     .max = 19,
     .help = "Scheduling priority; more is less urgent",
     .restart = true},
    CONFIG_DAEMON_SANDBOX_OPTION,
};

static const struct config_section sections[] = {
    {.name = "data", .help = "Where everything is kept", .options = data_options, .option_count = COUNT(data_options)},
    {.name = "ingest",
     .help = "How the sites are listened to",
     .options = ingest_options,
     .option_count = COUNT(ingest_options)},
    {.name = "store",
     .help = "The numbers of all sites",
     .options = store_options,
     .option_count = COUNT(store_options)},
    {.name = "identity",
     .help = "Certificates and join tokens",
     .options = identity_options,
     .option_count = COUNT(identity_options)},
    {.name = "centre", .help = "The centre as such", .options = centre_options, .option_count = COUNT(centre_options)},
    {.name = "admit",
     .help = "Which intervals are believed",
     .options = admit_options,
     .option_count = COUNT(admit_options)},
    {.name = "api",
     .help = "How people and machines ask the centre: dashboard, HTTP interface, metrics",
     .options = collector_config_api_options,
     .option_count = COUNT(collector_config_api_options)},
    {.name = "alerting",
     .help = "How the centre tells by itself",
     .options = collector_config_alerting_options,
     .option_count = COUNT(collector_config_alerting_options)},
    ALERT_RULE_SECTION,
    RECEIVER_SECTION,
    {.name = "log",
     .help = "Messages of the collector",
     .options = config_daemon_log_options,
     .option_count = COUNT(config_daemon_log_options)},
    {.name = "service",
     .help = "The collector as a process",
     .options = service_options,
     .option_count = COUNT(service_options)},
};

const struct config_table collector_config_table = {
    .title = "ringside-collector: configuration",
    .intro = "Everything has a default; an empty file is a valid one, and without the default file all defaults "
             "hold.\n`ringside-collector check` reads the file and says what is wrong, with line and what is "
             "allowed;\n`ringside-collector check --print` prints the settings in force.\n\n"
             "This page is made from the collector's option table (`cmake --build BUILD --target docs-config`); do "
             "not edit it.",
    .path = COLLECTOR_CONFIG_PATH,
    .sections = sections,
    .section_count = COUNT(sections),
};
