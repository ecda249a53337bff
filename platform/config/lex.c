#include "platform/config/lex.h"

#include <string.h>

static bool is_sign(char c)
{
    return c == '=' || c == '{' || c == '}' || c == ',' || c == '(' || c == ')';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct config_lexer config_lexer_make(struct slice bytes)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct config_lexer lexer = {bytes.data, bytes.data + bytes.len, 1};
    if (bytes.len >= 3 && memcmp(bytes.data, byte_order_mark, 3) == 0) {
        lexer.pos += 3;
    }
    return lexer;
}

static bool at(const struct config_lexer *lexer, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(lexer->end - lexer->pos) >= len && memcmp(lexer->pos, text, len) == 0;
}

static void skip_line(struct config_lexer *lexer)
{
    while (lexer->pos < lexer->end && *lexer->pos != '\n') {
        lexer->pos++;
    }
}

/* False when the comment is not closed. */
static bool skip_block_comment(struct config_lexer *lexer)
{
    for (lexer->pos += 2; lexer->pos < lexer->end; lexer->pos++) {
        if (at(lexer, "*/")) {
            lexer->pos += 2;
            return true;
        }
        lexer->line += *lexer->pos == '\n';
    }
    return false;
}

/* Space and comments. False when a comment is not closed; *line is then where it began. */
static bool skip_blank(struct config_lexer *lexer, int *line)
{
    while (lexer->pos < lexer->end) {
        *line = lexer->line;
        if (*lexer->pos == '#' || at(lexer, "//")) {
            skip_line(lexer);
        } else if (at(lexer, "/*")) {
            if (!skip_block_comment(lexer)) {
                return false;
            }
        } else if (is_space(*lexer->pos)) {
            lexer->line += *lexer->pos == '\n';
            lexer->pos++;
        } else {
            break;
        }
    }
    return true;
}

static struct config_token bad(struct config_token token, const char *problem)
{
    token.kind = CONFIG_TOKEN_BAD;
    token.problem = problem;
    return token;
}

/* Strings end on the line they began: so a forgotten quote is reported where it is, not at the end of the file. */
static struct config_token read_string(struct config_lexer *lexer, struct config_token token)
{
    const char *begin = lexer->pos;
    char quote = *lexer->pos++;
    token.kind = CONFIG_TOKEN_STRING;
    while (lexer->pos < lexer->end && *lexer->pos != quote && *lexer->pos != '\n') {
        if (*lexer->pos == '\\' && quote == '"') {
            if (lexer->end - lexer->pos < 2 || !strchr("\\\"'$", lexer->pos[1])) {
                skip_line(lexer);
                return bad(token,
                           "unknown escape in a string; allowed: \\\\ and \\\" (or the string in single quotes)");
            }
            lexer->pos++;
        }
        lexer->pos++;
    }
    if (lexer->pos == lexer->end || *lexer->pos == '\n') {
        return bad(token, "a string is not closed on its line; allowed: \"text\"");
    }
    lexer->pos++;
    token.raw = slice_make(begin, (size_t)(lexer->pos - begin));
    return token;
}

static struct config_token read_word(struct config_lexer *lexer, struct config_token token)
{
    const char *begin = lexer->pos;
    while (lexer->pos < lexer->end && !at(lexer, "${") && !is_space(*lexer->pos) && !is_sign(*lexer->pos) &&
           !strchr("\"'#", *lexer->pos)) {
        lexer->pos++;
    }
    if (at(lexer, "${")) {
        skip_line(lexer);
        return bad(token, "environment variables are not expanded; allowed: the value itself");
    }
    token.kind = CONFIG_TOKEN_WORD;
    token.raw = slice_make(begin, (size_t)(lexer->pos - begin));
    return token;
}

struct config_token config_lexer_next(struct config_lexer *lexer)
{
    struct config_token token = {.kind = CONFIG_TOKEN_END, .line = lexer->line};
    if (!skip_blank(lexer, &token.line)) {
        return bad(token, "a comment is not closed; allowed: */ at its end");
    }
    token.line = lexer->line;
    if (lexer->pos == lexer->end) {
        return token;
    }
    if (is_sign(*lexer->pos)) {
        token.kind = CONFIG_TOKEN_SIGN;
        token.sign = *lexer->pos;
        token.raw = slice_make(lexer->pos++, 1);
        return token;
    }
    if (*lexer->pos == '"' || *lexer->pos == '\'') {
        return read_string(lexer, token);
    }
    return read_word(lexer, token);
}

void config_token_text(const struct config_token *token, struct buf *out)
{
    if (token->kind != CONFIG_TOKEN_STRING) {
        buf_append(out, token->raw.data, token->raw.len);
        return;
    }
    char quote = token->raw.data[0];
    for (size_t i = 1; i + 1 < token->raw.len; i++) {
        if (token->raw.data[i] == '\\' && quote == '"') {
            i++;
        }
        buf_append(out, token->raw.data + i, 1);
    }
}
