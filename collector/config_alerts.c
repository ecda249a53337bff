/* The rules and receivers of the file: each is checked as a whole, and against the others. */
#include "collector/config_alerts.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"

struct names {
    const char **items;
    size_t count;
};

static int receiver_names(const struct config *from, struct names *out)
{
    out->count = config_count(from, "receiver");
    out->items = calloc(out->count + 1, sizeof *out->items);
    for (size_t i = 0; out->items && i < out->count; i++) {
        out->items[i] = config_title(config_titled(from, "receiver", i));
    }
    return out->items ? 0 : STATUS_NO_MEMORY;
}

static int read_rules(const struct config *from, const struct names *names, struct config_report *report,
                      struct collector_alerting_config *to)
{
    size_t count = config_count(from, "alert");
    int result = 0;
    to->rules = calloc(count + 1, sizeof *to->rules);
    if (!to->rules) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        int status = alert_rule_read(config_titled(from, "alert", i), names->items, names->count, report,
                                     &to->rules[to->rule_count]);
        to->rule_count += status == 0;
        result = result == 0 ? status : result;
    }
    return result;
}

static int read_receivers(const struct config *from, struct config_report *report, struct collector_alerting_config *to)
{
    size_t count = config_count(from, "receiver");
    int result = 0;
    to->receivers = calloc(count + 1, sizeof *to->receivers);
    if (!to->receivers) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        int status = receiver_read(config_titled(from, "receiver", i), report, &to->receivers[to->receiver_count]);
        to->receiver_count += status == 0;
        result = result == 0 ? status : result;
    }
    return result;
}

int config_alerts_read(const struct config *from, struct config_report *report, struct collector_alerting_config *to)
{
    struct names names = {NULL, 0};
    int status = receiver_names(from, &names);
    if (status == 0) {
        int rules = read_rules(from, &names, report, to);
        int receivers = read_receivers(from, report, to);
        status = rules != 0 ? rules : receivers;
    }
    free((void *)names.items);
    return status;
}

void config_alerts_deinit(struct collector_alerting_config *alerting)
{
    for (size_t i = 0; i < alerting->rule_count; i++) {
        alert_rule_deinit(&alerting->rules[i]);
    }
    for (size_t i = 0; i < alerting->receiver_count; i++) {
        receiver_deinit(&alerting->receivers[i]);
    }
    free(alerting->rules);
    free(alerting->receivers);
    alerting->rules = NULL;
    alerting->receivers = NULL;
    alerting->rule_count = 0;
    alerting->receiver_count = 0;
}
