#include "tests/support/small_centre.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "platform/tls/certificate.h"
#include "platform/tls/secret.h"
#include "proto/paths.h"

enum { ARENA_MAX = 4 << 20, DAY_S = 86400 };

/* Who is at the other end; as session_ctx. */
static char kinds[3];
#define JOINING (&kinds[0])
#define GOOD (&kinds[1])
#define EXPIRED (&kinds[2])

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

static size_t on_psk(void *ctx, struct slice identity, uint8_t key[HUB_KEY_MAX])
{
    struct small_centre *centre = ctx;
    char want[100];
    (void)snprintf(want, sizeof want, PATHS_JOIN_IDENTITY "%s", centre->site);
    if (!slice_is(identity, want)) {
        return 0;
    }
    memcpy(key, centre->psk, sizeof centre->psk);
    return sizeof centre->psk;
}

static int on_opened(void *ctx, const struct hub_session_facts *facts, void **session_ctx)
{
    struct small_centre *centre = ctx;
    struct peer peer;
    if (facts->psk_identity.len > 0) {
        *session_ctx = JOINING;
        return 0;
    }
    assert(peer_judge(centre->anchor, facts->tls_session, NULL, now_s(), &peer) == 0);
    bool site = strcmp(peer.facts.name, centre->site) == 0;
    if (!site || (peer.verdict != PEER_TRUSTED && peer.verdict != PEER_EXPIRED)) {
        centre->strangers++;
        return -1;
    }
    centre->sessions++;
    *session_ctx = peer.verdict == PEER_TRUSTED ? GOOD : EXPIRED;
    return 0;
}

static void on_refused(void *ctx, const char *address, const char *reason)
{
    struct small_centre *centre = ctx;
    (void)address;
    (void)reason;
    centre->strangers++;
}

static void put_certificate(struct small_centre *centre, struct slice der, struct buf *out, struct hub_answer *answer)
{
    answer->code = 205;
    answer->format = centre->pkcs7 ? PATHS_FORMAT_PKCS7 : PATHS_FORMAT_CERTIFICATE;
    if (centre->pkcs7) {
        assert(certificate_to_pkcs7(der, out) == 0);
    } else {
        buf_append(out, der.data, der.len);
    }
}

static void put_issued(struct small_centre *centre, struct slice request, struct buf *out, struct hub_answer *answer)
{
    struct buf der = BUF_INIT;
    int64_t begin_s = now_s() + centre->begin_s;
    small_ca_site(&centre->ca, request, centre->site, begin_s, begin_s + centre->life_s, &der);
    put_certificate(centre, buf_slice(&der), out, answer);
    buf_deinit(&der);
}

static void answer_est(struct small_centre *centre, const struct hub_request *request, struct buf *out,
                       struct hub_answer *answer)
{
    bool joining = request->session_ctx == JOINING;
    struct slice what = request->path[2];
    if (centre->est_code) {
        answer->code = centre->est_code;
        buf_append_str(out, "not today");
    } else if (slice_is(what, PATHS_EST_CRTS) && request->method == HUB_GET) {
        put_certificate(centre, buf_slice(&centre->ca.der), out, answer);
    } else if (slice_is(what, PATHS_EST_ENROLL) && joining && request->format == PATHS_FORMAT_PKCS10) {
        put_issued(centre, request->payload, out, answer);
        centre->enrolled++;
    } else if (slice_is(what, PATHS_EST_REENROLL) && !joining && request->format == PATHS_FORMAT_PKCS10) {
        put_issued(centre, request->payload, out, answer);
        centre->renewed++;
    }
}

static void answer_hello(struct small_centre *centre, struct slice payload, struct buf *out, struct hub_answer *answer)
{
    struct message_hello hello;
    assert(message_hello_decode(centre->arena, payload, &hello) == 0);
    assert(slice_is(hello.site, centre->site));
    const struct message_hello_reply reply = {.protocol = hello.protocol,
                                              .now_ms = now_s() * 1000,
                                              .payload_max = LIMITS_PAYLOAD_MAX,
                                              .collector_version = slice_str("small")};
    assert(message_hello_reply_encode(&reply, out) == 0);
    answer->code = 204;
    answer->format = PATHS_FORMAT_OCTETS;
    centre->hellos++;
}

static void answer_batch(struct small_centre *centre, struct slice payload, struct hub_answer *answer)
{
    struct message_batch batch;
    struct message_interval interval = {.queue = 0};
    assert(message_batch_decode(centre->arena, payload, &batch) == 0);
    while (message_batch_next(&batch, &interval) == 0) {
        centre->intervals++;
    }
    summary_deinit(&interval.sum);
    answer->code = 204;
    centre->batches++;
}

static bool on_request(void *ctx, const struct hub_request *request, struct hub_answer *answer)
{
    struct small_centre *centre = ctx;
    static struct buf body; /* borrowed by the answer until the hub has taken it */
    buf_reset(&body);
    *answer = (struct hub_answer){.code = 404, .format = -1};
    if (request->path_count == 3 && slice_is(request->path[1], PATHS_EST)) {
        answer_est(centre, request, &body, answer);
    } else if (request->session_ctx != GOOD) {
        centre->data_while_expired++;
        answer->code = 401;
    } else if (centre->data_code) {
        answer->code = centre->data_code;
    } else if (slice_is(request->path[0], PATHS_HELLO)) {
        answer_hello(centre, request->payload, &body, answer);
    } else if (slice_is(request->path[0], PATHS_SUMMARIES)) {
        answer_batch(centre, request->payload, answer);
    } else if (slice_is(request->path[0], PATHS_LIVE)) {
        centre->lives++;
        answer->code = 204;
    }
    answer->payload = buf_slice(&body);
    return true;
}

static void *run(void *ctx)
{
    struct small_centre *centre = ctx;
    assert(hub_run(centre->hub) == 0);
    return NULL;
}

static void open_hub(struct small_centre *centre, uint16_t port)
{
    char identity[200];
    char ca[200];
    (void)snprintf(identity, sizeof identity, "%s/collector.pem", centre->dir.path);
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", centre->dir.path);
    const struct hub_options options = {.host = "127.0.0.1",
                                        .port = port,
                                        .identity_path = identity,
                                        .ca_path = ca,
                                        .message_max = LIMITS_MESSAGE_MAX,
                                        .sessions_max = 50,
                                        .handshakes_max = 10,
                                        .handshake_ms = 10000,
                                        .idle_ms = 600000,
                                        .ctx = centre,
                                        .psk = on_psk,
                                        .opened = on_opened,
                                        .refused = on_refused,
                                        .request = on_request};
    assert(hub_new(&options, &centre->hub) == 0);
    assert(pthread_create(&centre->thread, NULL, run, centre) == 0);
    centre->port = hub_port(centre->hub);
}

void small_centre_start(struct small_centre *centre, const char *site, const char *certificate_host)
{
    *centre = (struct small_centre){.site = site};
    /* the bytes of the token */
    static const uint8_t bytes[20] = {0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf,
                                      0x84, 0x65, 0x3a, 0x56, 0xd7, 0xc6, 0x75, 0xbe, 0x77, 0xdf};
    char info[100];
    (void)snprintf(info, sizeof info, "ringside join %s", site);
    assert(secret_derive(slice_make((const char *)bytes, sizeof bytes), slice_str(info), centre->psk) == 0);
    centre->life_s = 90 * DAY_S;
    centre->begin_s = -60;
    temp_dir_make(&centre->dir);
    small_ca_make(&centre->ca, now_s() - 10 * DAY_S, now_s() + 3650L * DAY_S);
    small_ca_write(&centre->ca, temp_dir_file(&centre->dir, "ca.pem"));
    small_ca_collector(&centre->ca, certificate_host, now_s() - DAY_S, now_s() + 100 * DAY_S,
                       temp_dir_file(&centre->dir, "collector.pem"));
    assert(peer_anchor_load(buf_slice(&centre->ca.pem), &centre->anchor) == 0);
    assert(message_arena_new(ARENA_MAX, &centre->arena) == 0);
    open_hub(centre, 0);
}

uint16_t small_centre_port(const struct small_centre *centre)
{
    return centre->port;
}

void small_centre_stop(struct small_centre *centre)
{
    if (centre->hub) {
        hub_stop(centre->hub);
        assert(pthread_join(centre->thread, NULL) == 0);
        hub_free(centre->hub);
        centre->hub = NULL;
    }
}

void small_centre_again(struct small_centre *centre)
{
    small_centre_stop(centre);
    open_hub(centre, centre->port);
}

void small_centre_free(struct small_centre *centre)
{
    small_centre_stop(centre);
    message_arena_free(centre->arena);
    peer_anchor_free(centre->anchor);
    small_ca_free(&centre->ca);
    temp_dir_remove(&centre->dir);
}
