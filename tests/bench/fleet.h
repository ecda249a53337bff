/* fleet: many simulated sites in one process, each with a real connection of its own. */
#ifndef RINGSIDE_TESTS_BENCH_FLEET_H
#define RINGSIDE_TESTS_BENCH_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/coap/uplink.h"
#include "tests/bench/pool.h"

struct fleet;

enum fleet_ask { FLEET_HELLO, FLEET_LIVE, FLEET_BATCH, FLEET_ASKS };

struct fleet_site {
    struct fleet *fleet;
    uint32_t number;
    struct uplink *uplink; /* NULL: not connected */
    bool wanted;           /* is to be connected */
    bool connected;
    bool greeted;
    bool named;
    bool lost; /* its connection ended: to be freed and made anew, outside of its callbacks */
    unsigned attempt;
    int64_t turn_at_us;
    int64_t dial_at_us;
    int64_t wanted_since_us;
    int64_t due_at_us[FLEET_ASKS];
    int64_t asked_at_us[FLEET_ASKS]; /* 0: nothing is under way */
    uint32_t next_item;
    uint64_t revision;
};

/* Times of one kind, in us. */
struct fleet_times {
    double *us;
    size_t count;
    size_t cap;
};
void fleet_times_add(struct fleet_times *times, int64_t us);
/* "NAME_count": n, "NAME_p50_ms": ..., p99, max; and empties it. */
void fleet_times_print(const char *name, struct fleet_times *times);

struct fleet_counts {
    uint64_t dials;
    uint64_t failed; /* dials that did not lead to a connection */
    uint64_t cut;    /* connections that ended though nobody asked */
    uint64_t asked;
    uint64_t answered;
    uint64_t told_to_wait; /* 5.03 */
    uint64_t refused;      /* any other answer than 2.xx */
};

struct fleet {
    const char *address;
    uint16_t port;
    const char *dir; /* of the certificates */
    char ca_path[4096];
    uint32_t first; /* number of the first site */
    uint32_t site_count;
    struct fleet_site *sites;
    struct pool pool;
    struct message_batch_writer *writer;
    struct buf out;
    int epoll_fd;
    uint64_t random;
    bool traffic;
    int64_t live_us; /* 0: none */
    int64_t batch_us;
    struct fleet_counts counts;
    struct fleet_times hello;
    struct fleet_times live;
    struct fleet_times batch;
    char last_reason[200];
};

int64_t fleet_now_us(void);
double fleet_random(struct fleet *fleet); /* 0 <= x < 1 */
void fleet_site_id(char out[LIMITS_SITE_MAX + 1], uint32_t number);

/* fleet_site.c */
void fleet_site_want(struct fleet_site *site, double spread_s); /* from now, or some time within spread_s */
void fleet_site_cut(struct fleet_site *site);
void fleet_site_turn(struct fleet_site *site, int64_t now_us); /* it is readable, or time has passed */

void fleet_site_ask(struct fleet_site *site, enum fleet_ask kind); /* with fleet->out */

/* fleet_wire.c: sends ten queue-intervals of so many calls each as the first site, and prints them as JSON. */
void fleet_wire_send(struct fleet *fleet, uint32_t calls, size_t nth, bool names);

/* fleet_prepare.c: DATA is a collector's directory; OUT gets ca.pem and a PEM file for each site. */
int fleet_prepare(const char *data_dir, const char *registry_dir, const char *out_dir, uint32_t count);

#endif
