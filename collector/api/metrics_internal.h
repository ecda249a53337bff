/* metrics_internal: what is kept of sites and queues from one refresh to the next, for the files of this library. */
#ifndef RINGSIDE_COLLECTOR_API_METRICS_INTERNAL_H
#define RINGSIDE_COLLECTOR_API_METRICS_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/metrics.h"
#include "collector/query/live_site.h"
#include "collector/query/tally.h"

#define METRICS_OTHER "_other"

enum { METRICS_DAYS = 3, METRICS_PACE_MS = 5000 };

/* The figures of a queue of a site, or of several joined. A counter is base + now: what its site's newest days hold
 * now, and what went before, less what there was at the start. */
struct metrics_row {
    char *labels; /* site="a",queue="b" */
    struct tally base;
    struct tally now;
    struct tally shown; /* the highest there was: what was told does not go back; each bucket with those below it */
    struct tally fresh; /* while the site is read: what `now` is to become */
    struct tally gone;  /* and what left the window */
    struct live_figures live;
    bool told; /* a series begins at 0, though there may be more already: Prometheus does not count its first sample */
};

struct metrics_place {
    uint32_t queue;
    struct metrics_row *row;
};

struct metrics_site {
    struct registry_site registry;
    struct store_contact contact; /* zero when nothing is known */
    uint64_t gaps;
    char label[LIMITS_SITE_MAX + 16]; /* site="a" */
    bool apart;                       /* else one of those behind site="_other" */
    bool there;                       /* the registry has it */
    bool early;                       /* since the start: what it held then does not count */
    bool read;                        /* its window was, once */
    bool due;                         /* to be read (again) */
    uint64_t taken;                   /* by the contact when it was read */
    struct tally_days days;           /* by which the window is cut */
    int64_t first_key_s;              /* the window's first day */
    struct tally_days next_days;      /* while it is read */
    int64_t next_key_s;
    int64_t window_s; /* the same two as moments */
    int64_t next_s;
    struct metrics_row *other; /* of its queues that are not told apart; NULL: none */
    struct metrics_place *places;
    size_t place_count;
    size_t place_cap;
};

struct metrics {
    const struct api_options *options;
    pthread_mutex_t lock; /* all but `server` */
    struct metrics_site **sites;
    size_t site_count;
    size_t site_cap;
    struct metrics_site **index; /* by number */
    size_t index_count;
    struct metrics_row **rows; /* told apart, and the "_other" of each site, in the order in which they came */
    size_t row_count;
    size_t row_cap;
    size_t apart_rows;
    size_t apart_sites;
    struct metrics_row others; /* of all sites that are not told apart */
    struct tally others_left;  /* of those that were removed */
    uint64_t joined_queues;
    uint64_t joined_sites;
    struct tally_scratch scratch;
    bool started;         /* sites that come from now on count from their first call on */
    int64_t refreshed_ms; /* wall clock; 0: never */
    int64_t made_ms;      /* the same by the monotonic one */
    int64_t took_ms;
    uint64_t lowered;
    uint64_t failures; /* to refresh */
    struct store_facts facts;
    struct kv_loss damage; /* all zero: nothing was ever lost */
    struct buf text;       /* of sites and queues, as of refreshed_ms */
    pthread_mutex_t server_lock;
    struct metrics_server server;
};

/* ---- metrics_table ---- */

/* Both are made when they are new. NULL: no memory. */
struct metrics_site *metrics_table_site(struct metrics *metrics, const struct registry_site *registry);
struct metrics_row *metrics_table_row(struct metrics *metrics, struct metrics_site *site, struct slice name,
                                      uint32_t queue);
struct metrics_site *metrics_table_find(const struct metrics *metrics, uint32_t number); /* NULL: none */

/* The site's rows one by one: from 0 on until NULL. A row of several queues comes several times, but for once. */
struct metrics_row *metrics_table_next(const struct metrics_site *site, size_t *at);

void metrics_table_drop_gone(struct metrics *metrics); /* sites that the registry no longer has */
void metrics_table_join(struct metrics *metrics);      /* sums of the sites that are not told apart */
void metrics_table_free(struct metrics *metrics);

/* ---- metrics_refresh ---- */

/* 0, STATUS_LATE, or a failure; what was read is kept, the rest is as it was. */
int metrics_refresh(struct metrics *metrics, int64_t now_ms, int64_t deadline_ms);

/* ---- the text ---- */

void metrics_queues_text(const struct metrics *metrics, struct buf *out);
void metrics_sites_text(const struct metrics *metrics, int64_t now_ms, struct buf *out);
void metrics_self_text(struct metrics *metrics, struct buf *out);
void metrics_process_text(struct buf *out);

#endif
