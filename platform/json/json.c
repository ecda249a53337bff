#include "platform/json/json.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/num.h"
#include "platform/base/status.h"
#include "platform/base/utf8.h"

static _Thread_local bool json_failed;

/* struct json is never defined: a pointer to it is a json_t under another name. */
static json_t *inner(struct json *json)
{
    return (json_t *)json;
}

static const json_t *inner_const(const struct json *json)
{
    return (const json_t *)json;
}

static struct json *outer(json_t *value)
{
    if (!value) {
        json_failed = true;
    }
    return (struct json *)value;
}

struct json *json_new_map(void)
{
    return outer(json_object());
}

struct json *json_new_list(void)
{
    return outer(json_array());
}

void json_free(struct json *json)
{
    json_decref(inner(json));
}

void json_cleanup(struct json **pointer)
{
    json_free(*pointer);
}

bool json_build_failed(void)
{
    bool failed = json_failed;
    json_failed = false;
    return failed;
}

static json_t *make_text(struct slice text)
{
    if (utf8_valid(text)) {
        return json_stringn_nocheck(text.data, text.len);
    }
    struct buf repaired = BUF_INIT;
    utf8_repair(text, &repaired);
    json_t *value = repaired.failed ? NULL : json_stringn_nocheck((const char *)repaired.data, repaired.len);
    buf_deinit(&repaired);
    return value;
}

void json_put(struct json *map, const char *key, struct json *value)
{
    if (!map) {
        json_free(value);
    } else if (!value || json_object_set_new_nocheck(inner(map), key, inner(value)) != 0) {
        json_failed = true;
    }
}

void json_add(struct json *list, struct json *value)
{
    if (!list) {
        json_free(value);
    } else if (!value || json_array_append_new(inner(list), inner(value)) != 0) {
        json_failed = true;
    }
}

void json_put_text(struct json *map, const char *key, struct slice text)
{
    json_put(map, key, outer(make_text(text)));
}

void json_put_str(struct json *map, const char *key, const char *text)
{
    json_put(map, key, outer(text ? make_text(slice_str(text)) : json_null()));
}

void json_put_int(struct json *map, const char *key, int64_t value)
{
    json_put(map, key, outer(json_integer(value)));
}

void json_put_number(struct json *map, const char *key, double value)
{
    json_put(map, key, outer(isfinite(value) ? json_real(value) : json_null()));
}

void json_put_bool(struct json *map, const char *key, bool value)
{
    json_put(map, key, outer(json_boolean(value)));
}

void json_put_null(struct json *map, const char *key)
{
    json_put(map, key, outer(json_null()));
}

/* Puts a container and hands it back; NULL, and nothing put, when there is no parent or no memory. */
static struct json *put_container(struct json *map, const char *key, json_t *value)
{
    if (!map || !value) {
        json_failed = json_failed || !value;
        json_decref(value);
        return NULL;
    }
    if (json_object_set_new_nocheck(inner(map), key, value) != 0) {
        json_failed = true;
        return NULL;
    }
    return outer(value);
}

struct json *json_put_map(struct json *map, const char *key)
{
    return put_container(map, key, json_object());
}

struct json *json_put_list(struct json *map, const char *key)
{
    return put_container(map, key, json_array());
}

void json_add_text(struct json *list, struct slice text)
{
    json_add(list, outer(make_text(text)));
}

void json_add_int(struct json *list, int64_t value)
{
    json_add(list, outer(json_integer(value)));
}

void json_add_number(struct json *list, double value)
{
    json_add(list, outer(isfinite(value) ? json_real(value) : json_null()));
}

void json_add_bool(struct json *list, bool value)
{
    json_add(list, outer(json_boolean(value)));
}

void json_add_null(struct json *list)
{
    json_add(list, outer(json_null()));
}

struct json *json_add_map(struct json *list)
{
    json_t *value = json_object();
    if (!list || !value || json_array_append(inner(list), value) != 0) {
        json_failed = json_failed || list;
        json_decref(value);
        return NULL;
    }
    json_decref(value);
    return outer(value);
}

static int append_chunk(const char *data, size_t len, void *ctx)
{
    struct buf *out = ctx;
    buf_append(out, data, len);
    return out->failed ? -1 : 0;
}

int json_write(const struct json *json, int indent, struct buf *out)
{
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    flags |= indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT;
    return json_dump_callback(inner_const(json), append_chunk, out, flags) == 0 ? 0 : STATUS_NO_MEMORY;
}

/* The library does not say of every allocation that it failed: some take a part of the text for lost, and the rest for
 * no JSON or for another. So it is seen here. */
static _Thread_local bool json_starved;

static void *json_take(size_t bytes)
{
    void *memory = malloc(bytes);
    json_starved = json_starved || !memory;
    return memory;
}

static void see_allocations(void)
{
    json_set_alloc_funcs(json_take, free);
}

static json_t *load(struct slice text, json_error_t *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, see_allocations);
    json_starved = false;
    json_t *value = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, error);
    if (value && json_starved) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

int json_parse(struct slice text, size_t max_bytes, struct json **out, char *why, size_t why_size)
{
    if (text.len > max_bytes) {
        if (why) {
            (void)snprintf(why, why_size, "%zu bytes are more than the %zu allowed", text.len, max_bytes);
        }
        return STATUS_RANGE;
    }
    json_error_t error;
    json_t *value = load(text, &error);
    if (!value) {
        if (why) {
            (void)snprintf(why, why_size, "line %d, column %d: %s", error.line, error.column, error.text);
        }
        return json_starved ? STATUS_NO_MEMORY : STATUS_INVALID;
    }
    *out = (struct json *)value;
    return 0;
}

static const json_t *step(const json_t *value, struct slice name)
{
    if (json_is_object(value)) {
        return json_object_getn(value, name.data, name.len);
    }
    uint64_t index;
    if (json_is_array(value) && num_parse_u64(name, &index) == 0 && index < json_array_size(value)) {
        return json_array_get(value, (size_t)index);
    }
    return NULL;
}

const struct json *json_at(const struct json *json, const char *path)
{
    const json_t *value = inner_const(json);
    while (value && *path) {
        size_t len = strcspn(path, "/");
        value = step(value, slice_make(path, len));
        path += len;
        path += *path == '/';
    }
    return (const struct json *)value;
}

enum json_kind json_kind(const struct json *json, const char *path)
{
    const json_t *value = inner_const(json_at(json, path));
    if (!value) {
        return JSON_NOTHING;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT: return JSON_MAP;
    case JSON_ARRAY: return JSON_LIST;
    case JSON_STRING: return JSON_TEXT;
    case JSON_INTEGER: return JSON_INT;
    case JSON_REAL: return JSON_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE: return JSON_BOOL;
    case JSON_NULL: return JSON_NULL_VALUE;
    }
    return JSON_NOTHING;
}

const char *json_text(const struct json *json, const char *path)
{
    const char *text = json_string_value(inner_const(json_at(json, path)));
    return text ? text : "";
}

bool json_int(const struct json *json, const char *path, int64_t *out)
{
    const json_t *value = inner_const(json_at(json, path));
    if (!json_is_integer(value)) {
        return false;
    }
    *out = json_integer_value(value);
    return true;
}

bool json_number(const struct json *json, const char *path, double *out)
{
    const json_t *value = inner_const(json_at(json, path));
    if (!json_is_number(value)) {
        return false;
    }
    *out = json_number_value(value);
    return true;
}

bool json_bool(const struct json *json, const char *path)
{
    return json_is_true(inner_const(json_at(json, path)));
}

size_t json_count(const struct json *json, const char *path)
{
    const json_t *value = inner_const(json_at(json, path));
    return json_is_object(value) ? json_object_size(value) : json_array_size(value);
}

const struct json *json_item(const struct json *list, size_t index)
{
    return (const struct json *)json_array_get(inner_const(list), index);
}

int json_each(const struct json *map, json_member_fn fn, void *ctx)
{
    /* jansson's iterators want a mutable object but change nothing. */
    json_t *object = (json_t *)(uintptr_t)map;
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        int outcome = fn(ctx, json_object_iter_key(at), (const struct json *)json_object_iter_value(at));
        if (outcome != 0) {
            return outcome;
        }
    }
    return 0;
}
