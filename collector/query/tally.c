#include "collector/query/tally.h"

#include <stdio.h>
#include <string.h>

#include "collector/rollup/cell.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"

enum { DAY_S = 86400 };

const int64_t tally_bucket_s[TALLY_BUCKETS - 1] = {5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600};

_Static_assert(sizeof(struct tally) == sizeof(int64_t) * TALLY_NUMBERS, "a tally is numbers and nothing else");

void tally_add(struct tally *sum, const struct tally *more)
{
    struct tally copy = *more;
    for (int i = 0; i < TALLY_NUMBERS; i++) {
        tally_numbers(sum)[i] += tally_numbers(&copy)[i];
    }
}

void tally_subtract(struct tally *sum, const struct tally *less)
{
    struct tally copy = *less;
    for (int i = 0; i < TALLY_NUMBERS; i++) {
        tally_numbers(sum)[i] -= tally_numbers(&copy)[i];
    }
}

/* The bins come in ascending order, so the bucket only moves up. */
static void add_waits(int64_t buckets[TALLY_BUCKETS], const struct histogram *hist, int64_t sign)
{
    int bucket = 0;
    for (uint32_t i = 0; i < hist->used; i++) {
        int64_t upper_ms = histogram_bin_upper(hist->bins[i].bin);
        while (bucket < TALLY_BUCKETS - 1 && upper_ms > tally_bucket_s[bucket] * 1000) {
            bucket++;
        }
        buckets[bucket] += sign * hist->bins[i].count;
    }
}

static void add_signed(struct tally *sum, const struct summary *more, int64_t sign)
{
    for (int i = 0; i < FLOW_COUNT; i++) {
        sum->flow[i] += sign * more->flow[i];
    }
    for (int i = 0; i < DURATION_COUNT; i++) {
        sum->sum_ms[i] += sign * (int64_t)more->duration[i].sum_ms;
    }
    add_waits(sum->wait_answered, &more->duration[DURATION_WAIT_ANSWERED].hist, sign);
    add_waits(sum->wait_abandoned, &more->duration[DURATION_WAIT_ABANDONED].hist, sign);
}

void tally_add_summary(struct tally *sum, const struct summary *more)
{
    add_signed(sum, more, 1);
    sum->unbalanced += !summary_balanced(more);
}

void tally_subtract_summary(struct tally *sum, const struct summary *less)
{
    add_signed(sum, less, -1);
    sum->unbalanced -= !summary_balanced(less);
}

/* "local" of another machine says nothing here. */
static bool find_zone(const char *name, struct tally_days *out)
{
    bool found = name && name[0] && zone_find(name, &out->zone) == 0;
    if (found) {
        (void)snprintf(out->name, sizeof out->name, "%.63s", name);
    }
    return found;
}

void tally_days_of(struct store *store, const struct registry_site *site, const char *told_zone,
                   const char *centre_zone, struct tally_days *out)
{
    char cut[64] = "";
    store_scope group;
    memset(out, 0, sizeof *out);
    if (store_grouping(store, site->number, &group, cut) == 0 && find_zone(cut, out)) {
        return;
    }
    const char *wanted = site->zone[0] ? site->zone : told_zone[0] ? told_zone : centre_zone;
    if (!find_zone(wanted, out) && !find_zone("UTC", out)) {
        (void)find_zone("local", out);
    }
}

int64_t tally_day_key(const struct tally_days *days, int64_t at_s)
{
    zone_use(days->zone);
    struct zone_date date = zone_date_of(at_s);
    zone_use(NULL);
    return stamp_days_of(date.year, date.month, date.day) * DAY_S;
}

int64_t tally_day_start(const struct tally_days *days, int64_t key_s)
{
    zone_use(days->zone);
    int32_t offset_s = zone_offset(key_s + DAY_S / 2); /* noon is of that day in every zone, give or take */
    int64_t start_s = zone_local_day_start(key_s + DAY_S / 2 - offset_s);
    zone_use(NULL);
    return start_s;
}

struct telling {
    struct tally_scratch *scratch;
    tally_fn fn;
    void *ctx;
};

static int tell_cell(void *ctx, const struct store_cell *item)
{
    const struct telling *telling = ctx;
    struct cell *cell = telling->scratch->cell;
    struct cell_facts facts;
    struct tally tally = {0};
    cell_clear(cell);
    int status = cell_merge_encoded(cell, item->stored, true);
    status = status == 0 ? cell_summary(cell, &telling->scratch->sum) : status;
    if (status != 0) {
        return status == STATUS_NO_MEMORY ? status : 0;
    }
    cell_facts(cell, &facts);
    add_signed(&tally, &telling->scratch->sum, 1);
    tally.unbalanced = (int64_t)facts.unbalanced;
    return telling->fn(telling->ctx, item->queue, item->key_s, &tally);
}

void tally_scratch_deinit(struct tally_scratch *scratch)
{
    summary_deinit(&scratch->sum);
    cell_free(scratch->cell);
    scratch->cell = NULL;
}

int tally_cells(struct store_view *view, struct tally_scratch *scratch, uint32_t site, enum store_grain grain,
                int64_t from_key_s, tally_fn fn, void *ctx)
{
    struct telling telling = {scratch, fn, ctx};
    int status = scratch->cell ? 0 : cell_new(&scratch->cell);
    return status != 0 ? status
                       : store_view_cells(view, store_scope_site(site), grain, from_key_s, INT64_MAX, UINT32_MAX,
                                          tell_cell, &telling, NULL);
}
