/* json: documents as trees. The one room that includes jansson.h.
 *
 * Building: json_put_* writes a member of an object, json_add_* an element at the end of an array; a NULL parent makes
 * them do nothing. Members keep the order in which they were written. Text may be any bytes: what is no UTF-8 becomes
 * U+FFFD. A number that JSON cannot say (NaN, infinity) becomes null. When an allocation fails the document stays
 * valid but incomplete and the thread remembers it: ask json_build_failed() once at the end.
 *
 * Reading: a path names members and elements, divided by '/': "rows/0/queue". "" is the document itself. */
#ifndef RINGSIDE_PLATFORM_JSON_JSON_H
#define RINGSIDE_PLATFORM_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

struct json;

enum json_kind { JSON_NOTHING, JSON_NULL_VALUE, JSON_BOOL, JSON_INT, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_MAP };

struct json *json_new_map(void); /* returns owned; NULL without memory */
struct json *json_new_list(void);
void json_free(struct json *json);        /* only what was returned owned; NULL is fine */
void json_cleanup(struct json **pointer); /* for CLEANUP() */

/* True when building failed on this thread since the last call. */
bool json_build_failed(void);

void json_put_text(struct json *map, const char *key, struct slice text);
void json_put_str(struct json *map, const char *key, const char *text); /* NULL becomes null */
void json_put_int(struct json *map, const char *key, int64_t value);
void json_put_number(struct json *map, const char *key, double value);
void json_put_bool(struct json *map, const char *key, bool value);
void json_put_null(struct json *map, const char *key);
struct json *json_put_map(struct json *map, const char *key);  /* returns the new member, borrowed from its parent */
struct json *json_put_list(struct json *map, const char *key); /* the same */
void json_put(struct json *map, const char *key, struct json *value); /* takes value */

void json_add_text(struct json *list, struct slice text);
void json_add_int(struct json *list, int64_t value);
void json_add_number(struct json *list, double value);
void json_add_bool(struct json *list, bool value);
void json_add_null(struct json *list);
struct json *json_add_map(struct json *list);         /* returns the new element, borrowed from its parent */
void json_add(struct json *list, struct json *value); /* takes value */

/* Appends the text of the document: one line, or indented by `indent` spaces. STATUS_NO_MEMORY. */
int json_write(const struct json *json, int indent, struct buf *out);

/* Reads one whole document, no deeper than jansson's own limit (2048) and no longer than max_bytes. Refused:
 * duplicate members, bytes behind the end, NUL inside text. 0, STATUS_INVALID, STATUS_RANGE (too long),
 * STATUS_NO_MEMORY. Returns owned. `why` (may be NULL) gets one line that says where. */
int json_parse(struct slice text, size_t max_bytes, struct json **out, char *why, size_t why_size);

/* What is there. Everything returned is borrowed from `json`; NULL as document is fine and holds nothing. */
enum json_kind json_kind(const struct json *json, const char *path);
const struct json *json_at(const struct json *json, const char *path);
const char *json_text(const struct json *json, const char *path); /* "" unless text */
bool json_int(const struct json *json, const char *path, int64_t *out);
bool json_number(const struct json *json, const char *path, double *out); /* an integer counts as well */
bool json_bool(const struct json *json, const char *path);                /* false unless true */
size_t json_count(const struct json *json, const char *path);             /* elements or members */
const struct json *json_item(const struct json *list, size_t index);

/* Members in order; fn returns 0 to go on, anything else ends the walk and is returned. */
typedef int (*json_member_fn)(void *ctx, const char *key, const struct json *value);
int json_each(const struct json *map, json_member_fn fn, void *ctx);

#endif
