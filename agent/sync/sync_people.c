/* sync_people: who is logged in and how he stands, and what of it the collector has not heard. */
#include <stdlib.h>
#include <string.h>

#include "agent/sync/sync_internal.h"
#include "platform/base/status.h"

enum { OPERATOR_BYTES = 40 }; /* of a message, at most, beside the texts */

/* What is logged in now, and the message that is made of the difference. */
struct people {
    struct sync *sync;
    struct sync_operator *now; /* ascending by name */
    size_t count;
    uint32_t more;
    struct sync_operator *next; /* what the collector will know */
    size_t next_count;
    struct message_live_operator *out;
    size_t out_count;
    size_t bytes;
    bool full;
};

void sync_forget_people(struct sync *sync)
{
    free(sync->people.told);
    sync->people = (struct sync_people){0};
}

static void copy_cut(char to[LIMITS_OPERATOR_TEXT_MAX + 1], const char *from)
{
    struct slice cut = sync_cut(slice_str(from), LIMITS_OPERATOR_TEXT_MAX);
    memcpy(to, cut.data, cut.len);
    to[cut.len] = '\0';
}

/* The call's queue, if the collector was told its name. */
static uint32_t queue_of(const struct sync *sync, const char *name)
{
    uint32_t number = intern_find(ledger_names(sync->options.ledger, LEDGER_QUEUE), slice_str(name));
    return number < sync->queue_count && sync->queues[number].live_named ? number : 0;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct sync_operator *)left)->name, ((const struct sync_operator *)right)->name);
}

/* Those who cannot be told apart, or are too many, are counted. */
static void drop_surplus(struct people *people)
{
    size_t kept = 0;
    for (size_t i = 0; i < people->count; i++) {
        bool named = people->now[i].name[0] != '\0';
        bool same = kept > 0 && strcmp(people->now[kept - 1].name, people->now[i].name) == 0;
        if (!named || same || kept == LIMITS_OPERATORS_MAX) {
            people->more++;
        } else {
            people->now[kept++] = people->now[i];
        }
    }
    people->count = kept;
}

static void take_board(struct people *people, const struct board_copy *board)
{
    for (size_t i = 0; i < board->operator_count; i++) {
        const struct board_operator *from = &board->operators[i];
        struct sync_operator *to = &people->now[people->count++];
        copy_cut(to->name, from->name);
        copy_cut(to->reason, from->reason);
        to->state = from->state;
        to->since_ms = from->since_ms;
        to->queue = queue_of(people->sync, from->queue);
    }
    qsort(people->now, people->count, sizeof *people->now, by_name);
    drop_surplus(people);
}

/* False: the message holds no more. `who` must stay where it is until the message is written. */
static bool tell(struct people *people, const struct sync_operator *who, enum shift_state state)
{
    size_t bytes = OPERATOR_BYTES + strlen(who->name) + strlen(who->reason);
    people->full |=
        people->bytes + bytes > people->sync->payload_limit / 4 || people->out_count == LIMITS_OPERATORS_MAX;
    if (people->full) {
        return false;
    }
    people->bytes += bytes;
    bool off = state == SHIFT_OFF;
    people->out[people->out_count++] = (struct message_live_operator){.name = slice_str(who->name),
                                                                      .state = state,
                                                                      .since_ms = off ? 0 : who->since_ms,
                                                                      .queue = off ? 0 : who->queue,
                                                                      .reason = slice_str(off ? "" : who->reason)};
    return true;
}

static bool same(const struct sync_operator *a, const struct sync_operator *b)
{
    return a->state == b->state && a->since_ms == b->since_ms && a->queue == b->queue &&
           strcmp(a->reason, b->reason) == 0;
}

/* Who left goes first: the collector's list has a limit. */
static void tell_left(struct people *people)
{
    const struct sync_people *told = &people->sync->people;
    for (size_t i = 0; i < told->count; i++) {
        bool here = people->count > 0 &&
                    bsearch(&told->told[i], people->now, people->count, sizeof *people->now, by_name) != NULL;
        if (!here && !tell(people, &told->told[i], SHIFT_OFF)) {
            people->next[people->next_count++] = told->told[i];
        }
    }
}

static void tell_changed(struct people *people)
{
    const struct sync_people *told = &people->sync->people;
    for (size_t i = 0; i < people->count; i++) {
        const struct sync_operator *who = &people->now[i];
        const struct sync_operator *before =
            told->count > 0 ? bsearch(who, told->told, told->count, sizeof *told->told, by_name) : NULL;
        if ((before && same(before, who)) || tell(people, who, who->state)) {
            people->next[people->next_count++] = *who;
        } else if (before) {
            people->next[people->next_count++] = *before;
        }
    }
    qsort(people->next, people->next_count, sizeof *people->next, by_name);
}

static int compare_and_tell(struct people *people, struct message_live *live)
{
    struct sync_people *told = &people->sync->people;
    size_t room = people->count + told->count;
    people->next = calloc(room ? room : 1, sizeof *people->next);
    people->out = calloc(room ? room : 1, sizeof *people->out);
    if (!people->next || !people->out) {
        return STATUS_NO_MEMORY;
    }
    tell_left(people);
    tell_changed(people);
    live->operators_all = !told->known;
    live->operators_more = told->known && told->more == people->more ? 0 : people->more + 1;
    live->operators = people->out;
    live->operator_count = people->out_count;
    return 0;
}

/* The texts of the message are borrowed from who was told of before and who is there now, and outlive neither. */
static int keep_texts(struct people *people, struct message_live_operator **out)
{
    size_t texts = 2 * (LIMITS_OPERATOR_TEXT_MAX + 1);
    struct message_live_operator *kept = calloc(1, people->out_count * (sizeof *kept + texts) + 1);
    if (!kept) {
        return STATUS_NO_MEMORY;
    }
    char *at = (char *)(kept + people->out_count);
    for (size_t i = 0; i < people->out_count; i++) {
        kept[i] = people->out[i];
        struct slice *const slices[] = {&kept[i].name, &kept[i].reason};
        for (size_t j = 0; j < 2; j++) {
            memcpy(at, slices[j]->data, slices[j]->len);
            *slices[j] = slice_make(at, slices[j]->len);
            at += LIMITS_OPERATOR_TEXT_MAX + 1;
        }
    }
    *out = kept;
    return 0;
}

static void release(struct people *people)
{
    free(people->now);
    free(people->next);
    free(people->out);
}

int sync_put_people(struct sync *sync, const struct board_copy *board, struct message_live *live,
                    struct message_live_operator **out, bool *more)
{
    struct sync_people *told = &sync->people;
    if (!board) {
        live->operators_unknown = told->known;
        sync_forget_people(sync);
        return 0;
    }
    struct people people = {.sync = sync, .now = calloc(board->operator_count + 1, sizeof *people.now)};
    int status = people.now ? 0 : STATUS_NO_MEMORY;
    if (status == 0) {
        take_board(&people, board);
        status = compare_and_tell(&people, live);
    }
    if (status == 0) {
        status = keep_texts(&people, out);
    }
    if (status == 0) {
        free(told->told);
        *told = (struct sync_people){people.next, people.next_count, people.more, true};
        people.next = NULL;
        live->operators = *out;
        *more |= people.full;
    }
    release(&people);
    return status;
}
