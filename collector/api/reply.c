#include "collector/api/reply_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REPLY_STREAM_BLOCK = 16 * 1024 };

static const char *const reply_always[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "accelerometer=(), autoplay=(), camera=(), display-capture=(), fullscreen=(self), "
                           "geolocation=(), gyroscope=(), microphone=(), midi=(), payment=(), usb=()"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
     "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
};

static void reply_put(struct MHD_Response *response, const char *name, const char *value)
{
    if (value && value[0]) {
        (void)MHD_add_response_header(response, name, value);
    }
}

static int reply_queue(const struct reply *reply, int code, struct MHD_Response *response)
{
    for (size_t i = 0; i < sizeof reply_always / sizeof reply_always[0]; i++) {
        reply_put(response, reply_always[i][0], reply_always[i][1]);
    }
    reply_put(response, "Cache-Control", reply->cache ? reply->cache : "no-store");
    reply_put(response, "Allow", reply->allow);
    reply_put(response, "WWW-Authenticate", reply->authenticate);
    reply_put(response, "Strict-Transport-Security", reply->tls ? "max-age=31536000" : NULL);
    reply_put(response, "Connection", reply->close ? "close" : NULL);
    bool queued = MHD_queue_response(reply->connection, (unsigned int)code, response) == MHD_YES;
    MHD_destroy_response(response);
    return queued ? code : 0;
}

static void reply_release(void *ctx)
{
    body_unref(ctx);
}

static void reply_put_file_name(struct MHD_Response *response, const char *name)
{
    char text[128];
    if (name[0] && !strpbrk(name, "\"\\\r\n")) {
        (void)snprintf(text, sizeof text, "attachment; filename=\"%s\"", name);
        reply_put(response, "Content-Disposition", text);
    }
}

int reply_body(const struct reply *reply, struct body *body)
{
    if (reply_matches(reply->none_match, body->etag)) {
        return reply_not_modified(reply, body->etag);
    }
    bool packed = reply->gzip && body->packed.len > 0;
    const struct buf *data = packed ? &body->packed : &body->plain;
    static uint8_t nothing;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        data->len, data->data ? data->data : &nothing, reply_release, body);
    if (!response) {
        return 0;
    }
    (void)body_ref(body);
    char retry[16];
    (void)snprintf(retry, sizeof retry, "%d", body->retry_after_s);
    reply_put(response, "Content-Type", body->type);
    reply_put(response, "ETag", body->etag);
    reply_put(response, "Content-Encoding", packed ? "gzip" : NULL);
    reply_put(response, "Vary", body->packed.len > 0 ? "Accept-Encoding" : NULL);
    reply_put(response, "Retry-After", body->retry_after_s > 0 ? retry : NULL);
    reply_put_file_name(response, body->file_name);
    return reply_queue(reply, body->code, response);
}

int reply_empty(const struct reply *reply, int code)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    return response ? reply_queue(reply, code, response) : 0;
}

int reply_not_modified(const struct reply *reply, const char *etag)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    if (!response) {
        return 0;
    }
    reply_put(response, "ETag", etag);
    reply_put(response, "Vary", "Accept-Encoding");
    return reply_queue(reply, 304, response);
}

int reply_constant(const struct reply *reply, const char *type, const char *etag, bool packed, const void *data,
                   size_t len)
{
    if (reply_matches(reply->none_match, etag)) {
        return reply_not_modified(reply, etag);
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
    if (!response) {
        return 0;
    }
    reply_put(response, "Content-Type", type);
    reply_put(response, "ETag", etag);
    reply_put(response, "Content-Encoding", packed ? "gzip" : NULL);
    reply_put(response, "Vary", "Accept-Encoding");
    return reply_queue(reply, 200, response);
}

int reply_stream(const struct reply *reply, const char *type, MHD_ContentReaderCallback read,
                 MHD_ContentReaderFreeCallback release, void *ctx)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, REPLY_STREAM_BLOCK, read, ctx, release);
    if (!response) {
        release(ctx);
        return 0;
    }
    reply_put(response, "Content-Type", type);
    reply_put(response, "X-Accel-Buffering", "no");
    return reply_queue(reply, 200, response);
}

static bool reply_refuses(const char *parameters, size_t len)
{
    const char *q = len ? memchr(parameters, 'q', len) : NULL;
    return q && (size_t)(q - parameters) + 2 < len && q[1] == '=' && strtod(q + 2, NULL) <= 0;
}

bool reply_takes_gzip(const char *accept)
{
    bool any = false;
    while (accept && *accept) {
        accept += strspn(accept, " \t,");
        size_t len = strcspn(accept, ",");
        size_t name = strcspn(accept, " \t;,");
        bool refused = reply_refuses(accept + name, len - name);
        if ((name == 4 && strncasecmp(accept, "gzip", 4) == 0) ||
            (name == 6 && strncasecmp(accept, "x-gzip", 6) == 0)) {
            return !refused;
        }
        any = any || (name == 1 && accept[0] == '*' && !refused);
        accept += len;
    }
    return any;
}

static const char *reply_strong(const char *etag)
{
    return strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
}

bool reply_matches(const char *none_match, const char *etag)
{
    if (!none_match || !etag || !etag[0]) {
        return false;
    }
    const char *tag = reply_strong(etag);
    size_t tag_len = strlen(tag);
    while (*none_match) {
        none_match += strspn(none_match, " \t,");
        size_t len = strcspn(none_match, ",");
        size_t end = len;
        while (end > 0 && (none_match[end - 1] == ' ' || none_match[end - 1] == '\t')) {
            end--;
        }
        const char *one = reply_strong(none_match);
        size_t one_len = end - (size_t)(one - none_match);
        if ((end == 1 && none_match[0] == '*') || (one_len == tag_len && memcmp(one, tag, tag_len) == 0)) {
            return true;
        }
        none_match += len;
    }
    return false;
}
