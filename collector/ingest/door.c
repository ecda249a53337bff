#include "collector/ingest/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/door_internal.h"
#include "platform/base/grow.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "proto/paths.h"

enum {
    TICK_MS = 1000,
    TEND_MS = 3600 * 1000,
    LINGER_MS = 500, /* for a refusal to reach the other end before the connection goes */
    NOTES_MS = 10 * 1000,
    NOTES_MAX = 50, /* lines about refusals in that time */
    BUSY_RETRY_S = 1
};

/* Of a site. Each one signs and waits for the disk, in the thread that serves everybody. */
static const struct admit_flood enrolments = {
    .bytes_per_s = 1, .bytes_max = 1, .messages_per_s = 0.5, .messages_max = 60};

enum { BAD_METHOD = 405, NOT_FOUND = 404, BAD_FORMAT = 415, UNAVAILABLE = 503 };

void door_note(struct door *door, const char *address, const char *site, const char *text)
{
    struct door_notes *notes = &door->notes;
    int64_t now_ms = clock_monotonic_ms();
    if (notes->since_ms == 0 || now_ms - notes->since_ms >= NOTES_MS) {
        if (notes->left_out > 0) {
            log_write(LOG_WARNING, "ingest", "%llu more refusals were not logged", (unsigned long long)notes->left_out);
        }
        *notes = (struct door_notes){.since_ms = now_ms};
    }
    if (notes->lines++ >= NOTES_MAX) {
        notes->left_out++;
        return;
    }
    log_write(LOG_WARNING, "ingest", "%s%s%s refused: %s", address, site[0] ? " site " : "", site, text);
}

struct door_account *door_account(struct door *door, uint32_t site)
{
    struct door_account *accounts = grow_table(door->accounts, site, &door->account_count, sizeof *accounts);
    if (!accounts) {
        return NULL;
    }
    door->accounts = accounts;
    return &accounts[site];
}

static enum door_resource resource_of(const struct hub_request *request)
{
    static const struct {
        const char *name;
        enum door_resource resource;
    } short_ones[] = {{PATHS_SUMMARIES, DOOR_SUMMARIES}, {PATHS_LIVE, DOOR_LIVE}, {PATHS_HELLO, DOOR_HELLO}},
      est[] = {{PATHS_EST_CRTS, DOOR_CRTS}, {PATHS_EST_ENROLL, DOOR_ENROLL}, {PATHS_EST_REENROLL, DOOR_REENROLL}};
    bool is_est = request->path_count == 3 && slice_is(request->path[0], PATHS_WELL_KNOWN) &&
                  slice_is(request->path[1], PATHS_EST);
    for (size_t i = 0; i < 3; i++) {
        if (request->path_count == 1 && slice_is(request->path[0], short_ones[i].name)) {
            return short_ones[i].resource;
        }
        if (is_est && slice_is(request->path[2], est[i].name)) {
            return est[i].resource;
        }
    }
    return DOOR_NOTHING;
}

/* Keys of join tokens, for the handshake. */
static size_t on_psk(void *ctx, struct slice identity, uint8_t key[HUB_KEY_MAX])
{
    struct door *door = ctx;
    size_t lead = strlen(PATHS_JOIN_IDENTITY);
    struct registry_site site;
    char id[LIMITS_SITE_MAX + 1] = "";
    const char *why = NULL;
    if (identity.len <= lead || memcmp(identity.data, PATHS_JOIN_IDENTITY, lead) != 0 ||
        identity.len - lead > LIMITS_SITE_MAX) {
        why = "its PSK identity is not that of a joining site";
    } else {
        memcpy(id, identity.data + lead, identity.len - lead);
        if (registry_find(door->options->registry, slice_str(id), &site) != 0) {
            why = "wants to join, but there is no such site here";
        } else if (site.state == REGISTRY_REVOKED || site.state == REGISTRY_REMOVED) {
            why = "wants to join, but it is revoked or removed";
        } else if (!site.has_token) {
            why = "wants to join, but its token was used or never made";
        } else if (site.token_expires_ms <= clock_wall_ms()) {
            why = "wants to join, but its token expired";
        }
    }
    if (why) {
        door->refused_connections++;
        door_note(door, "a connection", id, why);
        return 0;
    }
    memcpy(key, site.token_psk, REGISTRY_KEY_BYTES);
    return REGISTRY_KEY_BYTES;
}

static void judge_session(struct door *door, const struct hub_session_facts *facts, struct door_session *session)
{
    int64_t now_s = clock_wall_ms() / 1000;
    if (facts->psk_identity.len > strlen(PATHS_JOIN_IDENTITY)) {
        session->kind = DOOR_JOINING;
        (void)snprintf(session->site_id, sizeof session->site_id, "%.*s",
                       (int)(facts->psk_identity.len - strlen(PATHS_JOIN_IDENTITY)),
                       facts->psk_identity.data + strlen(PATHS_JOIN_IDENTITY));
        (void)door_refresh(door, session);
        memcpy(session->token_psk, session->site.token_psk, sizeof session->token_psk);
        return;
    }
    session->kind = DOOR_SITE;
    const struct peer_anchor *anchor = identity_anchor(door->options->identity, now_s);
    if (!anchor || peer_judge(anchor, facts->tls_session, NULL, now_s, &session->peer) != 0) {
        session->peer.verdict = PEER_UNKNOWN_CA;
    }
    (void)snprintf(session->site_id, sizeof session->site_id, "%s", session->peer.facts.name);
}

/* A session with a certificate that does not do is let in to be told so, and closed after that. */
static int on_opened(void *ctx, const struct hub_session_facts *facts, void **session_ctx)
{
    struct door *door = ctx;
    struct door_session *session = calloc(1, sizeof *session);
    struct desk_job *gone = calloc(1, sizeof *gone);
    if (!session || !gone) {
        free(session);
        free(gone);
        return STATUS_NO_MEMORY;
    }
    session->gone = gone;
    session->number = facts->session;
    (void)snprintf(session->address, sizeof session->address, "%s", facts->address);
    judge_session(door, facts, session);
    if (session->kind == DOOR_SITE && session->peer.verdict == PEER_NO_CERTIFICATE) {
        door->refused_connections++;
        door_note(door, session->address, "", peer_verdict_str(PEER_NO_CERTIFICATE));
        free(session->gone);
        free(session);
        return STATUS_DENIED;
    }
    door_admit_session(door, session);
    *session_ctx = session;
    return 0;
}

static void on_closed(void *ctx, const struct hub_session_facts *facts, void *session_ctx)
{
    (void)facts;
    if (session_ctx) {
        door_drop_session(ctx, session_ctx);
    }
}

static void on_refused(void *ctx, const char *address, const char *reason)
{
    struct door *door = ctx;
    door->refused_connections++;
    door_note(door, address, "", reason);
}

static bool refuse(struct door *door, struct door_session *session, unsigned code, const char *text,
                   struct hub_answer *answer)
{
    door->refused_requests++;
    if (!session->told) {
        session->told = true;
        door_note(door, session->address, session->site_id, text);
    }
    answer->code = code;
    answer->format = -1;
    answer->payload = slice_str(text);
    return true;
}

static bool busy(struct hub_answer *answer, uint32_t retry_s, const char *text)
{
    answer->code = UNAVAILABLE;
    answer->format = -1;
    answer->max_age_s = retry_s;
    answer->payload = slice_str(text);
    return true;
}

static struct desk_job *make_job(struct door *door, const struct door_session *session, struct door_account *account,
                                 const struct hub_request *request)
{
    struct desk_job *job = calloc(1, sizeof *job);
    uint8_t *payload = malloc(request->payload.len + 1);
    if (!job || !payload) {
        free(job);
        free(payload);
        return NULL;
    }
    if (request->payload.len > 0) {
        memcpy(payload, request->payload.data, request->payload.len);
    }
    job->session = session->number;
    job->site = session->site.number;
    memcpy(job->site_id, session->site.id, sizeof job->site_id);
    memcpy(job->address, session->address, sizeof job->address);
    job->fresh = session->site.fresh;
    job->ticket = request->ticket;
    job->payload = payload;
    job->payload_len = request->payload.len;
    job->flood_refusals = account->flood_refusals;
    account->flood_refusals = 0;
    struct hub_session_facts facts;
    if (hub_facts(door->hub, session->number, &facts)) {
        job->in_bytes = facts.in_bytes;
        job->out_bytes = facts.out_bytes;
    }
    return job;
}

/* Data for the clerk. False: handed in, the answer comes later. */
static bool take_data(struct door *door, struct door_session *session, enum door_resource resource,
                      const struct hub_request *request, struct hub_answer *answer)
{
    static const enum desk_kind kinds[] = {
        [DOOR_HELLO] = DESK_HELLO, [DOOR_SUMMARIES] = DESK_BATCH, [DOOR_LIVE] = DESK_LIVE};
    const struct ingest_options *options = door->options;
    if (request->method != HUB_POST) {
        return refuse(door, session, BAD_METHOD, "POST is served here", answer);
    }
    if (request->format >= 0 && request->format != PATHS_FORMAT_OCTETS) {
        return refuse(door, session, BAD_FORMAT, "content format 42 is served here", answer);
    }
    struct door_account *account = door_account(door, session->site.number);
    if (!account) {
        return busy(answer, BUSY_RETRY_S, "no memory");
    }
    uint32_t wait_s = admit_flood(&account->bucket, &options->flood, request->payload.len, clock_monotonic_ms());
    if (wait_s > 0) {
        account->flood_refusals++;
        return busy(answer, wait_s, "too much at once");
    }
    size_t bytes = sizeof(struct desk_job) + request->payload.len;
    if (account->buffered_bytes + bytes > options->site_buffer_max ||
        desk_buffered_bytes(door->desk) + bytes > options->total_buffer_max) {
        return busy(answer, BUSY_RETRY_S, "too much is waiting to be stored");
    }
    struct desk_job *job = make_job(door, session, account, request);
    if (!job) {
        return busy(answer, BUSY_RETRY_S, "no memory");
    }
    job->kind = kinds[resource];
    door_tell_clerk(door, session);
    if (!desk_hand_in(door->desk, job)) {
        return busy(answer, BUSY_RETRY_S, "the collector is stopping");
    }
    account->buffered_bytes += bytes;
    return false;
}

static bool on_request(void *ctx, const struct hub_request *request, struct hub_answer *answer)
{
    struct door *door = ctx;
    struct door_session *session = request->session_ctx;
    *answer = (struct hub_answer){.format = -1};
    enum door_resource resource = resource_of(request);
    if (resource == DOOR_NOTHING) {
        return refuse(door, session, NOT_FOUND, "there is nothing of that name here", answer);
    }
    unsigned code = door_rights(door, session, resource, clock_wall_ms(), &door->why);
    if (code == UNAVAILABLE) {
        return busy(answer, BUSY_RETRY_S, door->why.text);
    }
    if (code != 0) {
        door_doom(session, LINGER_MS);
        return refuse(door, session, code, door->why.text, answer);
    }
    if (session->doomed_at_ms != 0) {
        return busy(answer, BUSY_RETRY_S, "this connection ends: make a new one");
    }
    if (resource == DOOR_CRTS || resource == DOOR_ENROLL || resource == DOOR_REENROLL) {
        struct door_account *account = door_account(door, session->charged);
        uint32_t wait_s = account ? admit_flood(&account->enrolments, &enrolments, 0, clock_monotonic_ms()) : 1;
        if (wait_s > 0) {
            return busy(answer, wait_s, "too many enrolments at once");
        }
        buf_reset(&door->body);
        door_enrol(door, session, resource, request, answer, &door->body);
        answer->payload = buf_slice(&door->body);
        return true;
    }
    return take_data(door, session, resource, request, answer);
}

static void send_answers(struct door *door)
{
    struct desk_list jobs = desk_collect(door->desk);
    struct desk_job *job;
    while ((job = desk_list_pop(&jobs))) {
        if (job->kind != DESK_GONE) {
            struct hub_answer answer = {.code = job->code,
                                        .format = job->code == 204 && job->answer.len > 0 ? PATHS_FORMAT_OCTETS : -1,
                                        .max_age_s = job->max_age_s,
                                        .payload = buf_slice(&job->answer)};
            hub_answer(door->hub, &job->ticket, &answer);
            struct door_account *account = door_account(door, job->site);
            if (account) {
                account->buffered_bytes -= desk_job_bytes(job);
            }
            if (job->close) {
                hub_close(door->hub, job->session);
            }
        }
        desk_job_free(job);
    }
    uint64_t number;
    while (desk_next_closing(door->desk, &number)) {
        hub_close(door->hub, number);
    }
}

static void share_counters(struct door *door)
{
    struct hub_counters counters;
    hub_counters(door->hub, &counters);
    (void)pthread_mutex_lock(&door->lock);
    door->turned_ms = clock_monotonic_ms();
    door->shared = (struct door_counters){.sessions = counters.sessions,
                                          .handshakes = counters.handshakes,
                                          .refused_connections = door->refused_connections,
                                          .refused_requests = door->refused_requests};
    (void)pthread_mutex_unlock(&door->lock);
}

static void tend_identity(struct door *door, int64_t now_ms)
{
    if (door->tended_at_ms != 0 && now_ms - door->tended_at_ms < TEND_MS) {
        return;
    }
    door->tended_at_ms = now_ms;
    int status = identity_tend(door->options->identity, clock_wall_ms() / 1000);
    if (status > 0) {
        log_write(LOG_NOTICE, "ingest", "the collector's own certificate was renewed");
    } else if (status < 0) {
        log_write(LOG_ERROR, "ingest", "the collector's own certificate could not be renewed: %s", status_str(status));
    }
}

static int64_t on_turn(void *ctx)
{
    struct door *door = ctx;
    send_answers(door);
    int64_t now_ms = clock_monotonic_ms();
    if (door->ticked_at_ms == 0 || now_ms - door->ticked_at_ms >= TICK_MS) {
        door->ticked_at_ms = now_ms;
        uint64_t version = registry_version(door->options->registry);
        bool changed = version != door->version_seen;
        door->version_seen = version;
        door_look_over(door, changed, now_ms);
        tend_identity(door, now_ms);
        share_counters(door);
    }
    return door->ticked_at_ms + TICK_MS - now_ms;
}

int door_new(const struct ingest_options *options, struct desk *desk, struct door **out)
{
    struct door *door = calloc(1, sizeof *door);
    if (!door) {
        return STATUS_NO_MEMORY;
    }
    door->options = options;
    door->desk = desk;
    door->version_seen = registry_version(options->registry);
    struct hub_options hub_options = {.host = options->host,
                                      .port = options->port,
                                      .identity_path = options->identity_collector_path,
                                      .ca_path = options->identity_ca_path,
                                      .message_max = LIMITS_MESSAGE_MAX,
                                      .sessions_max = options->sessions_max,
                                      .handshakes_max = options->handshakes_max,
                                      .handshake_ms = options->handshake_ms,
                                      .idle_ms = options->idle_ms,
                                      .ctx = door,
                                      .psk = on_psk,
                                      .opened = on_opened,
                                      .closed = on_closed,
                                      .refused = on_refused,
                                      .request = on_request,
                                      .turn = on_turn};
    int status = pthread_mutex_init(&door->lock, NULL) == 0 ? 0 : STATUS_NO_MEMORY;
    if (status == 0) {
        status = hub_new(&hub_options, &door->hub);
    }
    if (status == 0 && !door_account(door, 0)) {
        status = STATUS_NO_MEMORY;
    }
    if (status != 0) {
        hub_free(door->hub);
        free(door->accounts);
        free(door);
        return status;
    }
    *out = door;
    return 0;
}

void door_free(struct door *door)
{
    if (!door) {
        return;
    }
    hub_free(door->hub);
    (void)pthread_mutex_destroy(&door->lock);
    buf_deinit(&door->body);
    free(door->accounts);
    free(door);
}

int door_run(struct door *door)
{
    return hub_run(door->hub);
}

void door_wake(struct door *door)
{
    hub_wake(door->hub);
}

void door_stop(struct door *door)
{
    hub_stop(door->hub);
}

uint16_t door_port(const struct door *door)
{
    return hub_port(door->hub);
}

int64_t door_turned_ms(struct door *door)
{
    (void)pthread_mutex_lock(&door->lock);
    int64_t turned_ms = door->turned_ms;
    (void)pthread_mutex_unlock(&door->lock);
    return turned_ms;
}

void door_counters(struct door *door, struct door_counters *out)
{
    (void)pthread_mutex_lock(&door->lock);
    *out = door->shared;
    (void)pthread_mutex_unlock(&door->lock);
}
