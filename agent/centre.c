#include "agent/centre.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/sync/link.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/time/zone.h"
#include "proto/limits.h"

enum { TELL_MS = 2000, RETRY_MIN_MS = 1000, WINDOW = 4 };

struct centre {
    struct centre_options options;
    struct link *link;
    struct loop_timer *tell;
    int64_t acked_ms; /* monotonic: newest answer while it ran; a refusal is an answer too, but no good sign */
};

static int64_t wall_of(int64_t monotonic_ms)
{
    return monotonic_ms == 0 ? 0 : clock_wall_ms() - (clock_monotonic_ms() - monotonic_ms);
}

static void tell_health(struct centre *centre)
{
    struct link_facts facts;
    struct health_centre health = {.known = true};
    link_facts(centre->link, &facts);
    health.joined = facts.joined;
    health.wanted = facts.wanted;
    health.connected_since_ms = wall_of(facts.connected_at_ms);
    if (facts.sync.state == SYNC_RUNNING) {
        centre->acked_ms = facts.sync.acked_at_ms;
    }
    health.acked_ms = wall_of(centre->acked_ms);
    health.delivered_ms = wall_of(facts.sync.summary_acked_at_ms);
    health.certificate_not_after_s = facts.certificate_not_after_s;
    health.certificate_renew_at_s = facts.renew_at_s;
    health.clock_offset_ms = facts.sync.clock_offset_ms;
    health.sent_again = facts.sync.resent_intervals;
    (void)snprintf(health.state, sizeof health.state, "%s", sync_state_str(facts.sync.state));
    (void)snprintf(health.collector, sizeof health.collector, "%s", facts.collector);
    (void)snprintf(health.address, sizeof health.address, "%s", facts.address);
    (void)snprintf(health.last_error, sizeof health.last_error, "%s", facts.sync.last_error);
    (void)snprintf(health.problem, sizeof health.problem, "%s", facts.problem);
    status_health_set_centre(centre->options.health, &health);
}

static void on_changed(void *ctx)
{
    struct centre *centre = ctx;
    if (centre->link) { /* not while it starts */
        tell_health(centre);
        centre->options.changed(centre->options.ctx);
    }
}

static void on_tell(void *ctx)
{
    tell_health(ctx);
}

/* Whom the site shows to nobody it does not tell the centre of either. */
static bool tells_operators(const struct agent_privacy_config *privacy)
{
    return privacy->operators_to_centre && privacy->operators != AGENT_OPERATORS_NONE;
}

static int start_link(struct centre *centre)
{
    const struct agent_config *config = centre->options.config;
    const struct agent_collector_config *collector = &config->collector;
    const struct link_options options = {.loop = centre->options.loop,
                                         .credentials_dir = collector->credentials,
                                         .url = collector->url[0] ? collector->url : NULL,
                                         .sync = {.ledger = centre->options.ledger,
                                                  .board = centre->options.board,
                                                  .site = config->site.id,
                                                  .agent_version = RINGSIDE_VERSION,
                                                  .zone = zone_name(),
                                                  .live = collector->live,
                                                  .operators = tells_operators(&config->privacy),
                                                  .live_min_ms = collector->live_interval_ms,
                                                  .heartbeat_ms = collector->heartbeat_ms,
                                                  .open_min_ms = collector->open_interval_ms,
                                                  .retry_min_ms = collector->retry_max_ms < RETRY_MIN_MS
                                                                      ? collector->retry_max_ms
                                                                      : (int64_t)RETRY_MIN_MS,
                                                  .retry_max_ms = collector->retry_max_ms,
                                                  .window = WINDOW,
                                                  .payload_max = LIMITS_PAYLOAD_MAX},
                                         .changed = on_changed,
                                         .ctx = centre};
    return link_start(&options, &centre->link);
}

int centre_start(const struct centre_options *options, struct centre **out)
{
    struct centre *centre = calloc(1, sizeof *centre);
    if (!centre) {
        return STATUS_NO_MEMORY;
    }
    centre->options = *options;
    int status = start_link(centre);
    if (status == 0) {
        status = loop_timer_start(options->loop, 0, TELL_MS, on_tell, centre, &centre->tell);
    }
    if (status != 0) {
        centre_stop(centre);
        return status;
    }
    *out = centre;
    return 0;
}

void centre_stop(struct centre *centre)
{
    if (centre) {
        loop_timer_stop(centre->tell);
        link_stop(centre->link);
        free(centre);
    }
}

void centre_committed(struct centre *centre, int64_t lag_ms)
{
    if (centre) {
        link_set_lag(centre->link, lag_ms);
        link_committed(centre->link);
    }
}

void centre_live_changed(struct centre *centre)
{
    if (centre) {
        link_live_changed(centre->link);
    }
}
