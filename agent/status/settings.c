#include "agent/status/settings.h"

#include "proto/report/fields.h"

void settings_put_label(struct json *map, struct ledger_view *view, uint32_t queue)
{
    struct queue_settings settings;
    if (ledger_view_queue_settings(view, queue, &settings) && settings.label[0]) {
        json_put_str(map, "label", settings.label);
    }
}

void settings_put_queue(struct json *map, struct ledger_view *view, uint32_t queue)
{
    json_put_text(map, "queue", ledger_view_name(view, LEDGER_QUEUE, queue));
    settings_put_label(map, view, queue);
}

struct queue_settings settings_of(struct ledger_view *view, uint32_t queue, const struct query *query)
{
    struct queue_settings own;
    if (!ledger_view_queue_settings(view, queue, &own)) {
        own = fields_default_settings();
    }
    return fields_settings(&own, query);
}
