#include "collector/api/token_document.h"

#include "platform/base/status.h"
#include "proto/report/fields.h"

struct walk {
    struct json *tokens;
    int64_t now_ms;
};

static int add_token(void *ctx, const struct access_token *token)
{
    const struct walk *walk = ctx;
    struct json *out = json_add_map(walk->tokens);
    json_put_str(out, "name", token->name);
    json_put_str(out, "role", access_role_str(token->role));
    fields_time(out, "created", token->created_ms);
    fields_time(out, "expires", token->expires_ms);
    fields_time(out, "revoked", token->revoked_ms);
    json_put_bool(out, "valid", access_valid(token, walk->now_ms));
    return 0;
}

int token_document(struct registry *registry, int64_t now_ms, struct json **out)
{
    *out = json_new_map();
    if (!*out) {
        return STATUS_NO_MEMORY;
    }
    fields_time(*out, "as_of", now_ms);
    struct walk walk = {.tokens = json_put_list(*out, "tokens"), .now_ms = now_ms};
    return access_each(registry, add_token, &walk);
}
