#include "platform/config/message.h"

#include <stdio.h>

#include "platform/config/near.h"

enum { SHOWN_BYTES = 64, SHOWN_MAX = 48 };

void config_where(const struct config_section *section, const char *title, const struct config_option *option,
                  char out[CONFIG_WHERE_MAX])
{
    if (title) {
        (void)snprintf(out, CONFIG_WHERE_MAX, "%s \"%.60s\".%s", section->name, title, option->name);
    } else {
        (void)snprintf(out, CONFIG_WHERE_MAX, "%s.%s", section->name, option->name);
    }
}

/* What stands there, for a message: the end of the file has no text of its own. */
static const char *shown(const struct config_token *token, char out[SHOWN_BYTES])
{
    if (token->kind == CONFIG_TOKEN_END) {
        return "the end of the file";
    }
    size_t len = token->raw.len < SHOWN_MAX ? token->raw.len : SHOWN_MAX;
    const char *quote = token->kind == CONFIG_TOKEN_STRING ? "" : "\"";
    (void)snprintf(out, SHOWN_BYTES, "%s%.*s%s%s", quote, (int)len, token->raw.data, token->raw.len > len ? "..." : "",
                   quote);
    return out;
}

/* " (did you mean NAME?)", or nothing. */
static void put_hint(const struct config_near *near, struct buf *out)
{
    if (near->best) {
        buf_printf(out, " (did you mean %s?)", near->best);
    }
}

void config_message_unknown_option(struct config_report *report, const struct config_token *token,
                                   const struct config_section *section)
{
    struct config_near near = config_near_start(token->raw);
    struct buf names = BUF_INIT;
    struct buf hint = BUF_INIT;
    char text[SHOWN_BYTES];
    for (size_t i = 0; i < section->option_count; i++) {
        config_near_offer(&near, section->options[i].name);
        buf_printf(&names, "%s%s", i ? ", " : "", section->options[i].name);
    }
    put_hint(&near, &hint);
    (void)config_report_at(report, token->line, "%s: %s is not an option of this section%s; allowed: %s", section->name,
                           shown(token, text), buf_cstr(&hint), buf_cstr(&names));
    buf_deinit(&names);
    buf_deinit(&hint);
}

static const struct config_section *owner_of(const struct config_table *table, struct slice option)
{
    for (size_t i = 0; i < table->section_count; i++) {
        if (config_section_option(&table->sections[i], option)) {
            return &table->sections[i];
        }
    }
    return NULL;
}

void config_message_unknown_section(struct config_report *report, const struct config_token *token,
                                    const struct config_table *table)
{
    char text[SHOWN_BYTES];
    const struct config_section *owner = owner_of(table, token->raw);
    if (owner) {
        (void)config_report_at(report, token->line, "%s is an option, not a section; allowed: %s%s { %.*s = ... }",
                               shown(token, text), owner->name, owner->titled ? " \"TITLE\"" : "", (int)token->raw.len,
                               token->raw.data);
        return;
    }
    struct config_near near = config_near_start(token->raw);
    struct buf names = BUF_INIT;
    struct buf hint = BUF_INIT;
    for (size_t i = 0; i < table->section_count; i++) {
        const char *name =
            table->sections[i].name; // NOLINT(clang-analyzer-core.NullDereference): count says it is there
        config_near_offer(&near, name);
        buf_printf(&names, "%s%s", i ? ", " : "", name);
    }
    put_hint(&near, &hint);
    (void)config_report_at(report, token->line, "%s is not a section%s; allowed: %s", shown(token, text),
                           buf_cstr(&hint), buf_cstr(&names));
    buf_deinit(&names);
    buf_deinit(&hint);
}

void config_message_misplaced(struct config_report *report, const struct config_token *token, const char *where,
                              const char *allowed)
{
    char text[SHOWN_BYTES];
    if (token->kind == CONFIG_TOKEN_BAD) {
        (void)config_report_at(report, token->line, "%s: %s", where, token->problem);
    } else {
        (void)config_report_at(report, token->line, "%s: %s is out of place; allowed: %s", where, shown(token, text),
                               allowed);
    }
}
