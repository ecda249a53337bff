#include "platform/config/program.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

void config_program_copy(char **to, const char *text, int *status)
{
    *to = strdup(text);
    if (!*to) {
        *status = STATUS_NO_MEMORY;
    }
}

/* Takes nothing; makes *out of what was read, or reports why not. */
static int make(const struct config_program *program, const struct config *from, bool from_file,
                struct config_report *report, void **out)
{
    program->check(from, report);
    if (report->errors > 0) {
        return STATUS_INVALID;
    }
    void *settings = calloc(1, program->size);
    if (!settings) {
        return STATUS_NO_MEMORY;
    }
    int status = program->fill(settings, from, report->file, from_file);
    if (status != 0) {
        program->free(settings);
        return status;
    }
    *out = settings;
    return 0;
}

static int read_file(const struct config_table *table, const char *path, struct config_report *report,
                     struct config **out, bool *from_file)
{
    int status = config_load(report->file, table, report->fn, report->ctx, out);
    *from_file = status != STATUS_NOT_FOUND;
    if (*from_file) {
        return status;
    }
    if (path) {
        return config_report_at(report, 0, "no such file; allowed: an existing file, or no -c for the defaults");
    }
    return config_parse_buffer(report->file, slice_str(""), table, report->fn, report->ctx, out);
}

int config_program_load(const struct config_program *program, const char *path, config_report_fn report, void *ctx,
                        void **out)
{
    struct config_report to = {.fn = report, .ctx = ctx, .file = path ? path : program->table->path};
    struct config *read = NULL;
    bool from_file = true;
    int status = read_file(program->table, path, &to, &read, &from_file);
    if (status == 0) {
        status = make(program, read, from_file, &to, out);
    }
    config_free(read);
    return status;
}

int config_program_parse(const struct config_program *program, const char *name, struct slice bytes,
                         config_report_fn report, void *ctx, void **out)
{
    struct config_report to = {.fn = report, .ctx = ctx, .file = name};
    struct config *read = NULL;
    int status = config_parse_buffer(name, bytes, program->table, report, ctx, &read);
    if (status == 0) {
        status = make(program, read, true, &to, out);
    }
    config_free(read);
    return status;
}

/* ---- check ---- */

static void print_defect(void *err, const char *line)
{
    (void)fprintf(err, "%s\n", line);
}

bool config_program_check(const struct config_program *program, config_program_look_fn look, const char *path,
                          FILE *out, FILE *err, bool print)
{
    struct config_report report = {.fn = print_defect, .ctx = err, .file = path ? path : program->table->path};
    struct config_remarks remarks = {.err = err, .path = report.file};
    struct config *read = NULL;
    void *settings = NULL;
    bool from_file = true;
    int status = read_file(program->table, path, &report, &read, &from_file);
    if (status == 0) {
        status = make(program, read, from_file, &report, &settings);
    }
    if (status != 0) {
        if (status != STATUS_INVALID) {
            (void)fprintf(err, "%s: %s\n", report.file, status_str(status));
        }
        config_free(read);
        return false;
    }
    if (!from_file) {
        config_remark(&remarks, CONFIG_REMARK_NOTE, "no such file; all settings are the defaults");
    }
    look(settings, &remarks);
    if (print) {
        status = config_print(read, out);
    } else if (remarks.errors == 0) {
        (void)fprintf(out, "%s: ok\n", report.file);
    }
    config_free(read);
    program->free(settings);
    return remarks.errors == 0 && status == 0;
}
