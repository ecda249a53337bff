#include "agent/config_alerts.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/config/program.h"
#include "platform/config/shape.h"
#include "platform/config/units.h"

static const char *const when_words[] = {"offline", "always", NULL};

const struct config_option config_alerts_options[CONFIG_ALERTS_OPTIONS] = {
    {.name = "hook",
     .type = CONFIG_STRING,
     .default_text = "",
     .validate = config_shape_optional_path,
     .allowed = "the absolute path of a program, or \"\" for none",
     .help = "Program that is run with every alert: HOOK firing|resolved RULE, a JSON document on its standard input",
     .restart = true},
    {.name = "when",
     .type = CONFIG_ENUM,
     .default_text = "offline",
     .words = when_words,
     .help = "offline: the site tells only while its centre, which else does, is out of reach, or where it has none",
     .restart = true},
    {.name = "offline_after",
     .type = CONFIG_DURATION,
     .default_text = "5m",
     .min = 0,
     .max = MS_DAY,
     .help = "So long the centre must be out of reach",
     .restart = true},
    {.name = "pace",
     .type = CONFIG_DURATION,
     .default_text = "15s",
     .min = MS_SECOND,
     .max = MS_HOUR,
     .help = "Time between two looks at the figures",
     .restart = true},
    {.name = "hook_timeout",
     .type = CONFIG_DURATION,
     .default_text = "30s",
     .min = 100,
     .max = MS_HOUR,
     .help = "A hook that runs longer is killed, with all that it began",
     .restart = true},
};

/* ---- rules ---- */

/* Groups are the centre's: a site does not know which it is in, let alone who else is. */
static void check_groups(const struct config_item *from, const struct alert_rule *rule, struct config_report *report)
{
    if (rule->group_count > 0) {
        (void)config_report_at(report, config_option_line(from, "groups"),
                               "alert \"%s\".groups: a site does not know its groups; allowed: none", rule->name);
    }
    if (rule->per == ALERT_PER_GROUP) {
        (void)config_report_at(report, config_option_line(from, "per"),
                               "alert \"%s\".per: a site does not know its groups; allowed: auto, queue, site, all",
                               rule->name);
    }
}

void config_alerts_check(const struct config *from, struct config_report *report)
{
    for (size_t i = 0; i < config_count(from, "alert"); i++) {
        const struct config_item *item = config_titled(from, "alert", i);
        struct alert_rule rule;
        int status = alert_rule_read(item, NULL, 0, report, &rule);
        if (status == 0) {
            check_groups(item, &rule, report);
            alert_rule_deinit(&rule);
        } else if (status == STATUS_NO_MEMORY) {
            (void)config_report_at(report, config_line(item), "out of memory");
        }
    }
}

static void say_nothing(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static int fill_rules(const struct config *from, struct agent_alerting_config *to)
{
    struct config_report report = {.fn = say_nothing, .file = ""};
    size_t count = config_count(from, "alert");
    int status = 0;
    if (count == 0) {
        return 0;
    }
    to->rules = calloc(count, sizeof *to->rules);
    if (!to->rules) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = alert_rule_read(config_titled(from, "alert", i), NULL, 0, &report, &to->rules[i]);
        to->rule_count += status == 0;
    }
    return status;
}

void config_alerts_fill(const struct config *from, struct agent_alerting_config *to, int *status)
{
    const struct config_item *alerting = config_section(from, "alerting");
    int filled = fill_rules(from, to);
    *status = *status != 0 ? *status : filled;
    config_program_copy(&to->hook, config_text(alerting, "hook"), status);
    to->when = (enum agent_alerts_when)config_number(alerting, "when");
    to->offline_after_ms = config_number(alerting, "offline_after");
    to->pace_ms = config_number(alerting, "pace");
    to->hook_timeout_ms = config_number(alerting, "hook_timeout");
}

void config_alerts_deinit(struct agent_alerting_config *alerting)
{
    for (size_t i = 0; i < alerting->rule_count; i++) {
        alert_rule_deinit(&alerting->rules[i]);
    }
    free(alerting->rules);
    free(alerting->hook);
    *alerting = (struct agent_alerting_config){.rules = NULL};
}
