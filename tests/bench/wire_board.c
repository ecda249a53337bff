#include "tests/bench/wire_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/intern.h"

enum { FIELDS = 8, PEOPLE_MAX = 4096, QUEUES_MAX = 64, MS_SECOND = 1000 };

/* Something that happens: to a call, or to how an operator stands. */
struct act {
    int64_t at_ms;
    size_t order;
    enum event_kind kind; /* EVENT_NONE: of an operator */
    struct slice call;
    struct slice queue;
    struct slice name;
    struct slice reason;
    enum shift_state state;
};

struct person {
    uint64_t queues; /* by number, a bit each */
    int64_t since_ms;
    enum shift_state state;
};

struct wire_board {
    struct board *board;
    struct intern *names;
    struct intern *queues;
    struct person people[PEOPLE_MAX];
    struct act *acts;
    size_t count;
    size_t cap;
    size_t at;
};

static void must(bool fine)
{
    if (!fine) {
        (void)fputs("wire_board: no memory, or more than it was made for\n", stderr);
        exit(1);
    }
}

static void add(struct wire_board *day, struct act act)
{
    struct act *acts = grow_array(day->acts, day->count, &day->cap, sizeof *acts);
    must(acts != NULL);
    day->acts = acts;
    act.order = day->count;
    acts[day->count++] = act;
}

static struct person *person_of(struct wire_board *day, struct slice name)
{
    uint32_t number = intern_put(day->names, name);
    must(number > 0 && number < PEOPLE_MAX);
    return &day->people[number];
}

static void note_member(struct wire_board *day, const struct slice field[FIELDS])
{
    if (slice_is(field[2], "NONE") || slice_is(field[3], "NONE")) {
        return;
    }
    uint32_t queue = intern_put(day->queues, field[2]);
    must(queue > 0 && queue < QUEUES_MAX);
    person_of(day, field[3])->queues |= UINT64_C(1) << queue;
}

static void add_stand(struct wire_board *day, const struct slice field[FIELDS], int64_t at_ms, enum shift_state state)
{
    struct act act = {.at_ms = at_ms, .queue = field[2], .name = field[3], .state = state};
    act.reason = state == SHIFT_PAUSED ? field[5] : slice_str("");
    add(day, act);
}

/* A phone that rang: whether it was answered, and how long it rang, which the row tells at its end. */
static void add_ring(struct wire_board *day, const struct slice field[FIELDS], int64_t end_ms, int64_t ring_ms)
{
    add_stand(day, field, end_ms - ring_ms, SHIFT_RING);
}

static int64_t number(struct slice text)
{
    char room[24] = "";
    memcpy(room, text.data, text.len < sizeof room ? text.len : sizeof room - 1);
    return strtoll(room, NULL, 10);
}

static bool is_any(struct slice verb, const char *const *names)
{
    for (; *names; names++) {
        if (slice_is(verb, *names)) {
            return true;
        }
    }
    return false;
}

static void take_row(struct wire_board *day, const struct slice field[FIELDS])
{
    static const char *const over[] = {"COMPLETEAGENT", "COMPLETECALLER", "BLINDTRANSFER", "ATTENDEDTRANSFER", NULL};
    static const char *const left[] = {"ABANDON", "EXITWITHKEY", "EXITWITHTIMEOUT", "EXITEMPTY", NULL};
    int64_t at_ms = number(field[0]) * MS_SECOND;
    struct act act = {.at_ms = at_ms, .call = field[1], .queue = field[2], .name = field[3]};
    struct slice verb = field[4];
    note_member(day, field);
    if (slice_is(verb, "ENTERQUEUE")) {
        act.kind = EVENT_ENTER;
        act.name = slice_str("");
    } else if (slice_is(verb, "CONNECT")) {
        act.kind = EVENT_CONNECT;
        add_ring(day, field, at_ms, number(field[7]) * MS_SECOND);
        add_stand(day, field, at_ms, SHIFT_TALK);
    } else if (slice_is(verb, "RINGNOANSWER")) {
        add_ring(day, field, at_ms, number(field[5]));
        add_stand(day, field, at_ms, SHIFT_READY);
    } else if (is_any(verb, over)) {
        act.kind = EVENT_COMPLETE_CALLER;
        add_stand(day, field, at_ms, SHIFT_READY);
    } else if (is_any(verb, left)) {
        act.kind = EVENT_ABANDON;
        act.name = slice_str("");
    } else if (slice_is(verb, "PAUSEALL")) {
        add_stand(day, field, at_ms, SHIFT_PAUSED);
    } else if (slice_is(verb, "UNPAUSEALL")) {
        add_stand(day, field, at_ms, SHIFT_READY);
    }
    if (act.kind != EVENT_NONE) {
        add(day, act);
    }
}

static struct slice cut(struct slice *rest, char at)
{
    const char *end = memchr(rest->data, at, rest->len);
    size_t len = end ? (size_t)(end - rest->data) : rest->len;
    struct slice part = slice_make(rest->data, len);
    size_t used = end ? len + 1 : len;
    *rest = slice_make(rest->data + used, rest->len - used);
    return part;
}

static int by_time(const void *left, const void *right)
{
    const struct act *a = left;
    const struct act *b = right;
    if (a->at_ms != b->at_ms) {
        return a->at_ms < b->at_ms ? -1 : 1;
    }
    return (a->order > b->order) - (a->order < b->order);
}

static void stand(struct wire_board *day, uint32_t number_of_person, struct slice queue, struct slice reason)
{
    struct board_stand_member members[QUEUES_MAX];
    const struct person *who = &day->people[number_of_person];
    bool busy = who->state == SHIFT_RING || who->state == SHIFT_TALK;
    struct board_stand stands = {.name = intern_name(day->names, number_of_person),
                                 .interface = slice_str("PJSIP/101"),
                                 .reason = reason,
                                 .queue = busy ? queue : slice_str(""),
                                 .state = who->state,
                                 .since_ms = who->since_ms,
                                 .login_ms = 1,
                                 .members = members};
    for (uint32_t i = 1; i < QUEUES_MAX; i++) {
        if (who->queues & UINT64_C(1) << i) {
            members[stands.member_count++] =
                (struct board_stand_member){.queue = intern_name(day->queues, i), .paused = who->state == SHIFT_PAUSED};
        }
    }
    must(board_stand(day->board, &stands) == 0);
}

struct wire_board *wire_board_new(struct slice log)
{
    const struct board_options options = {.keep_number = false};
    struct wire_board *day = calloc(1, sizeof *day);
    must(day && board_new(&options, &day->board) == 0 && intern_new(PEOPLE_MAX, &day->names) == 0 &&
         intern_new(QUEUES_MAX, &day->queues) == 0);
    while (log.len > 0) {
        struct slice row = cut(&log, '\n');
        struct slice field[FIELDS];
        for (size_t i = 0; i < FIELDS; i++) {
            field[i] = cut(&row, '|');
        }
        take_row(day, field);
    }
    if (day->count > 0) {
        qsort(day->acts, day->count, sizeof *day->acts, by_time);
    }
    board_on(day->board, 1);
    for (uint32_t i = 1; i <= intern_count(day->names); i++) {
        day->people[i].since_ms = 1;
        stand(day, i, slice_str(""), slice_str(""));
    }
    return day;
}

void wire_board_free(struct wire_board *day)
{
    if (day) {
        board_free(day->board);
        intern_free(day->names);
        intern_free(day->queues);
        free(day->acts);
        free(day);
    }
}

struct board *wire_board(struct wire_board *day)
{
    return day->board;
}

static void happen(struct wire_board *day, const struct act *act)
{
    if (act->kind == EVENT_NONE) {
        struct person *who = person_of(day, act->name);
        who->state = act->state;
        who->since_ms = act->at_ms;
        stand(day, intern_find(day->names, act->name), act->queue, act->reason);
        return;
    }
    const struct call_event event = {.kind = act->kind,
                                     .at_ms = act->at_ms,
                                     .call_id = act->call,
                                     .queue = act->queue,
                                     .operator_name = act->name,
                                     .wait_ms = EVENT_UNKNOWN,
                                     .talk_ms = EVENT_UNKNOWN,
                                     .ring_ms = EVENT_UNKNOWN,
                                     .position = EVENT_UNKNOWN,
                                     .original_position = EVENT_UNKNOWN};
    must(board_put(day->board, &event) == 0);
}

bool wire_board_until(struct wire_board *day, int64_t wall_ms)
{
    size_t from = day->at;
    while (day->at < day->count && day->acts[day->at].at_ms <= wall_ms) {
        happen(day, &day->acts[day->at++]);
    }
    return day->at > from;
}
