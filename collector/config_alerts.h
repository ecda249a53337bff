/* config_alerts: the sections `alert` and `receiver` of the collector's file. */
#ifndef RINGSIDE_COLLECTOR_CONFIG_ALERTS_H
#define RINGSIDE_COLLECTOR_CONFIG_ALERTS_H

#include "collector/alert/lookout.h"
#include "collector/config.h"
#include "platform/config/config.h"
#include "platform/config/report.h"
#include "proto/alert/alert_rule.h"

/* Reports every defect; what was read is in `to` even so, for config_alerts_deinit(). STATUS_INVALID, STATUS_NO_MEMORY.
 */
int config_alerts_read(const struct config *from, struct config_report *report, struct collector_alerting_config *to);
void config_alerts_deinit(struct collector_alerting_config *alerting);

#endif
