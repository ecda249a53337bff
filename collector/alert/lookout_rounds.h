/* lookout_rounds: the lookout without its threads, round by round; what the looking and the telling thread share. */
#ifndef RINGSIDE_COLLECTOR_ALERT_LOOKOUT_ROUNDS_H
#define RINGSIDE_COLLECTOR_ALERT_LOOKOUT_ROUNDS_H

#include <pthread.h>
#include <stdatomic.h>

#include "collector/alert/lookout.h"
#include "collector/alert/outbox.h"
#include "collector/alert/telling.h"
#include "proto/alert/alert_watch.h"

enum { LOOKOUT_WHY_MAX = 320, LOOKOUT_ALERTS_MAX = 20000 };

struct lookout {
    struct lookout_options options;
    pthread_mutex_t save_lock; /* before `lock`: the file is written in the order of what it tells */
    pthread_mutex_t lock;      /* all below but the threads */
    pthread_cond_t wake;       /* of the looker */
    bool stopping;
    struct alert_watch *watch;
    struct outbox *outbox;
    uint64_t version;
    uint64_t digest;   /* of all alerts with their values */
    uint64_t kept;     /* of what the file holds of them */
    bool dirty;        /* the file has to be written anyway */
    int64_t kept_ms;   /* when it was */
    int64_t looked_ms; /* wall clock; 0: not yet */
    char look_why[LOOKOUT_WHY_MAX];
    char keep_why[LOOKOUT_WHY_MAX];
    char read_why[LOOKOUT_WHY_MAX]; /* of the file, at the beginning; empty once it is told */
    int64_t now_ms;                 /* of the round, for the news that it brings */
    int status;                     /* of these */
    pthread_t looker;
    bool looks;
    struct telling *telling;
    _Atomic int64_t looker_ms; /* monotonic: last sign of life */
    _Atomic bool giving_up;    /* queries are to end */
};

/* All of it but the threads. */
int lookout_make(const struct lookout_options *options, struct lookout **out);
void lookout_free(struct lookout *lookout);

/* One look: figures, watch, news, file. */
int lookout_look(struct lookout *lookout, int64_t now_ms, int64_t monotonic_ms);

/* Writes the file if anything changed that has to outlive a restart; afterwards what it holds may be told. */
void lookout_keep(struct lookout *lookout, int64_t now_ms);

#endif
