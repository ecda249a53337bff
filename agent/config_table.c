#include "agent/config_table.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/config_alerts.h"
#include "agent/config_sources.h"
#include "agent/credentials/credentials.h"
#include "platform/base/status.h"
#include "platform/config/daemon.h"
#include "platform/config/shape.h"
#include "platform/config/units.h"

static int validate_site_id(const char *text, struct buf *why)
{
    return config_shape_made_of(text, "-_.", AGENT_SITE_ID_MAX) ? 0
                                                                : config_shape_refuse(why, text, "is not a site id");
}

static int validate_source_name(const char *text, struct buf *why)
{
    if (config_shape_made_of(text, "-_.", AGENT_SOURCE_NAME_MAX)) {
        return 0;
    }
    buf_append_str(why, "is not a name for a source");
    return STATUS_INVALID;
}

static int validate_queue_name(const char *text, struct buf *why)
{
    if (strlen(text) <= 255 && !strchr(text, '|')) {
        return 0;
    }
    buf_append_str(why, "is not a name that a queue can have");
    return STATUS_INVALID;
}

bool agent_config_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24) == 127;
    }
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

int agent_config_listen(const char *text, char host[CONFIG_SHAPE_HOST_MAX + 1], uint16_t *port, struct buf *why)
{
    if (strcmp(text, "none") == 0) {
        host[0] = '\0';
        *port = 0;
        return 0;
    }
    if (!config_shape_split_address(text, host, port)) {
        return config_shape_refuse(why, text, "is not an address with a port");
    }
    if (!agent_config_is_loopback(host)) {
        return config_shape_refuse(
            why, text,
            "is not a loopback address: reach from other machines needs coaps, which comes with the "
            "site's identity");
    }
    return 0;
}

static int validate_listen(const char *text, struct buf *why)
{
    char host[CONFIG_SHAPE_HOST_MAX + 1];
    uint16_t port;
    return agent_config_listen(text, host, &port, why);
}

static int validate_url(const char *text, struct buf *why)
{
    struct credentials_url url;
    struct credentials_why refusal;
    if (text[0] == '\0' || credentials_url_parse(text, &url, &refusal) == 0) {
        return 0;
    }
    buf_append_str(why, refusal.text);
    return STATUS_INVALID;
}

static int make_site_id(struct buf *out)
{
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) != 0) {
        return STATUS_IO;
    }
    buf_append_str(out, name);
    return 0;
}

static const char *sl_method_at(size_t index)
{
    return index < SL_METHOD_COUNT ? measures_sl_name((enum sl_method)index) : NULL;
}

static const struct config_option site_options[] = {
    {.name = "id",
     .type = CONFIG_STRING,
     .default_text = "the host name",
     .make_default = make_site_id,
     .validate = validate_site_id,
     .allowed = "1 to 64 letters, digits, - _ .",
     .help = "Name of this branch, the same here and at the collector",
     .restart = true},
    {.name = "zone",
     .type = CONFIG_STRING,
     .default_text = "local",
     .validate = config_shape_zone,
     .allowed = "an IANA name (e.g. America/Sao_Paulo), or local",
     .help = "Time zone of the site's days and hours; local is the zone of the machine",
     .restart = true},
};

static const char *const caller_words[] = {"hash", "drop", "keep", NULL};
static const char *const interval_words[] = {"1m", "5m", "15m", "30m", "60m", NULL};

static const struct config_option ledger_options[] = {
    {.name = "dir",
     .type = CONFIG_PATH,
     .default_text = "/var/lib/ringside",
     .help = "Directory of the ledger, on a local file system",
     .restart = true},
    {.name = "size_max",
     .type = CONFIG_BYTES,
     .default_text = "256MiB",
     .min = 16 * MIB,
     .max = 64 * GIB,
     .help = "Size of the ledger's file, taken from the disk at once; when it is full the oldest history goes first",
     .restart = true},
    {.name = "reserve_percent",
     .type = CONFIG_INT,
     .default_text = "20",
     .min = 10,
     .max = 50,
     .unit = "percent",
     .help = "Part of the size kept free, so that deleting always has room to work",
     .restart = true},
    {.name = "legs_keep",
     .type = CONFIG_DURATION,
     .default_text = "90d",
     .min = MS_DAY,
     .max = 3660 * MS_DAY,
     .help = "How long single calls are kept; not longer than intervals_keep",
     .restart = true},
    {.name = "intervals_keep",
     .type = CONFIG_DURATION,
     .default_text = "400d",
     .min = MS_DAY,
     .max = 3660 * MS_DAY,
     .help = "How long KPI intervals are kept",
     .restart = true},
    {.name = "commit_interval",
     .type = CONFIG_DURATION,
     .default_text = "1s",
     .min = 100,
     .max = MS_MINUTE,
     .help = "How often what was read becomes durable; a crash repeats at most this much reading, it loses nothing",
     .restart = true},
    {.name = "interval",
     .type = CONFIG_DURATION,
     .default_text = "15m",
     .words = interval_words,
     .help = "Length of a KPI interval; fixed for the life of a ledger",
     .restart = true},
    {.name = "caller_numbers",
     .type = CONFIG_ENUM,
     .default_text = "hash",
     .words = caller_words,
     .help = "What is kept of a caller's number: a keyed hash, nothing, or the number itself; it never leaves the box",
     .restart = true},
};

static const struct config_option operators_options[] = {
    {.name = "wrap_up",
     .type = CONFIG_DURATION,
     .default_text = "0s",
     .min = 0,
     .max = 60 * MS_MINUTE,
     .help = "Time after a call that counts as wrap-up in queues without a wrapuptime of their own",
     .restart = true},
    {.name = "wrap_reasons",
     .type = CONFIG_STRINGS,
     .default_text = "",
     .min = 1,
     .max = 80,
     .help = "Reasons of pauses that stand for wrap-up instead of a pause",
     .restart = true},
};

static const char *const shown_words[] = {"name", "hash", "none", NULL};

static const struct config_option privacy_options[] = {
    {.name = "operators",
     .type = CONFIG_ENUM,
     .default_text = "name",
     .words = shown_words,
     .help = "How operators are kept and shown: by name, as a token made of it with this ledger's secret (then the "
             "name is never stored), or as a token that is shown nowhere",
     .restart = true},
    {.name = "operators_to_centre",
     .type = CONFIG_BOOL,
     .default_text = "no",
     .help = "Send the centre who is logged in and in which state; no: only how many",
     .restart = true},
};

static const struct config_option queue_options[] = {
    {.name = "service_level",
     .type = CONFIG_DURATION,
     .default_text = "20s",
     .min = 0,
     .max = 60 * MS_MINUTE,
     .help = "Answered within this time counts as in time (inclusive)",
     .restart = true},
    {.name = "service_level_method",
     .type = CONFIG_ENUM,
     .default_text = "asterisk_sl",
     .word_at = sl_method_at,
     .help = "Formula of the service level; docs/kpis.md defines each",
     .restart = true},
    {.name = "short_abandon",
     .type = CONFIG_DURATION,
     .default_text = "5s",
     .min = 0,
     .max = 10 * MS_MINUTE,
     .help = "Callers who gave up within this time are counted as short abandons too (inclusive)",
     .restart = true},
    {.name = "ignore", .type = CONFIG_BOOL, .default_text = "no", .help = "Leave this queue out", .restart = true},
    {.name = "label",
     .type = CONFIG_STRING,
     .default_text = "",
     .min = 0,
     .max = 64,
     .help = "Name to show instead of the PBX's own",
     .restart = true},
};

static const struct config_option status_options[] = {
    {.name = "listen",
     .type = CONFIG_STRING,
     .default_text = "127.0.0.1:5683",
     .validate = validate_listen,
     .allowed = "a loopback address with a port (127.0.0.1:5683, [::1]:5683), or none",
     .help = "Where the ringside command asks (CoAP over UDP)",
     .restart = true},
    {.name = "observe_min",
     .type = CONFIG_DURATION,
     .default_text = "1s",
     .min = 100,
     .max = MS_MINUTE,
     .help = "At most one notification in this time to each observer",
     .restart = true},
    {.name = "live_min",
     .type = CONFIG_DURATION,
     .default_text = "100ms",
     .min = 20,
     .max = MS_MINUTE,
     .help = "The same for those who watch what happens now (/live)",
     .restart = true},
};

static const struct config_option collector_options[] = {
    {.name = "url",
     .type = CONFIG_STRING,
     .default_text = "",
     .validate = validate_url,
     .allowed = "coaps+tcp://HOST[:PORT], or \"\" for the one that the box joined",
     .help = "The centre; `ringside-agent join` stores it, so that it is set here only when the centre moved",
     .restart = true},
    {.name = "credentials",
     .type = CONFIG_PATH,
     .default_text = "/var/lib/ringside/credentials",
     .help = "Directory of this box's certificate and key, made by `ringside-agent join`",
     .restart = true},
    {.name = "live",
     .type = CONFIG_BOOL,
     .default_text = "yes",
     .help = "Send who waits now and the intervals in progress too; no: only intervals that are over",
     .restart = true},
    {.name = "live_interval",
     .type = CONFIG_DURATION,
     .default_text = "5s",
     .min = 100,
     .max = 5 * MS_MINUTE,
     .help = "The live view at most so often",
     .restart = true},
    {.name = "heartbeat",
     .type = CONFIG_DURATION,
     .default_text = "0s",
     .min = 0,
     .max = 60 * MS_MINUTE,
     .help = "At least so often the centre hears that the site lives; 0s: every 30s, without the live view every 5m",
     .restart = true},
    {.name = "open_interval",
     .type = CONFIG_DURATION,
     .default_text = "60s",
     .min = 100,
     .max = 60 * MS_MINUTE,
     .help = "An interval in progress is sent at most so often",
     .restart = true},
    {.name = "retry_max",
     .type = CONFIG_DURATION,
     .default_text = "60s",
     .min = 100,
     .max = 60 * MS_MINUTE,
     .help = "Longest pause between two attempts to connect; each is a random part of it",
     .restart = true},
};

static const struct config_option service_options[] = {
    {.name = "user",
     .type = CONFIG_STRING,
     .default_text = "ringside",
     .validate = config_shape_user,
     .allowed = "a user of this machine, or \"\" to stay root",
     .help = "User that the agent becomes when it is started as root; the default one need not exist",
     .restart = true},
    {.name = "nice",
     .type = CONFIG_INT,
     .default_text = "5",
     .min = 0,
     .max = 19,
     .help = "Scheduling priority: the telephony goes first",
     .restart = true},
    CONFIG_DAEMON_SANDBOX_OPTION,
};

static const struct config_section sections[] = {
    {.name = "site", .help = "Who this box is", .options = site_options, .option_count = COUNT(site_options)},
    {.name = "ledger",
     .help = "Where measurements are kept and for how long",
     .options = ledger_options,
     .option_count = COUNT(ledger_options)},
    {.name = "source",
     .help = "What is read",
     .options = config_sources_options,
     .option_count = CONFIG_SOURCES_OPTIONS,
     .titled = true,
     .title_help = "a name for this source; it names the reading position in the ledger, so keep it",
     .title_allowed = "1 to 31 letters, digits, - _ .",
     .title_validate = validate_source_name,
     .default_title = "queue_log"},
    {.name = "queue",
     .help = "How a queue is measured and shown",
     .options = queue_options,
     .option_count = COUNT(queue_options),
     .titled = true,
     .title_help = "the queue as the PBX names it, or \"*\" for all others",
     .title_allowed = "1 to 255 bytes without |",
     .title_validate = validate_queue_name,
     .base_title = "*"},
    {.name = "operators",
     .help = "How operators' time is told apart",
     .options = operators_options,
     .option_count = COUNT(operators_options)},
    {.name = "privacy",
     .help = "What is kept and shown of people",
     .options = privacy_options,
     .option_count = COUNT(privacy_options)},
    {.name = "status",
     .help = "The agent's answers to the ringside command",
     .options = status_options,
     .option_count = COUNT(status_options)},
    {.name = "collector",
     .help = "Where the figures go, once the box has joined a centre",
     .options = collector_options,
     .option_count = COUNT(collector_options)},
    ALERT_RULE_SECTION,
    {.name = "alerting",
     .help = "How the site tells by itself what its rules (`alert`) find",
     .options = config_alerts_options,
     .option_count = CONFIG_ALERTS_OPTIONS},
    {.name = "log",
     .help = "Messages of the agent",
     .options = config_daemon_log_options,
     .option_count = COUNT(config_daemon_log_options)},
    {.name = "service",
     .help = "The agent as a process",
     .options = service_options,
     .option_count = COUNT(service_options)},
};

const struct config_table agent_config_table = {
    .title = "ringside-agent: configuration",
    .intro = "Everything has a default; an empty file is a valid one, and without the default file all defaults "
             "hold.\n`ringside-agent check` reads the file and says what is wrong, with line and what is allowed;\n"
             "`ringside-agent check --print` prints the settings in force.\n\n"
             "This page is made from the agent's option table (`cmake --build BUILD --target docs-config`); do not "
             "edit it.",
    .path = AGENT_CONFIG_PATH,
    .sections = sections,
    .section_count = COUNT(sections),
};
