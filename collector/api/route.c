#include "collector/api/route.h"

#include <string.h>

#include "collector/api/feed.h"

enum { ROUTE_GET = 1, ROUTE_POST = 2 };

static const char *const route_allow[] = {"OPTIONS", "GET, HEAD, OPTIONS", "POST, OPTIONS", "GET, HEAD, POST, OPTIONS"};

static bool route_begins(struct slice path, const char *with)
{
    size_t len = strlen(with);
    return path.len >= len && memcmp(path.data, with, len) == 0;
}

static bool route_matches(const struct endpoint *endpoint, struct slice path, struct slice *rest)
{
    size_t len = strlen(endpoint->path);
    if (endpoint->path[len - 1] != '/') {
        *rest = slice_make(path.data, 0);
        return slice_is(path, endpoint->path);
    }
    if (path.len <= len || !route_begins(path, endpoint->path)) {
        return false;
    }
    *rest = slice_make(path.data + len, path.len - len);
    return !memchr(rest->data, '/', rest->len);
}

/* Not the dashboard's, whatever is behind it. */
static bool route_is_ours(struct slice path)
{
    static const char *const ours[] = {"/api", "/metrics", "/healthz", "/readyz"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        size_t len = strlen(ours[i]);
        if (route_begins(path, ours[i]) && (path.len == len || path.data[len] == '/')) {
            return true;
        }
    }
    return false;
}

static unsigned route_try(const struct endpoint *endpoint, struct slice path, const char *method, struct route *out)
{
    struct slice rest;
    if (!route_matches(endpoint, path, &rest)) {
        return 0;
    }
    const char *asked = strcmp(method, "HEAD") == 0 ? "GET" : method;
    /* A path of its own comes before one that leaves a part open. */
    bool better = !out->endpoint || out->rest.len > rest.len;
    if (strcmp(endpoint->method, asked) == 0 && better) {
        out->endpoint = endpoint;
        out->rest = rest;
    }
    return strcmp(endpoint->method, "POST") == 0 ? ROUTE_POST : ROUTE_GET;
}

enum route_kind route_find(const struct question *question, const char *method, struct route *out)
{
    *out = (struct route){0};
    if (!route_is_ours(question->path)) {
        return ROUTE_FILE;
    }
    if (question->odd) {
        return ROUTE_NOTHING;
    }
    unsigned methods = route_try(&feed_endpoint, question->path, method, out);
    for (size_t i = 0; i < endpoint_count; i++) {
        methods |= route_try(&endpoint_table[i], question->path, method, out);
    }
    out->allow = route_allow[methods];
    return methods == 0 ? ROUTE_NOTHING : out->endpoint ? ROUTE_ENDPOINT : ROUTE_METHOD;
}
