/* The single reports behind report_make(). Each writes its members into `out`. Inside the status stage only. */
#ifndef RINGSIDE_AGENT_STATUS_REPORT_PARTS_H
#define RINGSIDE_AGENT_STATUS_REPORT_PARTS_H

#include "agent/status/report.h"

struct report_job {
    const struct report_env *env;
    const struct query *query;
    struct ledger_facts facts;
    struct query_why *why;
};

int report_status(const struct report_job *job, struct json *out);
int report_queues(const struct report_job *job, struct json *out);
int report_operators(const struct report_job *job, struct json *out);
int report_calls(const struct report_job *job, struct json *out);
int report_kpi(const struct report_job *job, struct json *out);
int report_alerts(const struct report_job *job, struct json *out); /* where there are no rules */
int report_live(const struct report_job *job, struct json *out);

int report_centre(const struct report_job *job, struct json *out);
bool report_centre_hints(const struct report_job *job, struct json *hints); /* whether something needs a person */

/* The live source: "live" of the status, and whether it wants a person. */
const struct health_live *report_source_live(const struct report_job *job);              /* NULL: none is configured */
const struct health_source *report_source_find(const struct report_job *job, bool live); /* the first; NULL: none */
void report_source(const struct report_job *job, struct json *out);
bool report_source_hints(const struct report_job *job, struct json *hints);

/* Sentences on what is wrong and what to do about it; returns "ok", "degraded" or "down". */
const char *report_hints(const struct report_job *job, struct json *hints);

#endif
