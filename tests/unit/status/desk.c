#include "tests/unit/status/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "platform/time/stamp.h"
#include "platform/time/zone.h"

int64_t desk_at_s(const char *stamp)
{
    int64_t at_ms = 0;
    assert_int_equal(stamp_parse(slice_str(stamp), &at_ms), 0);
    return at_ms / 1000;
}

void desk_init(struct desk *desk)
{
    *desk = (struct desk){.now_ms = desk_at_s("2026-11-21T12:34:56+01:00") * 1000};
    assert_int_equal(zone_set("Europe/Madrid"), 0);
    desk->ledger = fake_ledger_new();
    desk->ledger->names[LEDGER_QUEUE][DESK_SALES] = "sales";
    desk->ledger->names[LEDGER_QUEUE][DESK_SUPPORT] = "support";
    desk->ledger->names[LEDGER_QUEUE][DESK_TANAKA] = "田中商店";
    desk->ledger->names[LEDGER_OPERATOR][1] = "Ana";
    desk->ledger->names[LEDGER_OPERATOR][2] = "Bo | Ng";
    desk->ledger->facts.committed_ms = desk->now_ms - 1000;
    desk->ledger->facts.newest_event_ms = desk->now_ms - 4000;
    desk->ledger->facts.created_ms = desk->now_ms - 86400000;
}

void desk_deinit(struct desk *desk)
{
    for (size_t i = 0; i < sizeof desk->sums / sizeof desk->sums[0]; i++) {
        summary_deinit(&desk->sums[i]);
    }
    ledger_close(desk->ledger);
}

void desk_interval(struct desk *desk, int slot, const char *stamp, uint32_t queue, uint32_t entered, uint32_t answered,
                   uint32_t abandoned, int64_t wait_s)
{
    struct summary *sum = &desk->sums[slot];
    sum->flow[FLOW_ENTERED] = entered;
    sum->flow[FLOW_ANSWERED] = answered;
    sum->flow[FLOW_ABANDONED] = abandoned;
    sum->flow[FLOW_ABANDONED_SHORT] = abandoned > 0;
    sum->cohort[COHORT_ENTERED] = entered;
    sum->cohort[COHORT_ANSWERED] = answered;
    sum->cohort[COHORT_ABANDONED] = abandoned;
    sum->waiting_end = entered - answered - abandoned;
    sum->waiting_max = entered;
    for (uint32_t i = 0; i < answered; i++) {
        assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ANSWERED, (wait_s + i) * 1000), 0);
        assert_int_equal(summary_add_duration(sum, DURATION_TALK, 60000), 0);
        assert_int_equal(summary_add_duration(sum, DURATION_HANDLE, 60000), 0);
    }
    for (uint32_t i = 0; i < abandoned; i++) {
        assert_int_equal(summary_add_duration(sum, DURATION_WAIT_ABANDONED, 3000 + 10000 * (int64_t)i), 0);
    }
    fake_ledger_add_interval(desk->ledger, desk_at_s(stamp), queue, sum);
}

int desk_ask(struct desk *desk, enum report_kind kind, struct json **out, ...)
{
    struct query query;
    query_init(&query, kind);
    va_list items;
    va_start(items, out);
    const char *item;
    int status = 0;
    while (status == 0 && (item = va_arg(items, const char *))) {
        status = query_take_item(&query, slice_str(item), desk->now_ms, &desk->why);
    }
    va_end(items);
    if (status == 0) {
        status = query_check(&query, &desk->why);
    }
    struct ledger_view *view = NULL;
    if (status == 0) {
        assert_int_equal(ledger_view_begin(desk->ledger, &view), 0);
        const struct report_env env = {.view = view,
                                       .now_ms = desk->now_ms,
                                       .health = desk->health,
                                       .live = desk->live,
                                       .cache = desk->cache,
                                       .row_limit = desk->row_limit};
        status = report_make(&env, &query, out, &desk->why);
        ledger_view_end(view);
    }
    return status;
}

int64_t desk_int(const struct json *json, const char *path)
{
    int64_t value = -1;
    assert_true(json_int(json, path, &value));
    return value;
}

void desk_assert_null(const struct json *json, const char *path)
{
    assert_int_equal(json_kind(json, path), JSON_NULL_VALUE);
}
