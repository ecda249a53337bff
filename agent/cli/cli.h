/* cli: the `ringside` command: asks the agent or reads its ledger, and prints. */
#ifndef RINGSIDE_AGENT_CLI_CLI_H
#define RINGSIDE_AGENT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cli_world {
    FILE *out;
    FILE *err;
    const char *agent; /* the environment's RINGSIDE_AGENT; NULL: none */
    size_t width;      /* of tables */
    bool colour;
    bool terminal; /* standard input and output are one */
    int64_t now_ms;
};

/* The exit status: 0 ok, 1 failed, 2 wrong usage. */
int cli_run(int argc, char *const *argv, const struct cli_world *world);

#endif
