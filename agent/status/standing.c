#include "agent/status/standing.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

bool standing_is_live(const struct report_job *job)
{
    return job->env->live && job->env->live->on;
}

static void put_text(char *out, size_t size, struct slice text)
{
    size_t len = text.len < size ? text.len : size - 1;
    memcpy(out, len ? text.data : "", len);
    out[len] = 0;
}

struct standing_work {
    struct board_copy *made;
    struct ledger_view *view;
    size_t caller_cap;
    size_t queue_cap;
};

static int take_open(void *ctx, const struct call_leg *leg)
{
    struct standing_work *work = ctx;
    struct board_copy *made = work->made;
    if (leg_is_done(leg)) {
        return 0;
    }
    struct board_caller *callers = grow_array(made->callers, made->caller_count, &work->caller_cap, sizeof *callers);
    if (!callers) {
        return STATUS_NO_MEMORY;
    }
    made->callers = callers;
    struct board_caller *caller = &callers[made->caller_count++];
    *caller = (struct board_caller){.enter_ms = leg->enter_ms,
                                    .connect_ms = leg_is_talking(leg) ? leg->connect_ms : 0,
                                    .hold_ms = leg->state == LEG_HELD ? leg->hold_since_ms : 0,
                                    .position = leg->position,
                                    .ringing = leg->state == LEG_RINGING};
    put_text(caller->call_id, sizeof caller->call_id, slice_make(leg->call_id, leg->call_id_len));
    put_text(caller->queue, sizeof caller->queue, ledger_view_name(work->view, LEDGER_QUEUE, leg->queue));
    put_text(caller->number, sizeof caller->number, slice_make(leg->number, leg->number_len));
    put_text(caller->operator_name, sizeof caller->operator_name,
             ledger_view_name(work->view, LEDGER_OPERATOR, leg->operator_id));
    return 0;
}

static int compare_callers(const void *left, const void *right)
{
    const struct board_caller *a = left;
    const struct board_caller *b = right;
    int order = strcmp(a->queue, b->queue);
    return order != 0 ? order : (a->enter_ms > b->enter_ms) - (a->enter_ms < b->enter_ms);
}

static int count_queues(struct standing_work *work)
{
    struct board_copy *made = work->made;
    for (size_t i = 0; i < made->caller_count; i++) {
        const struct board_caller *caller = &made->callers[i];
        if (i == 0 || strcmp(made->callers[i - 1].queue, caller->queue) != 0) {
            struct board_queue *queues = grow_array(made->queues, made->queue_count, &work->queue_cap, sizeof *queues);
            if (!queues) {
                return STATUS_NO_MEMORY;
            }
            made->queues = queues;
            queues[made->queue_count] = (struct board_queue){.oldest_enter_ms = 0};
            memcpy(queues[made->queue_count++].name, caller->queue, sizeof caller->queue);
        }
        struct board_queue *queue = &made->queues[made->queue_count - 1];
        queue->talking += caller->connect_ms != 0;
        queue->held += caller->hold_ms != 0;
        queue->waiting += caller->connect_ms == 0;
        if (caller->connect_ms == 0 && queue->oldest_enter_ms == 0) {
            queue->oldest_enter_ms = caller->enter_ms;
        }
    }
    return 0;
}

int standing_load(struct standing *standing, const struct report_job *job)
{
    *standing = (struct standing){.live = standing_is_live(job), .board = job->env->live};
    if (standing->live) {
        return 0;
    }
    standing->made = calloc(1, sizeof *standing->made);
    if (!standing->made) {
        return STATUS_NO_MEMORY;
    }
    standing->board = standing->made;
    struct standing_work work = {.made = standing->made, .view = job->env->view};
    int status = ledger_view_open_legs(job->env->view, take_open, &work, NULL);
    if (status == 0 && standing->made->caller_count > 0) {
        qsort(standing->made->callers, standing->made->caller_count, sizeof *standing->made->callers, compare_callers);
        status = count_queues(&work);
    }
    return status;
}

void standing_deinit(struct standing *standing)
{
    board_copy_free(standing->made);
    *standing = (struct standing){.live = false};
}

/* How a name stands to one that may have been cut. */
static int compare_cut(struct slice name, const char *cut, size_t max)
{
    size_t len = strlen(cut);
    int order = memcmp(name.data, cut, name.len < len ? name.len : len);
    if (order != 0 || name.len == len) {
        return order;
    }
    bool was_cut = name.len > max && len + 4 > max; /* at a whole character, of at most four bytes */
    return name.len < len ? -1 : was_cut ? 0 : 1;
}

const struct board_queue *standing_queue(const struct board_copy *board, struct slice name)
{
    size_t low = 0;
    size_t high = board->queue_count;
    while (low < high && name.len > 0) {
        size_t middle = low + (high - low) / 2;
        int order = compare_cut(name, board->queues[middle].name, sizeof board->queues[0].name - 1);
        if (order == 0) {
            return &board->queues[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

const struct board_operator *standing_operator(const struct board_copy *board, struct slice name)
{
    size_t low = 0;
    size_t high = board->operator_count;
    while (low < high && name.len > 0) {
        size_t middle = low + (high - low) / 2;
        int order = compare_cut(name, board->operators[middle].name, BOARD_TEXT_MAX);
        if (order == 0) {
            return &board->operators[middle];
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

const struct board_caller *standing_talk(const struct board_copy *board, const char *operator_name)
{
    for (size_t i = 0; i < board->caller_count; i++) {
        if (board->callers[i].connect_ms != 0 && strcmp(board->callers[i].operator_name, operator_name) == 0) {
            return &board->callers[i];
        }
    }
    return NULL;
}
