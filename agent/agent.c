#include "agent/agent.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/centre.h"
#include "agent/confine.h"
#include "agent/follower.h"
#include "agent/keeper.h"
#include "agent/manager.h"
#include "agent/pipeline.h"
#include "agent/sentinel.h"
#include "agent/status/server.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/loop/loop.h"
#include "platform/service/notify.h"
#include "platform/service/privilege.h"
#include "platform/service/runner.h"
#include "platform/time/clock.h"
#include "platform/time/zone.h"

enum {
    LIVE_FIRST_MS = 150, /* events of the manager interface come within some ms of the log's rows */
    TEND_MS = 10 * 1000,
};

struct agent {
    const struct agent_config *config;
    struct confinement confinement;
    struct loop *loop;
    struct pipeline *pipeline;
    struct status_health *health;
    struct keeper *keeper;
    struct board *board; /* NULL: there is no live source, as for the manager */
    struct manager *manager;
    struct follower *follower; /* NULL: there is no log */
    struct centre *centre;
    struct sentinel *sentinel; /* NULL: there is no rule */
    struct runner *runner;     /* NULL: there is no hook */
    struct status_server *server;
    struct notify *notify;
    struct loop_signal *on_term;
    struct loop_signal *on_int;
    struct loop_timer *watchdog;
    struct loop_timer *tending;
    int result;
};

static int failed(const char *what, int status)
{
    log_write(LOG_ERROR, "agent", "%s: %s", what, status_str(status));
    return status;
}

static void on_stop_signal(void *ctx, int signal_number)
{
    struct agent *agent = ctx;
    log_write(LOG_NOTICE, "agent", "stopping (signal %d)", signal_number);
    loop_stop(agent->loop);
}

static void on_news(void *ctx)
{
    struct agent *agent = ctx;
    if (agent->server) {
        status_server_notify(agent->server);
    }
}

/* How far what is counted is behind; -1: not known. */
static int64_t lag_ms(const struct agent *agent)
{
    if (agent->follower) {
        return follower_lag_ms(agent->follower);
    }
    return agent->manager && manager_sees(agent->manager) ? 0 : -1;
}

static void on_committed(void *ctx)
{
    struct agent *agent = ctx;
    on_news(agent);
    if (agent->centre) { /* not while it starts */
        centre_committed(agent->centre, lag_ms(agent));
    }
}

static void on_live(void *ctx)
{
    struct agent *agent = ctx;
    if (agent->server) {
        status_server_notify_live(agent->server);
    }
    centre_live_changed(agent->centre);
}

static bool on_log_read(void *ctx)
{
    const struct agent *agent = ctx;
    return agent->follower && follower_is_caught_up(agent->follower);
}

static void on_gave_up(void *ctx, int status)
{
    struct agent *agent = ctx;
    (void)status;
    agent->result = 1;
    loop_stop(agent->loop);
}

static void on_watchdog(void *ctx)
{
    struct agent *agent = ctx;
    (void)notify_watchdog(agent->notify);
}

/* The confinement holds for good; the service manager starts us again, and nothing is lost by that. */
static void on_tend(void *ctx)
{
    struct agent *agent = ctx;
    struct health health;
    const char *what;
    status_health_copy(agent->health, &health);
    bool centre = health.centre.wanted && strcmp(health.centre.state, "running") != 0;
    bool manager = agent->manager && !manager_sees(agent->manager);
    if (confine_is_outdated(agent->config, centre || manager, centre, &what)) {
        log_write(LOG_NOTICE, "agent", "stopping, to be started again: %s", what);
        agent->result = 1;
        loop_stop(agent->loop);
    }
}

/* Before anything is opened that only root may open, there is nothing such: rights are dropped first. */
static int drop_rights(const struct agent_config *config)
{
    struct buf why = BUF_INIT;
    int status = privilege_nice(config->service.nice);
    if (status != 0) {
        log_write(LOG_WARNING, "agent", "nice: %s", status_str(status));
    }
    status = privilege_drop(config->service.user, &why);
    if (status == STATUS_NOT_FOUND && config->service.user_default) {
        log_write(LOG_WARNING, "agent", "%s: staying who we are", buf_cstr(&why));
        buf_reset(&why);
        status = 0;
    }
    if (status == 0) {
        status = privilege_harden(&why);
    }
    if (status != 0) {
        log_write(LOG_ERROR, "agent", "%s", buf_cstr(&why));
    }
    buf_deinit(&why);
    return status;
}

static void tell_damage(const struct agent *agent)
{
    const struct kv_loss *damage = ledger_mended(pipeline_ledger(agent->pipeline));
    char text[512];
    if (damage) {
        ledger_damage_tell(damage, text, sizeof text);
        log_write(LOG_ERROR, "ledger", "%s: %s", agent->config->ledger.dir, text);
    }
}

/* Made before there are keys, files and threads; later the agent itself may make no process. */
static int start_runner(struct agent *agent)
{
    const struct agent_alerting_config *alerting = &agent->config->alerting;
    if (alerting->rule_count == 0 || !alerting->hook[0]) {
        return 0;
    }
    int status = runner_start(alerting->hook, &agent->runner);
    return status != 0 ? failed("the process for alerting.hook", status) : 0;
}

static int open_pipeline(struct agent *agent)
{
    struct pipeline_options options = {
        .config = agent->config, .now_ms = clock_wall_ms(), .live = true, .board = agent->board};
    int status = pipeline_open(&options, &agent->pipeline);
    if (status == STATUS_BUSY) {
        log_write(LOG_ERROR, "ledger", "%s: another process is writing it", agent->config->ledger.dir);
    } else if (status == STATUS_INVALID) {
        log_write(LOG_ERROR, "ledger", "%s: belongs to another site than \"%s\"", agent->config->ledger.dir,
                  agent->config->site.id);
    } else if (status != 0) {
        log_write(LOG_ERROR, "ledger", "%s: %s", agent->config->ledger.dir, status_str(status));
    } else {
        tell_damage(agent);
    }
    return status;
}

static int start_server(struct agent *agent)
{
    if (!agent->config->status.enabled) {
        return 0;
    }
    struct status_server_options options = {.host = agent->config->status.host,
                                            .port = agent->config->status.port,
                                            .observe_min_ms = agent->config->status.observe_min_ms,
                                            .live_min_ms = agent->config->status.live_min_ms,
                                            .board = agent->board,
                                            .ledger_dir = agent->config->ledger.dir,
                                            .ledger = pipeline_ledger(agent->pipeline),
                                            .health = agent->health};
    int status = status_server_start(&options, &agent->server);
    if (status != 0) {
        log_write(LOG_ERROR, "status", "%s port %u: %s", agent->config->status.host, agent->config->status.port,
                  status_str(status));
    }
    return status;
}

static int start_sources(struct agent *agent)
{
    const struct agent_source_config *log = agent_config_source(agent->config, AGENT_SOURCE_QUEUE_LOG);
    const struct agent_source_config *ami = agent_config_source(agent->config, AGENT_SOURCE_AMI);
    struct follower_options follower = {.source = log,
                                        .loop = agent->loop,
                                        .keeper = agent->keeper,
                                        .pipeline = agent->pipeline,
                                        .health = agent->health,
                                        .hold_ms = ami ? LIVE_FIRST_MS : 0};
    struct manager_options manager = {.source = ami,
                                      .loop = agent->loop,
                                      .keeper = agent->keeper,
                                      .pipeline = agent->pipeline,
                                      .health = agent->health,
                                      .leads = log == NULL,
                                      .log_read = on_log_read,
                                      .changed = on_live,
                                      .ctx = agent};
    int status = log ? follower_start(&follower, &agent->follower) : 0;
    return status == 0 && ami ? manager_start(&manager, &agent->manager) : status;
}

static int start_loop_parts(struct agent *agent)
{
    int status = loop_signal_watch(agent->loop, SIGTERM, on_stop_signal, agent, &agent->on_term);
    if (status == 0) {
        status = loop_signal_watch(agent->loop, SIGINT, on_stop_signal, agent, &agent->on_int);
    }
    struct keeper_options keeper = {.config = agent->config,
                                    .loop = agent->loop,
                                    .pipeline = agent->pipeline,
                                    .health = agent->health,
                                    .committed = on_committed,
                                    .gave_up = on_gave_up,
                                    .ctx = agent};
    if (status == 0) {
        status = keeper_start(&keeper, &agent->keeper);
    }
    if (status == 0) {
        status = start_sources(agent);
    }
    struct centre_options centre = {.config = agent->config,
                                    .loop = agent->loop,
                                    .ledger = pipeline_ledger(agent->pipeline),
                                    .board = agent->board,
                                    .health = agent->health,
                                    .changed = on_news,
                                    .ctx = agent};
    if (status == 0) {
        status = centre_start(&centre, &agent->centre);
    }
    struct sentinel_options sentinel = {.config = agent->config,
                                        .loop = agent->loop,
                                        .ledger = pipeline_ledger(agent->pipeline),
                                        .board = agent->board,
                                        .health = agent->health,
                                        .runner = agent->runner,
                                        .changed = on_news,
                                        .ctx = agent};
    if (status == 0) {
        status = sentinel_start(&sentinel, &agent->sentinel);
    }
    int64_t watchdog_ms = notify_watchdog_ms(agent->notify);
    if (status == 0 && watchdog_ms > 0) {
        status = loop_timer_start(agent->loop, (uint64_t)watchdog_ms, (uint64_t)watchdog_ms, on_watchdog, agent,
                                  &agent->watchdog);
    }
    if (status == 0) {
        status = loop_timer_start(agent->loop, TEND_MS, TEND_MS, on_tend, agent, &agent->tending);
    }
    return status != 0 ? failed("starting", status) : 0;
}

static int start(struct agent *agent)
{
    int status = notify_open(&agent->notify);
    if (status != 0) {
        return failed("service manager", status);
    }
    status = drop_rights(agent->config);
    if (status == 0) {
        status = start_runner(agent);
    }
    if (status == 0 && zone_set(agent->config->site.zone) != 0) {
        log_write(LOG_WARNING, "agent", "time zone %s is not known here: local days are UTC days",
                  agent->config->site.zone);
    }
    if (status == 0) {
        status = confine_agent(agent->config, &agent->confinement);
    }
    if (status == 0 && agent_config_source(agent->config, AGENT_SOURCE_AMI)) {
        const struct board_options board = {.keep_number = agent->config->ledger.caller_numbers == AGENT_CALLERS_KEEP};
        status = board_new(&board, &agent->board);
    }
    if (status == 0) {
        (void)notify_status(agent->notify, "looking over the ledger");
        status = open_pipeline(agent);
    }
    if (status == 0) {
        status = status_health_new(clock_wall_ms(), &agent->health);
    }
    if (status == 0) {
        status_health_set_confinement(agent->health, &agent->confinement);
        status = loop_new(&agent->loop);
    }
    if (status == 0) {
        status = start_server(agent);
    }
    return status == 0 ? start_loop_parts(agent) : status;
}

/* The wiring of start(), taken down in reverse. */
static void stop(struct agent *agent)
{
    (void)notify_stopping(agent->notify, NULL);
    loop_timer_stop(agent->watchdog);
    loop_timer_stop(agent->tending);
    sentinel_stop(agent->sentinel);
    centre_stop(agent->centre);
    agent->centre = NULL;
    manager_stop(agent->manager);
    keeper_stop(agent->keeper);
    follower_stop(agent->follower);
    agent->follower = NULL;
    loop_signal_stop(agent->on_term);
    loop_signal_stop(agent->on_int);
    status_server_stop(agent->server);
    loop_free(agent->loop);
    status_health_free(agent->health);
    pipeline_close(agent->pipeline);
    board_free(agent->board);
    runner_stop(agent->runner);
    notify_close(agent->notify);
}

int agent_run(const struct agent_config *config)
{
    struct agent agent = {.config = config};
    int status = start(&agent);
    if (status == 0) {
        const struct agent_source_config *log = agent_config_source(config, AGENT_SOURCE_QUEUE_LOG);
        const struct agent_source_config *ami = agent_config_source(config, AGENT_SOURCE_AMI);
        log_write(LOG_NOTICE, "agent", "ringside-agent %s: site=%s ledger=%s source=%s%s%s", RINGSIDE_VERSION,
                  config->site.id, config->ledger.dir, log ? log->path : "", log && ami ? " and " : "",
                  ami ? ami->host : "");
        (void)notify_ready(agent.notify, "running");
        loop_run(agent.loop);
    }
    stop(&agent);
    return status != 0 ? 1 : agent.result;
}
