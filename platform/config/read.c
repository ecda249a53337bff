#include "platform/config/read.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/base/status.h"

/* libconfuse hands no context to its callbacks; one reading at a time is its own limit anyway. */
static struct reading {
    const struct config_reader *reader;
    struct config_report *report;
    int status;
} * reading;

static void on_error(cfg_t *section, const char *format, va_list args)
{
    char text[256];
    (void)vsnprintf(text, sizeof text, format, args);
    reading->status = config_report_at(reading->report, section->line, "%s: %s", section->name, text);
}

static int on_value(cfg_t *section, cfg_opt_t *option, const char *text, void *result)
{
    *(const char **)result = text;
    if (reading->status == 0) {
        reading->status = reading->reader->value(reading->reader->ctx, option->name, text, section->line);
    }
    return reading->status == 0 ? 0 : -1;
}

/* An empty list brings no on_value: it shows as an option that was touched and holds nothing. */
static void send_empty_lists(cfg_t *section)
{
    for (cfg_opt_t *option = section->opts; option->name && reading->status == 0; option++) {
        if ((option->flags & CFGF_LIST) && (option->flags & CFGF_MODIFIED) && cfg_opt_size(option) == 0) {
            reading->status = reading->reader->value(reading->reader->ctx, option->name, NULL, section->line);
        }
    }
}

static int on_section(cfg_t *root, cfg_opt_t *option)
{
    (void)root;
    send_empty_lists(cfg_opt_getnsec(option, cfg_opt_size(option) - 1));
    if (reading->status == 0) {
        reading->status = reading->reader->section_end(reading->reader->ctx, option->name);
    }
    return reading->status == 0 ? 0 : -1;
}

/* Every value is a string for libconfuse; types and limits are the table's business. */
static cfg_opt_t *make_options(const struct config_section *section)
{
    cfg_opt_t *options = calloc(section->option_count + 1, sizeof *options);
    for (size_t i = 0; options && i < section->option_count; i++) {
        const struct config_option *from = &section->options[i];
        cfg_flag_t list = from->type == CONFIG_STRINGS ? CFGF_LIST : 0;
        options[i] = (cfg_opt_t)CFG_STR_CB(from->name, NULL, CFGF_NODEFAULT | list, on_value);
    }
    return options;
}

static void free_sections(cfg_opt_t *sections, size_t count)
{
    for (size_t i = 0; sections && i < count; i++) {
        free(sections[i].subopts);
    }
    free(sections);
}

static cfg_opt_t *make_sections(const struct config_table *table)
{
    cfg_opt_t *sections = calloc(table->section_count + 1, sizeof *sections);
    for (size_t i = 0; sections && i < table->section_count; i++) {
        const struct config_section *from = &table->sections[i];
        cfg_opt_t *options = make_options(from);
        if (!options) {
            free_sections(sections, i);
            return NULL;
        }
        cfg_flag_t kind = from->titled ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NODEFAULT;
        sections[i] = (cfg_opt_t)CFG_SEC(from->name, options, kind);
    }
    return sections;
}

static int parse(cfg_t *root, const struct config_table *table, const char *text)
{
    cfg_set_error_function(root, on_error);
    for (size_t i = 0; i < table->section_count; i++) {
        cfg_set_validate_func(root, table->sections[i].name, on_section);
    }
    int result = cfg_parse_buf(root, text);
    if (result != CFG_SUCCESS && reading->status == 0) {
        reading->status = STATUS_NO_MEMORY; /* everything else went through on_error or a callback */
    }
    return reading->status;
}

int config_read(const struct config_table *table, const char *text, const struct config_reader *reader,
                struct config_report *report)
{
    struct reading now = {.reader = reader, .report = report, .status = 0};
    int status = STATUS_NO_MEMORY;
    cfg_opt_t *sections = make_sections(table);
    cfg_t *root = sections ? cfg_init(sections, CFGF_NONE) : NULL;
    if (root) {
        reading = &now;
        status = parse(root, table, text);
        reading = NULL;
        cfg_free(root);
    }
    free_sections(sections, table->section_count);
    return status;
}
