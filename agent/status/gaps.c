#include "agent/status/gaps.h"

#include <stdlib.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

/* Whether a gap lies in [from_s, to_s); one without length is a moment. */
static bool gap_touches(const struct ledger_gap *gap, int64_t from_s, int64_t to_s)
{
    bool ends_before = gap->to_ms < from_s * 1000 || (gap->to_ms == from_s * 1000 && gap->from_ms < gap->to_ms);
    return !ends_before && gap->from_ms < to_s * 1000;
}

static int take_gap(void *ctx, const struct ledger_gap *gap)
{
    struct gaps *gaps = ctx;
    if (!gap_touches(gap, gaps->from_s, gaps->to_s)) {
        return 0;
    }
    struct ledger_gap *items = grow_array(gaps->items, gaps->count, &gaps->cap, sizeof *items);
    if (!items) {
        return STATUS_NO_MEMORY;
    }
    gaps->items = items;
    gaps->items[gaps->count++] = *gap;
    return 0;
}

int gaps_load(struct gaps *gaps, struct ledger_view *view, int64_t from_s, int64_t to_s)
{
    *gaps = (struct gaps){.from_s = from_s, .to_s = to_s};
    return ledger_view_gaps(view, take_gap, gaps);
}

void gaps_deinit(struct gaps *gaps)
{
    free(gaps->items);
    *gaps = (struct gaps){0};
}

bool gaps_calls(const struct gaps *gaps, int64_t from_s, int64_t to_s)
{
    for (size_t i = 0; i < gaps->count; i++) {
        if (gaps->items[i].kind == LEDGER_GAP_CALLS && gap_touches(&gaps->items[i], from_s, to_s)) {
            return true;
        }
    }
    return false;
}

bool gaps_live(const struct gaps *gaps, int64_t from_s, int64_t to_s)
{
    for (size_t i = 0; i < gaps->count; i++) {
        if (gap_touches(&gaps->items[i], from_s, to_s)) {
            return true;
        }
    }
    return false;
}

const char *gaps_kind(const struct ledger_gap *gap)
{
    return gap->kind == LEDGER_GAP_LIVE ? "live" : "calls";
}
