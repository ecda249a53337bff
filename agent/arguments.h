/* arguments: the command line of ringside-agent. */
#ifndef RINGSIDE_AGENT_ARGUMENTS_H
#define RINGSIDE_AGENT_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct arguments {
    const char *command; /* "run" when none is given */
    const char *config_path;
    const char *ledger_dir;
    const char *site;
    const char *token_file;
    bool print;
    bool again;
    const char **operands; /* owned; what they point to is argv's */
    size_t operand_count;
};

/* EXIT_OK, EXIT_FAILED (no memory) or EXIT_USAGE, which was said on standard error. */
int arguments_parse(int argc, char **argv, struct arguments *out);
void arguments_deinit(struct arguments *arguments);

bool arguments_is_site(const char *text); /* 1 to 64 letters, digits, - _ . */

/* One line on standard error with where to look it up. Returns EXIT_USAGE. */
int arguments_complain(const char *format, const char *what);

#endif
