/* net_bench: a connection on a loop, a listening socket for its other end on the same loop, and what happened. */
#ifndef RINGSIDE_TESTS_UNIT_NET_NET_BENCH_H
#define RINGSIDE_TESTS_UNIT_NET_NET_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/net/conn.h"

struct net_bench {
    struct loop *loop;
    struct loop_timer *guard;
    bool timed_out;

    int listener; /* on 127.0.0.1 */
    uint16_t port;
    struct loop_fd *accepting;
    int served; /* the other end, as accepted last; -1: none */
    unsigned accepted;
    void (*on_accept)(struct net_bench *bench); /* NULL: nothing */

    struct conn *conn;
    unsigned ups;
    unsigned downs;
    char address[64];
    char why[640];
    struct buf got;
    size_t enough;                          /* the loop stops when so many bytes have come; 0: never for that */
    void (*on_up)(struct net_bench *bench); /* NULL: nothing; down stops the loop unless there is on_down */
    bool (*on_bytes)(struct net_bench *bench, struct slice bytes); /* NULL: all is well */
    void (*on_down)(struct net_bench *bench);
    unsigned calls; /* for the test's own use */
    size_t sum;
};

int net_bench_setup(void **state);
int net_bench_teardown(void **state);

/* To 127.0.0.1 and the bench's own port, ten seconds; to be changed before net_bench_open(). */
struct conn_options net_bench_options(struct net_bench *bench);
void net_bench_open(struct net_bench *bench, const struct conn_options *options);
void net_bench_run(struct net_bench *bench); /* until loop_stop(); fails when that takes for ever */
void net_bench_stop(struct net_bench *bench);
void net_bench_hang_up(struct net_bench *bench, bool reset);   /* the other end closes */
void net_bench_say(struct net_bench *bench, const char *text); /* the other end sends */
void net_bench_assert_why(const struct net_bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));

unsigned net_bench_descriptors(void); /* open in this process */

/* A descriptor bound to address and port (0: any) and deaf: not listening, or with its queue full. */
int net_bench_bind(const char *address, uint16_t *port);

#endif
