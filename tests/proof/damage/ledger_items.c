#include "tests/proof/damage/ledger_items.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/buf.h"
#include "platform/base/grow.h"

struct reading {
    struct items *items;
    struct ledger_view *view;
};

static uint64_t hash_of(const void *data, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ ((const uint8_t *)data)[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t hash_text(const char *text)
{
    return hash_of(text, strlen(text));
}

static int add(struct items *items, enum item_kind kind, uint64_t a, uint64_t b, uint64_t hash)
{
    struct item *list = grow_array(items->list, items->count, &items->cap, sizeof *list);
    if (!list) {
        return -1;
    }
    items->list = list;
    items->list[items->count++] = (struct item){kind, a, b, hash};
    return 0;
}

static uint64_t hash_leg(const struct call_leg *leg)
{
    struct buf text = BUF_INIT;
    buf_printf(&text, "%llu %llu %lld %lld %lld %lld %lld %lld %lld %u %u %u %u %d %d %u ",
               (unsigned long long)leg->contact, (unsigned long long)leg->caller, (long long)leg->enter_ms,
               (long long)leg->connect_ms, (long long)leg->end_ms, (long long)leg->wait_ms, (long long)leg->ring_ms,
               (long long)leg->talk_ms, (long long)leg->hold_ms, leg->queue, leg->operator_id, leg->position,
               leg->missed, (int)leg->state, (int)leg->outcome, leg->flags);
    buf_append(&text, leg->call_id, leg->call_id_len);
    uint64_t hash = hash_of(text.data, text.len);
    buf_deinit(&text);
    return hash;
}

static int see_leg(void *ctx, const struct call_leg *leg)
{
    return add(((struct reading *)ctx)->items, ITEM_LEG, leg->seq, 0, hash_leg(leg));
}

static int see_open_leg(void *ctx, const struct call_leg *leg)
{
    return add(((struct reading *)ctx)->items, ITEM_OPEN_LEG, leg->seq, 0, hash_leg(leg));
}

static int see_interval(void *ctx, const struct ledger_interval *item)
{
    struct items *items = ((struct reading *)ctx)->items;
    struct buf form = BUF_INIT;
    summary_encode(item->summary, &form);
    uint64_t hash = hash_of(form.data, form.len) + item->revision;
    buf_deinit(&form);
    items->newest_revision = item->revision > items->newest_revision ? item->revision : items->newest_revision;
    return add(items, ITEM_INTERVAL, (uint64_t)item->start_s, item->queue, hash);
}

static int see_shift(void *ctx, const struct ledger_shift *item)
{
    struct buf form = BUF_INIT;
    shift_encode(item->shift, &form);
    uint64_t hash = hash_of(form.data, form.len);
    buf_deinit(&form);
    return add(((struct reading *)ctx)->items, ITEM_SHIFT, (uint64_t)item->start_s, item->operator_id, hash);
}

static int see_cursor(void *ctx, const struct ledger_cursor *cursor)
{
    uint64_t name = hash_text(cursor->source) * 31 + hash_text(cursor->path);
    return add(((struct reading *)ctx)->items, ITEM_CURSOR, name, 0,
               cursor->offset + (uint64_t)cursor->first_ms * 3 + (uint64_t)cursor->last_ms * 7);
}

static int see_gap(void *ctx, const struct ledger_gap *gap)
{
    return add(((struct reading *)ctx)->items, ITEM_GAP, (uint64_t)gap->from_ms, gap->number,
               hash_text(gap->reason) + (uint64_t)gap->to_ms + gap->kind);
}

static int see_verb(void *ctx, struct slice verb, uint64_t count)
{
    return add(((struct reading *)ctx)->items, ITEM_NAME, LEDGER_VERB, hash_of(verb.data, verb.len), count);
}

static int see_mark(void *ctx, const struct ledger_dirty *item)
{
    return add(((struct reading *)ctx)->items, ITEM_MARK, (uint64_t)item->interval.start_s, item->interval.queue, 0);
}

static int see_refusal(void *ctx, const struct ledger_refusal *refusal)
{
    return add(((struct reading *)ctx)->items, ITEM_REFUSAL, (uint64_t)refusal->start_s, refusal->queue,
               refusal->revision + hash_text(refusal->reason));
}

static bool read_names(struct reading *self, uint32_t most)
{
    static const enum ledger_name_kind kinds[] = {LEDGER_QUEUE, LEDGER_OPERATOR, LEDGER_REASON};
    int status = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (uint32_t id = 1; id <= most && status == 0; id++) {
            struct slice name = ledger_view_name(self->view, kinds[k], id);
            if (name.len > 0) {
                status = add(self->items, ITEM_NAME, kinds[k], id, hash_of(name.data, name.len));
            }
        }
    }
    return status == 0 && ledger_view_unknown_verbs(self->view, see_verb, self) == 0;
}

static bool read_settings(struct reading *self, uint32_t most)
{
    int status = 0;
    for (uint32_t queue = 1; queue <= most && status == 0; queue++) {
        struct queue_settings settings = {0};
        if (ledger_view_queue_settings(self->view, queue, &settings)) {
            status = add(self->items, ITEM_SETTING, queue, 0,
                         (uint64_t)settings.sl_threshold_ms + hash_text(settings.label));
        }
    }
    char zone[64];
    if (status == 0 && ledger_view_zone(self->view, zone, sizeof zone)) {
        status = add(self->items, ITEM_SETTING, UINT32_MAX, 1, hash_text(zone));
    }
    enum ledger_operators shown = ledger_view_operators(self->view);
    if (status == 0 && shown != LEDGER_OPERATORS_NAMED) {
        status = add(self->items, ITEM_SETTING, UINT32_MAX, 2, shown);
    }
    return status == 0;
}

static int compare(const void *x, const void *y)
{
    const struct item *a = x;
    const struct item *b = y;
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->a != b->a) {
        return a->a < b->a ? -1 : 1;
    }
    if (a->b != b->b) {
        return a->b < b->b ? -1 : 1;
    }
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

bool items_read(struct ledger *ledger, uint32_t names, struct items *out)
{
    struct reading self = {.items = out};
    *out = (struct items){0};
    uint64_t bad = 0;
    bool good = ledger_view_begin(ledger, &self.view) == 0;
    good = good && ledger_view_facts(self.view, &out->facts) == 0;
    good = good && ledger_view_closed_legs(self.view, 0, INT64_MAX, see_leg, &self, &bad) == 0;
    good = good && ledger_view_open_legs(self.view, see_open_leg, &self, &bad) == 0;
    good = good && ledger_view_intervals(self.view, 0, INT64_MAX, see_interval, &self, &bad) == 0;
    good = good && ledger_view_shifts(self.view, 0, INT64_MAX, see_shift, &self, &bad) == 0;
    good = good && ledger_view_cursors(self.view, see_cursor, &self) == 0;
    good = good && ledger_view_gaps(self.view, see_gap, &self) == 0;
    good = good && ledger_view_dirty(self.view, INT64_MAX, 0, see_mark, &self, &bad) == 0;
    good = good && ledger_view_refusals(self.view, see_refusal, &self) == 0;
    good = good && read_names(&self, names) && read_settings(&self, names) && bad == 0;
    ledger_view_end(self.view);
    memcpy(out->secret, ledger_secret(ledger), sizeof out->secret);
    if (out->count > 0) {
        qsort(out->list, out->count, sizeof *out->list, compare);
    }
    return good;
}

void items_free(struct items *items)
{
    free(items->list);
    items->list = NULL;
}

void items_compare(const struct items *all, const struct items *left, uint64_t missing[ITEM_KINDS],
                   uint64_t strange[ITEM_KINDS])
{
    size_t i = 0;
    size_t k = 0;
    memset(missing, 0, ITEM_KINDS * sizeof missing[0]);
    memset(strange, 0, ITEM_KINDS * sizeof strange[0]);
    while (i < all->count || k < left->count) {
        int order = i == all->count ? 1 : k == left->count ? -1 : compare(&all->list[i], &left->list[k]);
        if (order < 0) {
            missing[all->list[i++].kind]++;
        } else if (order > 0) {
            strange[left->list[k++].kind]++;
        } else {
            i++;
            k++;
        }
    }
}
