#include "proto/report/kpi_row.h"

#include "proto/report/fields.h"

static void put_counters(struct json *out, const struct kpi_row *row)
{
    const struct summary *sum = row->sum;
    for (int i = 0; i < FLOW_COUNT; i++) {
        int64_t value = sum->flow[i];
        if (i == FLOW_ABANDONED_SHORT && row->short_abandon_asked) {
            value = (int64_t)measures_short_abandons(sum, row->settings->short_abandon_ms);
        }
        json_put_int(out, summary_flow_names[i], value);
    }
    json_put_int(out, "waiting_start", sum->waiting_start);
    json_put_int(out, "waiting_end", sum->waiting_end);
    if (row->total) {
        json_put_null(out, "waiting_max");
    } else {
        json_put_int(out, "waiting_max", sum->waiting_max);
    }
    struct json *cohort = json_put_map(out, "cohort");
    for (int i = 0; i < COHORT_COUNT; i++) {
        json_put_int(cohort, summary_cohort_names[i], sum->cohort[i]);
    }
}

void kpi_row_put(struct json *out, const struct kpi_row *row)
{
    static const enum duration_kind shown[] = {DURATION_WAIT_ANSWERED, DURATION_WAIT_ABANDONED, DURATION_TALK,
                                               DURATION_HOLD,          DURATION_RING,           DURATION_HANDLE};
    json_put_text(out, "queue", row->queue);
    if (row->label && row->label[0]) {
        json_put_str(out, "label", row->label);
    }
    if (row->start_ms != 0) {
        fields_time(out, "start", row->start_ms);
    }
    put_counters(out, row);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        fields_stat(out, summary_duration_names[shown[i]], &row->sum->duration[shown[i]]);
    }
    fields_ratios(out, row->sum);
    fields_service_level(out, row->sum, row->settings);
    json_put_bool(out, "balanced", row->balanced);
    json_put_bool(out, "complete", row->complete);
}
