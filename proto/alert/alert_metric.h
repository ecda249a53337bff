/* alert_metric: what can be watched, in one table: how it is called, measured and written. */
#ifndef RINGSIDE_PROTO_ALERT_ALERT_METRIC_H
#define RINGSIDE_PROTO_ALERT_ALERT_METRIC_H

#include "platform/base/buf.h"
#include "proto/alert/alert_rule.h"

enum alert_unit { ALERT_UNIT_RATIO, ALERT_UNIT_MS, ALERT_UNIT_COUNT };

enum alert_unit alert_metric_unit(enum alert_metric metric);
const char *alert_metric_words(enum alert_metric metric);  /* "service level" */
bool alert_metric_of_calls(enum alert_metric metric);      /* made of the calls of a window: calls_min applies */
enum alert_per alert_metric_per(enum alert_metric metric); /* the finest there is */
bool alert_metric_can_per(enum alert_metric metric, enum alert_per per);

#endif
