#include "agent/sync/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sync/link_internal.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/tls/secret.h"
#include "proto/paths.h"

enum { LOOK_MS = 2000, SAY_AGAIN_MS = 3600 * 1000, ATTEMPT_MS = 30000 };

/* ---- what people read ---- */

static bool was_said(const struct link_said *said, const char *text, int64_t now_ms)
{
    for (size_t i = 0; i < LINK_SAID_MAX; i++) {
        if (strcmp(said->lines[i].text, text) == 0 && now_ms - said->lines[i].at_ms < SAY_AGAIN_MS) {
            return true;
        }
    }
    return false;
}

void link_say(struct link_said *said, int level, const char *text)
{
    int64_t now_ms = clock_monotonic_ms();
    if (was_said(said, text, now_ms)) {
        log_write(LOG_DEBUG, "sync", "%s", text);
        return;
    }
    log_write((enum log_level)level, "sync", "%s", text);
    unsigned at = said->next++ % LINK_SAID_MAX;
    (void)snprintf(said->lines[at].text, sizeof said->lines[at].text, "%s", text);
    said->lines[at].at_ms = now_ms;
}

void link_unsay(struct link_said *said)
{
    *said = (struct link_said){.next = 0};
}

static void tell_changed(struct link *link)
{
    if (link->options.changed) {
        link->options.changed(link->options.ctx);
    }
}

static void set_problem(struct link *link, const char *text, int level)
{
    bool news = strcmp(link->problem, text) != 0;
    (void)snprintf(link->problem, sizeof link->problem, "%s", text);
    if (text[0]) {
        link_say(&link->said_problem, level, text);
    } else {
        link_unsay(&link->said_problem);
    }
    if (news) {
        tell_changed(link);
    }
}

static void tell_state(struct link *link)
{
    struct sync_facts facts;
    char line[300];
    sync_facts(link->sync, &facts);
    if (facts.state != link->state_told) {
        if (facts.state == SYNC_RUNNING) {
            log_write(LOG_NOTICE, "sync", "connected to %s (%s)", link->url, link->connected_to);
            link_unsay(&link->said_connect);
        } else if (facts.state == SYNC_HELD) {
            (void)snprintf(line, sizeof line, "the collector does not take what we have now: %s", facts.last_error);
            link_say(&link->said_connect, LOG_WARNING, line);
        }
        link->state_told = facts.state;
        tell_changed(link);
    }
    if (facts.resends > link->resends_told) {
        log_write(LOG_WARNING, "sync", "the centre lost what it had: %" PRIu64 " intervals are sent again",
                  facts.resent_intervals - link->resent_told);
        link->resends_told = facts.resends;
        link->resent_told = facts.resent_intervals;
    }
    if (facts.refused_intervals > link->refused_told) {
        link->refused_told = facts.refused_intervals;
        (void)snprintf(line, sizeof line, "the collector refused intervals, which are kept: %s", facts.last_error);
        link_say(&link->said_refused, LOG_WARNING, line);
    }
}

/* ---- the engine ---- */

static void engine_due(struct link *link)
{
    (void)loop_timer_restart(link->turn, 0);
}

static bool is_expired(const struct link *link)
{
    return credentials_expired(link->credentials, clock_wall_ms() / 1000);
}

static void on_turn(void *ctx)
{
    struct link *link = ctx;
    if (!link->sync || !link->credentials) {
        return;
    }
    if (link->dial_failed) {
        sync_closed(link->sync, clock_monotonic_ms(), status_str(link->dial_failed));
        link->dial_failed = 0;
    }
    if (link->connected && link_renewal_due(link)) {
        link_renewal_begin(link);
    }
    int64_t wait_ms = sync_turn(link->sync, clock_monotonic_ms(), clock_wall_ms());
    tell_state(link);
    if (wait_ms >= 0) {
        (void)loop_timer_restart(link->turn, link->dial_failed ? 0 : (uint64_t)wait_ms);
    }
}

static double random_part(void *ctx)
{
    uint64_t bits = 0;
    (void)ctx;
    (void)secret_random(&bits, sizeof bits);
    return (double)(bits >> 11) / 9007199254740992.0; /* 2^53 */
}

/* ---- the connection ---- */

static void drop_dial(struct link *link)
{
    dial_stop(link->dial);
    link->dial = NULL;
    link->connected = false;
    link->connected_to[0] = 0;
    link->connected_at_ms = 0;
    link_renewal_drop(link);
}

void link_hang_up(struct link *link, const char *reason)
{
    if (link->dial) {
        drop_dial(link);
        sync_closed(link->sync, clock_monotonic_ms(), reason);
        engine_due(link);
    }
}

static int on_judge(void *ctx, void *tls_session, struct dial_why *why)
{
    struct link *link = ctx;
    struct peer peer;
    int status = peer_judge(credentials_anchor(link->credentials), tls_session, link->address.host,
                            clock_wall_ms() / 1000, &peer);
    if (status != 0) {
        (void)snprintf(why->text, sizeof why->text, "%s", status_str(status));
        return status;
    }
    if (peer.verdict != PEER_TRUSTED) {
        bool clock = peer.verdict == PEER_EXPIRED || peer.verdict == PEER_NOT_YET_VALID;
        (void)snprintf(why->text, sizeof why->text, "not taken for the centre: %s%s", peer_verdict_str(peer.verdict),
                       clock ? " (or this box's clock is wrong)" : "");
        return STATUS_DENIED;
    }
    return 0;
}

/* An expired certificate is good for nothing but its renewal: the engine hears of the connection after it. */
static void on_connected(void *ctx)
{
    struct link *link = ctx;
    if (is_expired(link)) {
        link_renewal_begin(link);
        return;
    }
    link->connected = true;
    link->connected_at_ms = clock_monotonic_ms();
    link->attempts = 0;
    (void)snprintf(link->connected_to, sizeof link->connected_to, "%s", dial_address(link->dial));
    sync_connected(link->sync, clock_monotonic_ms(), dial_payload_max(link->dial));
    engine_due(link);
}

static void on_answered(void *ctx, const struct uplink_answer *answer)
{
    struct link *link = ctx;
    if (answer->tag == LINK_RENEWAL_TAG) {
        link_renewal_answered(link, answer);
        return;
    }
    sync_answered(link->sync, clock_monotonic_ms(), clock_wall_ms(), answer->tag, answer->code, answer->max_age_s,
                  answer->payload);
    engine_due(link);
}

static void on_closed(void *ctx, const char *reason)
{
    struct link *link = ctx;
    char line[300];
    (void)snprintf(line, sizeof line, "%s %.70s: %.130s%s", link->connected ? "lost" : "no connection to", link->url,
                   reason, is_expired(link) ? " (this box's certificate expired: it may have to join again)" : "");
    link_say(&link->said_connect, LOG_WARNING, line);
    link_hang_up(link, reason);
    tell_changed(link);
}

static void do_connect(void *ctx)
{
    struct link *link = ctx;
    const struct dial_options options = {.loop = link->options.loop,
                                         .host = link->address.host,
                                         .port = link->address.port,
                                         .first = link->attempts++,
                                         .attempt_ms = ATTEMPT_MS,
                                         .identity_path = credentials_identity_path(link->credentials),
                                         .ca_path = credentials_ca_path(link->credentials),
                                         .ctx = link,
                                         .judge = on_judge,
                                         .connected = on_connected,
                                         .answered = on_answered,
                                         .closed = on_closed};
    drop_dial(link);
    link->dial_failed = dial_start(&options, &link->dial);
    if (link->dial_failed) {
        link->dial = NULL; /* it hears of that in its next turn: this one is under way */
    }
}

static void do_close(void *ctx)
{
    struct link *link = ctx;
    struct sync_facts facts;
    char line[300];
    sync_facts(link->sync, &facts);
    (void)snprintf(line, sizeof line, "hung up on %.120s: %.160s", link->url, facts.last_error);
    link_say(&link->said_connect, LOG_WARNING, line);
    drop_dial(link);
}

static int do_request(void *ctx, enum sync_resource resource, struct slice payload, uint64_t tag)
{
    struct link *link = ctx;
    const char *path[1] = {resource == SYNC_HELLO       ? PATHS_HELLO
                           : resource == SYNC_SUMMARIES ? PATHS_SUMMARIES
                                                        : PATHS_LIVE};
    const struct uplink_request request = {.method = UPLINK_POST,
                                           .path = path,
                                           .path_count = 1,
                                           .format = PATHS_FORMAT_OCTETS,
                                           .accept = -1,
                                           .payload = payload,
                                           .tag = tag};
    return link->dial ? dial_request(link->dial, &request) : STATUS_BUSY;
}

/* ---- the credentials ---- */

static int make_engine(struct link *link)
{
    struct sync_options options = link->options.sync;
    options.site = link->site;
    options.agent_version = link->agent_version;
    options.zone = link->zone;
    options.random = random_part;
    options.transport =
        (struct sync_transport){.ctx = link, .connect = do_connect, .close = do_close, .request = do_request};
    int status = secret_random(options.instance, sizeof options.instance);
    return status == 0 ? sync_new(&options, clock_monotonic_ms(), &link->sync) : status;
}

/* 0: they can be used. */
static int judge_credentials(const struct link *link, const struct credentials *credentials,
                             struct credentials_url *url, struct credentials_why *why)
{
    const char *text = link->url_set ? link->url_set : credentials_url(credentials);
    if (strcmp(credentials_facts(credentials)->name, link->site) != 0) {
        (void)snprintf(why->text, sizeof why->text,
                       "this box joined as site \"%s\", but site.id is \"%s\": set site.id, or join again",
                       credentials_facts(credentials)->name, link->site);
        return STATUS_INVALID;
    }
    if (!text[0]) {
        (void)snprintf(why->text, sizeof why->text,
                       "no collector's address is stored with the credentials: set collector.url, or join again");
        return STATUS_INVALID;
    }
    return credentials_url_parse(text, url, why);
}

static void use(struct link *link, struct credentials *credentials)
{
    link->credentials = credentials;
    (void)snprintf(link->url, sizeof link->url, "%s", link->url_set ? link->url_set : credentials_url(credentials));
    link->renewal_retry_ms = 0;
    if (!link->sync && make_engine(link) != 0) {
        set_problem(link, "out of memory", LOG_ERROR);
        return;
    }
    sync_set_lag(link->sync, link->lag_ms);
    set_problem(link, "", LOG_INFO);
    engine_due(link);
}

void link_load_credentials(struct link *link)
{
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    if (link->credentials) {
        link_hang_up(link, "the credentials changed");
        credentials_close(link->credentials);
        link->credentials = NULL;
        tell_changed(link);
    }
    int status = credentials_open(link->credentials_dir, &credentials, &why);
    link->joined_once = status != STATUS_NOT_FOUND;
    if (status == 0) {
        status = judge_credentials(link, credentials, &link->address, &why);
    }
    if (status == 0) {
        use(link, credentials);
        return;
    }
    credentials_close(credentials);
    /* Most boxes that never join are meant to be alone. */
    set_problem(link, why.text, link->joined_once || link->url_set ? LOG_ERROR : LOG_DEBUG);
}

/* While they cannot be used they are tried again each time: what is wrong may be cured elsewhere. */
static void on_look(void *ctx)
{
    struct link *link = ctx;
    link_renewal_tend(link);
    if (!link->credentials || credentials_changed(link->credentials)) {
        link_load_credentials(link);
    } else if (link->connected && link_renewal_due(link)) {
        engine_due(link);
    }
}

/* ---- life ---- */

static int copy(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return text && !*to ? STATUS_NO_MEMORY : 0;
}

static int copy_options(struct link *link, const struct link_options *options)
{
    link->options = *options;
    int status = copy(&link->credentials_dir, options->credentials_dir);
    status = status ? status : copy(&link->url_set, options->url);
    status = status ? status : copy(&link->site, options->sync.site);
    status = status ? status : copy(&link->agent_version, options->sync.agent_version);
    return status ? status : copy(&link->zone, options->sync.zone);
}

int link_start(const struct link_options *options, struct link **out)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link) {
        return STATUS_NO_MEMORY;
    }
    int status = copy_options(link, options);
    link->lag_ms = -1;
    link->renewal_jitter = random_part(NULL);
    if (status == 0) {
        status = loop_timer_start(options->loop, UINT32_MAX, 0, on_turn, link, &link->turn);
    }
    if (status == 0) {
        status = loop_timer_start(options->loop, LOOK_MS, LOOK_MS, on_look, link, &link->look);
    }
    if (status != 0) {
        link_stop(link);
        return status;
    }
    link_load_credentials(link);
    *out = link;
    return 0;
}

void link_stop(struct link *link)
{
    if (!link) {
        return;
    }
    drop_dial(link);
    loop_timer_stop(link->turn);
    loop_timer_stop(link->look);
    sync_free(link->sync);
    credentials_close(link->credentials);
    free(link->credentials_dir);
    free(link->url_set);
    free(link->site);
    free(link->agent_version);
    free(link->zone);
    free(link);
}

void link_committed(struct link *link)
{
    if (link->sync && link->credentials) {
        sync_committed(link->sync, clock_monotonic_ms());
        engine_due(link);
    }
}

void link_live_changed(struct link *link)
{
    if (link->sync && link->credentials && sync_live_changed(link->sync)) {
        engine_due(link);
    }
}

void link_set_lag(struct link *link, int64_t lag_ms)
{
    link->lag_ms = lag_ms;
    if (link->sync) {
        sync_set_lag(link->sync, lag_ms);
    }
}

void link_facts(const struct link *link, struct link_facts *out)
{
    *out = (struct link_facts){.joined = link->credentials != NULL,
                               .wanted = link->joined_once || link->url_set,
                               .connected_at_ms = link->connected_at_ms,
                               .renewed_at_s = link->renewed_at_s};
    (void)snprintf(out->problem, sizeof out->problem, "%s", link->problem);
    (void)snprintf(out->address, sizeof out->address, "%s", link->connected_to);
    if (link->credentials) {
        (void)snprintf(out->collector, sizeof out->collector, "%s", link->url);
        out->renew_at_s = credentials_renew_at_s(link->credentials, link->renewal_jitter);
        out->certificate_not_after_s = credentials_facts(link->credentials)->not_after_s;
    }
    if (link->sync) {
        sync_facts(link->sync, &out->sync);
    }
}
