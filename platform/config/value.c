#include "platform/config/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/num.h"
#include "platform/base/status.h"
#include "platform/config/near.h"

void config_value_deinit(struct config_value *value)
{
    for (size_t i = 0; i < value->item_count; i++) {
        free(value->items[i]);
    }
    free(value->items);
    free(value->text);
    *value = CONFIG_VALUE_INIT;
}

static int add_item(struct config_value *value, const char *text)
{
    char **items = realloc(value->items, (value->item_count + 1) * sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    value->items = items;
    items[value->item_count] = strdup(text);
    if (!items[value->item_count]) {
        return STATUS_NO_MEMORY;
    }
    value->item_count++;
    return 0;
}

int config_value_copy(const struct config_value *from, struct config_value *out)
{
    struct config_value copy = {.number = from->number};
    int status = 0;
    if (from->text) {
        copy.text = strdup(from->text);
        status = copy.text ? 0 : STATUS_NO_MEMORY;
    }
    for (size_t i = 0; status == 0 && i < from->item_count; i++) {
        status = add_item(&copy, from->items[i]);
    }
    if (status != 0) {
        config_value_deinit(&copy);
        return status;
    }
    *out = copy;
    return 0;
}

struct unit {
    int64_t factor;
    const char *name;
};

/* In the largest unit that divides it. */
static void put_units(int64_t number, const struct unit *units, struct buf *out)
{
    while (units->factor > 1 && (number == 0 || number % units->factor != 0)) {
        units++;
    }
    buf_printf(out, "%" PRId64 "%s", number / units->factor, units->name);
}

static void put_number(const struct config_option *option, int64_t number, struct buf *out)
{
    static const struct unit times[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    static const struct unit sizes[] = {{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, ""}};
    if (option->type == CONFIG_DURATION && number == 0) {
        buf_append_str(out, "0s");
    } else if (option->type == CONFIG_DURATION) {
        put_units(number, times, out);
    } else if (option->type == CONFIG_BYTES) {
        put_units(number, sizes, out);
    } else {
        buf_printf(out, "%" PRId64, number);
    }
}

static void put_words(const struct config_option *option, struct buf *out)
{
    const char *word;
    for (size_t i = 0; (word = config_option_word(option, i)) != NULL; i++) {
        buf_printf(out, "%s%s", i ? ", " : "", word);
    }
}

static bool has_words(const struct config_option *option)
{
    return option->words || option->word_at;
}

static void put_example(const struct config_option *option, struct buf *out)
{
    if (option->default_text && option->default_text[0] != '\0' && !option->make_default) {
        buf_printf(out, " (e.g. %s)", option->default_text);
    }
}

static void put_range(const struct config_option *option, const char *kind, struct buf *out)
{
    if (option->min == option->max) {
        buf_append_str(out, kind);
    } else {
        put_number(option, option->min, out);
        buf_append_str(out, " to ");
        put_number(option, option->max, out);
        if (option->unit) {
            buf_printf(out, " %s", option->unit);
        }
    }
    put_example(option, out);
}

void config_value_allowed(const struct config_option *option, struct buf *out)
{
    if (option->allowed) {
        buf_append_str(out, option->allowed);
        return;
    }
    switch (option->type) {
    case CONFIG_STRING:
    case CONFIG_STRINGS:
        if (option->min == option->max) {
            buf_append_str(out, "any text");
        } else {
            buf_printf(out, "text of %" PRId64 " to %" PRId64 " bytes", option->min, option->max);
        }
        return;
    case CONFIG_PATH:
        buf_append_str(out, "an absolute path");
        put_example(option, out);
        return;
    case CONFIG_BOOL: buf_append_str(out, "yes, no"); return;
    case CONFIG_ENUM: put_words(option, out); return;
    case CONFIG_INT: put_range(option, "a whole number", out); return;
    case CONFIG_BYTES: put_range(option, "a size", out); return;
    case CONFIG_DURATION:
        if (has_words(option)) {
            put_words(option, out);
        } else {
            put_range(option, "a duration", out);
        }
        return;
    }
}

/* Long values are cut so that a message stays one readable line. */
static int refuse(const char *text, const char *what, struct buf *why)
{
    size_t len = strlen(text);
    if (len > 60) {
        buf_printf(why, "\"%.57s...\" %s", text, what);
    } else {
        buf_printf(why, "\"%s\" %s", text, what);
    }
    return STATUS_INVALID;
}

static int check_range(const struct config_option *option, const char *text, int64_t number, struct buf *why)
{
    if (option->min == option->max || (number >= option->min && number <= option->max)) {
        return 0;
    }
    static const char *const too_little[] = {
        [CONFIG_INT] = "is too small", [CONFIG_DURATION] = "is too short", [CONFIG_BYTES] = "is too small"};
    static const char *const too_much[] = {
        [CONFIG_INT] = "is too large", [CONFIG_DURATION] = "is too long", [CONFIG_BYTES] = "is too large"};
    refuse(text, number < option->min ? too_little[option->type] : too_much[option->type], why);
    return STATUS_RANGE;
}

static int refuse_number(const char *text, int status, const char *not_a, struct buf *why)
{
    refuse(text, status == STATUS_RANGE ? "is too large" : not_a, why);
    return status;
}

static int parse_int(const char *text, int64_t *number, struct buf *why)
{
    int status = num_parse_i64(slice_str(text), number);
    return status == 0 ? 0 : refuse_number(text, status, "is not a whole number", why);
}

static int parse_bytes(const char *text, int64_t *number, struct buf *why)
{
    uint64_t bytes;
    int status = num_parse_bytes(slice_str(text), &bytes);
    if (status == 0 && bytes > INT64_MAX) {
        status = STATUS_RANGE;
    }
    if (status != 0) {
        return refuse_number(text, status, "is not a size", why);
    }
    *number = (int64_t)bytes;
    return 0;
}

static int parse_duration(const struct config_option *option, const char *text, int64_t *number, struct buf *why)
{
    int status = num_parse_duration_ms(slice_str(text), number);
    if (status != 0) {
        return refuse_number(text, status, "is not a duration", why);
    }
    const char *word;
    for (size_t i = 0; has_words(option) && (word = config_option_word(option, i)) != NULL; i++) {
        int64_t allowed;
        if (num_parse_duration_ms(slice_str(word), &allowed) == 0 && allowed == *number) {
            return 0;
        }
    }
    return has_words(option) ? refuse(text, "is not one of the durations to choose from", why) : 0;
}

static int parse_bool(const char *text, int64_t *number, struct buf *why)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *number = (int64_t)(i & 1);
            return 0;
        }
    }
    return refuse(text, "is neither yes nor no", why);
}

static int parse_word(const struct config_option *option, const char *text, int64_t *number, struct buf *why)
{
    struct config_near near = config_near_start(slice_str(text));
    const char *word;
    for (size_t i = 0; (word = config_option_word(option, i)) != NULL; i++) {
        if (strcmp(text, word) == 0) {
            *number = (int64_t)i;
            return 0;
        }
        config_near_offer(&near, word);
    }
    refuse(text, "is not one of the words to choose from", why);
    if (near.best) {
        buf_printf(why, " (did you mean %s?)", near.best);
    }
    return STATUS_INVALID;
}

static int check_text(const struct config_option *option, const char *text, struct buf *why)
{
    int64_t len = (int64_t)strlen(text);
    if (option->min != option->max && len < option->min) {
        return refuse(text, len == 0 ? "is empty" : "is too short", why);
    }
    if (len > (option->min != option->max ? option->max : CONFIG_TEXT_MAX)) {
        return refuse(text, "is too long", why);
    }
    if (option->type == CONFIG_PATH && text[0] != '/') {
        return refuse(text, "is not an absolute path", why);
    }
    return 0;
}

static int store_text(const char *text, struct config_value *out)
{
    out->text = strdup(text);
    return out->text ? 0 : STATUS_NO_MEMORY;
}

int config_value_parse(const struct config_option *option, const char *text, struct config_value *value,
                       struct buf *why)
{
    struct config_value parsed = CONFIG_VALUE_INIT;
    int status = 0;
    switch (option->type) {
    case CONFIG_STRING:
    case CONFIG_PATH:
    case CONFIG_STRINGS: status = check_text(option, text, why); break;
    case CONFIG_INT: status = parse_int(text, &parsed.number, why); break;
    case CONFIG_BOOL: return parse_bool(text, &value->number, why);
    case CONFIG_DURATION: status = parse_duration(option, text, &parsed.number, why); break;
    case CONFIG_BYTES: status = parse_bytes(text, &parsed.number, why); break;
    case CONFIG_ENUM: return parse_word(option, text, &value->number, why);
    }
    bool numeric = option->type == CONFIG_INT || option->type == CONFIG_DURATION || option->type == CONFIG_BYTES;
    if (status == 0 && numeric) {
        status = check_range(option, text, parsed.number, why);
    }
    if (status == 0 && option->validate) {
        status = option->validate(text, why);
    }
    if (status != 0) {
        return status;
    }
    if (option->type == CONFIG_STRINGS) {
        return add_item(value, text);
    }
    status = numeric ? 0 : store_text(text, &parsed);
    if (status == 0) {
        config_value_deinit(value);
        *value = parsed;
    }
    return status;
}

/* In the word the table has for it ("60m"), else in the largest unit ("1h"). */
static void put_duration(const struct config_option *option, int64_t number, struct buf *out)
{
    const char *word;
    for (size_t i = 0; has_words(option) && (word = config_option_word(option, i)) != NULL; i++) {
        int64_t allowed;
        if (num_parse_duration_ms(slice_str(word), &allowed) == 0 && allowed == number) {
            buf_append_str(out, word);
            return;
        }
    }
    put_number(option, number, out);
}

void config_value_quote(const char *text, struct buf *out)
{
    buf_append_str(out, "\"");
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') {
            buf_append_str(out, "\\");
        }
        buf_append(out, c, 1);
    }
    buf_append_str(out, "\"");
}

void config_value_format(const struct config_option *option, const struct config_value *value, struct buf *out)
{
    switch (option->type) {
    case CONFIG_STRING:
    case CONFIG_PATH: config_value_quote(value->text, out); return;
    case CONFIG_INT:
    case CONFIG_BYTES: put_number(option, value->number, out); return;
    case CONFIG_DURATION: put_duration(option, value->number, out); return;
    case CONFIG_BOOL: buf_append_str(out, value->number ? "yes" : "no"); return;
    case CONFIG_ENUM: buf_append_str(out, config_option_word(option, (size_t)value->number)); return;
    case CONFIG_STRINGS:
        buf_append_str(out, "{");
        for (size_t i = 0; i < value->item_count; i++) {
            buf_append_str(out, i ? ", " : " ");
            config_value_quote(value->items[i], out);
        }
        buf_append_str(out, value->item_count ? " }" : "}");
        return;
    }
}
