/* world: a ledger, the sync engine, and a collector that is a map, on a line that can do everything a line can, in
 * virtual time. */
#ifndef RINGSIDE_TESTS_UNIT_SYNC_WORLD_H
#define RINGSIDE_TESTS_UNIT_SYNC_WORLD_H

#include "agent/sync/sync.h"
#include "platform/base/buf.h"
#include "proto/message.h"
#include "tests/support/rng.h"
#include "tests/support/temp_dir.h"

#define WORLD_START_S INT64_C(1795284000) /* wall clock when monotonic time is WORLD_NOW_MS; edge of an interval */

enum {
    WORLD_NOW_MS = 50000,
    WORLD_INTERVAL_S = 900,
    WORLD_QUEUES = 12,
    WORLD_NUMBERS = WORLD_QUEUES + 2, /* 0, and one for a queue that the ledger has not heard of */
    WORLD_PEOPLE = 1100,
    WORLD_BEFORE = 2900, /* intervals that the collector's map has room for before and after the start */
    WORLD_AFTER = 300,
    WORLD_NEVER_CALLS = 13,  /* a batch with an interval of so many calls is not understood at all */
    WORLD_REFUSED_CALLS = 7, /* such an interval is refused */
    WORLD_TRAIL_MAX = 40000,
    WORLD_LIVES_MAX = 4000
};

/* What the collector has of one interval. */
struct world_entry {
    uint64_t revision;
    uint8_t *bytes; /* encoded */
    size_t len;
    bool open;
};

struct world_event;

struct world_fault { /* percent, each rolled where it may happen */
    unsigned lose_request;
    unsigned lose_answer;
    unsigned close;
    unsigned wait;  /* 5.03 */
    unsigned error; /* 5.00 */
    unsigned connect_fails;
    unsigned forgets_names;
    unsigned request_fails;
    int64_t delay_max_ms; /* answers come after up to that, in any order */
};

struct world_live { /* one message, as it came */
    int64_t at_ms;
    bool all;
    size_t live_count;
    struct message_live_queue live[WORLD_NUMBERS];
    size_t name_count;
    uint64_t dirty;
    int64_t oldest_dirty_s;
    int64_t lag_ms;
    uint32_t refused;
    size_t quality_count;
    size_t gap_count;
    char first_gap[64];
    size_t live_gap_count;
    char first_live_gap[64];
    uint32_t heartbeat_s;
    size_t operator_count;
    bool operators_all;
    bool operators_unknown;
    size_t bytes;
};

struct world_operator { /* as the collector knows him */
    char name[LIMITS_OPERATOR_TEXT_MAX + 1];
    char reason[LIMITS_OPERATOR_TEXT_MAX + 1];
    enum shift_state state;
    int64_t since_ms;
    uint32_t queue;
};

struct world_sent { /* an interval, as it came */
    int64_t at_ms;
    int64_t start_s;
    uint32_t queue;
    uint64_t revision;
    bool open;
    uint64_t batch;
};

struct world {
    struct rng rng;
    struct temp_dir dir;
    uint64_t map_bytes;
    int64_t intervals_keep_ms;
    struct ledger *ledger;
    struct sync_options options;
    struct sync *sync;
    int64_t now_ms;
    int64_t wake_ms;
    int64_t wall_step_ms; /* the box's wall clock is off by so much */
    struct world_fault fault;
    struct world_event *events;
    size_t event_count;
    size_t event_cap;
    uint64_t connection; /* number of the newest */
    bool up;
    bool linked; /* the engine believes in its connection */
    bool greeted;
    bool named[WORLD_NUMBERS];
    struct message_live_queue figures[WORLD_NUMBERS]; /* as the collector knows them */
    struct world_operator people[WORLD_PEOPLE];
    size_t people_count;
    uint32_t people_more;
    bool people_known;
    struct message_arena *arena;
    struct world_entry *entries;
    /* What it is told to answer, once each or for ever: */
    unsigned answer_code; /* to everything but the greeting; 0: as it should be */
    unsigned hello_code;
    unsigned live_code; /* to live views that tell anything but that the site lives */
    uint32_t max_age_s;
    bool silent;
    size_t largest_payload; /* larger ones get 4.13 */
    uint32_t hello_payload_max;
    uint64_t store; /* what its store is called; 0: it does not tell */
    /* What happened: */
    uint64_t batches;
    uint64_t hellos;
    unsigned closes; /* by the engine */
    unsigned connects;
    int64_t connect_at_ms;
    size_t most_in_flight;
    struct world_sent *trail;
    size_t trail_count;
    struct world_live *lives;
    size_t live_count;
};

struct world *world_new(uint64_t seed, uint64_t map_bytes);
void world_free(struct world *world);
void world_start(struct world *world); /* the engine, with world->options */
void world_stop(struct world *world);
void world_reopen(struct world *world); /* the daemon starts again */

int64_t world_wall_ms(const struct world *world);
int64_t world_start_s(const struct world *world); /* of the interval that is open now */

/* Commits the interval with so many calls; tells the engine. */
void world_put(struct world *world, uint32_t queue, int64_t start_s, unsigned calls);
/* As if the ledger had been put back to an older copy: the collector holds a later revision with other content. */
void world_surpass(struct world *world, uint32_t queue, int64_t start_s, uint64_t by);
/* The collector dies and comes back with nothing; where it tells of its store, that is another one. */
void world_lose_store(struct world *world);
void world_commit_leg(struct world *world, uint64_t seq, uint32_t queue, enum leg_state state, int64_t enter_ms);

unsigned world_take_live(struct world *world, struct slice payload); /* the answer's code */

/* NULL: the collector does not know him. */
const struct world_operator *world_operator(const struct world *world, const char *name);

void world_run(struct world *world, int64_t ms); /* lets so much time pass */
struct sync_facts world_facts(const struct world *world);
struct ledger_backlog world_backlog(struct world *world);
const struct world_entry *world_entry(const struct world *world, uint32_t queue, int64_t start_s);

/* Every interval of the ledger is at the collector as it is, but for those that cannot be taken: these are marked.
 * Returns how many there are; prints the seed and fails when something is missing. */
size_t world_assert_same(struct world *world, uint64_t seed);

#endif
