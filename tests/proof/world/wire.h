/* wire: what TLS over TCP is to agent and collector: connections that take time, that keep order within a direction,
 * that end at one side before the other hears of it, or at one side alone. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_WIRE_H
#define RINGSIDE_TESTS_PROOF_WORLD_WIRE_H

#include "agent/sync/sync.h"
#include "tests/proof/world/world.h"

/* An interval that a batch carries, as its sender knows it: queue by number of its name. */
struct wire_item {
    int64_t start_s;
    uint32_t queue;
    uint64_t revision;
};

struct wire_asked { /* under way at the collector */
    struct wire_asked *next;
    uint64_t tag;
    enum sync_resource resource;
    struct wire_item *items; /* owned */
    size_t item_count;
};

enum wire_way { WIRE_UP, WIRE_DOWN };

struct conn {
    struct wire *wire;
    struct branch *branch;
    uint64_t number; /* the session's at the collector */
    unsigned key;    /* of the certificate that the branch showed */
    bool established;
    bool client_open;   /* the agent believes in it */
    bool server_open;   /* the collector does */
    bool clerk_knows;   /* a job of it was handed in */
    bool dead[2];       /* nothing arrives any more */
    int64_t busy_ms[2]; /* when the newest message arrives */
    int64_t heard_ms;   /* by the collector */
    struct wire_asked *asked;
    uint64_t in_bytes;
    struct world_timer ending; /* by the collector */
};

/* What happens to the next message of a branch that gives the occasion. */
enum wire_trap {
    WIRE_NO_TRAP,
    WIRE_CUT_ON_REQUEST, /* it is lost, and the connection with it */
    WIRE_CUT_ON_ANSWER,  /* what was asked is stored, the answer never arrives */
    WIRE_MUTE_ON_ANSWER, /* the same, but nobody is told: the agent has to lose patience */
    WIRE_SWALLOW_ANSWER, /* the answer to a batch is lost, alone: others come */
    WIRE_LATE_REQUEST,   /* the agent's end breaks; the request arrives, long after the next connection was made */
    WIRE_TRAPS
};

struct wire;
struct wire *wire_new(struct world *world);
void wire_free(struct wire *wire);

/* The agent's end. */
struct conn *wire_connect(struct branch *branch, unsigned key);
void wire_hang_up(struct conn *conn); /* by the agent, or by its process's death */
int wire_request(struct conn *conn, enum sync_resource resource, struct slice payload, uint64_t tag,
                 struct wire_item *items, size_t item_count); /* takes the items */

/* The collector's end. */
void wire_answer(struct conn *conn, uint64_t tag, enum sync_resource resource, unsigned code, uint32_t max_age_s,
                 struct slice payload);
void wire_end(struct conn *conn);
struct conn *wire_session(struct wire *wire, uint64_t number);
void wire_each_session(struct wire *wire, void (*fn)(void *ctx, struct conn *conn),
                       void *ctx);                   /* open at the collector */
void wire_server_died(struct wire *wire, bool told); /* told: its machine lives and says that nobody listens */

void wire_forget_asked(struct conn *conn);

/* Faults. */
void wire_cut(struct branch *branch); /* now, from the middle: both ends are told */
void wire_cut_silently(struct branch *branch);

#endif
