#include "tests/unit/sync/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

enum world_event_kind { EVENT_CONNECTED, EVENT_REFUSED, EVENT_CLOSED, EVENT_ARRIVES, EVENT_ANSWERED };

struct world_event {
    int64_t at_ms;
    enum world_event_kind kind;
    uint64_t connection;
    enum sync_resource resource;
    uint64_t tag;
    unsigned code;
    uint32_t max_age_s;
    struct buf payload;
};

static double roll(void *ctx)
{
    return (double)rng_below(&((struct world *)ctx)->rng, 1000000) / 1000000.0;
}

int64_t world_wall_ms(const struct world *world)
{
    return WORLD_START_S * 1000 + world->now_ms - WORLD_NOW_MS + world->wall_step_ms;
}

int64_t world_start_s(const struct world *world)
{
    return world_wall_ms(world) / 1000 / WORLD_INTERVAL_S * WORLD_INTERVAL_S;
}

static void add_event(struct world *world, struct world_event event)
{
    struct world_event *events = grow_array(world->events, world->event_count, &world->event_cap, sizeof *events);
    assert_non_null(events);
    world->events = events;
    event.connection = world->connection;
    events[world->event_count++] = event;
}

static int64_t delay(struct world *world)
{
    return rng_between(&world->rng, 1, world->fault.delay_max_ms > 0 ? world->fault.delay_max_ms : 1);
}

static void line_connect(void *ctx)
{
    struct world *world = ctx;
    assert_false(world->linked);
    world->connection++;
    world->connects++;
    world->connect_at_ms = world->now_ms;
    bool fails = !world->up || rng_chance(&world->rng, world->fault.connect_fails);
    add_event(world, (struct world_event){.at_ms = world->now_ms + delay(world),
                                          .kind = fails ? EVENT_REFUSED : EVENT_CONNECTED});
}

static void line_close(void *ctx)
{
    struct world *world = ctx;
    assert_true(world->linked);
    world->linked = false;
    world->closes++;
    world->connection++;
}

static int line_request(void *ctx, enum sync_resource resource, struct slice payload, uint64_t tag)
{
    struct world *world = ctx;
    assert_true(world->linked);
    assert_true(payload.len <= LIMITS_PAYLOAD_MAX);
    if (rng_chance(&world->rng, world->fault.request_fails)) {
        return STATUS_BUSY;
    }
    if (rng_chance(&world->rng, world->fault.lose_request)) {
        return 0; /* on its way when the line dies: the engine waits for nothing */
    }
    struct world_event event = {.at_ms = world->now_ms + 1, .kind = EVENT_ARRIVES, .resource = resource, .tag = tag};
    buf_append(&event.payload, payload.data, payload.len);
    add_event(world, event);
    return 0;
}

static struct world_entry *entry_at(const struct world *world, uint32_t queue, int64_t start_s)
{
    int64_t number = (start_s - WORLD_START_S) / WORLD_INTERVAL_S + WORLD_BEFORE;
    assert_true(queue <= WORLD_QUEUES && number >= 0 && number < WORLD_BEFORE + WORLD_AFTER);
    return &world->entries[(size_t)number * (WORLD_QUEUES + 1) + queue];
}

const struct world_entry *world_entry(const struct world *world, uint32_t queue, int64_t start_s)
{
    return entry_at(world, queue, start_s);
}

static bool same_content(const struct world_entry *entry, const struct buf *bytes)
{
    return entry->len == bytes->len && entry->bytes && memcmp(entry->bytes, bytes->data, bytes->len) == 0;
}

/* The upsert rule. */
static enum message_outcome upsert(struct world *world, const struct message_interval *interval)
{
    struct world_entry *entry = entry_at(world, interval->queue, interval->start_s);
    struct buf bytes = BUF_INIT;
    summary_encode(&interval->sum, &bytes);
    enum message_outcome outcome = MESSAGE_TAKEN;
    if (interval->sum.flow[FLOW_ENTERED] == WORLD_REFUSED_CALLS) {
        outcome = MESSAGE_REFUSED;
    } else if (entry->revision > interval->revision) {
        outcome = MESSAGE_STALE;
    } else if (entry->revision == interval->revision &&
               (!same_content(entry, &bytes) || entry->open != interval->open)) {
        outcome = MESSAGE_CONFLICT;
    } else if (entry->revision < interval->revision) {
        free(entry->bytes);
        *entry = (struct world_entry){interval->revision, bytes.data, bytes.len, interval->open};
        bytes = BUF_INIT;
    }
    buf_deinit(&bytes);
    return outcome;
}

static void note_sent(struct world *world, const struct message_interval *interval)
{
    assert_true(world->trail_count < WORLD_TRAIL_MAX);
    world->trail[world->trail_count++] = (struct world_sent){.at_ms = world->now_ms,
                                                             .start_s = interval->start_s,
                                                             .queue = interval->queue,
                                                             .revision = interval->revision,
                                                             .open = interval->open,
                                                             .batch = world->batches};
}

static bool knows_names(struct world *world, const struct message_batch *batch, struct slice payload)
{
    for (size_t i = 0; i < batch->queue_count; i++) {
        assert_true(batch->queues[i].number <= WORLD_QUEUES);
        assert_true(batch->queues[i].name.len > 0);
        world->named[batch->queues[i].number] = true;
    }
    struct message_batch again = *batch;
    struct message_interval interval = {0};
    bool knows = true;
    (void)payload;
    while (message_batch_next(&again, &interval) == 0) {
        knows &= world->named[interval.queue];
    }
    summary_deinit(&interval.sum);
    return knows;
}

static bool understands(const struct message_batch *batch)
{
    struct message_batch again = *batch;
    struct message_interval interval = {0};
    bool fine = true;
    while (message_batch_next(&again, &interval) == 0) {
        fine &= interval.sum.flow[FLOW_ENTERED] != WORLD_NEVER_CALLS;
    }
    summary_deinit(&interval.sum);
    return fine;
}

static void take_intervals(struct world *world, struct message_batch *batch, struct buf *out)
{
    struct message_interval interval = {0};
    static struct message_item_reply items[LIMITS_BATCH_INTERVALS_MAX];
    struct message_batch_reply reply = {.items = items};
    for (uint32_t i = 0; message_batch_next(batch, &interval) == 0; i++) {
        note_sent(world, &interval);
        enum message_outcome outcome = upsert(world, &interval);
        if (outcome != MESSAGE_TAKEN) {
            items[reply.item_count++] = (struct message_item_reply){
                .index = i,
                .outcome = outcome,
                .held_revision = entry_at(world, interval.queue, interval.start_s)->revision,
                .reason = slice_str(outcome == MESSAGE_REFUSED ? "seven is not taken" : "")};
        }
    }
    if (reply.item_count > 0) {
        assert_int_equal(message_batch_reply_encode(&reply, out), 0);
    }
    summary_deinit(&interval.sum);
}

static unsigned take_batch(struct world *world, struct slice payload, struct buf *out)
{
    struct message_batch batch;
    assert_int_equal(message_batch_decode(world->arena, payload, &batch), 0);
    assert_true(slice_is(batch.site, "madrid-01") && batch.interval_count > 0);
    world->batches++;
    if (rng_chance(&world->rng, world->fault.forgets_names)) {
        memset(world->named, 0, sizeof world->named);
    }
    if (!understands(&batch)) {
        buf_append_str(out, "thirteen is not understood");
        return 400;
    }
    if (!knows_names(world, &batch, payload)) {
        struct message_batch_reply reply = {.names_missing = true};
        assert_int_equal(message_batch_reply_encode(&reply, out), 0);
        return 204;
    }
    take_intervals(world, &batch, out);
    return 204;
}

static unsigned take_hello(struct world *world, struct slice payload, struct buf *out)
{
    struct message_hello hello;
    assert_int_equal(message_hello_decode(world->arena, payload, &hello), 0);
    assert_true(slice_is(hello.site, "madrid-01") && hello.interval_s == WORLD_INTERVAL_S);
    world->hellos++;
    if (world->hello_code != 0) {
        return world->hello_code;
    }
    struct message_hello_reply reply = {.protocol = MESSAGE_PROTOCOL,
                                        .now_ms = WORLD_START_S * 1000 + world->now_ms - WORLD_NOW_MS,
                                        .payload_max = world->hello_payload_max,
                                        .collector_version = slice_str("1"),
                                        .has_store = world->store != 0};
    memcpy(reply.store, &world->store, sizeof reply.store);
    assert_int_equal(message_hello_reply_encode(&reply, out), 0);
    world->greeted = true;
    return 204;
}

static unsigned collect(struct world *world, const struct world_event *event, struct buf *out)
{
    struct slice payload = buf_slice(&event->payload);
    if (event->resource == SYNC_HELLO) {
        return take_hello(world, payload, out);
    }
    assert_true(world->greeted);
    if (rng_chance(&world->rng, world->fault.wait)) {
        return 503;
    }
    if (rng_chance(&world->rng, world->fault.error)) {
        return 500;
    }
    if (world->answer_code != 0) {
        return world->answer_code;
    }
    if (payload.len > world->largest_payload) {
        return 413;
    }
    return event->resource == SYNC_LIVE ? world_take_live(world, payload) : take_batch(world, payload, out);
}

static void arrive(struct world *world, struct world_event *event)
{
    struct world_event answer = {.kind = EVENT_ANSWERED,
                                 .tag = event->tag,
                                 .max_age_s = world->max_age_s,
                                 .at_ms = world->now_ms + delay(world)};
    bool alive = event->connection == world->connection && world->linked && world->up;
    if (!alive || world->silent) {
        return;
    }
    answer.code = collect(world, event, &answer.payload);
    if (rng_chance(&world->rng, world->fault.lose_answer)) {
        buf_deinit(&answer.payload);
        return;
    }
    if (rng_chance(&world->rng, world->fault.close)) {
        add_event(world, (struct world_event){.at_ms = world->now_ms + delay(world), .kind = EVENT_CLOSED});
    }
    add_event(world, answer);
}

static void begin_connection(struct world *world)
{
    world->linked = true;
    world->greeted = false;
    memset(world->named, 0, sizeof world->named);
    sync_connected(world->sync, world->now_ms, LIMITS_PAYLOAD_MAX);
}

static void happen(struct world *world, struct world_event *event)
{
    if (event->kind == EVENT_ARRIVES) {
        arrive(world, event);
    } else if (event->connection == world->connection && world->sync) {
        switch ((int)event->kind) {
        case EVENT_CONNECTED: begin_connection(world); break;
        case EVENT_ANSWERED:
            sync_answered(world->sync, world->now_ms, world_wall_ms(world), event->tag, event->code, event->max_age_s,
                          buf_slice(&event->payload));
            break;
        default:
            world->linked = false;
            sync_closed(world->sync, world->now_ms, "the line is gone");
            break;
        }
    }
    buf_deinit(&event->payload);
}

static size_t next_event(const struct world *world)
{
    size_t best = 0;
    for (size_t i = 1; i < world->event_count; i++) {
        if (world->events[i].at_ms < world->events[best].at_ms) {
            best = i;
        }
    }
    return best;
}

static void turn(struct world *world)
{
    if (world->sync) {
        int64_t in_ms = sync_turn(world->sync, world->now_ms, world_wall_ms(world));
        assert_true(in_ms > 0 && in_ms <= world->options.heartbeat_ms);
        world->wake_ms = world->now_ms + in_ms;
        size_t in_flight = world_facts(world).in_flight;
        world->most_in_flight = in_flight > world->most_in_flight ? in_flight : world->most_in_flight;
    }
}

void world_run(struct world *world, int64_t ms)
{
    int64_t until_ms = world->now_ms + ms;
    turn(world);
    for (;;) {
        size_t at = next_event(world);
        int64_t event_ms = world->event_count > 0 ? world->events[at].at_ms : INT64_MAX;
        int64_t wake_ms = world->sync ? world->wake_ms : INT64_MAX;
        int64_t next_ms = event_ms < wake_ms ? event_ms : wake_ms;
        if (next_ms > until_ms) {
            break;
        }
        world->now_ms = next_ms > world->now_ms ? next_ms : world->now_ms;
        if (event_ms <= wake_ms) {
            struct world_event event = world->events[at];
            memmove(&world->events[at], &world->events[at + 1], (world->event_count - at - 1) * sizeof event);
            world->event_count--;
            happen(world, &event);
        }
        turn(world);
    }
    world->now_ms = until_ms;
}

static void open_ledger(struct world *world)
{
    struct ledger_options options = {.dir = world->dir.path,
                                     .site = "madrid-01",
                                     .map_bytes = world->map_bytes,
                                     .reserve_percent = 20,
                                     .interval_s = WORLD_INTERVAL_S,
                                     .intervals_keep_ms = world->intervals_keep_ms,
                                     .now_ms = world_wall_ms(world)};
    assert_int_equal(ledger_open_writer(&options, &world->ledger), 0);
}

static void name_queues(struct world *world)
{
    for (uint32_t i = 1; i <= WORLD_QUEUES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "queue-%u", i);
        assert_int_equal(intern_put(ledger_names(world->ledger, LEDGER_QUEUE), slice_str(name)), i);
    }
    assert_int_equal(ledger_begin(world->ledger, world_wall_ms(world)), 0);
    assert_int_equal(ledger_end(world->ledger), 0);
}

static void set_options(struct world *world)
{
    world->options = (struct sync_options){.site = "madrid-01",
                                           .agent_version = "1.0",
                                           .zone = "Europe/Madrid",
                                           .live = true,
                                           .live_min_ms = 5000,
                                           .heartbeat_ms = 30000,
                                           .open_min_ms = 60000,
                                           .retry_min_ms = 1000,
                                           .retry_max_ms = 60000,
                                           .window = 4,
                                           .payload_max = LIMITS_PAYLOAD_MAX,
                                           .random = roll,
                                           .random_ctx = world,
                                           .transport = {world, line_connect, line_close, line_request}};
}

struct world *world_new(uint64_t seed, uint64_t map_bytes)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->rng = (struct rng){seed};
    world->now_ms = WORLD_NOW_MS;
    world->map_bytes = map_bytes;
    world->up = true;
    world->largest_payload = LIMITS_PAYLOAD_MAX;
    world->entries = calloc((size_t)(WORLD_BEFORE + WORLD_AFTER) * (WORLD_QUEUES + 1), sizeof *world->entries);
    world->trail = calloc(WORLD_TRAIL_MAX, sizeof *world->trail);
    world->lives = calloc(WORLD_LIVES_MAX, sizeof *world->lives);
    assert_true(world->entries && world->trail && world->lives);
    assert_int_equal(message_arena_new(4 << 20, &world->arena), 0);
    set_options(world);
    temp_dir_make(&world->dir);
    open_ledger(world);
    name_queues(world);
    return world;
}

void world_start(struct world *world)
{
    world->options.ledger = world->ledger;
    assert_int_equal(sync_new(&world->options, world->now_ms, &world->sync), 0);
    world->wake_ms = world->now_ms;
}

void world_stop(struct world *world)
{
    sync_free(world->sync);
    world->sync = NULL;
    world->linked = false;
    world->connection++;
}

void world_reopen(struct world *world)
{
    world_stop(world);
    ledger_close(world->ledger);
    open_ledger(world);
    world_start(world);
}

void world_free(struct world *world)
{
    sync_free(world->sync);
    ledger_close(world->ledger);
    for (size_t i = 0; i < (size_t)(WORLD_BEFORE + WORLD_AFTER) * (WORLD_QUEUES + 1); i++) {
        free(world->entries[i].bytes);
    }
    for (size_t i = 0; i < world->event_count; i++) {
        buf_deinit(&world->events[i].payload);
    }
    free(world->events);
    free(world->entries);
    free(world->trail);
    free(world->lives);
    message_arena_free(world->arena);
    temp_dir_remove(&world->dir);
    free(world);
}

static void fill(struct summary *sum, uint32_t queue, int64_t start_s, unsigned calls)
{
    struct rng rng = {(uint64_t)start_s + queue + calls};
    sum->flow[FLOW_ENTERED] = calls;
    sum->flow[FLOW_ANSWERED] = calls;
    sum->cohort[COHORT_ENTERED] = calls;
    sum->cohort[COHORT_ANSWERED] = calls;
    sum->waiting_max = calls > 0;
    for (unsigned i = 0; i < calls && i < 20; i++) {
        assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ANSWERED, rng_between(&rng, 0, 90) * 1000), 0);
    }
}

static void committed(struct world *world)
{
    assert_int_equal(ledger_end(world->ledger), 0);
    if (world->sync) {
        sync_committed(world->sync, world->now_ms);
    }
}

void world_put(struct world *world, uint32_t queue, int64_t start_s, unsigned calls)
{
    struct summary sum = {0};
    fill(&sum, queue, start_s, calls);
    assert_int_equal(ledger_begin(world->ledger, world_wall_ms(world)), 0);
    ledger_put_interval(world->ledger, queue, start_s, &sum);
    committed(world);
    summary_deinit(&sum);
}

void world_surpass(struct world *world, uint32_t queue, int64_t start_s, uint64_t by)
{
    struct world_entry *entry = entry_at(world, queue, start_s);
    free(entry->bytes);
    entry->bytes = NULL;
    entry->len = 0;
    entry->revision += by;
}

void world_lose_store(struct world *world)
{
    for (size_t i = 0; i < (size_t)(WORLD_BEFORE + WORLD_AFTER) * (WORLD_QUEUES + 1); i++) {
        free(world->entries[i].bytes);
        world->entries[i] = (struct world_entry){.revision = 0};
    }
    world->store += world->store != 0;
    if (world->linked) {
        world->linked = false;
        world->connection++;
        sync_closed(world->sync, world->now_ms, "the collector died");
    }
}

void world_commit_leg(struct world *world, uint64_t seq, uint32_t queue, enum leg_state state, int64_t enter_ms)
{
    struct call_leg leg = {.seq = seq, .contact = seq, .queue = queue, .state = state, .enter_ms = enter_ms};
    assert_int_equal(ledger_begin(world->ledger, world_wall_ms(world)), 0);
    if (state == LEG_DONE) {
        ledger_drop_open_leg(world->ledger, seq);
    } else {
        ledger_put_open_leg(world->ledger, &leg);
    }
    committed(world);
}

struct sync_facts world_facts(const struct world *world)
{
    struct sync_facts facts;
    sync_facts(world->sync, &facts);
    return facts;
}

struct ledger_backlog world_backlog(struct world *world)
{
    struct ledger_backlog backlog;
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(world->ledger, &view), 0);
    assert_int_equal(ledger_view_backlog(view, &backlog), 0);
    ledger_view_end(view);
    return backlog;
}

struct compare {
    struct world *world;
    uint64_t seed;
    size_t refused;
    size_t count;
};

static int compare_interval(void *ctx, const struct ledger_interval *item)
{
    struct compare *self = ctx;
    uint32_t calls = item->summary->flow[FLOW_ENTERED];
    self->count++;
    if (calls == WORLD_NEVER_CALLS || calls == WORLD_REFUSED_CALLS) {
        return 0;
    }
    const struct world_entry *entry = entry_at(self->world, item->queue, item->start_s);
    struct buf bytes = BUF_INIT;
    summary_encode(item->summary, &bytes);
    if (!same_content(entry, &bytes) || entry->revision != item->revision) {
        fail_msg("seed %llu: queue %u start %lld: revision %u here, %llu there", (unsigned long long)self->seed,
                 item->queue, (long long)item->start_s, item->revision, (unsigned long long)entry->revision);
    }
    buf_deinit(&bytes);
    return 0;
}

static void assert_settled(struct world *world, const struct compare *self)
{
    struct ledger_backlog backlog = world_backlog(world);
    struct sync_facts facts = world_facts(world);
    if (backlog.dirty != 0 || backlog.refused != self->refused) {
        fail_msg("seed %llu: %llu still dirty, %llu refused of %zu; %s, in flight %u, %s",
                 (unsigned long long)self->seed, (unsigned long long)backlog.dirty, (unsigned long long)backlog.refused,
                 self->refused, sync_state_str(facts.state), facts.in_flight, facts.last_error);
    }
}

static int count_refused(void *ctx, const struct ledger_interval *item)
{
    uint32_t calls = item->summary->flow[FLOW_ENTERED];
    ((struct compare *)ctx)->refused += calls == WORLD_NEVER_CALLS || calls == WORLD_REFUSED_CALLS;
    return 0;
}

size_t world_assert_same(struct world *world, uint64_t seed)
{
    struct compare self = {.world = world, .seed = seed};
    struct ledger_view *view = NULL;
    assert_int_equal(ledger_view_begin(world->ledger, &view), 0);
    assert_int_equal(ledger_view_intervals(view, 0, INT64_MAX, count_refused, &self, NULL), 0);
    assert_settled(world, &self);
    assert_int_equal(ledger_view_intervals(view, 0, INT64_MAX, compare_interval, &self, NULL), 0);
    ledger_view_end(view);
    return self.count;
}
