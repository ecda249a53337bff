/* office: a clerk with a real store and registry, without threads and sockets: jobs in, answers and records out. */
#ifndef RINGSIDE_TESTS_UNIT_INGEST_OFFICE_H
#define RINGSIDE_TESTS_UNIT_INGEST_OFFICE_H

#include "collector/ingest/clerk.h"
#include "proto/message.h"
#include "tests/support/temp_dir.h"

enum { NOW_S = 1795284900, START_S = 1795284000, MINUTE_MS = 60000 };

#define DAY_MS (INT64_C(86400) * 1000)

struct office {
    struct temp_dir registry_dir;
    struct temp_dir store_dir;
    struct registry *registry;
    struct store *store;
    struct desk *desk;
    struct clerk *clerk;
    struct ingest_options options;
    struct message_arena *arena;
    int64_t wall_ms;
    int64_t now_ms;
    const char *zone; /* that greetings tell */
    bool fresh;       /* the sites joined anew */
};

struct office_plan {
    uint32_t protocol;
    const char *site;
    uint8_t epoch;
    uint64_t revision;
    int64_t start_s;   /* 0: START_S */
    const char *queue; /* NULL: sales */
    uint32_t entered;
    bool without_names;
    bool spoiled; /* counters that contradict each other */
};

struct office_tally {
    uint64_t intervals;
    uint64_t entered;
    char kinds[256];
};

uint32_t office_add_site(struct office *office, const char *id);
void office_open(struct office *office);
void office_close(struct office *office);
struct desk_job *office_job(enum desk_kind kind, uint32_t site, const char *id, uint64_t session,
                            const struct buf *payload);
struct desk_job *office_ask(struct office *office, struct desk_job *job);
unsigned office_greet(struct office *office, uint32_t site, const char *id, uint64_t session, uint8_t epoch,
                      uint8_t instance);
struct message_hello office_hello_of(const struct office *office, const char *id, uint8_t epoch, uint8_t instance);
void office_round(struct office *office); /* what waits at the desk; its answers stay there */
bool office_contact(struct office *office, uint32_t site, struct store_contact *out); /* as stored, some time later */
void office_write_batch(const struct office_plan *plan, struct buf *out);
struct desk_job *office_send(struct office *office, uint32_t site, const char *id, uint64_t session,
                             const struct office_plan *plan);
unsigned office_code(struct desk_job *answer);
enum message_outcome office_outcome(struct office *office, struct desk_job *answer, uint64_t *held);
struct office_tally office_look(struct office *office, uint32_t site);

#endif
