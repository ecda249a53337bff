/* config_internal: what config.c and print.c share. */
#ifndef RINGSIDE_PLATFORM_CONFIG_CONFIG_INTERNAL_H
#define RINGSIDE_PLATFORM_CONFIG_CONFIG_INTERNAL_H

#include "platform/config/config.h"
#include "platform/config/value.h"

enum config_origin { CONFIG_DEFAULT, CONFIG_SET, CONFIG_LENT /* by the base title */ };

struct config_slot {
    struct config_value value;
    enum config_origin origin;
    int line;
};

struct config_item {
    const struct config_section *section;
    char *title;
    int line;
    struct config_slot *slots; /* one for each option of the section */
};

/* Whether the option belongs to what the item's "type" says. */
bool config_option_applies(const struct config_item *item, const struct config_option *option);

struct config {
    const struct config_table *table;
    struct config_item *items;
    size_t item_count;
};

#endif
