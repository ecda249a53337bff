#include <inttypes.h>
#include <stdio.h>

#include "agent/sync/link_internal.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "proto/paths.h"

enum { RETRY_MS = 600 * 1000, ANSWER_MS = 30 * 1000 };

bool link_renewal_due(const struct link *link)
{
    int64_t now_s = clock_wall_ms() / 1000;
    return link->credentials && !link->renewal && clock_monotonic_ms() >= link->renewal_retry_ms &&
           now_s >= credentials_renew_at_s(link->credentials, link->renewal_jitter);
}

/* With an expired certificate there is nothing else to do: each connection asks, at the engine's pace. */
static void fail(struct link *link, const char *text)
{
    bool expired = credentials_expired(link->credentials, clock_wall_ms() / 1000);
    char line[300];
    link_renewal_drop(link);
    link->renewal_retry_ms = clock_monotonic_ms() + (expired ? 0 : RETRY_MS);
    (void)snprintf(line, sizeof line, "the certificate was not renewed%s: %.200s",
                   expired ? ", and it expired: nothing is sent until it is" : "", text);
    link_say(&link->said_renewal, expired ? LOG_ERROR : LOG_WARNING, line);
    if (!link->connected) {
        link_hang_up(link, line);
    }
}

void link_renewal_drop(struct link *link)
{
    credentials_renewal_free(link->renewal);
    link->renewal = NULL;
}

void link_renewal_tend(struct link *link)
{
    if (link->renewal && clock_monotonic_ms() - link->renewal_begun_ms > ANSWER_MS) {
        fail(link, "the collector does not answer");
    }
}

void link_renewal_begin(struct link *link)
{
    static const char *const path[] = {PATHS_WELL_KNOWN, PATHS_EST, PATHS_EST_REENROLL};
    struct buf request = BUF_INIT;
    link->renewal_begun_ms = clock_monotonic_ms();
    int status = credentials_renewal_begin(link->credentials, &link->renewal, &request);
    if (status == 0) {
        const struct uplink_request post = {.method = UPLINK_POST,
                                            .path = path,
                                            .path_count = sizeof path / sizeof path[0],
                                            .format = PATHS_FORMAT_PKCS10,
                                            .accept = PATHS_FORMAT_CERTIFICATE,
                                            .payload = buf_slice(&request),
                                            .tag = LINK_RENEWAL_TAG};
        status = dial_request(link->dial, &post);
    }
    buf_deinit(&request);
    if (status != 0) {
        fail(link, status_str(status));
    }
}

static int take(struct link *link, const struct uplink_answer *answer, struct credentials_why *why)
{
    struct buf certificate = BUF_INIT;
    struct slice der = answer->payload;
    int status = 0;
    if (answer->format == PATHS_FORMAT_PKCS7) {
        status = certificate_from_pkcs7(answer->payload, &certificate);
        der = buf_slice(&certificate);
    }
    if (status != 0) {
        (void)snprintf(why->text, sizeof why->text, "the collector's answer holds no certificate");
    } else {
        status = credentials_renewal_finish(link->renewal, der, clock_wall_ms() / 1000, why);
    }
    buf_deinit(&certificate);
    return status;
}

void link_renewal_answered(struct link *link, const struct uplink_answer *answer)
{
    struct credentials_why why = {""};
    if (!link->renewal) {
        return;
    }
    if (answer->code / 100 != 2) {
        (void)snprintf(why.text, sizeof why.text, "the collector answered %u.%02u %.*s", answer->code / 100,
                       answer->code % 100, (int)(answer->payload.len < 160 ? answer->payload.len : 160),
                       answer->payload.len ? answer->payload.data : "");
        fail(link, why.text);
        return;
    }
    if (take(link, answer, &why) != 0) {
        fail(link, why.text);
        return;
    }
    link_renewal_drop(link);
    link_unsay(&link->said_renewal);
    link->renewed_at_s = clock_wall_ms() / 1000;
    link_load_credentials(link);
    if (link->credentials) {
        log_write(LOG_NOTICE, "sync", "the certificate was renewed: it is valid for %" PRId64 " days now",
                  (credentials_facts(link->credentials)->not_after_s - link->renewed_at_s) / 86400);
    }
}
