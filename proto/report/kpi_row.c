#include "proto/report/kpi_row.h"

#include "proto/report/fields.h"

static void put_waiting(struct json *out, const char *key, uint32_t value, bool exists)
{
    if (exists) {
        json_put_int(out, key, value);
    } else {
        json_put_null(out, key);
    }
}

static void put_hour_of_week(struct json *out, unsigned hour_of_week)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    json_put_int(out, "hour_of_week", hour_of_week);
    json_put_str(out, "weekday", days[hour_of_week / 24 % 7]);
    json_put_int(out, "hour", hour_of_week % 24);
}

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
    put_waiting(out, "waiting_start", sum->waiting_start, !row->weekly);
    put_waiting(out, "waiting_end", sum->waiting_end, !row->weekly);
    put_waiting(out, "waiting_max", sum->waiting_max, !row->total);
    struct json *cohort = json_put_map(out, "cohort");
    for (int i = 0; i < COHORT_COUNT; i++) {
        json_put_int(cohort, summary_cohort_names[i], sum->cohort[i]);
    }
}

void kpi_row_put(struct json *out, const struct kpi_row *row)
{
    static const enum duration_kind shown[] = {DURATION_WAIT_ANSWERED, DURATION_WAIT_ABANDONED, DURATION_TALK,
                                               DURATION_HOLD,          DURATION_RING,           DURATION_HANDLE};
    if (row->site) {
        json_put_str(out, "site", row->site);
    }
    json_put_text(out, "queue", row->queue);
    if (row->label && row->label[0]) {
        json_put_str(out, "label", row->label);
    }
    if (row->start_ms != 0) {
        fields_time(out, "start", row->start_ms);
    }
    if (row->weekly) {
        put_hour_of_week(out, row->hour_of_week);
    }
    put_counters(out, row);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        (row->bins ? fields_stat_bins : fields_stat)(out, summary_duration_names[shown[i]],
                                                     &row->sum->duration[shown[i]]);
    }
    fields_ratios(out, row->sum);
    fields_service_level(out, row->sum, row->settings);
    json_put_bool(out, "balanced", row->balanced);
    json_put_bool(out, "complete", row->complete);
    if (row->live != KPI_ROW_LIVE_UNTOLD) {
        json_put_bool(out, "live_complete", row->live == KPI_ROW_LIVE_WHOLE);
    }
}
