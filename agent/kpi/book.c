#include "agent/kpi/book.h"

#include <stdlib.h>

#include "agent/kpi/shelf.h"
#include "platform/base/status.h"

enum {
    KEEP_INTERVALS = 3, /* behind the newest: where rows a little late, and long calls, still go */
    PURGE_ABOVE = 96,   /* so few entries are not worth a look for old ones */
};

struct entry {
    struct shelf_item item; /* id: the queue */
    struct summary summary;
};

struct book {
    struct book_options options;
    struct shelf shelf;
};

static int load_entry(void *ctx, struct shelf_item *item, int64_t start_s)
{
    struct book *book = ctx;
    return book->options.load(book->options.ctx, item->id, start_s, &((struct entry *)item)->summary);
}

static void clear_entry(struct shelf_item *item)
{
    summary_clear(&((struct entry *)item)->summary);
}

static void deinit_entry(struct shelf_item *item)
{
    summary_deinit(&((struct entry *)item)->summary);
}

int book_new(const struct book_options *options, struct book **out)
{
    struct book *book = calloc(1, sizeof *book);
    if (!book) {
        return STATUS_NO_MEMORY;
    }
    book->options = *options;
    const struct shelf_options shelf = {.item_size = sizeof(struct entry),
                                        .interval_s = options->interval_ms / 1000,
                                        .load = load_entry,
                                        .clear = clear_entry,
                                        .deinit = deinit_entry,
                                        .ctx = book};
    int status = shelf_init(&book->shelf, &shelf);
    if (status != 0) {
        free(book);
        return status;
    }
    *out = book;
    return 0;
}

void book_free(struct book *book)
{
    if (book) {
        shelf_deinit(&book->shelf);
        free(book);
    }
}

/* The interval to write to, marked dirty; NULL with *status set on failure. */
static struct summary *touch_number(struct book *book, uint32_t queue, int64_t number, int *status)
{
    struct shelf_item *item = NULL;
    *status = shelf_touch(&book->shelf, queue, number, &item);
    return *status == 0 ? &((struct entry *)item)->summary : NULL;
}

static struct summary *touch(struct book *book, uint32_t queue, int64_t at_ms, int *status)
{
    return touch_number(book, queue, at_ms / book->options.interval_ms, status);
}

/* One more waits. Those who waited at the start did so at once, whatever has been taken off the end by now. */
static void raise_waiting(struct summary *sum)
{
    sum->waiting_end++;
    uint32_t most = sum->waiting_end > sum->waiting_start ? sum->waiting_end : sum->waiting_start;
    if (most > sum->waiting_max) {
        sum->waiting_max = most;
    }
}

static void lower(uint32_t *value)
{
    if (*value > 0) {
        (*value)--;
    }
}

static int count_entered(struct book *book, const struct leg_change *change)
{
    int status;
    struct summary *sum = touch(book, change->queue, change->at_ms, &status);
    if (!sum) {
        return status;
    }
    sum->flow[FLOW_ENTERED]++;
    sum->cohort[COHORT_ENTERED]++;
    if (change->leg->flags & LEG_FLAG_TRANSFERRED_IN) {
        sum->flow[FLOW_TRANSFERRED_IN]++;
        sum->cohort[COHORT_TRANSFERRED_IN]++;
    }
    raise_waiting(sum);
    return 0;
}

static int count_waited(struct book *book, const struct leg_change *change)
{
    int status = 0;
    for (int64_t n = change->from + 1; n <= change->to && status == 0; n++) {
        struct summary *sum = touch_number(book, change->queue, n, &status);
        if (sum) {
            sum->waiting_start++;
            raise_waiting(sum);
        }
    }
    for (int64_t n = change->from; n > change->to && status == 0; n--) {
        struct summary *sum = touch_number(book, change->queue, n, &status);
        if (sum) {
            lower(&sum->waiting_start);
            lower(&sum->waiting_end);
            if (sum->waiting_start == 0 && sum->flow[FLOW_ENTERED] == 0) {
                sum->waiting_max = 0; /* nobody ever waited in it after all */
            }
        }
    }
    return status;
}

static int count_duration(struct summary *sum, enum duration_kind kind, int64_t value_ms, bool suspect)
{
    if (suspect) {
        sum->flow[FLOW_SUSPECT]++;
        return 0;
    }
    return summary_add_duration(sum, kind, value_ms);
}

static struct summary *touch_cohort(struct book *book, const struct leg_change *change, int *status)
{
    return touch(book, change->queue, change->leg->enter_ms, status);
}

static int count_answered(struct book *book, const struct leg_change *change)
{
    int status;
    struct summary *sum = touch(book, change->queue, change->at_ms, &status);
    if (!sum) {
        return status;
    }
    const struct call_leg *leg = change->leg;
    sum->flow[FLOW_ANSWERED]++;
    lower(&sum->waiting_end);
    status = count_duration(sum, DURATION_WAIT_ANSWERED, leg->wait_ms, leg->flags & LEG_FLAG_SUSPECT_WAIT);
    bool suspect_ring = leg->flags & LEG_FLAG_SUSPECT_RING;
    if (status == 0 && (leg->ring_ms >= 0 || suspect_ring)) {
        status = count_duration(sum, DURATION_RING, leg->ring_ms, suspect_ring);
    }
    struct summary *cohort = status == 0 ? touch_cohort(book, change, &status) : NULL;
    if (cohort) {
        cohort->cohort[COHORT_ANSWERED]++;
    }
    return status;
}

/* How an unanswered end counts. */
struct leaving {
    enum flow_counter flow;
    enum cohort_counter cohort;
    int duration; /* enum duration_kind, -1: none */
};

static struct leaving leaving_of(enum leg_outcome outcome)
{
    switch ((int)outcome) {
    case LEG_ABANDONED: return (struct leaving){FLOW_ABANDONED, COHORT_ABANDONED, DURATION_WAIT_ABANDONED};
    case LEG_EXIT_TIMEOUT: return (struct leaving){FLOW_EXIT_TIMEOUT, COHORT_EXIT_TIMEOUT, DURATION_WAIT_EXIT};
    case LEG_EXIT_EMPTY: return (struct leaving){FLOW_EXIT_EMPTY, COHORT_EXIT_EMPTY, DURATION_WAIT_EXIT};
    case LEG_EXIT_KEY: return (struct leaving){FLOW_EXIT_KEY, COHORT_EXIT_KEY, DURATION_WAIT_KEY};
    case LEG_WITHDRAWN: return (struct leaving){FLOW_WITHDRAWN, COHORT_WITHDRAWN, DURATION_WAIT_EXIT};
    default: return (struct leaving){FLOW_LOST, COHORT_LOST, -1};
    }
}

static int count_left(struct book *book, const struct leg_change *change)
{
    int status;
    struct summary *sum = touch(book, change->queue, change->at_ms, &status);
    if (!sum) {
        return status;
    }
    const struct call_leg *leg = change->leg;
    struct leaving leaving = leaving_of(leg->outcome);
    bool suspect = leg->flags & LEG_FLAG_SUSPECT_WAIT;
    bool is_short = leg->outcome == LEG_ABANDONED && !suspect &&
                    leg->wait_ms <= book->options.short_abandon_ms(book->options.ctx, change->queue);
    sum->flow[leaving.flow]++;
    sum->flow[FLOW_ABANDONED_SHORT] += is_short;
    lower(&sum->waiting_end);
    if (leaving.duration >= 0) {
        status = count_duration(sum, (enum duration_kind)leaving.duration, leg->wait_ms, suspect);
    }
    struct summary *cohort = status == 0 ? touch_cohort(book, change, &status) : NULL;
    if (cohort) {
        cohort->cohort[leaving.cohort]++;
        cohort->cohort[COHORT_ABANDONED_SHORT] += is_short;
    }
    return status;
}

static int count_transfer(struct book *book, const struct leg_change *change)
{
    int status;
    struct summary *sum = touch(book, change->queue, change->at_ms, &status);
    if (sum) {
        sum->flow[FLOW_TRANSFERRED_OUT]++;
        struct summary *cohort = touch_cohort(book, change, &status);
        if (cohort) {
            cohort->cohort[COHORT_TRANSFERRED_OUT]++;
        }
    }
    return status;
}

static int count_ended(struct book *book, const struct leg_change *change)
{
    int status;
    struct summary *sum = touch(book, change->queue, change->at_ms, &status);
    if (!sum) {
        return status;
    }
    const struct call_leg *leg = change->leg;
    if (leg->outcome == LEG_LOST_CONNECTED) {
        sum->flow[FLOW_LOST_CONNECTED]++;
        return 0;
    }
    status = count_duration(sum, DURATION_TALK, leg->talk_ms, leg->flags & LEG_FLAG_SUSPECT_TALK);
    if (status == 0 && !(leg->flags & LEG_FLAG_SUSPECT_TALK)) {
        status = summary_add_duration(sum, DURATION_HANDLE, leg->talk_ms + leg->hold_ms);
    }
    return status == 0 && leg->outcome == LEG_TRANSFERRED ? count_transfer(book, change) : status;
}

static int count_here(struct book *book, const struct leg_change *change, enum flow_counter counter)
{
    int status;
    struct summary *sum = touch(book, change->queue, change->at_ms, &status);
    if (sum) {
        sum->flow[counter]++;
    }
    return status;
}

int book_change(struct book *book, const struct leg_change *change)
{
    int status;
    switch (change->kind) {
    case LEG_CHANGE_ENTERED: return count_entered(book, change);
    case LEG_CHANGE_WAITED: return count_waited(book, change);
    case LEG_CHANGE_ANSWERED: return count_answered(book, change);
    case LEG_CHANGE_LEFT: return count_left(book, change);
    case LEG_CHANGE_ENDED: return count_ended(book, change);
    case LEG_CHANGE_MISSED: return count_here(book, change, FLOW_RING_NO_ANSWER);
    case LEG_CHANGE_BLOCKED: return count_here(book, change, FLOW_BLOCKED);
    case LEG_CHANGE_UNHELD: {
        struct summary *sum = touch(book, change->queue, change->at_ms, &status);
        return sum ? count_duration(sum, DURATION_HOLD, change->value_ms, change->value_ms < 0) : status;
    }
    }
    return STATUS_INVALID;
}

int book_save(struct book *book, int (*put)(void *ctx, const struct book_item *item), void *ctx)
{
    shelf_sort(&book->shelf);
    for (size_t i = 0; i < book->shelf.dirty_count; i++) {
        const struct shelf_item *dirty = book->shelf.dirty[i];
        struct book_item item = {.queue = dirty->id,
                                 .start_s = shelf_start_s(&book->shelf, dirty),
                                 .summary = &((const struct entry *)dirty)->summary};
        int status = put(ctx, &item);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

void book_saved(struct book *book)
{
    shelf_saved(&book->shelf);
    if (book->shelf.count > PURGE_ABOVE) {
        shelf_purge(&book->shelf, KEEP_INTERVALS);
    }
}

void book_trim(struct book *book)
{
    shelf_trim(&book->shelf);
}

size_t book_dirty_count(const struct book *book)
{
    return book->shelf.dirty_count;
}
