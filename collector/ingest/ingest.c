#include "collector/ingest/ingest.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/ingest/clerk.h"
#include "collector/ingest/desk.h"
#include "collector/ingest/door.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"

enum { STALLED_MS = 120 * 1000 };

struct ingest {
    struct ingest_options options;
    int64_t started_ms; /* monotonic */
    char host[64];
    char zone[64];
    char ca_path[512];
    char collector_path[512];
    struct desk *desk;
    struct door *door;
    struct clerk *clerk;
    pthread_t door_thread;
    pthread_t clerk_thread;
    bool door_runs;
    bool clerk_runs;
};

static void *run_door(void *ctx)
{
    struct ingest *ingest = ctx;
    int status = door_run(ingest->door);
    if (status != 0) {
        log_write(LOG_ERROR, "ingest", "listening failed: %s", status_str(status));
        ingest->options.gave_up(ingest->options.ctx, status);
    }
    return NULL;
}

static void *run_clerk(void *ctx)
{
    struct ingest *ingest = ctx;
    clerk_run(ingest->clerk);
    return NULL;
}

static void on_answers(void *ctx)
{
    struct ingest *ingest = ctx;
    door_wake(ingest->door);
}

static void copy_options(struct ingest *ingest, const struct ingest_options *options)
{
    ingest->options = *options;
    (void)snprintf(ingest->host, sizeof ingest->host, "%s", options->host);
    (void)snprintf(ingest->zone, sizeof ingest->zone, "%s", options->zone);
    (void)snprintf(ingest->ca_path, sizeof ingest->ca_path, "%s", options->identity_ca_path);
    (void)snprintf(ingest->collector_path, sizeof ingest->collector_path, "%s", options->identity_collector_path);
    ingest->options.host = ingest->host;
    ingest->options.zone = ingest->zone;
    ingest->options.identity_ca_path = ingest->ca_path;
    ingest->options.identity_collector_path = ingest->collector_path;
}

int ingest_start(const struct ingest_options *options, struct ingest **out)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);
    if (!ingest) {
        return STATUS_NO_MEMORY;
    }
    copy_options(ingest, options);
    ingest->started_ms = clock_monotonic_ms();
    int status = desk_new(on_answers, ingest, &ingest->desk);
    if (status == 0) {
        status = door_new(&ingest->options, ingest->desk, &ingest->door);
    }
    if (status == 0) {
        status = clerk_new(&ingest->options, ingest->desk, &ingest->clerk);
    }
    if (status == 0) {
        ingest->clerk_runs = pthread_create(&ingest->clerk_thread, NULL, run_clerk, ingest) == 0;
        ingest->door_runs = ingest->clerk_runs && pthread_create(&ingest->door_thread, NULL, run_door, ingest) == 0;
        status = ingest->door_runs ? 0 : STATUS_NO_MEMORY;
    }
    if (status != 0) {
        ingest_stop(ingest);
        return status;
    }
    *out = ingest;
    return 0;
}

/* The clerk first, so that what was handed in is stored and answered while the door still stands open. */
void ingest_stop(struct ingest *ingest)
{
    if (!ingest) {
        return;
    }
    if (ingest->clerk_runs) {
        desk_stop(ingest->desk);
        (void)pthread_join(ingest->clerk_thread, NULL);
    }
    if (ingest->door_runs) {
        door_stop(ingest->door);
        (void)pthread_join(ingest->door_thread, NULL);
    }
    door_free(ingest->door);
    clerk_free(ingest->clerk);
    desk_free(ingest->desk);
    free(ingest);
}

uint16_t ingest_port(const struct ingest *ingest)
{
    return door_port(ingest->door);
}

bool ingest_alive(struct ingest *ingest, int64_t now_ms)
{
    int64_t door_ms = door_turned_ms(ingest->door);
    int64_t clerk_ms = clerk_turned_ms(ingest->clerk);
    int64_t last_ms = door_ms < clerk_ms ? door_ms : clerk_ms; /* 0: has not begun yet */
    return now_ms - (last_ms > ingest->started_ms ? last_ms : ingest->started_ms) < STALLED_MS;
}

void ingest_counters(struct ingest *ingest, struct ingest_counters *out)
{
    struct door_counters door;
    struct clerk_counters clerk;
    door_counters(ingest->door, &door);
    clerk_counters(ingest->clerk, &clerk);
    *out = (struct ingest_counters){.sessions = door.sessions,
                                    .handshakes = door.handshakes,
                                    .refused_connections = door.refused_connections,
                                    .refused_requests = door.refused_requests,
                                    .commits = clerk.commits,
                                    .intervals = clerk.intervals,
                                    .buffered_bytes = desk_buffered_bytes(ingest->desk),
                                    .pending = clerk.pending};
}
