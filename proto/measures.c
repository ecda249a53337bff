#include "proto/measures.h"

#include <string.h>

static const char *const sl_names[SL_METHOD_COUNT] = {
    [SL_ASTERISK_SL] = "asterisk_sl",
    [SL_ASTERISK_SL2] = "asterisk_sl2",
    [SL_AMAZON] = "amazon",
    [SL_GENESYS] = "genesys",
    [SL_GENESYS_FLOW_OUTS] = "genesys_flow_outs",
    [SL_GENESYS_NO_SHORT] = "genesys_no_short",
    [SL_GENESYS_FLOW_OUTS_NO_SHORT] = "genesys_flow_outs_no_short",
    [SL_GENESYS_NO_ABANDONS] = "genesys_no_abandons",
    [SL_GENESYS_FLOW_OUTS_NO_ABANDONS] = "genesys_flow_outs_no_abandons",
    [SL_UCCE_IGNORE] = "ucce_ignore",
    [SL_UCCE_NEGATIVE] = "ucce_negative",
    [SL_UCCE_POSITIVE] = "ucce_positive",
    [SL_UCCX_HANDLED] = "uccx_handled",
    [SL_UCCX_WITHOUT_ABANDON] = "uccx_without_abandon",
    [SL_UCCX_POSITIVE] = "uccx_positive",
    [SL_UCCX_NEGATIVE] = "uccx_negative",
    [SL_WAZO_QOS] = "wazo_qos",
    [SL_VICIDIAL_TMA] = "vicidial_tma",
    [SL_NEWVOICEMEDIA] = "newvoicemedia",
};

const char *measures_sl_name(enum sl_method method)
{
    return (unsigned)method < SL_METHOD_COUNT ? sl_names[method] : "unknown";
}

enum sl_method measures_sl_find(const char *name)
{
    for (int i = 0; i < SL_METHOD_COUNT; i++) {
        if (strcmp(sl_names[i], name) == 0) {
            return (enum sl_method)i;
        }
    }
    return SL_METHOD_COUNT;
}

/* The letters of docs/kpis.md: all of a kind, and those whose wait was within the threshold. */
struct sl_counts {
    int64_t entered;
    int64_t answered, answered_within;
    int64_t abandoned, abandoned_within;
    int64_t abandoned_short;
    int64_t exits, exits_within; /* by timeout, empty queue or withdrawal */
    int64_t keys, keys_within;
};

struct ratio {
    int64_t above;
    int64_t below;
};

static int64_t total_of(const struct summary *sum, enum duration_kind kind)
{
    return (int64_t)sum->duration[kind].hist.total;
}

static int64_t within_of(const struct summary *sum, enum duration_kind kind, int64_t limit_ms)
{
    return (int64_t)histogram_count_within(&sum->duration[kind].hist, limit_ms);
}

static struct sl_counts count_for(const struct summary *sum, int64_t threshold_ms, int64_t short_abandon_ms)
{
    return (struct sl_counts){
        .entered = sum->flow[FLOW_ENTERED],
        .answered = total_of(sum, DURATION_WAIT_ANSWERED),
        .answered_within = within_of(sum, DURATION_WAIT_ANSWERED, threshold_ms),
        .abandoned = total_of(sum, DURATION_WAIT_ABANDONED),
        .abandoned_within = within_of(sum, DURATION_WAIT_ABANDONED, threshold_ms),
        .abandoned_short = within_of(sum, DURATION_WAIT_ABANDONED, short_abandon_ms),
        .exits = total_of(sum, DURATION_WAIT_EXIT),
        .exits_within = within_of(sum, DURATION_WAIT_EXIT, threshold_ms),
        .keys = total_of(sum, DURATION_WAIT_KEY),
        .keys_within = within_of(sum, DURATION_WAIT_KEY, threshold_ms),
    };
}

/* Only calls with a service level event count: answered, abandoned, or still there when the threshold passed. Short
 * abandons have none at all. */
static struct ratio ucce_ratio(enum sl_method method, const struct sl_counts *n)
{
    int64_t abandoned = n->abandoned - n->abandoned_short;
    int64_t abandoned_within = n->abandoned_within - n->abandoned_short;
    if (abandoned_within < 0) {
        abandoned_within = 0; /* the short threshold is the longer one */
    }
    int64_t outlasted = n->exits + n->keys - n->exits_within - n->keys_within;
    int64_t offered = n->answered + abandoned + outlasted;
    if (method == SL_UCCE_IGNORE) {
        return (struct ratio){n->answered_within, offered - abandoned_within};
    }
    if (method == SL_UCCE_POSITIVE) {
        return (struct ratio){n->answered_within + abandoned_within, offered};
    }
    return (struct ratio){n->answered_within, offered};
}

static struct ratio sl_ratio(enum sl_method method, const struct sl_counts *n)
{
    int64_t flow_outs = n->exits + n->keys;
    switch (method) {
    case SL_ASTERISK_SL:
    case SL_GENESYS_NO_ABANDONS:
    case SL_UCCX_HANDLED:
    case SL_WAZO_QOS:
    case SL_VICIDIAL_TMA: return (struct ratio){n->answered_within, n->answered};
    case SL_ASTERISK_SL2:
        return (struct ratio){n->answered_within + n->abandoned_within + n->exits_within,
                              n->answered + n->abandoned + n->exits};
    case SL_AMAZON:
    case SL_UCCX_POSITIVE: return (struct ratio){n->answered_within + n->abandoned_within, n->entered};
    case SL_GENESYS: return (struct ratio){n->answered_within, n->answered + n->abandoned};
    case SL_GENESYS_FLOW_OUTS: return (struct ratio){n->answered_within, n->answered + n->abandoned + flow_outs};
    case SL_GENESYS_NO_SHORT:
        return (struct ratio){n->answered_within, n->answered + n->abandoned - n->abandoned_short};
    case SL_GENESYS_FLOW_OUTS_NO_SHORT:
        return (struct ratio){n->answered_within, n->answered + n->abandoned + flow_outs - n->abandoned_short};
    case SL_GENESYS_FLOW_OUTS_NO_ABANDONS: return (struct ratio){n->answered_within, n->answered + flow_outs};
    case SL_UCCE_IGNORE:
    case SL_UCCE_NEGATIVE:
    case SL_UCCE_POSITIVE: return ucce_ratio(method, n);
    case SL_UCCX_WITHOUT_ABANDON: return (struct ratio){n->answered_within, n->entered - n->abandoned_within};
    case SL_UCCX_NEGATIVE: return (struct ratio){n->answered_within, n->entered};
    case SL_NEWVOICEMEDIA: return (struct ratio){n->answered_within, n->answered + n->abandoned + n->keys};
    case SL_METHOD_COUNT: break;
    }
    return (struct ratio){0, 0};
}

bool measures_service_level(const struct summary *sum, enum sl_method method, int64_t threshold_ms,
                            int64_t short_abandon_ms, double *out)
{
    struct sl_counts counts = count_for(sum, threshold_ms, short_abandon_ms);
    struct ratio ratio = sl_ratio(method, &counts);
    if (ratio.below <= 0) {
        return false;
    }
    *out = (double)ratio.above / (double)ratio.below;
    return true;
}

bool measures_abandon_rate(const struct summary *sum, double *out)
{
    if (sum->flow[FLOW_ENTERED] == 0) {
        return false;
    }
    *out = (double)sum->flow[FLOW_ABANDONED] / (double)sum->flow[FLOW_ENTERED];
    return true;
}

bool measures_mean_ms(const struct duration_stat *stat, double *out)
{
    if (stat->hist.total == 0) {
        return false;
    }
    *out = (double)stat->sum_ms / (double)stat->hist.total;
    return true;
}

uint64_t measures_short_abandons(const struct summary *sum, int64_t short_abandon_ms)
{
    return histogram_count_within(&sum->duration[DURATION_WAIT_ABANDONED].hist, short_abandon_ms);
}
