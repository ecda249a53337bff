#include "agent/known.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

/* A leg may be open this long before it ends: how far behind its entering its end is looked for. */
static const int64_t LEG_AGE_MAX_MS = INT64_C(25) * 3600 * 1000;

enum { FOUND = 1 };

void known_init(struct known *known, struct ledger *ledger, int64_t legs_keep_ms)
{
    *known = (struct known){.ledger = ledger, .legs_keep_ms = legs_keep_ms};
}

void known_deinit(struct known *known)
{
    free(known->spans);
    known->spans = NULL;
}

void known_clear(struct known *known, int64_t now_ms)
{
    known->count = 0;
    known->now_ms = now_ms;
}

int known_add(struct known *known, int64_t first_ms, int64_t last_ms)
{
    struct known_span *spans = grow_array(known->spans, known->count, &known->cap, sizeof *spans);
    if (!spans) {
        return STATUS_NO_MEMORY;
    }
    known->spans = spans;
    known->spans[known->count++] = (struct known_span){.first_ms = first_ms, .last_ms = last_ms};
    return 0;
}

struct leg_search {
    const struct call_event *event;
};

static int same_leg(void *ctx, const struct call_leg *leg)
{
    const struct leg_search *search = ctx;
    struct slice call_id = search->event->call_id;
    size_t len = call_id.len < LEG_CALL_ID_MAX ? call_id.len : LEG_CALL_ID_MAX;
    /* A live source may have told the leg's milliseconds; the log's rows have seconds. */
    bool same = leg->enter_ms / 1000 == search->event->at_ms / 1000 && leg->call_id_len == len &&
                memcmp(leg->call_id, call_id.data, len) == 0;
    return same ? FOUND : 0;
}

struct interval_search {
    struct ledger_view *view;
    struct slice queue;
};

static int same_interval(void *ctx, const struct ledger_interval *item)
{
    const struct interval_search *search = ctx;
    struct slice name = ledger_view_name(search->view, LEDGER_QUEUE, item->queue);
    return item->summary->flow[FLOW_ENTERED] > 0 && slice_equal(name, search->queue) ? FOUND : 0;
}

/* Looks the leg up that an ENTERQUEUE would open. Where legs are gone by their retention, an interval in which callers
 * entered this queue has to do. */
static int has_leg(struct known *known, const struct call_event *event)
{
    struct ledger_view *view = NULL;
    int status = ledger_view_begin(known->ledger, &view);
    if (status != 0) {
        return status;
    }
    struct leg_search search = {.event = event};
    status = ledger_view_open_legs(view, same_leg, &search, NULL);
    if (status == 0) {
        status = ledger_view_closed_legs(view, event->at_ms, event->at_ms + LEG_AGE_MAX_MS, same_leg, &search, NULL);
    }
    bool legs_gone = known->legs_keep_ms > 0 && event->at_ms < known->now_ms - known->legs_keep_ms;
    if (status == 0 && legs_gone) {
        struct interval_search intervals = {.view = view, .queue = event->queue};
        int64_t length_s = ledger_interval_s(known->ledger);
        int64_t start_s = event->at_ms / 1000 / length_s * length_s;
        status = ledger_view_intervals(view, start_s, start_s + length_s, same_interval, &intervals, NULL);
    }
    ledger_view_end(view);
    return status;
}

int known_has(struct known *known, const struct call_event *event)
{
    for (size_t i = 0; i < known->count; i++) {
        struct known_span *span = &known->spans[i];
        if (event->at_ms < span->first_ms || event->at_ms > span->last_ms || span->state == KNOWN_OTHER) {
            continue;
        }
        bool enters = event->kind == EVENT_ENTER;
        bool at_edge = event->at_ms == span->last_ms;
        if (enters && (at_edge || span->state == KNOWN_UNDECIDED)) {
            int found = has_leg(known, event);
            if (found < 0) {
                return found;
            }
            if (span->state == KNOWN_UNDECIDED && !at_edge) {
                span->state = found ? KNOWN_SAME : KNOWN_OTHER;
            }
            if (found) {
                return 1;
            }
        } else if (!at_edge) {
            return 1;
        }
    }
    return 0;
}
