/* What the clerk keeps of the live view: each queue, operators, and gaps of what is not calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ingest/office.h"

enum { ROWS = 16, PEOPLE = 1100, UNKNOWN = -1 };

static const int64_t now_ms = NOW_S * INT64_C(1000);

static struct office office;
static uint32_t site;

/* As the store has it. */
struct seen {
    int live; /* 0, or STORE_UNTOLD */
    struct store_live_queue rows[ROWS];
    size_t row_count;
    int operators; /* as live */
    struct store_live_operator people[PEOPLE];
    size_t people_count;
    uint32_t more;
    int gaps;
    int live_gaps;
};
static struct seen seen;

static int setup(void **state)
{
    (void)state;
    office_open(&office);
    site = office_add_site(&office, "branch-07");
    assert_int_equal(office_greet(&office, site, "branch-07", 1, 5, 1), 204);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    office_close(&office);
    return 0;
}

static unsigned tell_on(uint64_t session, const struct message_live *live)
{
    struct buf bytes = BUF_INIT;
    struct message_live told = *live;
    told.now_ms = now_ms;
    assert_int_equal(message_live_encode(&told, &bytes), 0);
    unsigned code = office_code(office_ask(&office, office_job(DESK_LIVE, site, "branch-07", session, &bytes)));
    buf_deinit(&bytes);
    return code;
}

static void tell(const struct message_live *live)
{
    assert_int_equal(tell_on(1, live), 204);
}

static int take_row(void *ctx, const struct store_live_queue *row)
{
    (void)ctx;
    assert_true(seen.row_count < ROWS);
    seen.rows[seen.row_count++] = *row;
    return 0;
}

static int take_operator(void *ctx, const struct store_live_operator *who)
{
    (void)ctx;
    assert_true(seen.people_count < PEOPLE);
    seen.people[seen.people_count++] = *who;
    return 0;
}

static int count_gap(void *ctx, const struct store_gap *gap)
{
    (void)gap;
    (*(int *)ctx)++;
    return 0;
}

static void look(void)
{
    struct store_view *view;
    seen = (struct seen){0};
    office.now_ms += 10000; /* written now and then */
    office_round(&office);
    assert_int_equal(store_view_begin(office.store, &view), 0);
    seen.live = store_view_live(view, site, take_row, NULL);
    seen.operators = store_view_operators(view, site, &seen.more, take_operator, NULL);
    assert_int_equal(store_view_gaps(view, site, count_gap, &seen.gaps), 0);
    assert_int_equal(store_view_live_gaps(view, site, count_gap, &seen.live_gaps), 0);
    store_view_end(view);
}

static const struct store_live_queue *row_of(const char *name)
{
    struct store_view *view;
    assert_int_equal(store_view_begin(office.store, &view), 0);
    uint32_t queue = name ? store_view_queue_find(view, slice_str(name)) : STORE_QUEUE_TOTAL;
    store_view_end(view);
    for (size_t i = 0; i < seen.row_count; i++) {
        if (seen.rows[i].queue == queue) {
            return &seen.rows[i];
        }
    }
    return NULL;
}

static const struct message_queue names[] = {{.number = 1, .name = {"sales", 5}},
                                             {.number = 2, .name = {"support", 7}}};
static const struct message_live_queue figures[] = {{0, 0, 0, 0, 3, 1, UNKNOWN, 9, 5},
                                                    {1, 2, (NOW_S * INT64_C(1000)) - 60000, 5, 1, 2, 1, 8, 5},
                                                    {2, 0, 0, 0, 0, 0, 0, 0, 0}};
static const struct message_live all = {
    .all = true, .queues = names, .queue_count = 2, .live = figures, .live_count = 3, .heartbeat_s = 20};

static void keeps_each_queue(void **state)
{
    (void)state;
    struct store_contact contact;
    tell(&all);
    look();
    assert_true(seen.live == 0 && seen.row_count == 3 && seen.operators == STORE_UNTOLD);
    const struct store_live_queue *sales = row_of("sales");
    assert_true(sales && sales->waiting == 2 && sales->oldest_enter_ms == now_ms - 60000 && sales->talking == 5);
    assert_true(sales->held == 1 && sales->logged_in == 8 && sales->ready == 1 && sales->paused == 2 &&
                sales->on_call == 5);
    assert_true(row_of("support")->ready == 0 && row_of("support")->logged_in == 0); /* known to be none */
    assert_true(row_of(NULL)->logged_in == 9 && row_of(NULL)->held == UNKNOWN);
    const struct message_live_queue unknown = {1, 3, now_ms - 60000, 4, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
    tell(&(struct message_live){.live = &unknown, .live_count = 1});
    look();
    sales = row_of("sales");
    assert_true(sales->waiting == 3 && sales->ready == UNKNOWN && sales->held == UNKNOWN && seen.row_count == 3);
    assert_true(office_contact(&office, site, &contact));
    assert_true(contact.heartbeat_s == 20 && contact.live_seen_ms == office.wall_ms && contact.waiting == 3);
    const struct message_live_queue idle = {1, 0, 0, 0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
    tell(&(struct message_live){.live = &idle, .live_count = 1});
    look();
    assert_true(!row_of("sales") && seen.row_count == 2);
    tell(&(struct message_live){.all = true});
    look();
    assert_true(seen.live == 0 && seen.row_count == 0);
}

/* The connection of an agent whose settings say that it does not tell. */
static void a_heartbeat_alone_says_that_it_does_not_tell(void **state)
{
    (void)state;
    struct store_contact contact;
    const struct message_live_operator ana = {slice_str("Ana"), SHIFT_READY, now_ms, 0, slice_str("")};
    struct message_live told = all;
    told.operators_all = true;
    told.operators = &ana;
    told.operator_count = 1;
    tell(&told);
    tell(&(struct message_live){.lag_ms = 0});
    look();
    assert_true(seen.live == 0 && seen.people_count == 1);
    assert_int_equal(office_greet(&office, site, "branch-07", 2, 5, 1), 204);
    assert_int_equal(tell_on(2, &(struct message_live){.lag_ms = 0}), 204);
    look();
    assert_true(seen.live == STORE_UNTOLD && seen.operators == STORE_UNTOLD);
    assert_true(office_contact(&office, site, &contact));
    assert_true(contact.live_ms == 0 && contact.live_seen_ms == 0 && contact.waiting == 0);
}

static void what_is_refused_holds_no_more(void **state)
{
    (void)state;
    struct message_live told = all;
    const struct message_queue nameless = {.number = 3};
    tell(&all);
    told.queues = &nameless;
    told.queue_count = 1;
    assert_int_equal(tell_on(1, &told), 400);
    look();
    assert_int_equal(seen.live, STORE_UNTOLD);
    tell(&(struct message_live){.lag_ms = 0}); /* as the agent does then */
    look();
    assert_int_equal(seen.live, STORE_UNTOLD);
}

static void keeps_operators_as_they_change(void **state)
{
    (void)state;
    struct message_live told = all;
    const struct message_live_operator both[] = {
        {slice_str("Bea"), SHIFT_TALK, now_ms - 5000, 1, slice_str("")},
        {slice_str("Ana"), SHIFT_PAUSED, now_ms - 9000, 0, slice_str("lunch")},
    };
    tell(&(struct message_live){.operators = both, .operator_count = 2}); /* never told to be all: of no use */
    look();
    assert_int_equal(seen.operators, STORE_UNTOLD);
    told.operators_all = true;
    told.operators = both;
    told.operator_count = 2;
    told.operators_more = 4 + 1;
    tell(&told);
    look();
    assert_true(seen.operators == 0 && seen.people_count == 2 && seen.more == 4);
    assert_string_equal(seen.people[0].name, "Ana");
    assert_string_equal(seen.people[0].reason, "lunch");
    assert_true(seen.people[0].state == SHIFT_PAUSED && seen.people[0].since_ms == now_ms - 9000);
    assert_true(seen.people[1].state == SHIFT_TALK && seen.people[1].queue == row_of("sales")->queue);
    const struct message_live_operator next[] = {
        {slice_str("Ana"), SHIFT_OFF, 0, 0, slice_str("")},
        {slice_str("Carl"), SHIFT_READY, now_ms, 0, slice_str("")},
        {slice_str("nobody"), SHIFT_OFF, 0, 0, slice_str("")},
    };
    tell(&(struct message_live){.operators = next, .operator_count = 3, .operators_more = 1});
    look();
    assert_true(seen.people_count == 2 && seen.more == 0);
    assert_string_equal(seen.people[0].name, "Bea");
    assert_string_equal(seen.people[1].name, "Carl");
    tell(&(struct message_live){.operators_unknown = true});
    look();
    assert_true(seen.operators == STORE_UNTOLD && seen.live == 0);
    tell(&told);
    tell(&all); /* a site that began to keep them to itself, or an agent of before */
    look();
    assert_int_equal(seen.operators, STORE_UNTOLD);
    told.operator_count = 0;
    tell(&told);
    look();
    assert_true(seen.operators == 0 && seen.people_count == 0); /* known: nobody */
}

static void operators_have_limits(void **state)
{
    (void)state;
    static char text[LIMITS_OPERATORS_MAX + 1][16];
    static struct message_live_operator many[LIMITS_OPERATORS_MAX + 1];
    char longest[LIMITS_OPERATOR_TEXT_MAX + 2];
    memset(longest, 'x', sizeof longest);
    for (size_t i = 0; i <= LIMITS_OPERATORS_MAX; i++) {
        (void)snprintf(text[i], sizeof text[i], "op-%04zu", (i * 10) % (LIMITS_OPERATORS_MAX + 1));
        many[i] = (struct message_live_operator){slice_str(text[i]), SHIFT_READY, now_ms, 0, slice_str("")};
    }
    many[3].name = slice_make(longest, LIMITS_OPERATOR_TEXT_MAX + 1);
    many[4].name = slice_str("");
    many[5].name = slice_str("a\nb");
    many[6].reason = slice_make(longest, LIMITS_OPERATOR_TEXT_MAX + 1);
    many[7].name = slice_make(longest, LIMITS_OPERATOR_TEXT_MAX);
    struct message_live told = all;
    told.operators_all = true;
    told.operators = many;
    told.operator_count = LIMITS_OPERATORS_MAX;
    tell(&told);
    look();
    assert_int_equal(seen.people_count, LIMITS_OPERATORS_MAX - 4);
    for (size_t i = 1; i < seen.people_count; i++) {
        assert_true(strcmp(seen.people[i - 1].name, seen.people[i].name) < 0);
    }
    const struct message_live_operator more[] = {
        {slice_str("p1"), SHIFT_READY, now_ms, 0, slice_str("")},
        {slice_str("p2"), SHIFT_READY, now_ms, 0, slice_str("")},
        {slice_str("p3"), SHIFT_READY, now_ms, 0, slice_str("")},
        {slice_str("p4"), SHIFT_READY, now_ms, 0, slice_str("")},
        {slice_str("p5"), SHIFT_READY, now_ms, 0, slice_str("")},
        {slice_str("p1"), SHIFT_TALK, now_ms, 0, slice_str("")},
    };
    tell(&(struct message_live){.operators = more, .operator_count = 6});
    look();
    assert_int_equal(seen.people_count, LIMITS_OPERATORS_MAX);
    assert_string_equal(office_look(&office, site).kinds, "refused ");
    told.operator_count = LIMITS_OPERATORS_MAX + 1; /* no message has so many */
    assert_int_equal(tell_on(1, &told), 400);
}

static void gaps_of_what_is_not_calls_are_kept_apart(void **state)
{
    (void)state;
    const struct message_gap gap = {now_ms - 5000, now_ms - 4000, slice_str("the log was away")};
    const struct message_gap live_gaps[] = {{now_ms - 5000, now_ms - 3000, slice_str("no manager connection")},
                                            {now_ms - 900, now_ms - 1000, slice_str("backwards")},
                                            {now_ms - 800, now_ms, slice_str("no manager connection")}};
    tell(&(struct message_live){.gaps = &gap, .gap_count = 1, .live_gaps = live_gaps, .live_gap_count = 3});
    look();
    assert_true(seen.gaps == 1 && seen.live_gaps == 2);
}

/* What the collector was told before it stopped is there when it runs again, until the site tells anew. */
static void stays_over_a_restart(void **state)
{
    (void)state;
    tell(&all);
    look();
    clerk_free(office.clerk);
    assert_int_equal(clerk_new(&office.options, office.desk, &office.clerk), 0);
    look();
    assert_true(seen.live == 0 && seen.row_count == 3);
    assert_int_equal(office_greet(&office, site, "branch-07", 9, 5, 1), 204);
    const struct message_live_queue one = {2, 7, now_ms - 1000, 0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
    struct message_live told = {.all = true, .queues = names, .queue_count = 2, .live = &one, .live_count = 1};
    assert_int_equal(tell_on(9, &told), 204);
    look();
    assert_true(seen.row_count == 1 && row_of("support")->waiting == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_each_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(a_heartbeat_alone_says_that_it_does_not_tell, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_holds_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_operators_as_they_change, setup, teardown),
        cmocka_unit_test_setup_teardown(operators_have_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(gaps_of_what_is_not_calls_are_kept_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(stays_over_a_restart, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
