#include "agent/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITE_ID_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

enum { SITE_ID_MAX = 64 };

int arguments_complain(const char *format, const char *what)
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
                   {"--site", &out->site},
                   {"--token-file", &out->token_file}};
    const char *word = argv[*at];
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        value = option_value(argv, at, options[i].name, &missing);
        if (missing) {
            return arguments_complain("option %s wants a value", word);
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
    if (strcmp(word, "--again") == 0) {
        out->again = true;
        return EXIT_OK;
    }
    if (strcmp(word, "--token") == 0 || strncmp(word, "--token=", strlen("--token=")) == 0) {
        return arguments_complain("%s: other users can read a command line; use --token-file, or the prompt",
                                  "--token");
    }
    return arguments_complain("unknown option %s", word);
}

int arguments_parse(int argc, char **argv, struct arguments *out)
{
    *out = (struct arguments){.operands = calloc((size_t)argc + 1, sizeof(const char *))};
    if (!out->operands) {
        return EXIT_FAILED;
    }
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

void arguments_deinit(struct arguments *arguments)
{
    free((void *)arguments->operands);
}

bool arguments_is_site(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= SITE_ID_MAX && strspn(text, SITE_ID_CHARACTERS) == len;
}
