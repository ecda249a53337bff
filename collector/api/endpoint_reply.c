#include "collector/api/endpoint_reply.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/time/zone.h"

enum { WHAT_MAX = 512, LOG_EVERY_MS = 10000, RETRY_LATE_S = 5, RETRY_BUSY_S = 1 };

static void write_document(struct endpoint_answer *out, const struct json *document)
{
    buf_reset(&out->body);
    (void)json_write(document, 0, &out->body);
    buf_append_str(&out->body, "\n");
    out->type = ENDPOINT_JSON;
}

void endpoint_refuse(struct endpoint_answer *out, int code, const char *where, const char *format, ...)
{
    char what[WHAT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    struct json *document = json_new_map();
    struct json *error = json_put_map(document, "error");
    json_put_int(error, "code", code);
    json_put_str(error, "what", what);
    json_put_str(error, "where", where);
    write_document(out, document);
    json_free(document);
    (void)json_build_failed();
    out->code = code;
    out->file_name[0] = '\0';
    out->fresh_ms = 0;
    out->stale_ms = 0;
    out->retry_after_s = 0;
}

void endpoint_reply_json(struct endpoint_answer *out, struct json *document)
{
    out->code = 200;
    write_document(out, document);
    json_free(document);
    if (json_build_failed() || out->body.failed || !document) {
        endpoint_refuse(out, 500, NULL, "there is not enough memory for this answer");
    }
}

void endpoint_reply_now(struct endpoint_answer *out, struct json *document)
{
    endpoint_reply_json(out, document);
    if (out->code == 200) {
        out->fresh_ms = ENDPOINT_FRESH_NOW_MS;
        out->stale_ms = ENDPOINT_STALE_NOW_MS;
    }
}

/* A store that is broken is asked many times a second, and one line says it. */
static void log_failure(int status, const struct query_why *why)
{
    static atomic_llong next_ms;
    long long now_ms = clock_monotonic_ms();
    long long next = atomic_load(&next_ms);
    if (now_ms >= next && atomic_compare_exchange_strong(&next_ms, &next, now_ms + LOG_EVERY_MS)) {
        bool told = why && why->text[0];
        log_write(LOG_ERROR, "api", "an answer could not be made: %s%s%s", status_str(status), told ? ": " : "",
                  told ? why->text : "");
    }
}

void endpoint_reply_failure(const struct endpoint_request *request, struct endpoint_answer *out, int status,
                            const char *where, const struct query_why *why)
{
    const char *text = why && why->text[0] ? why->text : status_str(status);
    switch (status) {
    case STATUS_NOT_FOUND: endpoint_refuse(out, 404, where, "%s", text); break;
    case STATUS_INVALID:
    case STATUS_RANGE: endpoint_refuse(out, 400, where, "%s", text); break;
    case STATUS_FULL: endpoint_refuse(out, 400, NULL, "%s", text); break;
    case STATUS_LATE:
        endpoint_refuse(out, 503, NULL,
                        "this takes longer than the %lld ms that an answer may take: ask for a shorter span, coarser "
                        "steps or fewer sites",
                        (long long)request->options->budget_ms);
        out->retry_after_s = RETRY_LATE_S;
        break;
    case STATUS_BUSY:
        endpoint_refuse(out, 503, NULL, "%s", text);
        out->retry_after_s = RETRY_BUSY_S;
        break;
    default:
        log_failure(status, why);
        endpoint_refuse(out, 500, NULL, "the collector could not make this answer; its log says why");
        break;
    }
}

void endpoint_reply_use_zone(const struct endpoint_request *request)
{
    const struct zone *zone = NULL;
    const char *name = request->options->zone;
    zone_use(name && zone_find(name, &zone) == 0 ? zone : NULL);
}

void endpoint_reply_in_zone(const struct endpoint_request *request, struct endpoint_answer *out,
                            void (*answer)(const struct endpoint_request *request, struct endpoint_answer *out))
{
    endpoint_reply_use_zone(request);
    answer(request, out);
    zone_use(NULL);
}
