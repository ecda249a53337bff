#include "collector/token_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collector/api/token_document.h"
#include "collector/options.h"
#include "collector/place.h"
#include "collector/site_text.h"
#include "collector/token_file.h"
#include "platform/base/num.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/time/when.h"
#include "platform/time/zone.h"
#include "platform/tls/secret.h"
#include "proto/report/table.h"

enum { TOKEN_RANDOM_BYTES = 32, TOKEN_SIGNS = 43, TOKEN_MAX = 3 + TOKEN_SIGNS + 1, DEFAULT_WIDTH = 80 };

#define DEFAULT_EXPIRES "365d"

struct token_wish {
    const char *name;
    const char *role;
    const char *expires;
    const char *output;
    const char *format;
    int64_t now_ms;
};

/* ---- add ---- */

static int check_name(const char *name)
{
    return registry_name_valid(slice_str(name))
               ? EXIT_OK
               : options_usage("'%.70s' is no name for a token; allowed: 1 to 64 letters, digits, - _ ., a letter or "
                               "digit first",
                               name);
}

static int take_role(const char *name, enum access_role *out)
{
    return access_role_find(name, out) ? EXIT_OK
                                       : options_usage("--role '%.40s' is not allowed; allowed: view, admin", name);
}

/* A span from now on, a day that still belongs to it, a moment, or never. */
static int take_expires(const char *text, int64_t now_ms, int64_t *out_ms)
{
    int64_t span_ms;
    if (strcmp(text, "never") == 0) {
        *out_ms = 0;
        return EXIT_OK;
    }
    bool counts = strspn(text, "0123456789") < strlen(text); /* with a unit: a bare number is a typing error */
    int status = counts ? num_parse_duration_ms(slice_str(text), &span_ms) : STATUS_INVALID;
    if (status == 0) {
        *out_ms = now_ms + (span_ms < INT64_MAX / 4 ? span_ms : INT64_MAX / 4);
    } else if (status == STATUS_INVALID) {
        status = when_parse(slice_str(text), now_ms, true, out_ms);
    }
    if (status != 0) {
        return options_usage("--expires '%.40s' is not allowed; allowed: 90d, never, 2027-06-30, 2027-06-30T12:00:00Z",
                             text);
    }
    return *out_ms > now_ms ? EXIT_OK : options_usage("--expires '%.40s' is over already", text);
}

static int make_token(char token[TOKEN_MAX], uint8_t hash[ACCESS_HASH_BYTES])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"; /* RFC 4648 5 */
    uint8_t bytes[TOKEN_RANDOM_BYTES + 1] = {0};
    int status = secret_random(bytes, TOKEN_RANDOM_BYTES);
    if (status == 0) {
        size_t len = (size_t)snprintf(token, TOKEN_MAX, "rs_");
        for (size_t i = 0; i < TOKEN_SIGNS; i++) {
            size_t bit = i * 6;
            unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
            token[len++] = alphabet[(pair >> (10 - bit % 8)) & 63];
        }
        token[len] = '\0';
        status = secret_hash(slice_make(token, len), hash);
    }
    secret_wipe(bytes, sizeof bytes);
    return status;
}

static int keep(struct registry *registry, const struct access_token *token)
{
    int status = access_add(registry, token);
    if (status == STATUS_BUSY) {
        return options_failed("there was a token '%s' before, and a name is given once only", token->name);
    }
    return status == 0 ? EXIT_OK : options_failed("token %s: %s", token->name, status_str(status));
}

/* Standard output has the token and nothing else, so that a script can keep it. */
static int hand_over(const struct token_wish *wish, const struct access_token *token, int fd, const char *text)
{
    char stamp[STAMP_MAX];
    if (fd >= 0) {
        int result = token_file_write(fd, wish->output, text);
        if (result != EXIT_OK) {
            return result;
        }
    } else if (printf("%s\n", text) < 0 || fflush(stdout) != 0) {
        return options_failed("standard output: %s; revoke token %s, nobody has it", strerror(errno), token->name);
    }
    if (token->expires_ms != 0) {
        zone_format(token->expires_ms - token->expires_ms % 1000, stamp);
    }
    (void)fprintf(stderr, "Token %s (%s) counts %s%s. %s%s; it is shown once and kept nowhere else.\n", token->name,
                  access_role_str(token->role), token->expires_ms ? "until " : "until it is revoked",
                  token->expires_ms ? stamp : "", wish->output ? "It is in " : "It is the line on standard output",
                  wish->output ? wish->output : "");
    return EXIT_OK;
}

static int add_token(const struct collector_config *config, const struct token_wish *wish)
{
    struct registry *registry = NULL;
    struct access_token token = {.created_ms = wish->now_ms};
    char text[TOKEN_MAX] = "";
    int fd = -1;
    int result = check_name(wish->name);
    result = result == EXIT_OK ? take_role(wish->role, &token.role) : result;
    result = result == EXIT_OK ? take_expires(wish->expires, wish->now_ms, &token.expires_ms) : result;
    result = result == EXIT_OK ? token_file_open(wish->output, &fd) : result;
    result = result == EXIT_OK ? place_become_owner(config) : result;
    result = result == EXIT_OK ? place_open_registry(config, true, &registry) : result;
    if (result == EXIT_OK) {
        (void)snprintf(token.name, sizeof token.name, "%s", wish->name);
        int status = make_token(text, token.hash);
        result = status == 0 ? keep(registry, &token) : options_failed("making a token: %s", status_str(status));
    }
    result = result == EXIT_OK ? hand_over(wish, &token, fd, text) : result;
    secret_wipe(text, sizeof text);
    if (fd >= 0) {
        (void)close(fd);
    }
    registry_close(registry);
    return result;
}

/* ---- revoke ---- */

static int revoke_token(const struct collector_config *config, const struct token_wish *wish)
{
    struct registry *registry = NULL;
    int result = check_name(wish->name);
    result = result == EXIT_OK ? place_become_owner(config) : result;
    result = result == EXIT_OK ? place_open_registry(config, true, &registry) : result;
    if (result == EXIT_OK) {
        int status = access_revoke(registry, wish->name, wish->now_ms);
        result = status == 0                  ? EXIT_OK
                 : status == STATUS_NOT_FOUND ? options_failed("there is no token '%s'", wish->name)
                                              : options_failed("token %s: %s", wish->name, status_str(status));
    }
    if (result == EXIT_OK) {
        (void)printf("Token %s is revoked\n", wish->name);
    }
    registry_close(registry);
    return result;
}

/* ---- list ---- */

enum token_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };

static int take_format(const char *name, enum token_format *out)
{
    static const char *const names[] = {"table", "json", "csv"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum token_format)i;
            return EXIT_OK;
        }
    }
    return options_usage("--format '%.40s' is not allowed; allowed: table, json, csv", name);
}

static const char *state_of(const struct json *token)
{
    return json_bool(token, "valid")                        ? "counts"
           : json_kind(token, "revoked") == JSON_NULL_VALUE ? "expired"
                                                            : "revoked";
}

static size_t terminal_width(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
               ? size.ws_col
               : DEFAULT_WIDTH;
}

static void put_table(const struct json *tokens, struct buf *out)
{
    static const struct table_column columns[] = {{"Token", TEXT_LEFT, true},
                                                  {"Role", TEXT_LEFT, false},
                                                  {"State", TEXT_LEFT, false},
                                                  {"Created", TEXT_LEFT, false},
                                                  {"Expires", TEXT_LEFT, false}};
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_count(tokens, ""); i++) {
        const struct json *token = json_item(tokens, i);
        const char *expires = json_text(token, "expires");
        table_cell_str(&table, json_text(token, "name"));
        table_cell_str(&table, json_text(token, "role"));
        table_cell_str(&table, state_of(token));
        table_cell(&table, slice_make(json_text(token, "created"), strlen("2026-11-21")));
        table_cell(&table, expires[0] ? slice_make(expires, strlen("2026-11-21")) : slice_str("never"));
    }
    if (json_count(tokens, "") == 0) {
        buf_append_str(out, "no tokens yet: ringside-collector token add NAME\n");
    } else {
        table_write(&table, terminal_width(), false, out);
    }
    table_deinit(&table);
}

static int print_list(const struct json *document, enum token_format format)
{
    struct buf text = BUF_INIT;
    const struct json *tokens = json_at(document, "tokens");
    switch (format) {
    case FORMAT_TABLE: put_table(tokens, &text); break;
    case FORMAT_CSV: site_text_csv_rows(tokens, &text); break;
    case FORMAT_JSON:
        (void)json_write(document, 2, &text);
        buf_append_str(&text, "\n");
        break;
    }
    bool fine = !text.failed && !json_build_failed() && fwrite(buf_cstr(&text), 1, text.len, stdout) == text.len;
    buf_deinit(&text);
    return fine ? EXIT_OK : options_failed("the output could not be made");
}

static int list_tokens(const struct collector_config *config, const struct token_wish *wish)
{
    struct registry *registry = NULL;
    struct json *document = NULL;
    enum token_format format = FORMAT_TABLE;
    int result = take_format(wish->format, &format);
    result = result == EXIT_OK ? place_become_owner(config) : result;
    result = result == EXIT_OK ? place_open_registry(config, false, &registry) : result;
    if (result == EXIT_OK) {
        int status = token_document(registry, wish->now_ms, &document);
        result = print_list(document, format);
        if (status != 0) {
            result = options_failed("the registry %s: %s; not every token is listed", config->data.registry_dir,
                                    status_str(status));
        }
    }
    json_free(document);
    registry_close(registry);
    return result;
}

/* ---- which of them ---- */

static const struct verb {
    const char *name;
    int (*run)(const struct collector_config *config, const struct token_wish *wish);
    size_t names; /* that it wants */
} verbs[] = {{"add", add_token, 1}, {"list", list_tokens, 0}, {"revoke", revoke_token, 1}};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static int parse(const struct verb *verb, int argc, char **argv, struct token_wish *wish)
{
    const struct options_spec add[] = {{.name = "--role", .value = &wish->role},
                                       {.name = "--expires", .value = &wish->expires},
                                       {.name = "--output", .value = &wish->output}};
    const struct options_spec list[] = {{.name = "--format", .value = &wish->format}};
    struct options_list name = {.items = &wish->name, .max = verb->names};
    bool is_add = verb->run == add_token;
    bool is_list = verb->run == list_tokens;
    int result = options_parse(argc, argv, is_add ? add : list, is_add ? 3 : is_list ? 1 : 0, &name);
    if (result == EXIT_OK && verb->names > 0 && !wish->name) {
        return options_usage("token %s: which token? give its name", verb->name);
    }
    return result;
}

int token_command(const struct collector_config *config, int argc, char **argv)
{
    struct token_wish wish = {.role = "view", .expires = DEFAULT_EXPIRES, .format = "table", .now_ms = clock_wall_ms()};
    if (argc < 2) {
        return options_usage("token what? add, list or revoke");
    }
    const struct verb *verb = find_verb(argv[1]);
    if (!verb) {
        return options_usage("unknown command 'token %.40s'; there are add, list and revoke", argv[1]);
    }
    int result = parse(verb, argc - 1, argv + 1, &wish);
    if (result == EXIT_OK && zone_set(config->zone) != 0) {
        return options_usage("centre.zone: '%.64s' is no time zone of this machine", config->zone);
    }
    return result == EXIT_OK ? verb->run(config, &wish) : result;
}
