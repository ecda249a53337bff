#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/kpi/timesheet.h"
#include "agent/roster/roster.h"
#include "tests/support/rng.h"
#include "tests/unit/roster/model.h"

/* Random events, sensible or not, against the model: every 10 ms of every operator, and all of it once more as the
 * timesheet has it, saved, loaded and cut at the edges of intervals of any length. */

enum { SEEDS = 2000, CELLS_MAX = 400, HORIZON_MS = MODEL_UNITS * MODEL_UNIT_MS };

#define T0 INT64_C(1795308300003)

static const char *const people[] = {"ann", "bob", "cy"};
static const char *const queues[] = {"", "sales", "support", "night"};
static const char *const reasons[] = {"", "lunch", "acw"};
static const char *const interfaces[] = {"PJSIP/100", "Local/7@agents"};
static const char *const calls[] = {"1795308300.1", "1795308300.2", "pbx-3", "4"};

struct cell {
    uint32_t operator_id;
    int64_t start_s;
    struct shift shift;
};

static struct world {
    struct rng rng;
    struct roster *roster;
    struct timesheet *sheet;
    int64_t interval_ms;
    struct intern *queues;
    struct intern *operators;
    struct intern *reasons;
    struct model model;
    struct model_stand stands[MODEL_PEOPLE][MODEL_UNITS]; /* as told */
    bool logged_in[MODEL_PEOPLE][MODEL_QUEUES + 1][MODEL_UNITS];
    bool paused[MODEL_PEOPLE][MODEL_QUEUES + 1][MODEL_UNITS];
    unsigned counts[MODEL_PEOPLE][MODEL_QUEUES + 1][SHIFT_COUNT_COUNT];
    struct cell cells[CELLS_MAX];
    size_t cell_count;
} world;

static int number_of(const char *const *names, int count, struct slice name)
{
    for (int i = 0; i < count; i++) {
        if (slice_is(name, names[i])) {
            return i;
        }
    }
    fail_msg("a name that nobody gave: %.*s", (int)name.len, name.data);
    return 0;
}

static int queue_number(uint32_t id)
{
    return id == 0 ? 0 : number_of(queues, MODEL_QUEUES + 1, intern_name(world.queues, id));
}

static int person_number(uint32_t id)
{
    return number_of(people, MODEL_PEOPLE, intern_name(world.operators, id));
}

static int unit_of(int64_t at_ms)
{
    assert_int_equal((at_ms - T0) % MODEL_UNIT_MS, 0);
    assert_in_range(at_ms - T0, 0, HORIZON_MS);
    return (int)((at_ms - T0) / MODEL_UNIT_MS);
}

static void mark(bool *units, const struct roster_span *span)
{
    for (int u = unit_of(span->from_ms); u < unit_of(span->to_ms); u++) {
        assert_false(units[u]); /* no two overlap */
        units[u] = true;
    }
}

static int take_state(const struct roster_span *span)
{
    struct model_stand stand = {.state = (uint8_t)span->state,
                                .queue = (uint8_t)queue_number(span->queue),
                                .wrap_by_reason = span->wrap_by_reason};
    if (span->reason != 0) {
        stand.reason = (uint8_t)number_of(reasons, 3, intern_name(world.reasons, span->reason));
    }
    for (int u = unit_of(span->from_ms); u < unit_of(span->to_ms); u++) {
        struct model_stand *at = &world.stands[person_number(span->operator_id)][u];
        assert_int_equal(at->state, SHIFT_OFF); /* no two overlap */
        *at = stand;
    }
    return timesheet_state(world.sheet, span->operator_id, span->state, span->queue, span->reason, span->wrap_by_reason,
                           span->from_ms, span->to_ms);
}

static int take_span(void *ctx, const struct roster_span *span)
{
    (void)ctx;
    assert_true(span->to_ms > span->from_ms);
    if (span->kind == ROSTER_STATE) {
        return take_state(span);
    }
    int person = person_number(span->operator_id);
    bool paused = span->kind == ROSTER_PAUSED;
    mark((paused ? world.paused : world.logged_in)[person][queue_number(span->queue)], span);
    return timesheet_member(world.sheet, span->operator_id, span->queue, paused, span->from_ms, span->to_ms);
}

static int take_count(void *ctx, const struct roster_count *count)
{
    (void)ctx;
    world.counts[person_number(count->operator_id)][queue_number(count->queue)][count->count]++;
    return timesheet_count(world.sheet, count->operator_id, count->queue, count->count, count->at_ms);
}

static bool is_wrap_reason(void *ctx, struct slice reason)
{
    (void)ctx;
    return slice_is(reason, reasons[MODEL_WRAP_REASON]);
}

static struct cell *find_cell(uint32_t operator_id, int64_t start_s)
{
    for (size_t i = 0; i < world.cell_count; i++) {
        if (world.cells[i].operator_id == operator_id && world.cells[i].start_s == start_s) {
            return &world.cells[i];
        }
    }
    return NULL;
}

static int load(void *ctx, uint32_t operator_id, int64_t start_s, struct shift *out)
{
    (void)ctx;
    const struct cell *cell = find_cell(operator_id, start_s);
    return cell ? shift_merge(out, &cell->shift) : TIMESHEET_NEW;
}

static int save(void *ctx, const struct timesheet_item *item)
{
    (void)ctx;
    struct cell *cell = find_cell(item->operator_id, item->start_s);
    if (!cell) {
        assert_true(world.cell_count < CELLS_MAX);
        cell = &world.cells[world.cell_count++];
        *cell = (struct cell){.operator_id = item->operator_id, .start_s = item->start_s};
    }
    shift_clear(&cell->shift);
    return shift_merge(&cell->shift, item->shift);
}

static void commit(void)
{
    assert_int_equal(timesheet_save(world.sheet, save, NULL), 0);
    timesheet_saved(world.sheet);
}

static void open_sheet(void)
{
    const struct timesheet_options options = {.interval_ms = world.interval_ms, .load = load};
    assert_int_equal(timesheet_new(&options, &world.sheet), 0);
}

static void begin(uint64_t seed)
{
    static const int lengths_s[] = {1, 2, 5, 7, 60, 900};
    memset(&world, 0, sizeof world);
    world.rng.state = seed;
    world.interval_ms = lengths_s[rng_below(&world.rng, 6)] * 1000;
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        for (int u = 0; u < MODEL_UNITS; u++) {
            world.stands[p][u].state = SHIFT_OFF;
        }
    }
    assert_int_equal(intern_new(10, &world.queues), 0);
    assert_int_equal(intern_new(10, &world.operators), 0);
    assert_int_equal(intern_new(10, &world.reasons), 0);
    const struct roster_options options = {.queues = world.queues,
                                           .operators = world.operators,
                                           .reasons = world.reasons,
                                           .wrap_up_ms = MODEL_WRAP_UP_MS,
                                           .is_wrap_reason = is_wrap_reason,
                                           .span = take_span,
                                           .count = take_count};
    assert_int_equal(roster_new(&options, &world.roster), 0);
    open_sheet();
}

static void end(void)
{
    roster_free(world.roster);
    timesheet_free(world.sheet);
    intern_free(world.queues);
    intern_free(world.operators);
    intern_free(world.reasons);
    for (size_t i = 0; i < world.cell_count; i++) {
        shift_deinit(&world.cells[i].shift);
    }
}

static enum event_kind any_kind(struct rng *rng)
{
    static const struct {
        enum event_kind kind;
        unsigned weight;
    } kinds[] = {{EVENT_MEMBER_STATE, 300},
                 {EVENT_MEMBER_REMOVE, 50},
                 {EVENT_RING, 120},
                 {EVENT_CONNECT, 120},
                 {EVENT_RING_NO_ANSWER, 60},
                 {EVENT_RING_CANCELED, 60},
                 {EVENT_OPERATOR_DUMP, 10},
                 {EVENT_COMPLETE_CALLER, 60},
                 {EVENT_COMPLETE_OPERATOR, 60},
                 {EVENT_TRANSFER_BLIND, 20},
                 {EVENT_LOST, 25},
                 {EVENT_ABANDON, 20},
                 {EVENT_HOLD, 60},
                 {EVENT_UNHOLD, 50},
                 {EVENT_RESTART, 5},
                 {EVENT_NONE, 5}};
    uint64_t at = rng_below(rng, 1025);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (at < kinds[i].weight) {
            return kinds[i].kind;
        }
        at -= kinds[i].weight;
    }
    return EVENT_MEMBER_STATE;
}

static struct model_event any_event(struct rng *rng)
{
    static const int devices[] = {1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 5, 6, 6, 7, 8, 0};
    static const int wraps_ms[] = {-1, 0, 300, 2500};
    struct model_event event = {.kind = any_kind(rng),
                                .person = (int)rng_below(rng, MODEL_PEOPLE),
                                .queue = (int)rng_below(rng, MODEL_QUEUES) + 1,
                                .call = (int)rng_below(rng, MODEL_CALLS),
                                .interface = (int)rng_below(rng, MODEL_INTERFACES),
                                .resumed = rng_chance(rng, 10)};
    event.resumed &= event.kind == EVENT_CONNECT;
    event.member = (struct event_member){.device = (enum event_device)devices[rng_below(rng, 16)],
                                         .paused = rng_chance(rng, 35),
                                         .in_call = rng_chance(rng, 10),
                                         .wrap_up_ms = wraps_ms[rng_below(rng, 4)]};
    event.reason = (uint32_t)rng_below(rng, 3);
    switch ((int)event.kind) {
    case EVENT_COMPLETE_CALLER:
        event.person = rng_chance(rng, 30) ? -1 : event.person;
        event.queue = rng_chance(rng, 20) ? -1 : event.queue;
        break;
    case EVENT_LOST:
    case EVENT_ABANDON:
        event.person = -1;
        event.queue = rng_chance(rng, 40) ? -1 : event.queue;
        break;
    case EVENT_MEMBER_REMOVE: event.interface = rng_chance(rng, 25) ? -1 : event.interface; break;
    case EVENT_RESTART: event = (struct model_event){EVENT_RESTART, .person = -1, .queue = -1, .call = -1}; break;
    default: break;
    }
    return event;
}

static void put(const struct model_event *event, int at_ms)
{
    bool is_member = event->kind == EVENT_MEMBER_STATE;
    struct call_event told = {.kind = event->kind,
                              .at_ms = T0 + at_ms,
                              .call_id = slice_str(event->call < 0 || is_member ? "" : calls[event->call]),
                              .queue = slice_str(event->queue < 0 ? "" : queues[event->queue]),
                              .operator_name = slice_str(event->person < 0 ? "" : people[event->person]),
                              .interface = slice_str(event->interface < 0 ? "" : interfaces[event->interface]),
                              .text = slice_str(is_member ? reasons[event->reason] : ""),
                              .member = is_member ? &event->member : NULL};
    int status = event->kind == EVENT_NONE ? roster_down(world.roster, T0 + at_ms)
                 : event->resumed          ? roster_resume(world.roster, &told)
                                           : roster_put(world.roster, &told);
    assert_int_equal(status, 0);
    model_put(&world.model, event, at_ms);
}

static void live_through(void)
{
    struct rng *rng = &world.rng;
    for (int unit = 0; unit < MODEL_UNITS; unit++) {
        if (rng_chance(rng, 4)) {
            assert_int_equal(roster_tick(world.roster, T0 + unit * MODEL_UNIT_MS), 0);
        }
        if (rng_chance(rng, 7)) {
            struct model_event event = any_event(rng);
            put(&event, unit * MODEL_UNIT_MS);
        }
        model_note(&world.model, unit);
        assert_int_equal(roster_logged_in(world.roster), model_count_logged_in(&world.model, unit));
        if (rng_chance(rng, 2)) {
            commit();
        }
        if (unit % 500 == 499) {
            commit();
            timesheet_free(world.sheet);
            open_sheet();
        }
    }
    assert_int_equal(roster_down(world.roster, T0 + HORIZON_MS), 0);
    commit();
    model_finish(&world.model);
}

/* What of a unit, which may lie across an edge, is in the interval that begins at start_ms. */
static uint64_t within(int unit, int64_t start_ms)
{
    int64_t from_ms = T0 + unit * MODEL_UNIT_MS;
    int64_t to_ms = from_ms + MODEL_UNIT_MS;
    from_ms = from_ms > start_ms ? from_ms : start_ms;
    to_ms = to_ms < start_ms + world.interval_ms ? to_ms : start_ms + world.interval_ms;
    return to_ms > from_ms ? (uint64_t)(to_ms - from_ms) : 0;
}

static void expect_cell(int person, int64_t start_ms, struct shift *out)
{
    const struct model *model = &world.model;
    shift_clear(out);
    int first = (int)((start_ms - T0) / MODEL_UNIT_MS) - 2;
    int last = first + (int)(world.interval_ms / MODEL_UNIT_MS) + 4;
    for (int u = first < 0 ? 0 : first; u < MODEL_UNITS && u <= last; u++) {
        uint64_t ms = within(u, start_ms);
        const struct model_stand *stand = &model->stands[person][u];
        struct shift_queue *queue = shift_queue(out, intern_find(world.queues, slice_str(queues[stand->queue])));
        (void)shift_add_state(out, (enum shift_state)stand->state, ms);
        out->wrap_by_reason_ms += stand->wrap_by_reason ? ms : 0;
        if (stand->state == SHIFT_PAUSED) {
            uint32_t reason = stand->reason ? intern_find(world.reasons, slice_str(reasons[stand->reason])) : 0;
            assert_int_equal(shift_add_reason(out, reason, ms), 0);
        }
        queue->ring_ms += stand->state == SHIFT_RING ? ms : 0;
        queue->talk_ms += stand->state == SHIFT_TALK ? ms : 0;
        queue->hold_ms += stand->state == SHIFT_HOLD ? ms : 0;
        for (int q = 1; q <= MODEL_QUEUES; q++) {
            queue = shift_queue(out, intern_find(world.queues, slice_str(queues[q])));
            queue->logged_in_ms += model->logged_in[person][q][u] ? ms : 0;
            queue->paused_ms += model->paused[person][q][u] ? ms : 0;
        }
    }
}

static void check_cells(void)
{
    struct shift expected = {0};
    unsigned counts[MODEL_PEOPLE][MODEL_QUEUES + 1][SHIFT_COUNT_COUNT] = {0};
    uint64_t logged_in_ms[MODEL_PEOPLE] = {0};
    for (size_t i = 0; i < world.cell_count; i++) {
        struct cell *cell = &world.cells[i];
        int person = person_number(cell->operator_id);
        expect_cell(person, cell->start_s * 1000, &expected);
        for (size_t k = 0; k < cell->shift.queue_count; k++) {
            struct shift_queue *queue = &cell->shift.queues[k];
            for (int c = 0; c < SHIFT_COUNT_COUNT; c++) {
                counts[person][queue_number(queue->queue)][c] += queue->count[c];
                queue->count[c] = 0;
            }
        }
        assert_true(shift_equal(&cell->shift, &expected));
        assert_true(shift_logged_in_ms(&cell->shift) <= (uint64_t)world.interval_ms);
        logged_in_ms[person] += shift_logged_in_ms(&cell->shift);
    }
    shift_deinit(&expected);
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        memset(world.model.counts[p][0], 0, sizeof world.model.counts[p][0]); /* of no queue: in no shift */
        for (int u = 0; u < MODEL_UNITS; u++) {
            logged_in_ms[p] -= world.model.stands[p][u].state != SHIFT_OFF ? MODEL_UNIT_MS : 0;
        }
        assert_int_equal(logged_in_ms[p], 0);
    }
    assert_memory_equal(counts, world.model.counts, sizeof counts);
}

static void it_says_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(seed);
        live_through();
        for (int p = 0; p < MODEL_PEOPLE; p++) {
            for (int u = 0; u < MODEL_UNITS; u++) {
                if (memcmp(&world.stands[p][u], &world.model.stands[p][u], sizeof(struct model_stand)) != 0) {
                    fail_msg("seed %llu, %s at %d ms: %s, not %s", (unsigned long long)seed, people[p],
                             u * MODEL_UNIT_MS, shift_state_names[world.stands[p][u].state],
                             shift_state_names[world.model.stands[p][u].state]);
                }
            }
        }
        assert_memory_equal(world.logged_in, world.model.logged_in, sizeof world.logged_in);
        assert_memory_equal(world.paused, world.model.paused, sizeof world.paused);
        assert_memory_equal(world.counts, world.model.counts, sizeof world.counts);
        check_cells();
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
