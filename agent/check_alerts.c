/* Whether the site's own alerts can be told as they are set. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_alerts.h"

/* Whoever may write the program, or put another in its place, does what he likes as the agent's user. */
static void look_at_writers(struct config_remarks *remarks, const char *hook)
{
    struct stat info;
    char *dir = strdup(hook);
    char *slash = dir ? strrchr(dir, '/') : NULL;
    if (stat(hook, &info) == 0 && (info.st_mode & S_IWOTH)) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "alerting.hook: every user of this machine may write to %s; chmod 755, owner root", hook);
    }
    if (slash) {
        slash[slash == dir] = '\0';
        if (stat(dir, &info) == 0 && (info.st_mode & S_IWOTH) && !(info.st_mode & S_ISVTX)) {
            config_remark(remarks, CONFIG_REMARK_WARNING,
                          "alerting.hook: every user of this machine may put another file in place of %s: %s is open "
                          "to all",
                          hook, dir);
        }
    }
    free(dir);
}

static void look_at_hook(struct config_remarks *remarks, const char *hook)
{
    struct stat info;
    if (stat(hook, &info) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "alerting.hook: %s %s: alerts go to the log only", hook,
                      errno == ENOENT ? "does not exist" : strerror(errno));
        return;
    }
    if (!S_ISREG(info.st_mode) || !(info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) || access(hook, X_OK) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING,
                      "alerting.hook: %s is not a program that this user may execute: alerts go to the log only", hook);
    }
    look_at_writers(remarks, hook);
}

static bool is_of_site(const struct alert_rule *rule, const char *site)
{
    struct alert_rule of = *rule;
    of.queue_count = 0;
    return alert_rule_matches(&of, site, NULL, NULL);
}

void config_alerts_look(const struct agent_config *config, struct config_remarks *remarks)
{
    const struct agent_alerting_config *alerting = &config->alerting;
    if (alerting->hook[0]) {
        look_at_hook(remarks, alerting->hook);
    }
    if (alerting->hook[0] && alerting->rule_count == 0) {
        config_remark(remarks, CONFIG_REMARK_NOTE, "alerting.hook: there is no rule (alert \"NAME\"): it is never run");
    }
    for (size_t i = 0; i < alerting->rule_count; i++) {
        const struct alert_rule *rule = &alerting->rules[i];
        if (!is_of_site(rule, config->site.id)) {
            config_remark(remarks, CONFIG_REMARK_NOTE,
                          "alert \"%s\".sites: %s is not among them: the rule finds nothing", rule->name,
                          config->site.id);
        }
        if (rule->metric == ALERT_NO_OPERATOR && !agent_config_source(config, AGENT_SOURCE_AMI)) {
            config_remark(remarks, CONFIG_REMARK_NOTE,
                          "alert \"%s\".metric: operators are known from a source of type ami alone: the rule finds "
                          "nothing",
                          rule->name);
        }
    }
}
