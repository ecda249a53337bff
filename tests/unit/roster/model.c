#include "tests/unit/roster/model.h"

#include <stddef.h>
#include <string.h>

static bool is_used(enum event_device device)
{
    return device == EVENT_DEVICE_IN_USE || device == EVENT_DEVICE_BUSY || device == EVENT_DEVICE_RINGING ||
           device == EVENT_DEVICE_RING_IN_USE || device == EVENT_DEVICE_ON_HOLD;
}

/* The newest of this queue, else the newest. */
static struct model_line *find(struct model *model, int person, int call, int queue, bool talking)
{
    struct model_line *any = NULL;
    for (unsigned i = model->line_count; i-- > 0;) {
        struct model_line *line = &model->lines[i];
        if (!line->live || line->call != call || line->talking != talking || (person >= 0 && line->person != person)) {
            continue;
        }
        if (line->queue == queue) {
            return line;
        }
        any = any ? any : line;
    }
    return any;
}

static void put_member(struct model *model, const struct model_event *event)
{
    struct model_member *member = &model->members[event->person][event->queue][event->interface];
    uint32_t reason = event->member.paused ? event->reason : 0;
    if (!member->there) {
        *member = (struct model_member){.there = true};
    }
    if (event->member.paused && (!member->paused || member->reason != reason)) {
        member->order = ++model->pauses;
    }
    member->paused = event->member.paused;
    member->reason = reason;
    member->device = event->member.device;
    member->wrap_up_ms = (int)event->member.wrap_up_ms;
    bool wakes = event->member.in_call || (is_used(member->device) && member->device != EVENT_DEVICE_RINGING);
    for (unsigned i = 0; i < model->line_count && wakes; i++) {
        model->lines[i].dormant &= model->lines[i].person != event->person;
    }
}

static void remove_member(struct model *model, const struct model_event *event)
{
    struct model_member *members = model->members[event->person][event->queue];
    bool exact = event->interface >= 0 && members[event->interface].there;
    bool one = members[0].there != members[1].there;
    for (int i = 0; i < MODEL_INTERFACES; i++) {
        if (exact ? i == event->interface : event->interface < 0 || one) {
            members[i].there = false;
        }
    }
}

static void put_line(struct model *model, const struct model_event *event, bool talking)
{
    struct model_line *ring = find(model, event->person, event->call, event->queue, false);
    struct model_line *known = find(model, event->person, event->call, event->queue, talking);
    bool is_new = !known || known->queue != event->queue;
    if (talking && ring && !event->resumed) {
        ring->live = false;
    }
    if (!is_new) {
        known->dormant &= event->resumed;
        return;
    }
    if (model->line_count == MODEL_LINES_MAX) {
        return; /* the test makes fewer */
    }
    model->lines[model->line_count++] = (struct model_line){.live = true,
                                                            .person = event->person,
                                                            .call = event->call,
                                                            .queue = event->queue,
                                                            .talking = talking,
                                                            .dormant = event->resumed};
    if (talking && !event->resumed) {
        model->counts[event->person][event->queue][SHIFT_ANSWERED]++;
    }
}

static void end_ring(struct model *model, const struct model_event *event)
{
    for (int talking = 0; talking <= (event->kind == EVENT_OPERATOR_DUMP); talking++) {
        struct model_line *line = find(model, event->person, event->call, event->queue, talking);
        if (line) {
            line->live = false;
        }
    }
    if (event->kind == EVENT_RING_NO_ANSWER) {
        model->counts[event->person][event->queue][SHIFT_MISSED]++;
    }
}

static void end_talk(struct model *model, const struct model_event *event, int at_ms)
{
    struct model_line *line = find(model, event->person, event->call, event->queue, true);
    if (!line && event->person < 0) {
        return;
    }
    int person = event->person < 0 ? line->person : event->person;
    int queue = event->queue > 0 ? event->queue : line ? line->queue : 0;
    if (line) {
        line->live = false;
    }
    model->counts[person][queue][SHIFT_ENDED]++;
    model->counts[person][queue][SHIFT_TRANSFERRED] +=
        event->kind == EVENT_TRANSFER_BLIND || event->kind == EVENT_TRANSFER_ATTENDED;
    int wrap_ms = -1;
    for (int i = 0; i < MODEL_INTERFACES; i++) {
        const struct model_member *member = &model->members[person][queue][i];
        wrap_ms = member->there && member->wrap_up_ms > wrap_ms ? member->wrap_up_ms : wrap_ms;
    }
    wrap_ms = wrap_ms < 0 ? MODEL_WRAP_UP_MS : wrap_ms;
    model->wrap_until_ms[person] = wrap_ms > 0 ? at_ms + wrap_ms : 0;
}

static void lose(struct model *model, const struct model_event *event)
{
    for (unsigned i = 0; i < model->line_count; i++) {
        struct model_line *line = &model->lines[i];
        bool all = event->kind == EVENT_RESTART;
        bool is_it = line->call == event->call && (event->queue < 0 || event->queue == line->queue) &&
                     (event->kind == EVENT_LOST || !line->talking);
        if (line->live && (all || is_it)) {
            line->live = false;
            model->wrap_until_ms[line->person] = line->talking ? 0 : model->wrap_until_ms[line->person];
        }
    }
}

static void hold(struct model *model, const struct model_event *event)
{
    for (unsigned i = 0; i < model->line_count; i++) {
        struct model_line *line = &model->lines[i];
        if (line->live && line->talking && line->call == event->call && line->person == event->person &&
            line->queue == event->queue) {
            line->held = event->kind == EVENT_HOLD;
        }
    }
}

static void cut_off(struct model *model)
{
    memset(model->members, 0, sizeof model->members);
    memset(model->wrap_until_ms, 0, sizeof model->wrap_until_ms);
    for (unsigned i = 0; i < model->line_count; i++) {
        model->lines[i].live &= model->lines[i].talking;
        model->lines[i].dormant = true;
        model->lines[i].held = false;
    }
}

void model_put(struct model *model, const struct model_event *event, int at_ms)
{
    switch ((int)event->kind) {
    case EVENT_NONE: cut_off(model); break;
    case EVENT_MEMBER_STATE: put_member(model, event); break;
    case EVENT_MEMBER_REMOVE: remove_member(model, event); break;
    case EVENT_RING: put_line(model, event, false); break;
    case EVENT_CONNECT: put_line(model, event, true); break;
    case EVENT_RING_NO_ANSWER:
    case EVENT_RING_CANCELED:
    case EVENT_OPERATOR_DUMP: end_ring(model, event); break;
    case EVENT_COMPLETE_OPERATOR:
    case EVENT_COMPLETE_CALLER:
    case EVENT_TRANSFER_BLIND:
    case EVENT_TRANSFER_ATTENDED: end_talk(model, event, at_ms); break;
    case EVENT_HOLD:
    case EVENT_UNHOLD: hold(model, event); break;
    default: lose(model, event); break;
    }
}

struct sums {
    unsigned members;
    unsigned paused;
    unsigned gone;
    unsigned used;
    uint32_t reason;
};

static struct sums sum_up(const struct model *model, int person)
{
    struct sums sums = {0};
    unsigned latest = 0;
    for (int q = 1; q <= MODEL_QUEUES; q++) {
        for (int i = 0; i < MODEL_INTERFACES; i++) {
            const struct model_member *member = &model->members[person][q][i];
            if (!member->there) {
                continue;
            }
            sums.members++;
            sums.paused += member->paused;
            sums.gone += member->device == EVENT_DEVICE_INVALID || member->device == EVENT_DEVICE_UNAVAILABLE;
            sums.used += is_used(member->device);
            if (member->paused && member->order > latest) {
                latest = member->order;
                sums.reason = member->reason;
            }
        }
    }
    return sums;
}

static struct model_stand stand_of(const struct model *model, int person, int at_ms)
{
    const struct model_line *ring = NULL;
    const struct model_line *talk = NULL;
    const struct model_line *held = NULL;
    for (unsigned i = 0; i < model->line_count; i++) {
        const struct model_line *line = &model->lines[i];
        if (line->live && line->person == person && !(line->talking && line->dormant)) {
            *(!line->talking ? &ring : line->held ? &held : &talk) = line;
        }
    }
    struct sums sums = sum_up(model, person);
    bool paused = sums.paused == sums.members;
    if (talk) {
        return (struct model_stand){.state = SHIFT_TALK, .queue = (uint8_t)talk->queue};
    }
    if (held) {
        return (struct model_stand){.state = SHIFT_HOLD, .queue = (uint8_t)held->queue};
    }
    if (sums.members == 0) {
        return (struct model_stand){.state = SHIFT_OFF};
    }
    if (ring) {
        return (struct model_stand){.state = SHIFT_RING, .queue = (uint8_t)ring->queue};
    }
    if (paused && sums.reason == MODEL_WRAP_REASON) {
        return (struct model_stand){.state = SHIFT_WRAP, .reason = (uint8_t)sums.reason, .wrap_by_reason = true};
    }
    if (at_ms < model->wrap_until_ms[person]) {
        return (struct model_stand){.state = SHIFT_WRAP};
    }
    if (paused) {
        return (struct model_stand){.state = SHIFT_PAUSED, .reason = (uint8_t)sums.reason};
    }
    if (sums.gone == sums.members) {
        return (struct model_stand){.state = SHIFT_UNAVAILABLE};
    }
    return (struct model_stand){.state = sums.used > 0 ? SHIFT_BUSY : SHIFT_READY};
}

void model_note(struct model *model, int unit)
{
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        model->stands[p][unit] = stand_of(model, p, unit * MODEL_UNIT_MS);
        for (int q = 1; q <= MODEL_QUEUES; q++) {
            const struct model_member *members = model->members[p][q];
            bool any = members[0].there || members[1].there;
            model->logged_in[p][q][unit] = any;
            model->paused[p][q][unit] =
                any && (!members[0].there || members[0].paused) && (!members[1].there || members[1].paused);
        }
    }
}

void model_finish(struct model *model)
{
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        struct model_stand *stands = model->stands[p];
        for (int from = 0, to; from < MODEL_UNITS; from = to) {
            for (to = from + 1; to < MODEL_UNITS && stands[to].state == stands[from].state; to++) {
            }
            bool lasted = stands[from].state != SHIFT_BUSY || (to - from) * MODEL_UNIT_MS >= 1000;
            for (int u = from; u < to && !lasted; u++) {
                stands[u].state = SHIFT_READY;
            }
        }
    }
}

unsigned model_count_logged_in(const struct model *model, int unit)
{
    unsigned count = 0;
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        count += model->stands[p][unit].state != SHIFT_OFF;
    }
    return count;
}
