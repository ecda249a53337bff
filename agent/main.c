#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/arguments.h"
#include "agent/config.h"
#include "agent/confine.h"
#include "agent/import.h"
#include "agent/join.h"
#include "agent/ledger/ledger.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/service/privilege.h"

static const char usage_text[] =
    "usage: ringside-agent [-c FILE]                    run (in the foreground)\n"
    "       ringside-agent check [-c FILE] [--print]    validate the configuration\n"
    "       ringside-agent import [-c FILE | --ledger DIR [--site ID]] LOG...\n"
    "                                                   take whole logs (plain or gzip, any order)\n"
    "       ringside-agent join URL [--site ID] [--token-file FILE] [-c FILE] [--again]\n"
    "                                                   make this box known at the centre; asks for the token\n"
    "       ringside-agent help | version\n";

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
        if (!arguments_is_site(arguments->site)) {
            return arguments_complain("site id %s: allowed are 1 to 64 letters, digits, - _ .", arguments->site);
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
            return arguments_complain("%s is not a ledger yet: --site ID is needed to make one", arguments->ledger_dir);
        }
    }
    if (status == 0) {
        status = replace_text(&(*out)->site.id, site);
    }
    return status == 0 ? EXIT_OK : EXIT_FAILED;
}

/* Started by root, what is made must be the daemon's: we become the daemon's user, as the daemon does. */
static int become_owner(const struct agent_config *config, const char *command)
{
    struct buf why = BUF_INIT;
    int status = privilege_drop(config->service.user, &why);
    bool nobody = status == STATUS_NOT_FOUND && config->service.user_default;
    if (status != 0 && !nobody) {
        (void)fprintf(stderr, "ringside-agent: %s: %s\n", command, buf_cstr(&why));
    }
    buf_deinit(&why);
    return status == 0 || nobody ? EXIT_OK : EXIT_FAILED;
}

/* A token, a new key or callers are in our memory: no core dump, no tracing. */
static int harden(const char *command)
{
    struct buf why = BUF_INIT;
    int status = privilege_harden(&why);
    if (status != 0) {
        (void)fprintf(stderr, "ringside-agent: %s: %s\n", command, buf_cstr(&why));
    }
    buf_deinit(&why);
    return status == 0 ? EXIT_OK : EXIT_FAILED;
}

static int run_import(const struct arguments *arguments)
{
    if (arguments->operand_count == 0) {
        return arguments_complain("%s: which logs? give at least one", "import");
    }
    if (arguments->ledger_dir && arguments->config_path) {
        return arguments_complain("%s: give either -c or --ledger", "import");
    }
    struct agent_config *config = NULL;
    int result =
        arguments->ledger_dir ? config_for_ledger(arguments, &config) : load_config(arguments->config_path, &config);
    if (result == EXIT_OK && !arguments->ledger_dir) {
        result = become_owner(config, "import");
    }
    if (result == EXIT_OK) {
        result = harden("import");
    }
    bool progress = isatty(STDERR_FILENO) != 0;
    if (result == EXIT_OK && confine_import(config, arguments->operands, arguments->operand_count) != 0) {
        result = EXIT_FAILED;
    }
    if (result == EXIT_OK) {
        struct import_options options = {.config = config,
                                         .paths = arguments->operands,
                                         .path_count = arguments->operand_count,
                                         .out = stdout,
                                         .err = stderr,
                                         .progress = progress};
        result = import_run(&options);
    }
    agent_config_free(config);
    return result;
}

static int run_join(const struct arguments *arguments)
{
    if (arguments->operand_count != 1) {
        return arguments_complain("%s: which collector? give one address, coaps+tcp://HOST[:PORT]", "join");
    }
    if (arguments->site && !arguments_is_site(arguments->site)) {
        return arguments_complain("site id %s: allowed are 1 to 64 letters, digits, - _ .", arguments->site);
    }
    struct agent_config *config = NULL;
    struct buf token = BUF_INIT;
    int result = load_config(arguments->config_path, &config);
    struct join_options options = {.config = config,
                                   .url = arguments->operands[0],
                                   .site = arguments->site,
                                   .again = arguments->again,
                                   .out = stdout,
                                   .err = stderr};
    if (result == EXIT_OK) {
        result = join_check(&options);
    }
    if (result == EXIT_OK) {
        result = join_read_token(arguments->token_file, stderr, &token); /* as who we are: root may have put it away */
    }
    if (result == EXIT_OK) {
        result = become_owner(config, "join");
    }
    if (result == EXIT_OK) {
        result = harden("join");
    }
    bool made = false;
    if (result == EXIT_OK && confine_join(config, options.url, &made) != 0) {
        result = EXIT_FAILED;
    }
    if (result == EXIT_OK) {
        options.token = buf_slice(&token);
        result = join_run(&options);
    }
    if (result != EXIT_OK && made) {
        (void)rmdir(config->collector.credentials);
    }
    join_forget_token(&token);
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
    if (strcmp(arguments->command, "join") == 0) {
        return run_join(arguments);
    }
    if (arguments->operand_count > 0) {
        return arguments_complain("unexpected argument %s", arguments->operands[0]);
    }
    if (strcmp(arguments->command, "check") == 0) {
        return agent_config_check(arguments->config_path, stdout, stderr, arguments->print);
    }
    if (strcmp(arguments->command, "run") == 0) {
        return run_daemon(arguments);
    }
    return arguments_complain("unknown command %s", arguments->command);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int result = arguments_parse(argc, argv, &arguments);
    if (result == EXIT_OK) {
        result = run_command(&arguments);
    }
    arguments_deinit(&arguments);
    return result;
}
