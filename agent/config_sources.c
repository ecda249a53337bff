#include "agent/config_sources.h"

#include <string.h>

#include "platform/base/status.h"
#include "platform/config/shape.h"
#include "platform/config/units.h"

static int validate_host(const char *text, struct buf *why)
{
    bool made = config_shape_made_of(text, "-_.:%", 253);
    return made ? 0 : config_shape_refuse(why, text, "is not a host");
}

/* What would break a line of the manager's protocol, or is no account's name. */
static int validate_manager_user(const char *text, struct buf *why)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 32 || text[i] == 127) {
            buf_append_str(why, "holds a control character");
            return STATUS_INVALID;
        }
    }
    return len <= 80 ? 0 : config_shape_refuse(why, text, "is too long for an account");
}

static int validate_tls_ca(const char *text, struct buf *why)
{
    return strcmp(text, "none") == 0 || text[0] == '/' ? 0 : config_shape_refuse(why, text, "is not an absolute path");
}

static const char *const source_words[] = {"queue_log", "ami", NULL};

const struct config_option config_sources_options[CONFIG_SOURCES_OPTIONS] = {
    {.name = "type",
     .type = CONFIG_ENUM,
     .default_text = "queue_log",
     .words = source_words,
     .help = "What is read: queue_log is the file of that name of Asterisk, FreePBX, Issabel and their kin; ami is "
             "the same PBX's manager interface, for what the file lacks: operators, holds, refused callers, and the "
             "view of this moment. One of each at most; ami alone works too, with gaps where it was cut off",
     .restart = true},
    {.name = "path",
     .type = CONFIG_PATH,
     .default_text = "/var/log/asterisk/queue_log",
     .of_type = "queue_log",
     .help = "The file that is being written; rotated ones are looked for beside it",
     .restart = true},
    {.name = "rotated_at_start",
     .type = CONFIG_BOOL,
     .default_text = "yes",
     .of_type = "queue_log",
     .help = "With a new ledger, read the rotated files too",
     .restart = true},
    {.name = "drain_grace",
     .type = CONFIG_DURATION,
     .default_text = "10s",
     .min = 0,
     .max = 10 * MS_MINUTE,
     .of_type = "queue_log",
     .help = "How long a renamed file is still read after the new one appeared",
     .restart = true},
    {.name = "poll",
     .type = CONFIG_DURATION,
     .default_text = "1s",
     .min = 50,
     .max = MS_MINUTE,
     .of_type = "queue_log",
     .help = "How often the file is looked at where the system does not announce changes",
     .restart = true},
    {.name = "asterisk_conf_dir",
     .type = CONFIG_STRING,
     .default_text = "/etc/asterisk",
     .validate = config_shape_optional_path,
     .allowed = "an absolute path, or \"\" for none",
     .help =
         "queue_log: where extconfig.conf and logger.conf are read to tell whether queue_log goes only to a database",
     .restart = true},
    {.name = "host",
     .type = CONFIG_STRING,
     .default_text = "127.0.0.1",
     .validate = validate_host,
     .allowed = "a name or an address; without tls a loopback address",
     .of_type = "ami",
     .help = "Where the manager interface listens",
     .restart = true},
    {.name = "port",
     .type = CONFIG_INT,
     .default_text = "0",
     .min = 0,
     .max = 65535,
     .of_type = "ami",
     .help = "Its port; 0: 5038, with tls 5039",
     .restart = true},
    {.name = "user",
     .type = CONFIG_STRING,
     .default_text = "ringside",
     .validate = validate_manager_user,
     .allowed = "1 to 80 bytes",
     .of_type = "ami",
     .help = "Account of manager.conf; it needs read = agent,call,system,cdr,dialplan and write = system,reporting "
             "(docs/operations.md tells what each is for)",
     .restart = true},
    {.name = "secret_file",
     .type = CONFIG_STRING,
     .default_text = "/etc/ringside/ami.secret",
     .validate = config_shape_optional_path,
     .allowed = "an absolute path",
     .of_type = "ami",
     .help = "File with the account's secret in its first line, readable by the service only",
     .restart = true},
    {.name = "tls",
     .type = CONFIG_BOOL,
     .default_text = "no",
     .of_type = "ami",
     .help = "Encrypted (tlsenable = yes in manager.conf); needed where the PBX is another machine",
     .restart = true},
    {.name = "tls_ca",
     .type = CONFIG_STRING,
     .default_text = "/etc/ssl/certs/ca-certificates.crt",
     .validate = validate_tls_ca,
     .allowed = "an absolute path, or none to take any certificate",
     .of_type = "ami",
     .help = "Certificate authorities (PEM) of the PBX's certificate; a self-signed one is its own",
     .restart = true},
    {.name = "tls_name",
     .type = CONFIG_STRING,
     .default_text = "",
     .min = 0,
     .max = 253,
     .of_type = "ami",
     .help = "The name in the PBX's certificate where it is not that of host",
     .restart = true},
    {.name = "snapshot",
     .type = CONFIG_DURATION,
     .default_text = "15m",
     .min = 10 * MS_SECOND,
     .max = MS_DAY,
     .of_type = "ami",
     .help = "How often the PBX is asked for all queues, to compare; events tell the rest",
     .restart = true},
    {.name = "retry_max",
     .type = CONFIG_DURATION,
     .default_text = "60s",
     .min = 20,
     .max = 60 * MS_MINUTE,
     .of_type = "ami",
     .help = "Longest pause between two attempts to connect; each is a random part of it",
     .restart = true},
};
