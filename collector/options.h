/* options: the words behind a command of ringside-collector: "--name VALUE", "--name=VALUE", flags and operands. What
 * is wrong becomes one line on standard error. */
#ifndef RINGSIDE_COLLECTOR_OPTIONS_H
#define RINGSIDE_COLLECTOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options_list {
    const char **items; /* borrowed room for max of them */
    size_t max;
    size_t count;
};

/* One of value, list and flag is set. */
struct options_spec {
    const char *name; /* "--zone" */
    const char **value;
    struct options_list *list; /* may be given again */
    bool *flag;
};

/* argv[0] is the command. EXIT_OK, or EXIT_USAGE after having said why. */
int options_parse(int argc, char **argv, const struct options_spec *specs, size_t spec_count,
                  struct options_list *operands);

/* Both write "ringside-collector: ..." and a line feed to standard error. */
int options_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));  /* returns EXIT_USAGE */
int options_failed(const char *format, ...) __attribute__((format(printf, 1, 2))); /* returns EXIT_FAILED */

#endif
