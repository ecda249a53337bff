/* The site's own alerts where there is no rule, or none was looked at yet. With rules the daemon makes the document. */
#include "agent/status/report_parts.h"
#include "platform/time/zone.h"
#include "proto/report/fields.h"

int report_alerts(const struct report_job *job, struct json *out)
{
    json_put_str(out, "zone", zone_name());
    json_put_bool(out, "configured", job->env->health && job->env->health->alerts.configured);
    fields_time(out, "as_of", job->env->now_ms);
    (void)json_put_list(out, "rules");
    (void)json_put_list(out, "alerts");
    (void)json_put_list(out, "mutes");
    return 0;
}
