/* config_alerts: the site's own alerts in the agent's file: the rules, and what is done with what they find. */
#ifndef RINGSIDE_AGENT_CONFIG_ALERTS_H
#define RINGSIDE_AGENT_CONFIG_ALERTS_H

#include "agent/config.h"
#include "platform/config/config.h"
#include "platform/config/remark.h"

enum { CONFIG_ALERTS_OPTIONS = 5 };
extern const struct config_option config_alerts_options[CONFIG_ALERTS_OPTIONS];

/* Reports rules that do not hold together, or that a single site cannot look after. */
void config_alerts_check(const struct config *from, struct config_report *report);

/* After a check that found nothing. Sticky, as config_program_copy(). */
void config_alerts_fill(const struct config *from, struct agent_alerting_config *to, int *status);
void config_alerts_deinit(struct agent_alerting_config *alerting);

/* Whether the hook can be run as it should, and the rules have something to look at. */
void config_alerts_look(const struct agent_config *config, struct config_remarks *remarks);

#endif
