/* check: what the two files of store_check() share. */
#ifndef RINGSIDE_COLLECTOR_STORE_CHECK_H
#define RINGSIDE_COLLECTOR_STORE_CHECK_H

#include "collector/store/roller.h"

struct checker {
    struct store *store;
    struct kv_txn *txn;
    store_line_fn fn;
    void *ctx;
    int64_t defects;
    enum store_db db;
    uint64_t intervals;
    uint64_t pending;
    uint32_t names;
    struct summary summary;
    struct cell *expected;
    struct cell *found;
    struct buf expected_form;
    struct buf found_form;
    struct kv_cursor *hours; /* to look cells up with */
};

void check_report(struct checker *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_expect_hour(struct checker *self, store_scope scope, uint32_t hour_s, uint32_t queue);

/* Hours and days against the level below them. */
int check_cells(struct checker *self);

#endif
