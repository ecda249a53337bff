/* alert_limit: a limit from a text, as its metric is measured. */
#ifndef RINGSIDE_PROTO_ALERT_ALERT_LIMIT_H
#define RINGSIDE_PROTO_ALERT_ALERT_LIMIT_H

#include "platform/base/buf.h"
#include "proto/alert/alert_rule.h"

/* A limit as people write it: "80%", "0.8", "3m", "10". STATUS_INVALID, STATUS_RANGE with what is wrong in why. */
int alert_limit_take(enum alert_metric metric, const char *text, double *out, struct buf *why);
const char *alert_limit_allowed(enum alert_metric metric);

#endif
