/* near: the known name that a mistyped one most likely meant. */
#ifndef RINGSIDE_PLATFORM_CONFIG_NEAR_H
#define RINGSIDE_PLATFORM_CONFIG_NEAR_H

#include <stddef.h>

#include "platform/base/slice.h"

struct config_near {
    struct slice wanted;
    const char *best; /* NULL: nothing is close enough */
    size_t distance;
};

struct config_near config_near_start(struct slice wanted);
void config_near_offer(struct config_near *near, const char *name); /* borrows name for as long as near is used */

#endif
