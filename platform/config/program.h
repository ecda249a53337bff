/* program: the settings of one program, as a struct of its own, from its file. */
#ifndef RINGSIDE_PLATFORM_CONFIG_PROGRAM_H
#define RINGSIDE_PLATFORM_CONFIG_PROGRAM_H

#include "platform/config/config.h"
#include "platform/config/remark.h"

struct config_program {
    const struct config_table *table; /* its path is the default file */
    size_t size;                      /* of the program's struct, which begins as zero */
    /* Reports what no single option can tell. */
    void (*check)(const struct config *from, struct config_report *report);
    /* `path` is where the file was looked for; from_file false: there is none, all are defaults. 0 or a status, after
     * which the struct is handed to `free` all the same. */
    int (*fill)(void *settings, const struct config *from, const char *path, bool from_file);
    void (*free)(void *settings);
};

/* Whether the machine fits the settings. */
typedef void (*config_program_look_fn)(const void *settings, struct config_remarks *remarks);

/* Reads the file. path NULL means the table's, which may be missing: then all defaults hold; a path that was given must
 * exist. *out is owned, for the program's `free`. 0; STATUS_INVALID with every defect reported; STATUS_NO_MEMORY. */
int config_program_load(const struct config_program *program, const char *path, config_report_fn report, void *ctx,
                        void **out);

/* The same for bytes in memory; `name` stands for the file in messages. */
int config_program_parse(const struct config_program *program, const char *name, struct slice bytes,
                         config_report_fn report, void *ctx, void **out);

/* A program's command `check`: reads the file as config_program_load() does and has a look at the machine. Defects and
 * remarks go to err one a line, with `print` the effective settings to out as a file that would give the same. Whether
 * the file is usable. */
bool config_program_check(const struct config_program *program, config_program_look_fn look, const char *path,
                          FILE *out, FILE *err, bool print);

/* For `fill`. Sticky: after the first failed allocation *to is NULL and the status stays. */
void config_program_copy(char **to, const char *text, int *status);

#endif
