#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/config/config.h"
#include "platform/config/config_internal.h"

enum { COMMENT_COLUMN = 44 };

/* Where a value comes from, as the comment behind it. */
static void put_origin(const struct config_item *item, const struct config_slot *slot, struct buf *out)
{
    switch (slot->origin) {
    case CONFIG_DEFAULT: buf_append_str(out, "# default"); return;
    case CONFIG_SET: buf_append_str(out, "# set"); return;
    case CONFIG_LENT:
        buf_append_str(out, "# from ");
        buf_append_str(out, item->section->name);
        buf_append_str(out, " ");
        config_value_quote(item->section->base_title, out);
        return;
    }
}

static void put_slot(const struct config_item *item, size_t index, struct buf *out)
{
    const struct config_option *option = &item->section->options[index];
    size_t begin = out->len;
    buf_printf(out, "    %s = ", option->name);
    config_value_format(option, &item->slots[index].value, out);
    do {
        buf_append_str(out, " ");
    } while (!out->failed && out->len - begin < COMMENT_COLUMN);
    put_origin(item, &item->slots[index], out);
    buf_append_str(out, "\n");
}

static void put_item(const struct config_item *item, struct buf *out)
{
    buf_append_str(out, item->section->name);
    if (item->title) {
        buf_append_str(out, " ");
        config_value_quote(item->title, out);
    }
    buf_append_str(out, " {\n");
    for (size_t i = 0; i < item->section->option_count; i++) {
        if (config_option_applies(item, &item->section->options[i])) {
            put_slot(item, i, out);
        }
    }
    buf_append_str(out, "}\n");
}

int config_print(const struct config *config, FILE *out)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < config->table->section_count; i++) {
        for (size_t j = 0; j < config->item_count; j++) {
            if (config->items[j].section == &config->table->sections[i]) {
                buf_append_str(&text, text.len ? "\n" : "");
                put_item(&config->items[j], &text);
            }
        }
    }
    int status = text.failed ? STATUS_NO_MEMORY : 0;
    if (status == 0 && (fwrite(text.data, 1, text.len, out) != text.len || fflush(out) != 0)) {
        status = STATUS_IO;
    }
    buf_deinit(&text);
    return status;
}

/* ---- the reference page ---- */

/* '|' would end a table cell. */
static void put_cell(const char *text, struct buf *out)
{
    for (const char *c = text; *c; c++) {
        buf_append_str(out, *c == '|' ? "\\" : "");
        buf_append(out, c, 1);
    }
}

static const char *type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_STRING: return "text";
    case CONFIG_PATH: return "path";
    case CONFIG_INT: return "number";
    case CONFIG_BOOL: return "yes/no";
    case CONFIG_DURATION: return "duration";
    case CONFIG_BYTES: return "size";
    case CONFIG_ENUM: return "word";
    case CONFIG_STRINGS: return "texts";
    }
    return "";
}

static void put_default(const struct config_option *option, struct buf *out)
{
    if (option->make_default) {
        put_cell(option->default_text, out);
    } else if (option->default_text[0] == '\0') {
        buf_append_str(out, option->type == CONFIG_STRINGS ? "none" : "empty");
    } else {
        buf_append_str(out, "`");
        put_cell(option->default_text, out);
        buf_append_str(out, "`");
    }
}

/* What is allowed, without the example: the default stands beside it. */
static void put_allowed(const struct config_option *option, struct buf *out)
{
    struct config_option bare = *option;
    struct buf allowed = BUF_INIT;
    bare.default_text = "";
    config_value_allowed(&bare, &allowed);
    put_cell(buf_cstr(&allowed), out);
    out->failed |= allowed.failed;
    buf_deinit(&allowed);
}

/* Whether there is an option that a reload is enough for; otherwise one sentence says it for all. */
static bool has_reload(const struct config_table *table)
{
    for (size_t i = 0; i < table->section_count; i++) {
        for (size_t j = 0; j < table->sections[i].option_count; j++) {
            if (!table->sections[i].options[j].restart) {
                return true;
            }
        }
    }
    return false;
}

static void put_option_row(const struct config_option *option, bool change, struct buf *out)
{
    buf_printf(out, "| `%s` | %s | ", option->name, type_name(option->type));
    put_allowed(option, out);
    buf_append_str(out, " | ");
    put_default(option, out);
    if (change) {
        buf_append_str(out, option->restart ? " | restart" : " | reload");
    }
    buf_append_str(out, " | ");
    if (option->of_type) {
        buf_printf(out, "(%s) ", option->of_type);
    }
    put_cell(option->help, out);
    buf_append_str(out, " |\n");
}

static void put_section(const struct config_section *section, bool change, struct buf *out)
{
    buf_printf(out, "\n## %s\n\n%s.\n", section->name, section->help);
    if (section->titled) {
        buf_printf(out, "\nWritten `%s \"TITLE\" { ... }`, once for each title. The title is %s", section->name,
                   section->title_help);
        if (section->title_allowed) {
            buf_printf(out, " (%s)", section->title_allowed);
        }
        buf_append_str(out, ".");
        if (section->base_title) {
            buf_printf(out, " What a `%s` does not set it takes from `%s \"%s\"`.", section->name, section->name,
                       section->base_title);
        }
        if (section->default_title) {
            buf_printf(out, " Without any, there is one `%s \"%s\"` with the defaults.", section->name,
                       section->default_title);
        }
        buf_append_str(out, "\n");
    }
    buf_append_str(out, change ? "\n| option | type | allowed | default | a change needs | meaning |\n"
                                 "|---|---|---|---|---|---|\n"
                               : "\n| option | type | allowed | default | meaning |\n"
                                 "|---|---|---|---|---|\n");
    for (size_t i = 0; i < section->option_count; i++) {
        put_option_row(&section->options[i], change, out);
    }
}

static void put_syntax(struct buf *out)
{
    buf_append_str(
        out,
        "\n## How the file is written\n\n"
        "- `name = value` inside a section's braces; each option once, each section once (titled ones once a title).\n"
        "- Text with spaces or one of `# = { } , ( )` stands in quotes: `\"Sales north\"`; in double quotes `\\\"` "
        "and\n"
        "  `\\\\` stand for `\"` and `\\`, in single quotes nothing is special. A string ends on its line.\n"
        "- Durations: `250ms`, `20s`, `5m`, `2h`, `90d`, `1w`; a bare number is seconds.\n"
        "- Sizes: bytes, or with `KiB`, `MiB`, `GiB` (also `K`, `M`, `G`; factors of 1024).\n"
        "- Comments: from `#` or `//` to the end of the line, or `/* ... */`.\n"
        "- Environment variables are not expanded and other files are not included. The file is at most 1 MiB.\n");
}

void config_page(const struct config_table *table, struct buf *out)
{
    bool change = has_reload(table);
    buf_printf(out, "# %s\n\n%s\n\nThe default file is `%s`.%s\n", table->title, table->intro, table->path,
               change ? "" : " A change takes effect with the next start.");
    put_syntax(out);
    for (size_t i = 0; i < table->section_count; i++) {
        put_section(&table->sections[i], change, out);
    }
}

int config_page_print(const struct config_table *table, FILE *out)
{
    struct buf page = BUF_INIT;
    config_page(table, &page);
    bool failed = page.failed || fwrite(page.data, 1, page.len, out) != page.len || fflush(out) != 0;
    buf_deinit(&page);
    return failed ? STATUS_IO : 0;
}
