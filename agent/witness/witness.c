#include "agent/witness/witness.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/hash.h"
#include "platform/base/status.h"

enum { FIRST_SLOTS = 64, NO_SLOT = 0, VISIT_AGE_MAX_MS = 25 * 3600 * 1000 };

/* One stay of a call in a queue as it was seen, or, `seen` false, a row of the log that nothing was seen of yet. Times
 * are 0 until known; the `fine` ones are those that rows were given. */
struct visit {
    uint64_t call;
    uint64_t queue;
    int64_t enter_ms;
    int64_t connect_ms;
    int64_t left_ms; /* waited no longer since; how it ended was not told yet */
    int64_t end_ms;
    int64_t ring_ms; /* -1: not known */
    int64_t fine_enter_ms;
    int64_t fine_connect_ms;
    uint32_t next;  /* of the bucket, or of the free list */
    uint32_t older; /* both by age, that is by when they were first heard of */
    uint32_t newer;
    bool seen;
    bool told;    /* by a row of the log */
    bool judged;  /* whether one alone knows of it was decided */
    bool matters; /* it entered while everything was seen */
};

struct witness {
    uint64_t seed;
    struct visit *visits; /* slot 0 is none */
    uint32_t cap;
    uint32_t used;
    uint32_t count;
    uint32_t free_head;
    uint32_t oldest;
    uint32_t newest;
    uint32_t *buckets;
    uint32_t mask;
    bool on;
    int64_t on_ms;
    struct witness_counters counters;
};

int witness_new(uint64_t seed, struct witness **out)
{
    struct witness *witness = calloc(1, sizeof *witness);
    if (!witness) {
        return STATUS_NO_MEMORY;
    }
    witness->seed = seed;
    witness->cap = FIRST_SLOTS;
    witness->used = 1;
    witness->mask = FIRST_SLOTS - 1;
    witness->visits = calloc(FIRST_SLOTS, sizeof *witness->visits);
    witness->buckets = calloc(FIRST_SLOTS, sizeof *witness->buckets);
    if (!witness->visits || !witness->buckets) {
        witness_free(witness);
        return STATUS_NO_MEMORY;
    }
    *out = witness;
    return 0;
}

void witness_free(struct witness *witness)
{
    if (witness) {
        free(witness->visits);
        free(witness->buckets);
        free(witness);
    }
}

void witness_on(struct witness *witness, int64_t at_ms)
{
    witness->on = true;
    witness->on_ms = at_ms;
}

/* Calls that were under way are not judged: their rest is not seen. */
void witness_off(struct witness *witness, int64_t at_ms)
{
    (void)at_ms;
    witness->on = false;
    for (uint32_t at = witness->oldest; at != NO_SLOT; at = witness->visits[at].newer) {
        witness->visits[at].judged |= !witness->visits[at].seen;
    }
}

struct witness_counters *witness_counters(struct witness *witness)
{
    return &witness->counters;
}

static uint64_t hash_of(const struct witness *witness, struct slice text)
{
    return hash_bytes(text.data, text.len, witness->seed);
}

static uint32_t *bucket_of(struct witness *witness, uint64_t call)
{
    return &witness->buckets[(uint32_t)(call >> 20) & witness->mask];
}

/* Slots and buckets grow together: a bucket a slot. */
static int grow(struct witness *witness)
{
    uint32_t cap = witness->cap * 2;
    struct visit *visits = realloc(witness->visits, cap * sizeof *visits);
    if (!visits) {
        return STATUS_NO_MEMORY;
    }
    witness->visits = visits;
    uint32_t *buckets = calloc(cap, sizeof *buckets);
    if (!buckets) {
        return STATUS_NO_MEMORY;
    }
    free(witness->buckets);
    witness->buckets = buckets;
    witness->cap = cap;
    witness->mask = cap - 1;
    for (uint32_t at = witness->oldest; at != NO_SLOT; at = witness->visits[at].newer) {
        uint32_t *bucket = bucket_of(witness, witness->visits[at].call);
        witness->visits[at].next = *bucket;
        *bucket = at;
    }
    return 0;
}

static void drop(struct witness *witness, uint32_t at)
{
    struct visit *visit = &witness->visits[at];
    uint32_t *link = bucket_of(witness, visit->call);
    while (*link != at) {
        link = &witness->visits[*link].next;
    }
    *link = visit->next;
    *(visit->older ? &witness->visits[visit->older].newer : &witness->oldest) = visit->newer;
    *(visit->newer ? &witness->visits[visit->newer].older : &witness->newest) = visit->older;
    visit->next = witness->free_head;
    witness->free_head = at;
    witness->count--;
}

static int add(struct witness *witness, uint64_t call, uint64_t queue, struct visit **out)
{
    if (witness->count == WITNESS_VISITS_MAX) {
        drop(witness, witness->oldest);
    }
    uint32_t at = witness->free_head;
    if (at != NO_SLOT) {
        witness->free_head = witness->visits[at].next;
    } else {
        if (witness->used == witness->cap && grow(witness) != 0) {
            return STATUS_NO_MEMORY;
        }
        at = witness->used++;
    }
    uint32_t *bucket = bucket_of(witness, call);
    struct visit *visit = &witness->visits[at];
    *visit = (struct visit){.call = call, .queue = queue, .ring_ms = -1, .next = *bucket, .older = witness->newest};
    *bucket = at;
    *(witness->newest ? &witness->visits[witness->newest].newer : &witness->oldest) = at;
    witness->newest = at;
    witness->count++;
    *out = visit;
    return 0;
}

static int64_t apart(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

enum moment { ENTER, CONNECT, END };

static int64_t moment_ms(const struct visit *visit, enum moment moment)
{
    switch (moment) {
    case ENTER: return visit->enter_ms;
    case CONNECT: return visit->connect_ms;
    default: return visit->end_ms != 0 ? visit->end_ms : visit->left_ms;
    }
}

/* The visit of this call and queue of which the moment lies nearest to at_ms; *off_ms says how near. Of those without
 * it, none. */
static struct visit *nearest(struct witness *witness, uint64_t call, uint64_t queue, enum moment moment, int64_t at_ms,
                             int64_t *off_ms)
{
    struct visit *best = NULL;
    for (uint32_t at = *bucket_of(witness, call); at != NO_SLOT; at = witness->visits[at].next) {
        struct visit *visit = &witness->visits[at];
        int64_t when_ms = moment_ms(visit, moment);
        if (visit->call != call || visit->queue != queue || when_ms == 0) {
            continue;
        }
        if (!best || apart(when_ms, at_ms) < *off_ms) {
            best = visit;
            *off_ms = apart(when_ms, at_ms);
        }
    }
    return best;
}

/* Somebody who was transferred back into the queue that he talks in waits there while his conversation still ends. */
static bool fits(const struct visit *visit, enum event_kind kind)
{
    bool talks = visit->connect_ms != 0;
    bool ends_talk = kind >= EVENT_COMPLETE_OPERATOR && kind <= EVENT_TRANSFER_ATTENDED;
    return kind == EVENT_LOST || talks == ends_talk;
}

/* The newest visit that was seen and is not over; what has no call id is of none. */
static struct visit *open_visit(struct witness *witness, const struct call_event *event)
{
    uint64_t call = hash_of(witness, event->call_id);
    uint64_t queue = hash_of(witness, event->queue);
    struct visit *best = NULL;
    for (uint32_t at = *bucket_of(witness, call); at != NO_SLOT; at = witness->visits[at].next) {
        struct visit *visit = &witness->visits[at];
        if (visit->call == call && visit->queue == queue && visit->seen && visit->end_ms == 0 &&
            fits(visit, event->kind) && (!best || visit->enter_ms > best->enter_ms)) {
            best = visit;
        }
    }
    return best;
}

static int see_enter(struct witness *witness, const struct call_event *event)
{
    uint64_t call = hash_of(witness, event->call_id);
    uint64_t queue = hash_of(witness, event->queue);
    int64_t off_ms = 0;
    struct visit *visit = nearest(witness, call, queue, ENTER, event->at_ms, &off_ms);
    if (!visit || off_ms > WITNESS_APART_MS || visit->seen) {
        int status = add(witness, call, queue, &visit);
        if (status != 0) {
            return status;
        }
        visit->matters = witness->on && event->at_ms >= witness->on_ms;
    }
    visit->seen = true;
    visit->enter_ms = event->at_ms;
    return 0;
}

int witness_see(struct witness *witness, const struct call_event *event)
{
    if (event->call_id.len == 0 || event->queue.len == 0) {
        return 0;
    }
    if (event->kind == EVENT_ENTER) {
        return see_enter(witness, event);
    }
    struct visit *visit = open_visit(witness, event);
    if (!visit) {
        return 0;
    }
    switch ((int)event->kind) {
    case EVENT_LEAVE: visit->left_ms = event->at_ms; break;
    case EVENT_CONNECT:
        visit->left_ms = 0;
        visit->connect_ms = event->at_ms;
        visit->ring_ms = event->ring_ms == EVENT_UNKNOWN ? -1 : event->ring_ms;
        break;
    case EVENT_COMPLETE_OPERATOR:
    case EVENT_COMPLETE_CALLER:
    case EVENT_TRANSFER_BLIND:
    case EVENT_TRANSFER_ATTENDED:
    case EVENT_ABANDON:
    case EVENT_EXIT_TIMEOUT:
    case EVENT_EXIT_EMPTY:
    case EVENT_EXIT_KEY:
    case EVENT_WITHDRAW:
    case EVENT_LOST: visit->end_ms = event->at_ms; break;
    default: break;
    }
    return 0;
}

/* What was seen, within the row's second: the row's second and so its interval stay those of the log. */
static int64_t fine(int64_t row_ms, int64_t seen_ms)
{
    int64_t last_ms = row_ms + 999;
    return seen_ms < row_ms ? row_ms : seen_ms > last_ms ? last_ms : seen_ms;
}

static int refine_enter(struct witness *witness, struct call_event *row)
{
    uint64_t call = hash_of(witness, row->call_id);
    uint64_t queue = hash_of(witness, row->queue);
    int64_t off_ms = 0;
    struct visit *visit = nearest(witness, call, queue, ENTER, row->at_ms, &off_ms);
    if (!visit || off_ms > WITNESS_APART_MS) {
        if (!witness->on) {
            return 0;
        }
        int status = add(witness, call, queue, &visit);
        if (status == 0) {
            visit->told = true;
            visit->enter_ms = row->at_ms;
            visit->matters = row->at_ms >= witness->on_ms + WITNESS_APART_MS;
        }
        return status;
    }
    visit->told = true;
    if (visit->seen) {
        row->at_ms = fine(row->at_ms, visit->enter_ms);
        visit->fine_enter_ms = row->at_ms;
        witness->counters.refined++;
    }
    return 0;
}

/* The visit that a later row is about, near enough in time. */
static struct visit *visit_of(struct witness *witness, const struct call_event *row, enum moment moment)
{
    int64_t off_ms = 0;
    struct visit *visit =
        nearest(witness, hash_of(witness, row->call_id), hash_of(witness, row->queue), moment, row->at_ms, &off_ms);
    if (!visit || !visit->seen) {
        return NULL;
    }
    if (off_ms > WITNESS_APART_MS) {
        witness->counters.differs++;
        return NULL;
    }
    witness->counters.refined++;
    return visit;
}

static void refine_connect(struct witness *witness, struct call_event *row)
{
    struct visit *visit = visit_of(witness, row, CONNECT);
    if (!visit) {
        return;
    }
    row->at_ms = fine(row->at_ms, visit->connect_ms);
    visit->fine_connect_ms = row->at_ms;
    if (visit->fine_enter_ms != 0 && row->at_ms >= visit->fine_enter_ms) {
        row->wait_ms = row->at_ms - visit->fine_enter_ms;
    }
    bool near = row->ring_ms == EVENT_UNKNOWN || apart(row->ring_ms, visit->ring_ms) <= WITNESS_RING_APART_MS;
    if (visit->ring_ms >= 0 && near) {
        row->ring_ms = visit->ring_ms;
    }
}

static void refine_end(struct witness *witness, struct call_event *row, bool talked)
{
    struct visit *visit = visit_of(witness, row, END);
    if (!visit) {
        return;
    }
    row->at_ms = fine(row->at_ms, moment_ms(visit, END));
    if (!talked) {
        if (visit->fine_enter_ms != 0 && row->at_ms >= visit->fine_enter_ms) {
            row->wait_ms = row->at_ms - visit->fine_enter_ms;
        }
        return;
    }
    if (visit->fine_connect_ms != 0 && row->at_ms >= visit->fine_connect_ms) {
        row->talk_ms = row->at_ms - visit->fine_connect_ms;
        if (visit->fine_enter_ms != 0) {
            row->wait_ms = visit->fine_connect_ms - visit->fine_enter_ms;
        }
    }
}

int witness_refine(struct witness *witness, struct call_event *row)
{
    if (row->call_id.len == 0 || row->queue.len == 0) {
        return 0;
    }
    switch ((int)row->kind) {
    case EVENT_ENTER: return refine_enter(witness, row);
    case EVENT_CONNECT: refine_connect(witness, row); return 0;
    case EVENT_COMPLETE_OPERATOR:
    case EVENT_COMPLETE_CALLER:
    case EVENT_TRANSFER_BLIND:
    case EVENT_TRANSFER_ATTENDED: refine_end(witness, row, true); return 0;
    case EVENT_ABANDON:
    case EVENT_EXIT_TIMEOUT:
    case EVENT_EXIT_EMPTY:
    case EVENT_EXIT_KEY:
    case EVENT_WITHDRAW: refine_end(witness, row, false); return 0;
    default: return 0;
    }
}

/* Whether both had time to tell of it; then what one alone knows is counted, once. */
static void judge(struct witness *witness, struct visit *visit, int64_t now_ms, int64_t read_ms)
{
    if (visit->judged) {
        return;
    }
    if (visit->seen && visit->told) {
        visit->judged = true;
    } else if (visit->seen && read_ms - visit->enter_ms > WITNESS_GRACE_MS) {
        witness->counters.live_only += visit->matters;
        visit->judged = true;
    } else if (!visit->seen && now_ms - visit->enter_ms > WITNESS_GRACE_MS) {
        witness->counters.log_only += visit->matters && witness->on;
        visit->judged = true;
    }
}

void witness_tick(struct witness *witness, int64_t now_ms, int64_t read_ms)
{
    uint32_t next;
    for (uint32_t at = witness->oldest; at != NO_SLOT; at = next) {
        struct visit *visit = &witness->visits[at];
        next = visit->newer;
        judge(witness, visit, now_ms, read_ms);
        int64_t over_ms = visit->seen ? visit->end_ms : visit->enter_ms;
        if (now_ms - visit->enter_ms > VISIT_AGE_MAX_MS) {
            drop(witness, at); /* its end was never seen */
            continue;
        }
        bool late = read_ms < over_ms + WITNESS_GRACE_MS && now_ms - over_ms < WITNESS_KEEP_MS;
        if (visit->judged && over_ms != 0 && !late && now_ms - over_ms > 2 * WITNESS_GRACE_MS) {
            drop(witness, at);
        }
    }
}
