/* measures: the ratios computed from summaries: service level in its named variants, ASA, AHT, rates.
 * docs/kpis.md gives each formula with its source. A ratio with nothing below the line is absent. */
#ifndef RINGSIDE_PROTO_MEASURES_H
#define RINGSIDE_PROTO_MEASURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/summary.h"

enum sl_method {
    SL_ASTERISK_SL,
    SL_ASTERISK_SL2,
    SL_AMAZON,
    SL_GENESYS,           /* At / (A + B) */
    SL_GENESYS_FLOW_OUTS, /* ... + F below */
    SL_GENESYS_NO_SHORT,  /* ... - S below */
    SL_GENESYS_FLOW_OUTS_NO_SHORT,
    SL_GENESYS_NO_ABANDONS, /* ... - B below */
    SL_GENESYS_FLOW_OUTS_NO_ABANDONS,
    SL_UCCE_IGNORE,
    SL_UCCE_NEGATIVE,
    SL_UCCE_POSITIVE,
    SL_UCCX_HANDLED,
    SL_UCCX_WITHOUT_ABANDON,
    SL_UCCX_POSITIVE,
    SL_UCCX_NEGATIVE,
    SL_WAZO_QOS,
    SL_VICIDIAL_TMA,
    SL_NEWVOICEMEDIA,
    SL_METHOD_COUNT
};

#define MEASURES_DEFAULT_SL_METHOD SL_ASTERISK_SL
enum { MEASURES_DEFAULT_SL_THRESHOLD_MS = 20000, MEASURES_DEFAULT_SHORT_ABANDON_MS = 5000 };

/* What a queue is judged by, and what people call it. */
struct queue_settings {
    uint32_t sl_method; /* enum sl_method */
    int64_t sl_threshold_ms;
    int64_t short_abandon_ms;
    char label[65]; /* empty: the queue's name */
};

/* The contract name ("asterisk_sl", "genesys_flow_outs_no_short", ...) and back; find returns SL_METHOD_COUNT when
 * there is none of that name. */
const char *measures_sl_name(enum sl_method method);
enum sl_method measures_sl_find(const char *name);

/* Each returns true and writes *out when the ratio exists. Levels and rates are 0..1. */
bool measures_service_level(const struct summary *sum, enum sl_method method, int64_t threshold_ms,
                            int64_t short_abandon_ms, double *out);
bool measures_abandon_rate(const struct summary *sum, double *out); /* abandoned / entered */
bool measures_mean_ms(const struct duration_stat *stat, double *out);

/* Abandons with a wait <= short_abandon_ms, recomputed from the histogram. */
uint64_t measures_short_abandons(const struct summary *sum, int64_t short_abandon_ms);

#endif
