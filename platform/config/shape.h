/* shape: what texts look like that more than one program has options for. */
#ifndef RINGSIDE_PLATFORM_CONFIG_SHAPE_H
#define RINGSIDE_PLATFORM_CONFIG_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"

enum { CONFIG_SHAPE_HOST_MAX = 45 }; /* an address literal */

/* Appends the text in quotes, cut when it is long, and what is wrong with it. Always returns STATUS_INVALID. */
int config_shape_refuse(struct buf *why, const char *text, const char *what);

/* 1 to max letters, digits and `signs`. */
bool config_shape_made_of(const char *text, const char *signs, size_t max);

/* The shape of an IANA name of a time zone; whether there is such a zone is another question. */
bool config_shape_is_zone(const char *text);

/* "HOST:PORT" or "[HOST]:PORT"; a host with colons only in brackets. What the host is, is the caller's to look at. */
bool config_shape_split_address(const char *text, char host[CONFIG_SHAPE_HOST_MAX + 1], uint16_t *port);

/* For `validate` of an option. */
int config_shape_zone(const char *text, struct buf *why);
int config_shape_user(const char *text, struct buf *why);          /* "" is fine */
int config_shape_optional_path(const char *text, struct buf *why); /* absolute; "" is fine: what can be switched off */

#endif
