/* site_args: the options that every proof takes, and a directory of its own that it can empty. */
#ifndef RINGSIDE_TESTS_PROOF_SITE_ARGS_H
#define RINGSIDE_TESTS_PROOF_SITE_ARGS_H

#include <stdbool.h>
#include <stdint.h>

struct site_args {
    uint64_t count; /* how many; UINT64_MAX: not said */
    uint64_t first;
    bool verbose;
};

/* false: usage was printed. */
bool site_args_read(int argc, char **argv, struct site_args *out);

/* DIR and all that is in it. */
void site_remove(const char *dir);
void site_make_base(char *path, int size); /* a new directory, in memory where there is such a place */

#endif
