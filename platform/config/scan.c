#include "platform/config/scan.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/config/lex.h"
#include "platform/config/message.h"

enum { SECTION_OPTIONS_MAX = 64, MARKS_MAX = 4096 };

struct scanner {
    const struct config_table *table;
    struct config_report *report;
    struct config_lexer lexer;
    struct config_token token; /* the one looked at */
    struct config_scan *out;
    int out_line;
    int status;
};

static void advance(struct scanner *scan)
{
    scan->token = config_lexer_next(&scan->lexer);
}

static void emit(struct scanner *scan, const char *text, int line)
{
    for (; scan->out_line < line; scan->out_line++) {
        buf_append_str(&scan->out->text, "\n");
    }
    buf_append_str(&scan->out->text, text);
    buf_append_str(&scan->out->text, " ");
}

/* libconfuse expands ${...} in quotes unless the sign is escaped. */
static void emit_text(struct scanner *scan, const struct config_token *token)
{
    struct buf text = BUF_INIT;
    struct buf quoted = BUF_INIT;
    config_token_text(token, &text);
    buf_append_str(&quoted, "\"");
    for (const char *c = buf_cstr(&text); *c; c++) {
        if (strchr("\"\\$", *c)) {
            buf_append_str(&quoted, "\\");
        }
        buf_append(&quoted, c, 1);
    }
    buf_append_str(&quoted, "\"");
    emit(scan, buf_cstr(&quoted), token->line);
    if (text.failed || quoted.failed) {
        scan->status = STATUS_NO_MEMORY;
    }
    buf_deinit(&text);
    buf_deinit(&quoted);
}

/* Leaves a broken statement: everything left on its line, and whole blocks that begin there. A closing brace stays. */
static void resync(struct scanner *scan)
{
    int line = scan->token.line;
    int depth = 0;
    while (scan->token.kind != CONFIG_TOKEN_END) {
        if (depth == 0 && (scan->token.line > line || config_token_is(&scan->token, '}'))) {
            return;
        }
        depth += config_token_is(&scan->token, '{');
        depth -= config_token_is(&scan->token, '}');
        if (depth == 0) {
            line = scan->token.line;
        }
        advance(scan);
    }
}

/* From an opening brace to behind the one that closes it. */
static void skip_block(struct scanner *scan)
{
    int depth = 0;
    do {
        depth += config_token_is(&scan->token, '{');
        depth -= config_token_is(&scan->token, '}');
        advance(scan);
    } while (depth > 0 && scan->token.kind != CONFIG_TOKEN_END);
}

/* A statement with an unknown name, whatever its form: NAME = VALUE, NAME = { ... }, NAME { ... }, NAME TITLE { ... }
 */
static void skip_statement(struct scanner *scan)
{
    advance(scan);
    if (config_token_is(&scan->token, '=')) {
        advance(scan);
        if (config_token_is_text(&scan->token)) {
            advance(scan);
            return;
        }
    } else if (config_token_is_text(&scan->token)) {
        advance(scan);
    }
    if (config_token_is(&scan->token, '{')) {
        skip_block(scan);
    } else {
        resync(scan);
    }
}

/* Reports the token looked at as out of place and leaves its line. */
static void refuse_here(struct scanner *scan, const char *where, const char *allowed)
{
    config_message_misplaced(scan->report, &scan->token, where, allowed);
    resync(scan);
}

/* Reports the token looked at and leaves the list. */
static void refuse_list(struct scanner *scan, const char *where)
{
    config_message_misplaced(scan->report, &scan->token, where, "texts with commas between, then }");
    if (scan->token.kind == CONFIG_TOKEN_BAD) {
        resync(scan); /* an unclosed string may have eaten the list's brace; the next one is the section's */
        return;
    }
    while (scan->token.kind != CONFIG_TOKEN_END && !config_token_is(&scan->token, '}')) {
        advance(scan);
    }
    advance(scan);
}

static void scan_list(struct scanner *scan, const char *where)
{
    emit(scan, "{", scan->token.line);
    advance(scan);
    bool more = false;
    while (config_token_is_text(&scan->token)) {
        if (more) {
            emit(scan, ",", scan->token.line);
        }
        more = true;
        emit_text(scan, &scan->token);
        advance(scan);
        if (!config_token_is(&scan->token, ',')) {
            break;
        }
        advance(scan);
    }
    emit(scan, "}", scan->token.line);
    if (config_token_is(&scan->token, '}')) {
        advance(scan);
    } else {
        refuse_list(scan, where);
    }
}

/* Several options may share a line: then the next one has its "=". */
static bool begins_option(const struct scanner *scan)
{
    struct config_lexer ahead = scan->lexer;
    struct config_token next = config_lexer_next(&ahead);
    return scan->token.kind == CONFIG_TOKEN_WORD && config_token_is(&next, '=');
}

/* The value behind "name =". */
static void scan_value(struct scanner *scan, const struct config_option *option, const char *where, int name_line)
{
    bool list = option->type == CONFIG_STRINGS && config_token_is(&scan->token, '{');
    if (!list && !config_token_is_text(&scan->token)) {
        refuse_here(scan, where, option->type == CONFIG_STRINGS ? "a text or { texts }" : "a value");
        return;
    }
    emit(scan, option->name, name_line);
    emit(scan, "=", name_line);
    if (list) {
        scan_list(scan, where);
        return;
    }
    int line = scan->token.line;
    emit_text(scan, &scan->token);
    advance(scan);
    if (config_token_is_text(&scan->token) && scan->token.line == line && !begins_option(scan)) {
        refuse_here(scan, where, "one value on a line, in quotes when it has spaces");
    }
}

/* One "name = value" of a section. `seen` holds the line of the first setting of each option. */
static void scan_option(struct scanner *scan, const struct config_section *section, int *seen)
{
    const struct config_option *option = NULL;
    if (scan->token.kind == CONFIG_TOKEN_WORD) {
        option = config_section_option(section, scan->token.raw);
        if (!option) {
            config_message_unknown_option(scan->report, &scan->token, section);
            skip_statement(scan);
            return;
        }
    } else {
        refuse_here(scan, section->name, "NAME = VALUE, or } to end the section");
        return;
    }
    char where[CONFIG_WHERE_MAX];
    config_where(section, scan->out->marks[scan->out->mark_count - 1].title, option, where);
    int line = scan->token.line;
    int *first = &seen[option - section->options];
    if (*first) {
        (void)config_report_at(scan->report, line, "%s: set again (first in line %d); allowed: once", where, *first);
        skip_statement(scan);
        return;
    }
    *first = line;
    advance(scan);
    if (!config_token_is(&scan->token, '=')) {
        refuse_here(scan, where, "= and a value");
        return;
    }
    advance(scan);
    scan_value(scan, option, where, line);
}

/* From behind the opening brace to behind the closing one. */
static void scan_body(struct scanner *scan, const struct config_section *section, int line)
{
    int seen[SECTION_OPTIONS_MAX] = {0};
    if (section->option_count > SECTION_OPTIONS_MAX) {
        abort();
    }
    while (!config_token_is(&scan->token, '}')) {
        if (scan->token.kind == CONFIG_TOKEN_END) {
            (void)config_report_at(scan->report, line,
                                   "%s: the section that begins here is not closed; allowed: } at its end",
                                   section->name);
            emit(scan, "}", scan->token.line);
            return;
        }
        scan_option(scan, section, seen);
    }
    emit(scan, "}", scan->token.line);
    advance(scan);
}

static const struct config_mark *find_mark(const struct config_scan *out, const struct config_section *section,
                                           const char *title)
{
    for (size_t i = 0; i < out->mark_count; i++) {
        const struct config_mark *mark = &out->marks[i];
        if (mark->section == section && (!section->titled || strcmp(mark->title, title) == 0)) {
            return mark;
        }
    }
    return NULL;
}

static int add_mark(struct config_scan *out, const struct config_section *section, const char *title, int line)
{
    struct config_mark *marks = realloc(out->marks, (out->mark_count + 1) * sizeof *marks);
    if (!marks) {
        return STATUS_NO_MEMORY;
    }
    out->marks = marks;
    marks[out->mark_count] = (struct config_mark){section, NULL, line};
    if (section->titled) {
        marks[out->mark_count].title = strdup(title);
        if (!marks[out->mark_count].title) {
            return STATUS_NO_MEMORY;
        }
    }
    out->mark_count++;
    return 0;
}

/* True when the title may stand; otherwise it was reported. */
static bool check_title(struct scanner *scan, const struct config_section *section, const char *title, int line)
{
    struct buf why = BUF_INIT;
    bool good = title[0] != '\0' && strlen(title) <= CONFIG_TEXT_MAX &&
                (!section->title_validate || section->title_validate(title, &why) == 0);
    if (!good) {
        (void)config_report_at(scan->report, line, "%s: title \"%.60s\" %s; allowed: %s", section->name, title,
                               why.len ? buf_cstr(&why) : "is empty or too long",
                               section->title_allowed ? section->title_allowed : "any text");
    }
    buf_deinit(&why);
    return good;
}

static bool check_repeat(struct scanner *scan, const struct config_section *section, const char *title, int line)
{
    if (scan->out->mark_count == MARKS_MAX) {
        (void)config_report_at(scan->report, line, "%s: one section too many; allowed: up to %d", section->name,
                               MARKS_MAX);
        return false;
    }
    const struct config_mark *first = find_mark(scan->out, section, title);
    if (!first) {
        return true;
    }
    if (section->titled) {
        (void)config_report_at(scan->report, line, "%s: title \"%.60s\" stands again (first in line %d); allowed: once",
                               section->name, title, first->line);
    } else {
        (void)config_report_at(scan->report, line, "%s: the section stands again (first in line %d); allowed: once",
                               section->name, first->line);
    }
    return false;
}

/* Behind the section's name and title: its braces, when it may stand. */
static void scan_block(struct scanner *scan, const struct config_section *section, const struct config_token *title,
                       int line)
{
    struct buf text = BUF_INIT;
    if (title) {
        config_token_text(title, &text);
    }
    const char *name = buf_cstr(&text);
    if (!config_token_is(&scan->token, '{')) {
        refuse_here(scan, section->name, "{ and the section's options");
    } else if ((title && !check_title(scan, section, name, line)) || !check_repeat(scan, section, name, line)) {
        skip_block(scan);
    } else {
        scan->status = add_mark(scan->out, section, name, line);
        emit(scan, section->name, line);
        if (title) {
            emit_text(scan, title);
        }
        emit(scan, "{", scan->token.line);
        advance(scan);
        scan_body(scan, section, line);
    }
    if (text.failed) {
        scan->status = STATUS_NO_MEMORY;
    }
    buf_deinit(&text);
}

static void scan_section(struct scanner *scan)
{
    if (scan->token.kind != CONFIG_TOKEN_WORD) {
        bool brace = config_token_is(&scan->token, '}');
        refuse_here(scan, "top level", "SECTION { ... }");
        if (brace) {
            advance(scan);
        }
        return;
    }
    const struct config_section *section = config_table_section(scan->table, scan->token.raw);
    if (!section) {
        config_message_unknown_section(scan->report, &scan->token, scan->table);
        skip_statement(scan);
        return;
    }
    int line = scan->token.line;
    advance(scan);
    if (!section->titled) {
        scan_block(scan, section, NULL, line);
    } else if (config_token_is_text(&scan->token)) {
        struct config_token title = scan->token;
        advance(scan);
        scan_block(scan, section, &title, line);
    } else {
        refuse_here(scan, section->name, "a title and braces: NAME \"TITLE\" { ... }");
    }
}

/* Bytes that no text has are refused at once: such a file is something else. */
static int check_text(struct slice bytes, struct config_report *report)
{
    if (bytes.len > CONFIG_FILE_MAX) {
        return config_report_at(report, 0, "%zu bytes are too large for a configuration file; allowed: up to 1MiB",
                                bytes.len);
    }
    int line = 1;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f) {
            return config_report_at(report, line, "byte 0x%02x is not text; allowed: a plain text file", c);
        }
        line += c == '\n';
    }
    return 0;
}

int config_scan(const struct config_table *table, struct slice bytes, struct config_report *report,
                struct config_scan *out)
{
    *out = (struct config_scan){.text = BUF_INIT};
    int status = check_text(bytes, report);
    if (status != 0) {
        return status;
    }
    struct scanner scan = {
        .table = table, .report = report, .lexer = config_lexer_make(bytes), .out = out, .out_line = 1};
    advance(&scan);
    while (scan.status == 0 && scan.token.kind != CONFIG_TOKEN_END) {
        scan_section(&scan);
    }
    return out->text.failed ? STATUS_NO_MEMORY : scan.status;
}

void config_scan_deinit(struct config_scan *scan)
{
    for (size_t i = 0; i < scan->mark_count; i++) {
        free(scan->marks[i].title);
    }
    free(scan->marks);
    buf_deinit(&scan->text);
    *scan = (struct config_scan){.text = BUF_INIT};
}
