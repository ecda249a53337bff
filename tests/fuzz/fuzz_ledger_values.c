/* The input is records, as in records.h, that lie in a ledger: what a newer version, a flipped bit that the CRC did not
 * see, or somebody's hand could have left. The ledger is opened by its writer, which goes on with it, and by a reader,
 * which looks at everything; neither may believe what cannot be. */
#include <string.h>
#include <unistd.h>

#include "agent/ledger/ledger_write.h"
#include "platform/base/status.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/records.h"
#include "tests/support/temp_dir.h"

static const char *const databases[] = {"meta",      "names", "cursors", "open_legs", "legs",
                                        "intervals", "dirty", "gaps",    "shifts"};
enum { DATABASES = sizeof databases / sizeof databases[0], MAP_BYTES = 1 << 20 };
#define NOW_MS INT64_C(1795284900000)

static struct ledger_options options_in(const char *dir)
{
    return (struct ledger_options){.dir = dir,
                                   .site = "madrid-01",
                                   .map_bytes = MAP_BYTES,
                                   .reserve_percent = 20,
                                   .interval_s = 900,
                                   .legs_keep_ms = INT64_C(90) * 86400 * 1000,
                                   .intervals_keep_ms = INT64_C(400) * 86400 * 1000,
                                   .now_ms = NOW_MS};
}

static int see_interval(void *ctx, const struct ledger_interval *item)
{
    unsigned *seen = ctx;
    FUZZ_CHECK(item->summary);
    (*seen)++;
    return 0;
}

static int see_leg(void *ctx, const struct call_leg *leg)
{
    unsigned *seen = ctx;
    FUZZ_CHECK(leg->call_id_len <= LEG_CALL_ID_MAX && leg->number_len <= sizeof leg->number);
    (*seen)++;
    return 0;
}

static int see_shift(void *ctx, const struct ledger_shift *item)
{
    unsigned *seen = ctx;
    FUZZ_CHECK(item->shift);
    (*seen)++;
    return 0;
}

static int see_verb(void *ctx, struct slice verb, uint64_t count)
{
    unsigned *seen = ctx;
    (void)count;
    *seen += verb.len > 0;
    return 0;
}

static int see_cursor(void *ctx, const struct ledger_cursor *cursor)
{
    unsigned *seen = ctx;
    FUZZ_CHECK(memchr(cursor->source, 0, sizeof cursor->source) && memchr(cursor->path, 0, sizeof cursor->path));
    (*seen)++;
    return 0;
}

static int see_gap(void *ctx, const struct ledger_gap *gap)
{
    unsigned *seen = ctx;
    FUZZ_CHECK(memchr(gap->reason, 0, sizeof gap->reason));
    (*seen)++;
    return 0;
}

static int see_dirty(void *ctx, const struct ledger_dirty *item)
{
    unsigned *seen = ctx;
    (void)item;
    (*seen)++;
    return 0;
}

static int see_refusal(void *ctx, const struct ledger_refusal *refusal)
{
    unsigned *seen = ctx;
    FUZZ_CHECK(memchr(refusal->reason, 0, sizeof refusal->reason));
    (*seen)++;
    return 0;
}

static void read_view(struct ledger_view *view)
{
    unsigned seen = 0;
    uint64_t bad = 0;
    struct ledger_facts facts;
    struct ledger_backlog backlog;
    struct queue_settings settings;
    char zone[64];
    (void)ledger_view_facts(view, &facts);
    (void)ledger_view_intervals(view, INT64_MIN, INT64_MAX, see_interval, &seen, &bad);
    (void)ledger_view_closed_legs(view, INT64_MIN, INT64_MAX, see_leg, &seen, &bad);
    (void)ledger_view_open_legs(view, see_leg, &seen, &bad);
    (void)ledger_view_shifts(view, INT64_MIN, INT64_MAX, see_shift, &seen, &bad);
    (void)ledger_view_unknown_verbs(view, see_verb, &seen);
    (void)ledger_view_cursors(view, see_cursor, &seen);
    (void)ledger_view_gaps(view, see_gap, &seen);
    (void)ledger_view_dirty(view, INT64_MAX, 0, see_dirty, &seen, &bad);
    (void)ledger_view_refusals(view, see_refusal, &seen);
    (void)ledger_view_backlog(view, &backlog);
    (void)ledger_view_operators(view);
    for (uint32_t id = 0; id < 4; id++) {
        (void)ledger_view_queue_settings(view, id, &settings);
        (void)ledger_view_name(view, LEDGER_QUEUE, id);
    }
    (void)ledger_view_zone(view, zone, sizeof zone);
}

static void take_line(void *ctx, const char *line)
{
    unsigned *lines = ctx;
    FUZZ_CHECK(line[0]);
    (*lines)++;
}

static void read_all(const char *dir)
{
    struct ledger *ledger = NULL;
    struct ledger_view *view = NULL;
    if (ledger_open_readonly(dir, &ledger) != 0) {
        return;
    }
    if (ledger_view_begin(ledger, &view) == 0) {
        read_view(view);
        ledger_view_end(view);
    }
    struct ledger_check_result result;
    unsigned lines = 0;
    (void)ledger_check(ledger, take_line, &lines, &result);
    ledger_close(ledger);
}

static int see_record(void *ctx, const struct ledger_cursor_record *record)
{
    return see_cursor(ctx, &record->cursor);
}

/* As the daemon does at its start, then a commit and some upkeep. */
static void go_on(struct ledger *ledger)
{
    unsigned seen = 0;
    bool more = true;
    struct summary sum = {0};
    struct shift shift = {0};
    (void)ledger_load_open_legs(ledger, see_leg, &seen);
    (void)ledger_load_cursors(ledger, see_record, &seen);
    (void)ledger_load_interval(ledger, 1, 1795284000, &sum);
    (void)ledger_load_shift(ledger, 1, 1795284000, &shift);
    (void)intern_put(ledger_names(ledger, LEDGER_QUEUE), slice_str("sales"));
    if (ledger_begin(ledger, NOW_MS) == 0) {
        ledger_put_interval(ledger, 1, 1795284000, &sum);
        (void)ledger_end(ledger);
    }
    for (unsigned i = 0; i < 4 && more; i++) {
        if (ledger_tend(ledger, NOW_MS, &more) != 0) {
            break;
        }
    }
    (void)ledger_shed(ledger, 64 * 1024);
    summary_deinit(&sum);
    shift_deinit(&shift);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct temp_dir dir;
    struct ledger *ledger = NULL;
    temp_dir_make(&dir);
    struct ledger_options options = options_in(dir.path);
    FUZZ_CHECK(ledger_open_writer(&options, &ledger) == 0);
    ledger_close(ledger);
    records_put(dir.path, MAP_BYTES, databases, DATABASES, data, size);
    read_all(dir.path);
    ledger = NULL;
    if (ledger_open_writer(&options, &ledger) == 0) {
        go_on(ledger);
        ledger_close(ledger);
        read_all(dir.path);
    }
    temp_dir_remove(&dir);
    return 0;
}
