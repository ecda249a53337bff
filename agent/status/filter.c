#include "agent/status/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

enum { VERDICT_WANTED = 1, VERDICT_NOT = 2, IDS_MAX = 1 << 20 };

void filter_init(struct filter *filter, const struct query *query, struct ledger_view *view)
{
    *filter = (struct filter){.query = query, .view = view};
}

void filter_deinit(struct filter *filter)
{
    free(filter->verdicts);
    filter->verdicts = NULL;
    filter->count = 0;
}

static bool filter_remember(struct filter *filter, uint32_t queue)
{
    if (queue < filter->count) {
        return true;
    }
    uint32_t count = (queue + 64) & ~UINT32_C(63);
    uint8_t *verdicts = queue < IDS_MAX ? realloc(filter->verdicts, count) : NULL;
    if (!verdicts) {
        return false;
    }
    memset(verdicts + filter->count, 0, count - filter->count);
    filter->verdicts = verdicts;
    filter->count = count;
    return true;
}

bool filter_wants(struct filter *filter, uint32_t queue)
{
    if (filter->query->queue_count == 0) {
        return true;
    }
    if (queue < filter->count && filter->verdicts[queue] != 0) {
        return filter->verdicts[queue] == VERDICT_WANTED;
    }
    bool wanted = query_wants_queue(filter->query, ledger_view_name(filter->view, LEDGER_QUEUE, queue));
    if (filter_remember(filter, queue)) {
        filter->verdicts[queue] = wanted ? VERDICT_WANTED : VERDICT_NOT;
    }
    return wanted;
}

static bool name_is_known(struct ledger_view *view, struct slice wanted)
{
    for (uint32_t id = 1; id < IDS_MAX; id++) {
        struct slice name = ledger_view_name(view, LEDGER_QUEUE, id);
        if (name.len == 0) {
            return false;
        }
        if (slice_equal(name, wanted)) {
            return true;
        }
    }
    return false;
}

int filter_check(const struct filter *filter, struct query_why *why)
{
    for (size_t i = 0; i < filter->query->queue_count; i++) {
        struct slice name = filter->query->queues[i];
        if (!name_is_known(filter->view, name)) {
            (void)snprintf(why->text, sizeof why->text, "no queue '%.*s' is known here",
                           (int)(name.len > 80 ? 80 : name.len), name.data);
            return STATUS_NOT_FOUND;
        }
    }
    return 0;
}
