#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/ledger/ledger_internal.h"
#include "platform/base/status.h"

struct checker {
    struct ledger_view *view;
    int db; /* under check */
    ledger_check_fn fn;
    void *ctx;
    struct ledger_check_result result;
    struct summary summary;
    struct shift shift;
};

static void report(struct checker *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void report(struct checker *self, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    self->result.defects++;
    if (self->fn) {
        self->fn(self->ctx, line);
    }
}

static void check_interval(struct checker *self, struct slice key, struct slice value)
{
    struct wire_reader payload;
    int64_t start_s;
    uint32_t queue;
    uint32_t revision;
    int status = ledger_interval_open(key, value, &start_s, &queue, &revision, &payload);
    if (status == 0) {
        status = summary_decode(&self->summary, &payload);
    }
    if (status != 0) {
        report(self, "intervals: start %u queue %u: %s", record_key_at_u32(key, 0), record_key_at_u32(key, 4),
               status_str(status));
        return;
    }
    self->result.intervals++;
    if (!summary_balanced(&self->summary)) {
        self->result.unbalanced++;
        report(self, "intervals: start %lld queue %u: the books do not balance", (long long)start_s, queue);
    }
}

/* Nobody is logged in for longer than the interval lasts. */
static void check_shift(struct checker *self, struct slice key, struct slice value)
{
    int64_t start_s;
    uint32_t operator_id;
    int status = ledger_shift_open(key, value, &start_s, &operator_id, &self->shift);
    if (status != 0) {
        report(self, "shifts: start %u operator %u: %s", record_key_at_u32(key, 0), record_key_at_u32(key, 4),
               status_str(status));
    } else if (shift_logged_in_ms(&self->shift) > UINT64_C(1000) * self->view->ledger->identity.interval_s) {
        report(self, "shifts: start %lld operator %u: more time than the interval has", (long long)start_s,
               operator_id);
    }
}

static void check_legs(struct checker *self, struct slice key, struct wire_reader payload)
{
    struct leg_block_reader block;
    struct call_leg leg;
    int status = leg_block_open(&block, payload);
    while (status == 0 && (status = leg_block_next(&block, &leg)) == 0) {
        self->result.legs++;
    }
    if (status != LEG_BLOCK_END) {
        report(self, "legs: block %llu: a row does not decode", (unsigned long long)record_key_at_u64(key, 0));
    }
}

static void check_open_leg(struct checker *self, struct slice key, struct wire_reader payload)
{
    struct call_leg leg;
    if (leg_open_read(&payload, &leg) != 0) {
        report(self, "open_legs: %llu: does not decode", (unsigned long long)record_key_at_u64(key, 0));
    }
}

static int check_record(void *ctx, struct slice key, struct slice value)
{
    struct checker *self = ctx;
    struct wire_reader payload;
    self->result.records++;
    if (self->db == LEDGER_DB_DIRTY && value.len == 0) {
        return 0; /* the key says it all */
    }
    int status = record_open(key, value, &payload);
    if (status != 0) {
        report(self, "%s: key %08x%08x: %s", ledger_db_names[self->db], record_key_at_u32(key, 0),
               record_key_at_u32(key, 4), status_str(status));
        return 0;
    }
    switch (self->db) {
    case LEDGER_DB_INTERVALS: check_interval(self, key, value); break;
    case LEDGER_DB_SHIFTS: check_shift(self, key, value); break;
    case LEDGER_DB_LEGS: check_legs(self, key, payload); break;
    case LEDGER_DB_OPEN_LEGS: check_open_leg(self, key, payload); break;
    default: break;
    }
    return 0;
}

int ledger_check(struct ledger *ledger, ledger_check_fn fn, void *ctx, struct ledger_check_result *out)
{
    struct checker self = {.fn = fn, .ctx = ctx};
    int status = ledger_view_begin(ledger, &self.view);
    for (self.db = 0; self.db < LEDGER_DB_COUNT && status == 0; self.db++) {
        if (self.db == LEDGER_DB_SHIFTS && ledger->no_shifts) {
            continue;
        }
        status = kv_each(self.view->txn, ledger->db[self.db], slice_make("", 0), check_record, &self);
    }
    struct ledger_facts facts;
    if (status == 0 && ledger_view_facts(self.view, &facts) != 0) {
        report(&self, "meta: state: does not read");
    } else if (status == 0 && facts.leg_count != self.result.legs) {
        report(&self, "legs: %llu found, %llu accounted for", (unsigned long long)self.result.legs,
               (unsigned long long)facts.leg_count);
    }
    ledger_view_end(self.view);
    summary_deinit(&self.summary);
    shift_deinit(&self.shift);
    if (status != 0) {
        return status;
    }
    *out = self.result;
    return self.result.defects > INT32_MAX ? INT32_MAX : (int)self.result.defects;
}
