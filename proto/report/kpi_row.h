/* kpi_row: one row of a kpi report, as design 7 and docs/kpis.md section 9 name its fields. */
#ifndef RINGSIDE_PROTO_REPORT_KPI_ROW_H
#define RINGSIDE_PROTO_REPORT_KPI_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/slice.h"
#include "platform/json/json.h"
#include "proto/measures.h"
#include "proto/summary.h"

/* Whether all is known of what only a live source tells: holds and refused callers. Where nobody says, the row does not
 * either. */
enum kpi_row_live { KPI_ROW_LIVE_UNTOLD, KPI_ROW_LIVE_PARTLY, KPI_ROW_LIVE_WHOLE };

struct kpi_row {
    const char *site; /* NULL: not grouped by site */
    struct slice queue;
    const char *label;                     /* NULL or empty: none */
    int64_t start_ms;                      /* 0: not grouped by time */
    const struct summary *sum;             /* borrowed, as the settings */
    const struct queue_settings *settings; /* what ratios are computed by */
    bool total;                            /* several queues in one: their peaks need not coincide, so no waiting_max */
    bool short_abandon_asked;              /* abandoned_short by the settings, not as the sites counted */
    bool bins;                             /* durations with their whole distribution */
    bool balanced;
    bool complete; /* no call is missing */
    enum kpi_row_live live;
    bool weekly;           /* the same hour of several weeks: nothing waits from one into the next, so no waiting_* */
    unsigned hour_of_week; /* 0: Monday, the hour after midnight */
};

void kpi_row_put(struct json *out, const struct kpi_row *row);

#endif
