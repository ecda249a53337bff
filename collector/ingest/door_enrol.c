#include <stdio.h>

#include "collector/ingest/door_internal.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "proto/paths.h"

enum {
    CHANGED = 204,
    CONTENT = 205,
    BAD_REQUEST = 400,
    FORBIDDEN = 403,
    WRONG_METHOD = 405,
    NOT_ACCEPTABLE = 406,
    WRONG_FORMAT = 415,
    INTERNAL = 500
};

static void answer_text(struct hub_answer *answer, unsigned code, struct buf *body, const char *text)
{
    buf_reset(body);
    buf_append_str(body, text);
    answer->code = code;
    answer->format = -1; /* a diagnostic payload (RFC 7252 5.5.2) */
}

static bool wants_pkcs7(int accept, bool by_default)
{
    return accept == PATHS_FORMAT_PKCS7 || (accept < 0 && by_default);
}

/* The sentence of a refused request goes to both ends. */
static void refuse(struct door *door, const struct door_session *session, unsigned code, const char *text,
                   struct hub_answer *answer, struct buf *body)
{
    door->refused_requests++;
    door_note(door, session->address, session->site_id, text);
    answer_text(answer, code, body, text);
}

static unsigned code_of(int status)
{
    return status == STATUS_DENIED ? FORBIDDEN : status == STATUS_INVALID ? BAD_REQUEST : INTERNAL;
}

static void give_ca(struct door *door, const struct hub_request *request, struct hub_answer *answer, struct buf *body)
{
    bool pkcs7 = wants_pkcs7(request->accept, true);
    if (identity_crts(door->options->identity, pkcs7, body) != 0) {
        answer_text(answer, INTERNAL, body, "the CA's certificate cannot be read");
        return;
    }
    answer->code = CONTENT;
    answer->format = pkcs7 ? PATHS_FORMAT_PKCS7 : PATHS_FORMAT_CERTIFICATE;
}

static void issue(struct door *door, struct door_session *session, bool again, const struct hub_request *request,
                  struct hub_answer *answer, struct buf *body)
{
    const struct ingest_options *options = door->options;
    bool pkcs7 = wants_pkcs7(request->accept, true);
    int64_t now_ms = clock_wall_ms();
    struct identity_why why = {""};
    int status = again ? identity_renew(options->identity, options->registry, &session->site, &session->peer.facts,
                                        request->payload, pkcs7, now_ms, body, &why)
                       : identity_enrol(options->identity, options->registry, &session->site, request->payload, pkcs7,
                                        now_ms, body, &why);
    if (status != 0) {
        refuse(door, session, code_of(status), why.text[0] ? why.text : status_str(status), answer, body);
        return;
    }
    log_write(LOG_NOTICE, "ingest", "%s: site %s %s", session->address, session->site_id,
              again ? "renewed its certificate" : "joined");
    answer->code = CHANGED;
    answer->format = pkcs7 ? PATHS_FORMAT_PKCS7 : PATHS_FORMAT_CERTIFICATE;
}

void door_enrol(struct door *door, struct door_session *session, enum door_resource resource,
                const struct hub_request *request, struct hub_answer *answer, struct buf *body)
{
    enum hub_method due = resource == DOOR_CRTS ? HUB_GET : HUB_POST;
    int accept = request->accept;
    if (request->method != due) {
        refuse(door, session, WRONG_METHOD, resource == DOOR_CRTS ? "GET is served here" : "POST is served here",
               answer, body);
    } else if (accept >= 0 && accept != PATHS_FORMAT_PKCS7 && accept != PATHS_FORMAT_CERTIFICATE) {
        refuse(door, session, NOT_ACCEPTABLE, "certificates come as content format 281 or 287", answer, body);
    } else if (resource == DOOR_CRTS) {
        give_ca(door, request, answer, body);
    } else if (request->format >= 0 && request->format != PATHS_FORMAT_PKCS10) {
        refuse(door, session, WRONG_FORMAT, "a request is content format 286, PKCS#10", answer, body);
    } else {
        issue(door, session, resource == DOOR_REENROLL, request, answer, body);
    }
}
