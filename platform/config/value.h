/* value: one option's value between text and number. */
#ifndef RINGSIDE_PLATFORM_CONFIG_VALUE_H
#define RINGSIDE_PLATFORM_CONFIG_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/config/table.h"

struct config_value {
    int64_t number; /* ints, bools (0, 1), milliseconds, bytes, word index */
    char *text;     /* strings and paths; owned */
    char **items;   /* CONFIG_STRINGS; owned, each item too */
    size_t item_count;
};

#define CONFIG_VALUE_INIT ((struct config_value){0})

void config_value_deinit(struct config_value *value);
int config_value_copy(const struct config_value *from, struct config_value *out); /* 0 or STATUS_NO_MEMORY */

/* Reads text as the option's type into *value, which is deinitialised first; for CONFIG_STRINGS it adds one item
 * instead. 0, STATUS_INVALID or STATUS_RANGE with what is wrong in `why` (`"10X" is not a size`), STATUS_NO_MEMORY. */
int config_value_parse(const struct config_option *option, const char *text, struct config_value *value,
                       struct buf *why);

/* What is allowed: "16MiB to 64GiB (e.g. 256MiB)". */
void config_value_allowed(const struct config_option *option, struct buf *out);

/* The value as it would stand in a file; reading it again gives the same value. */
void config_value_format(const struct config_option *option, const struct config_value *value, struct buf *out);

/* Text in double quotes with \ and " escaped. */
void config_value_quote(const char *text, struct buf *out);

#endif
