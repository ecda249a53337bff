#include "agent/kpi/book.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

enum {
    KEEP_INTERVALS = 3, /* behind the newest: where rows a little late, and long calls, still go */
    RECENT = 64,        /* queues whose last interval is found without the table */
};

struct entry {
    struct summary summary;
    int64_t number; /* of the interval: start / length */
    uint32_t queue;
    bool dirty;
    struct entry *next; /* of the bucket, or of the spare list */
};

struct book {
    struct book_options options;
    struct entry **buckets;
    uint32_t mask;
    uint32_t count;
    struct entry *recent[RECENT];
    struct entry *spare; /* emptied entries that keep their histograms' memory */
    struct entry **dirty;
    size_t dirty_count;
    size_t dirty_cap;
    int64_t newest;
};

int book_new(const struct book_options *options, struct book **out)
{
    struct book *book = calloc(1, sizeof *book);
    if (!book) {
        return STATUS_NO_MEMORY;
    }
    book->options = *options;
    book->mask = 255;
    book->buckets = calloc((size_t)book->mask + 1, sizeof(struct entry *));
    if (!book->buckets) {
        free(book);
        return STATUS_NO_MEMORY;
    }
    *out = book;
    return 0;
}

static void free_list(struct entry *entry)
{
    while (entry) {
        struct entry *next = entry->next;
        summary_deinit(&entry->summary);
        free(entry);
        entry = next;
    }
}

void book_free(struct book *book)
{
    if (!book) {
        return;
    }
    for (uint32_t i = 0; i <= book->mask; i++) {
        free_list(book->buckets[i]);
    }
    free_list(book->spare);
    free((void *)book->buckets);
    free((void *)book->dirty);
    free(book);
}

static uint32_t bucket_of(uint32_t queue, int64_t number, uint32_t mask)
{
    uint64_t h = ((uint64_t)number << 20 ^ queue) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32) & mask;
}

static int grow(struct book *book)
{
    uint32_t mask = book->mask * 2 + 1;
    struct entry **buckets = calloc((size_t)mask + 1, sizeof(struct entry *));
    if (!buckets) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i <= book->mask; i++) {
        for (struct entry *entry = book->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            uint32_t b = bucket_of(entry->queue, entry->number, mask);
            entry->next = buckets[b];
            buckets[b] = entry;
        }
    }
    free((void *)book->buckets);
    book->buckets = buckets;
    book->mask = mask;
    return 0;
}

static int make_entry(struct book *book, uint32_t queue, int64_t number, struct entry **out)
{
    if (book->count > book->mask && grow(book) != 0) {
        return STATUS_NO_MEMORY;
    }
    struct entry *entry = book->spare;
    if (entry) {
        book->spare = entry->next;
    } else {
        entry = calloc(1, sizeof *entry);
        if (!entry) {
            return STATUS_NO_MEMORY;
        }
    }
    entry->queue = queue;
    entry->number = number;
    entry->dirty = false;
    int64_t start_s = number * (book->options.interval_ms / 1000);
    int status = book->options.load(book->options.ctx, queue, start_s, &entry->summary);
    if (status < 0) {
        summary_clear(&entry->summary);
        entry->next = book->spare;
        book->spare = entry;
        return status;
    }
    uint32_t b = bucket_of(queue, number, book->mask);
    entry->next = book->buckets[b];
    book->buckets[b] = entry;
    book->count++;
    if (number > book->newest) {
        book->newest = number;
    }
    *out = entry;
    return 0;
}

static int find_entry(struct book *book, uint32_t queue, int64_t number, struct entry **out)
{
    struct entry **recent = &book->recent[queue % RECENT];
    if (*recent && (*recent)->queue == queue && (*recent)->number == number) {
        *out = *recent;
        return 0;
    }
    struct entry *entry = book->buckets[bucket_of(queue, number, book->mask)];
    while (entry && (entry->queue != queue || entry->number != number)) {
        entry = entry->next;
    }
    if (!entry) {
        int status = make_entry(book, queue, number, &entry);
        if (status != 0) {
            return status;
        }
    }
    *recent = entry;
    *out = entry;
    return 0;
}

static int mark_dirty(struct book *book, struct entry *entry)
{
    if (entry->dirty) {
        return 0;
    }
    struct entry **dirty = grow_array((void *)book->dirty, book->dirty_count, &book->dirty_cap, sizeof *dirty);
    if (!dirty) {
        return STATUS_NO_MEMORY;
    }
    book->dirty = dirty;
    entry->dirty = true;
    book->dirty[book->dirty_count++] = entry;
    return 0;
}

/* The interval to write to, marked dirty; NULL with *status set on failure. */
static struct summary *touch_number(struct book *book, uint32_t queue, int64_t number, int *status)
{
    struct entry *entry = NULL;
    *status = find_entry(book, queue, number, &entry);
    if (*status == 0) {
        *status = mark_dirty(book, entry);
    }
    return *status == 0 ? &entry->summary : NULL;
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

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a;
    const struct entry *y = *(struct entry *const *)b;
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return x->queue < y->queue ? -1 : x->queue > y->queue;
}

int book_save(struct book *book, int (*put)(void *ctx, const struct book_item *item), void *ctx)
{
    if (book->dirty_count > 1) {
        qsort((void *)book->dirty, book->dirty_count, sizeof(struct entry *), compare_entries);
    }
    for (size_t i = 0; i < book->dirty_count; i++) {
        const struct entry *entry = book->dirty[i];
        struct book_item item = {.queue = entry->queue,
                                 .start_s = entry->number * (book->options.interval_ms / 1000),
                                 .summary = &entry->summary};
        int status = put(ctx, &item);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

void book_saved(struct book *book)
{
    for (size_t i = 0; i < book->dirty_count; i++) {
        book->dirty[i]->dirty = false;
    }
    book->dirty_count = 0;
    if (book->count <= KEEP_INTERVALS * RECENT / 2) {
        return;
    }
    memset((void *)book->recent, 0, sizeof book->recent);
    int64_t keep_from = book->newest - KEEP_INTERVALS;
    for (uint32_t b = 0; b <= book->mask; b++) {
        for (struct entry **link = &book->buckets[b]; *link;) {
            struct entry *entry = *link;
            if (entry->number >= keep_from) {
                link = &entry->next;
                continue;
            }
            *link = entry->next;
            summary_clear(&entry->summary);
            entry->next = book->spare;
            book->spare = entry;
            book->count--;
        }
    }
}

size_t book_dirty_count(const struct book *book)
{
    return book->dirty_count;
}
