#include "collector/api/feed.h"
#include "platform/base/hash.h"

enum { FEED_SEED = 0x5eed };

static size_t feed_text_end(struct slice text, size_t at)
{
    for (at++; at < text.len && text.data[at] != '"'; at++) {
        at += text.data[at] == '\\';
    }
    return at < text.len ? at + 1 : text.len;
}

static bool feed_ends_with(struct slice text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && memcmp(text.data + text.len - len, end, len) == 0;
}

static bool feed_passes(struct slice name)
{
    return slice_is(name, "as_of") || slice_is(name, "age_ms") || feed_ends_with(name, "_age_ms");
}

static size_t feed_value_end(struct slice text, size_t at)
{
    if (at < text.len && text.data[at] == '"') {
        return feed_text_end(text, at);
    }
    while (at < text.len && !memchr(",}]", text.data[at], 3)) {
        at++;
    }
    return at;
}

uint64_t feed_figures(struct slice document)
{
    uint64_t hash = FEED_SEED;
    size_t from = 0;
    size_t at = 0;
    while (at < document.len) {
        if (document.data[at] != '"') {
            at++;
            continue;
        }
        size_t end = feed_text_end(document, at);
        struct slice name = slice_make(document.data + at + 1, end - at > 2 ? end - at - 2 : 0);
        at = end;
        if (at < document.len && document.data[at] == ':' && feed_passes(name)) {
            hash = hash_bytes(document.data + from, at - from, hash);
            at = feed_value_end(document, at + 1);
            from = at;
        }
    }
    return hash_bytes(document.data + from, document.len - from, hash);
}
