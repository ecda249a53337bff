#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/config.h"
#include "agent/import.h"
#include "agent/ledger/ledger.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/service/privilege.h"

#define SITE_ID_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage_text[] =
    "usage: ringside-agent [-c FILE]                    run (in the foreground)\n"
    "       ringside-agent check [-c FILE] [--print]    validate the configuration\n"
    "       ringside-agent import [-c FILE | --ledger DIR [--site ID]] LOG...\n"
    "                                                   take whole logs (plain or gzip, any order)\n"
    "       ringside-agent help | version\n";

struct arguments {
    const char *command; /* "run" when none is given */
    const char *config_path;
    const char *ledger_dir;
    const char *site;
    bool print;
    const char **operands;
    size_t operand_count;
};

static int complain(const char *format, const char *what)
{
    (void)fprintf(stderr, "ringside-agent: ");
    (void)fprintf(stderr, format, what); // NOLINT(clang-diagnostic-format-nonliteral)
    (void)fprintf(stderr, " (ringside-agent help tells the usage)\n");
    return EXIT_USAGE;
}

/* The value of an option, "--name VALUE" or "--name=VALUE"; NULL when argv[*at] is not it or the value is missing. */
static const char *option_value(char **argv, int *at, const char *name, bool *missing)
{
    size_t len = strlen(name);
    if (strncmp(argv[*at], name, len) != 0) {
        return NULL;
    }
    if (argv[*at][len] == '=') {
        return argv[*at] + len + 1;
    }
    if (argv[*at][len] != 0) {
        return NULL;
    }
    if (!argv[*at + 1]) {
        *missing = true;
        return NULL;
    }
    return argv[++*at];
}

static int parse_option(char **argv, int *at, struct arguments *out)
{
    bool missing = false;
    const char *value;
    const struct {
        const char *name;
        const char **target;
    } options[] = {{"-c", &out->config_path},
                   {"--config", &out->config_path},
                   {"--ledger", &out->ledger_dir},
                   {"--site", &out->site}};
    const char *word = argv[*at];
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        value = option_value(argv, at, options[i].name, &missing);
        if (missing) {
            return complain("option %s wants a value", word);
        }
        if (value) {
            *options[i].target = value;
            return EXIT_OK;
        }
    }
    if (strcmp(word, "--print") == 0) {
        out->print = true;
        return EXIT_OK;
    }
    return complain("unknown option %s", word);
}

static int parse_arguments(int argc, char **argv, struct arguments *out)
{
    bool options_over = false;
    for (int at = 1; at < argc; at++) {
        const char *word = argv[at];
        if (!options_over && strcmp(word, "--") == 0) {
            options_over = true;
        } else if (!options_over && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            out->command = "help";
            return EXIT_OK;
        } else if (!options_over && strcmp(word, "--version") == 0) {
            out->command = "version";
            return EXIT_OK;
        } else if (!options_over && word[0] == '-' && word[1] != 0) {
            int result = parse_option(argv, &at, out);
            if (result != EXIT_OK) {
                return result;
            }
        } else if (!out->command) {
            out->command = word;
        } else {
            out->operands[out->operand_count++] = word;
        }
    }
    if (!out->command) {
        out->command = "run";
    }
    return EXIT_OK;
}

static void print_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "%s\n", line);
}

static int load_config(const char *path, struct agent_config **out)
{
    int status = agent_config_load(path, print_line, NULL, out);
    if (status == STATUS_NO_MEMORY) {
        (void)fprintf(stderr, "ringside-agent: %s\n", status_str(status));
        return EXIT_FAILED;
    }
    return status == 0 ? EXIT_OK : EXIT_USAGE;
}

static int replace_text(char **target, const char *text)
{
    char *copy = strdup(text);
    if (!copy) {
        return STATUS_NO_MEMORY;
    }
    free(*target);
    *target = copy;
    return 0;
}

/* Settings for --ledger DIR: the defaults, the directory, and the site: as given, else the ledger's own. */
static int config_for_ledger(const struct arguments *arguments, struct agent_config **out)
{
    int status = agent_config_parse("defaults", slice_str(""), print_line, NULL, out);
    if (status == 0) {
        status = replace_text(&(*out)->ledger.dir, arguments->ledger_dir);
    }
    char site[65] = "";
    if (arguments->site) {
        size_t len = strlen(arguments->site);
        if (len == 0 || len >= sizeof site || strspn(arguments->site, SITE_ID_CHARACTERS) != len) {
            return complain("site id %s: allowed are 1 to 64 letters, digits, - _ .", arguments->site);
        }
        (void)snprintf(site, sizeof site, "%s", arguments->site);
    } else {
        struct ledger *ledger = NULL;
        struct ledger_view *view = NULL;
        struct ledger_facts facts;
        if (ledger_open_readonly(arguments->ledger_dir, &ledger) == 0 && ledger_view_begin(ledger, &view) == 0 &&
            ledger_view_facts(view, &facts) == 0) {
            (void)snprintf(site, sizeof site, "%s", facts.site);
        }
        ledger_view_end(view);
        ledger_close(ledger);
        if (!site[0]) {
            return complain("%s is not a ledger yet: --site ID is needed to make one", arguments->ledger_dir);
        }
    }
    if (status == 0) {
        status = replace_text(&(*out)->site.id, site);
    }
    return status == 0 ? EXIT_OK : EXIT_FAILED;
}

/* Started by root, what an import makes must be the daemon's: it becomes the daemon's user, as the daemon does. */
static int become_owner(const struct agent_config *config)
{
    struct buf why = BUF_INIT;
    int status = privilege_drop(config->service.user, &why);
    bool nobody = status == STATUS_NOT_FOUND && config->service.user_default;
    if (status != 0 && !nobody) {
        (void)fprintf(stderr, "ringside-agent: import: %s\n", buf_cstr(&why));
    }
    buf_deinit(&why);
    return status == 0 || nobody ? EXIT_OK : EXIT_FAILED;
}

static int run_import(const struct arguments *arguments)
{
    if (arguments->operand_count == 0) {
        return complain("%s: which logs? give at least one", "import");
    }
    if (arguments->ledger_dir && arguments->config_path) {
        return complain("%s: give either -c or --ledger", "import");
    }
    struct agent_config *config = NULL;
    int result =
        arguments->ledger_dir ? config_for_ledger(arguments, &config) : load_config(arguments->config_path, &config);
    if (result == EXIT_OK && !arguments->ledger_dir) {
        result = become_owner(config);
    }
    if (result == EXIT_OK) {
        struct import_options options = {.config = config,
                                         .paths = arguments->operands,
                                         .path_count = arguments->operand_count,
                                         .out = stdout,
                                         .err = stderr,
                                         .progress = isatty(STDERR_FILENO) != 0};
        result = import_run(&options);
    }
    agent_config_free(config);
    return result;
}

static int run_daemon(const struct arguments *arguments)
{
    struct agent_config *config = NULL;
    int result = load_config(arguments->config_path, &config);
    if (result == EXIT_OK) {
        log_set_level(config->log_level);
        result = agent_run(config);
    }
    agent_config_free(config);
    return result;
}

static int run_command(const struct arguments *arguments)
{
    if (strcmp(arguments->command, "help") == 0) {
        (void)fputs(usage_text, stdout);
        return EXIT_OK;
    }
    if (strcmp(arguments->command, "version") == 0) {
        (void)printf("ringside-agent %s\n", RINGSIDE_VERSION);
        return EXIT_OK;
    }
    if (strcmp(arguments->command, "import") == 0) {
        return run_import(arguments);
    }
    if (arguments->operand_count > 0) {
        return complain("unexpected argument %s", arguments->operands[0]);
    }
    if (strcmp(arguments->command, "check") == 0) {
        return agent_config_check(arguments->config_path, stdout, stderr, arguments->print);
    }
    if (strcmp(arguments->command, "run") == 0) {
        return run_daemon(arguments);
    }
    return complain("unknown command %s", arguments->command);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    arguments.operands = calloc((size_t)argc + 1, sizeof(const char *));
    if (!arguments.operands) {
        return EXIT_FAILED;
    }
    int result = parse_arguments(argc, argv, &arguments);
    if (result == EXIT_OK) {
        result = run_command(&arguments);
    }
    free((void *)arguments.operands);
    return result;
}
