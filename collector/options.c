#include "collector/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int options_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("ringside-collector: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputs(" (ringside-collector help tells the usage)\n", stderr);
    va_end(args);
    return EXIT_USAGE;
}

int options_failed(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("ringside-collector: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputs("\n", stderr);
    va_end(args);
    return EXIT_FAILED;
}

static const struct options_spec *find(const struct options_spec *specs, size_t count, const char *word, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(specs[i].name, word, len) == 0 && specs[i].name[len] == '\0') {
            return &specs[i];
        }
    }
    return NULL;
}

static int add(struct options_list *list, const char *word)
{
    if (list->count == list->max) {
        return list->max == 0 ? options_usage("unexpected argument '%.60s'", word)
                              : options_usage("too many arguments: '%.60s'", word);
    }
    list->items[list->count++] = word;
    return EXIT_OK;
}

static int take_option(char **argv, int *at, const struct options_spec *specs, size_t count)
{
    const char *word = argv[*at];
    size_t len = strcspn(word, "=");
    const struct options_spec *spec = find(specs, count, word, len);
    if (!spec) {
        return options_usage("%s has no option '%.60s'", argv[0], word);
    }
    if (spec->flag) {
        *spec->flag = true;
        return word[len] == '=' ? options_usage("option %s takes no value", spec->name) : EXIT_OK;
    }
    const char *value = word[len] == '=' ? word + len + 1 : argv[*at + 1];
    if (!value) {
        return options_usage("option %s wants a value", spec->name);
    }
    *at += word[len] != '=';
    if (spec->list) {
        return add(spec->list, value);
    }
    *spec->value = value;
    return EXIT_OK;
}

int options_parse(int argc, char **argv, const struct options_spec *specs, size_t spec_count,
                  struct options_list *operands)
{
    bool over = false;
    int result = EXIT_OK;
    for (int at = 1; at < argc && result == EXIT_OK; at++) {
        const char *word = argv[at];
        if (!over && strcmp(word, "--") == 0) {
            over = true;
        } else if (!over && word[0] == '-' && word[1] != '\0') {
            result = take_option(argv, &at, specs, spec_count);
        } else {
            result = add(operands, word);
        }
    }
    return result;
}
