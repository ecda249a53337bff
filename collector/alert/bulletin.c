#include "collector/alert/bulletin.h"

#include <string.h>

#include "platform/base/status.h"
#include "platform/time/zone.h"

static void put_escaped(const char *text, struct buf *out)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        buf_printf(out, plain || strchr("-_.~", *c) ? "%c" : "%%%02X", *c);
    }
}

/* The page of the dashboard that shows it. */
static void put_link(const struct alert_subject *subject, const char *url, struct json *out)
{
    struct buf link = BUF_INIT;
    size_t len = strlen(url);
    if (len == 0) {
        json_put_null(out, "url");
        return;
    }
    buf_append(&link, url, url[len - 1] == '/' ? len - 1 : len);
    if (subject->site[0] == '\0') {
        buf_append_str(&link, "/alerts");
    } else {
        buf_append_str(&link, "/site/");
        put_escaped(subject->site, &link);
        buf_append_str(&link, subject->queue[0] ? "/queue/" : "");
        put_escaped(subject->queue, &link);
    }
    json_put_str(out, "url", buf_cstr(&link));
    buf_deinit(&link);
}

struct json *bulletin_item(enum alert_news news, const struct alert *alert, bool again, int64_t at_ms, const char *url)
{
    char stamp[STAMP_MAX];
    struct buf limit = BUF_INIT;
    struct json *item = json_new_map();
    json_put_str(item, "news", news == ALERT_NEWS_FIRING ? "firing" : "resolved");
    json_put_bool(item, "again", again);
    json_put_str(item, "at", zone_format(at_ms, stamp));
    alert_put(alert, item);
    json_put_str(item, "metric", alert_metric_name(alert->rule->metric));
    alert_rule_value(alert->rule->metric, alert->rule->limit, &limit);
    json_put_str(item, alert->rule->below ? "below" : "above", buf_cstr(&limit));
    json_put_str(item, "summary", alert->rule->summary);
    put_link(&alert->subject, url, item);
    buf_deinit(&limit);
    return item;
}

static struct json *copy_of(const struct json *from)
{
    struct buf text = BUF_INIT;
    struct json *copy = NULL;
    if (json_write(from, 0, &text) != 0 || json_parse(buf_slice(&text), text.len, &copy, NULL, 0) != 0) {
        copy = NULL;
    }
    buf_deinit(&text);
    return copy;
}

static int written(struct json *document, struct buf *out)
{
    bool failed = json_build_failed();
    int status = failed || !document ? STATUS_NO_MEMORY : json_write(document, 0, out);
    json_free(document);
    return status;
}

int bulletin_webhook(const char *delivery, const char *name, int64_t made_ms, const struct json *items, struct buf *out)
{
    char stamp[STAMP_MAX];
    struct json *document = json_new_map();
    struct json *alerts = copy_of(items);
    json_put_int(document, "version", BULLETIN_VERSION);
    json_put_str(document, "delivery", delivery);
    json_put_str(document, "from", name);
    json_put_str(document, "made", zone_format(made_ms, stamp));
    if (!alerts) {
        json_free(document);
        return STATUS_NO_MEMORY;
    }
    json_put(document, "alerts", alerts);
    return written(document, out);
}

/* A label that is empty is none. */
static void put_label(struct json *labels, const char *key, const char *text)
{
    if (text[0]) {
        json_put_str(labels, key, text);
    }
}

static void put_alertmanager(const struct json *item, const char *name, int64_t until_ms, struct json *out)
{
    static const char *const same[] = {"severity", "site", "group", "queue"};
    char stamp[STAMP_MAX];
    const char *summary = json_text(item, "summary");
    const char *text = json_text(item, "text");
    bool fires = strcmp(json_text(item, "news"), "firing") == 0;
    struct json *labels = json_put_map(out, "labels");
    put_label(labels, "alertname", json_text(item, "rule"));
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        put_label(labels, same[i], json_text(item, same[i]));
    }
    put_label(labels, "ringside", name);
    struct json *annotations = json_put_map(out, "annotations");
    json_put_str(annotations, "summary", summary[0] ? summary : text);
    json_put_str(annotations, "description", text);
    json_put_str(annotations, "value", json_text(item, "value_text"));
    json_put_str(out, "startsAt", json_text(item, "begun"));
    json_put_str(out, "endsAt", fires ? zone_format(until_ms, stamp) : json_text(item, "at"));
    if (json_text(item, "url")[0]) {
        json_put_str(out, "generatorURL", json_text(item, "url"));
    }
}

int bulletin_alertmanager(const char *name, int64_t until_ms, const struct json *items, struct buf *out)
{
    struct json *document = json_new_list();
    for (size_t i = 0; i < json_count(items, ""); i++) {
        put_alertmanager(json_item(items, i), name, until_ms, json_add_map(document));
    }
    return written(document, out);
}
