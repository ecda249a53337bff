#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/init_command.h"
#include "collector/kpi_command.h"
#include "collector/live_command.h"
#include "collector/options.h"
#include "collector/place.h"
#include "collector/site_command.h"
#include "collector/store_command.h"
#include "collector/token_command.h"
#include "platform/base/log.h"
#include "platform/base/status.h"

static const char usage_text[] = "usage: ringside-collector [-c FILE] [COMMAND]\n"
                                 "\n"
                                 "  run                run in the foreground; the same without a command\n"
                                 "  check [--print]    validate the configuration; print what is in force\n"
                                 "  init [--host NAME]... [--again]\n"
                                 "                     make the CA and the store; with --again only a new\n"
                                 "                     certificate for the collector, for other names\n"
                                 "  site add ID [--group G] [--zone Z] [--token-file F] [--again]\n"
                                 "                     print a join token, or write it to a file; --again: a new\n"
                                 "                     one for a site that is known\n"
                                 "  site set ID [--group G] [--zone Z]\n"
                                 "                     change what is named; an empty text takes it away\n"
                                 "  site list [--format table|json|csv]\n"
                                 "  site show ID [--format table|json|csv]\n"
                                 "  site revoke ID     its certificate counts no more; its numbers stay\n"
                                 "  site remove ID     the same, and its numbers are deleted\n"
                                 "  kpi [OPTION]...    figures; see ringside-collector kpi --help\n"
                                 "  live [OPTION]...   what is happening now; see ringside-collector live --help\n"
                                 "  token add NAME [--role view|admin] [--expires 90d|never|DATE] [--output F]\n"
                                 "                     print a token for the HTTP interface, or write it to a\n"
                                 "                     file; view and 365d where nothing else is said\n"
                                 "  token list [--format table|json|csv]\n"
                                 "  token revoke NAME  it counts no more\n"
                                 "  store check        verify every record, and hours and days by their intervals\n"
                                 "  help, version\n"
                                 "\n"
                                 "FILE is " COLLECTOR_CONFIG_PATH " where it is not given.\n"
                                 "Exit status: 0 ok, 1 failed, 2 wrong usage or settings.\n";

struct arguments {
    const char *config_path;
    char **words; /* the command and what follows, without -c FILE; ends in NULL */
    int word_count;
};

/* -c FILE, --config FILE, -cFILE or --config=FILE. True: it was one of them. */
static bool take_config(char **argv, int *at, struct arguments *out, int *result)
{
    const char *word = argv[*at];
    if (strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0) {
        out->config_path = argv[*at + 1];
        if (!out->config_path) {
            *result = options_usage("option %s wants a value", word);
            return true;
        }
        ++*at;
        return true;
    }
    if (strncmp(word, "--config=", 9) == 0) {
        out->config_path = word + 9;
        return true;
    }
    return false;
}

static int parse_arguments(int argc, char **argv, struct arguments *out)
{
    int result = EXIT_OK;
    bool options_over = false;
    for (int at = 1; at < argc && result == EXIT_OK; at++) {
        char *word = argv[at];
        options_over = options_over || strcmp(word, "--") == 0;
        if (options_over || !take_config(argv, &at, out, &result)) {
            out->words[out->word_count++] = word;
        }
    }
    return result;
}

static void print_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "%s\n", line);
}

static int load_config(const char *path, struct collector_config **out)
{
    int status = collector_config_load(path, print_line, NULL, out);
    if (status == STATUS_NO_MEMORY) {
        return options_failed("%s", status_str(status));
    }
    return status == 0 ? EXIT_OK : EXIT_USAGE;
}

static int run_daemon(const struct collector_config *config, int argc, char **argv)
{
    if (argc > 1) {
        return options_usage("unexpected argument '%.60s'", argv[1]);
    }
    log_set_level(config->log_level);
    return collector_run(config);
}

/* Becomes the daemon's user first: a lock file of the store that is made by asking must be the daemon's. */
static int run_kpi(const struct collector_config *config, int argc, char **argv)
{
    int result = place_become_owner(config);
    return result == EXIT_OK ? kpi_command(config, argc, argv) : result;
}

static int run_check(const struct arguments *arguments)
{
    bool print = false;
    struct options_list none = {.max = 0};
    const struct options_spec specs[] = {{.name = "--print", .flag = &print}};
    int result = options_parse(arguments->word_count, arguments->words, specs, 1, &none);
    return result == EXIT_OK ? collector_config_check(arguments->config_path, stdout, stderr, print) : result;
}

static int run_with_config(const struct arguments *arguments)
{
    static const struct {
        const char *name;
        int (*run)(const struct collector_config *config, int argc, char **argv);
    } commands[] = {{"run", run_daemon},    {"init", init_command},   {"site", site_command},  {"kpi", run_kpi},
                    {"live", live_command}, {"store", store_command}, {"token", token_command}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(arguments->words[0], commands[i].name) == 0) {
            struct collector_config *config = NULL;
            int result = load_config(arguments->config_path, &config);
            if (result == EXIT_OK) {
                result = commands[i].run(config, arguments->word_count, arguments->words);
            }
            collector_config_free(config);
            return result;
        }
    }
    return arguments->words[0][0] == '-' ? options_usage("unknown option '%.60s'", arguments->words[0])
                                         : options_usage("unknown command '%.60s'", arguments->words[0]);
}

static bool is_word(const char *word, const char *const names[])
{
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(word, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int run_command(const struct arguments *arguments)
{
    static const char *const help[] = {"help", "--help", "-h", NULL};
    static const char *const version[] = {"version", "--version", NULL};
    const char *command = arguments->words[0];
    bool own_help = strcmp(command, "kpi") == 0 || strcmp(command, "live") == 0;
    for (int i = 0; i < (own_help ? 1 : arguments->word_count); i++) {
        if (is_word(arguments->words[i], help + (i > 0))) {
            (void)fputs(usage_text, stdout);
            return EXIT_OK;
        }
    }
    if (is_word(command, version)) {
        (void)printf("ringside-collector %s\n", RINGSIDE_VERSION);
        return EXIT_OK;
    }
    return strcmp(command, "check") == 0 ? run_check(arguments) : run_with_config(arguments);
}

/* What was printed must have arrived. */
static int close_output(int result)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return options_failed("the output could not be written");
    }
    return result;
}

int main(int argc, char **argv)
{
    static char run[] = "run";
    struct arguments arguments = {.config_path = NULL};
    arguments.words = calloc((size_t)argc + 2, sizeof *arguments.words);
    if (!arguments.words) {
        return EXIT_FAILED;
    }
    int result = parse_arguments(argc, argv, &arguments);
    if (arguments.word_count == 0) {
        arguments.words[arguments.word_count++] = run;
    }
    if (result == EXIT_OK) {
        result = close_output(run_command(&arguments));
    }
    free((void *)arguments.words);
    return result;
}
