#include "agent/status/health.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

struct status_health {
    pthread_mutex_t lock;
    struct health now;
    struct buf alerts;
};

int status_health_new(int64_t started_ms, struct status_health **out)
{
    struct status_health *health = calloc(1, sizeof *health);
    if (!health) {
        return STATUS_NO_MEMORY;
    }
    if (pthread_mutex_init(&health->lock, NULL) != 0) {
        free(health);
        return STATUS_NO_MEMORY;
    }
    health->now.started_ms = started_ms;
    *out = health;
    return 0;
}

void status_health_free(struct status_health *health)
{
    if (health) {
        (void)pthread_mutex_destroy(&health->lock);
        buf_deinit(&health->alerts);
        free(health);
    }
}

int status_health_set_source(struct status_health *health, const struct health_source *source)
{
    int status = 0;
    (void)pthread_mutex_lock(&health->lock);
    uint32_t i = 0;
    while (i < health->now.source_count && (strcmp(health->now.sources[i].name, source->name) != 0 ||
                                            strcmp(health->now.sources[i].path, source->path) != 0)) {
        i++;
    }
    if (i == HEALTH_SOURCES_MAX) {
        status = STATUS_FULL;
    } else {
        health->now.sources[i] = *source;
        health->now.source_count += i == health->now.source_count;
    }
    (void)pthread_mutex_unlock(&health->lock);
    return status;
}

void status_health_set_ledger_full(struct status_health *health, bool full)
{
    (void)pthread_mutex_lock(&health->lock);
    health->now.ledger_full = full;
    (void)pthread_mutex_unlock(&health->lock);
}

void status_health_set_confinement(struct status_health *health, const struct confinement *confinement)
{
    (void)pthread_mutex_lock(&health->lock);
    health->now.confinement = *confinement;
    (void)pthread_mutex_unlock(&health->lock);
}

void status_health_set_centre(struct status_health *health, const struct health_centre *centre)
{
    (void)pthread_mutex_lock(&health->lock);
    health->now.centre = *centre;
    (void)pthread_mutex_unlock(&health->lock);
}

void status_health_set_live(struct status_health *health, const struct health_live *live)
{
    (void)pthread_mutex_lock(&health->lock);
    health->now.live = *live;
    (void)pthread_mutex_unlock(&health->lock);
}

void status_health_set_alerts(struct status_health *health, const struct health_alerts *alerts, struct slice document)
{
    (void)pthread_mutex_lock(&health->lock);
    health->now.alerts = *alerts;
    buf_reset(&health->alerts);
    buf_append(&health->alerts, document.data, document.len);
    (void)pthread_mutex_unlock(&health->lock);
}

bool status_health_alerts(struct status_health *health, struct buf *out)
{
    (void)pthread_mutex_lock(&health->lock);
    bool there = health->alerts.len > 0 && !health->alerts.failed;
    if (there) {
        buf_append(out, health->alerts.data, health->alerts.len);
    }
    (void)pthread_mutex_unlock(&health->lock);
    return there;
}

void status_health_copy(struct status_health *health, struct health *out)
{
    (void)pthread_mutex_lock(&health->lock);
    *out = health->now;
    (void)pthread_mutex_unlock(&health->lock);
}
