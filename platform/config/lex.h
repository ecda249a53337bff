/* lex: the words and signs of a configuration file, with their lines. Comments (#, //, C style) are skipped. */
#ifndef RINGSIDE_PLATFORM_CONFIG_LEX_H
#define RINGSIDE_PLATFORM_CONFIG_LEX_H

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum config_token_kind {
    CONFIG_TOKEN_END,
    CONFIG_TOKEN_WORD,   /* without quotes: letters, digits and most signs */
    CONFIG_TOKEN_STRING, /* in quotes */
    CONFIG_TOKEN_SIGN,   /* one of = { } , ( ) */
    CONFIG_TOKEN_BAD     /* something that cannot be read; `problem` says what */
};

struct config_token {
    enum config_token_kind kind;
    int line;
    char sign;
    struct slice raw; /* as written, quotes included */
    const char *problem;
};

struct config_lexer {
    const char *pos;
    const char *end;
    int line;
};

/* Borrows bytes. */
struct config_lexer config_lexer_make(struct slice bytes);
struct config_token config_lexer_next(struct config_lexer *lexer);

/* The text that a word or string stands for, appended. */
void config_token_text(const struct config_token *token, struct buf *out);

static inline bool config_token_is(const struct config_token *token, char sign)
{
    return token->kind == CONFIG_TOKEN_SIGN && token->sign == sign;
}

static inline bool config_token_is_text(const struct config_token *token)
{
    return token->kind == CONFIG_TOKEN_WORD || token->kind == CONFIG_TOKEN_STRING;
}

#endif
