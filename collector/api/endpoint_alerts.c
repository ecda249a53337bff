#include <stdio.h>
#include <string.h>

#include "collector/api/endpoint_answers.h"
#include "collector/api/endpoint_reply.h"
#include "collector/api/endpoint_words.h"
#include "platform/base/status.h"
#include "platform/time/stamp.h"

enum { NAME_MAX_BYTES = 64, WHY_MAX_BYTES = 200, STAMP_TEXT_MAX = STAMP_MAX, MUTE_DAYS_MAX = 366, WHAT_BYTES = 160 };

static bool there_are(const struct api_alerts *alerts, struct endpoint_answer *out)
{
    if (!alerts->state) {
        endpoint_refuse(out, 404, NULL, "this collector has no alerts: its configuration has no rules");
        return false;
    }
    return true;
}

static void answer_state(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct endpoint_words words;
    const struct api_alerts *alerts = &request->options->alerts;
    if (endpoint_words_take(request, 0, &words, out) && there_are(alerts, out)) {
        (void)json_build_failed();
        endpoint_reply_json(out, alerts->state(alerts->ctx)); /* asked when it has just changed */
    }
}

/* ---- mute ---- */

struct mute {
    struct endpoint_answer *answer;
    const char *rule;
    const char *site;
    const char *why;
    const char *until; /* NULL: none, so no longer muted */
    bool has_until;
};

static bool is_plain(const char *text)
{
    for (; *text; text++) {
        unsigned char sign = (unsigned char)*text;
        if (sign < 0x20 || sign == 0x7f) {
            return false;
        }
    }
    return true;
}

static int take_text(struct mute *mute, const char *key, const struct json *value, size_t max, const char **out)
{
    if (json_kind(value, "") != JSON_TEXT) {
        endpoint_refuse(mute->answer, 400, key, "%s is no text", key);
        return STATUS_INVALID;
    }
    *out = json_text(value, "");
    if (strlen(*out) > max || !is_plain(*out)) {
        endpoint_refuse(mute->answer, 400, key, "%s is longer than %zu bytes, or has control characters", key, max);
        return STATUS_INVALID;
    }
    return 0;
}

static int take_member(void *ctx, const char *key, const struct json *value)
{
    struct mute *mute = ctx;
    if (strcmp(key, "rule") == 0) {
        return take_text(mute, key, value, NAME_MAX_BYTES, &mute->rule);
    }
    if (strcmp(key, "site") == 0) {
        return take_text(mute, key, value, NAME_MAX_BYTES, &mute->site);
    }
    if (strcmp(key, "why") == 0) {
        return take_text(mute, key, value, WHY_MAX_BYTES, &mute->why);
    }
    if (strcmp(key, "until") == 0) {
        mute->has_until = true;
        return json_kind(value, "") == JSON_NULL_VALUE ? 0 : take_text(mute, key, value, STAMP_TEXT_MAX, &mute->until);
    }
    char where[NAME_MAX_BYTES + 1];
    (void)snprintf(where, sizeof where, "%s", key);
    endpoint_refuse(mute->answer, 400, where, "'%.40s' is no member of this body; it has rule, site, until, why", key);
    return STATUS_INVALID;
}

static bool read_body(const struct endpoint_request *request, struct mute *mute, struct json **out)
{
    char why[WHAT_BYTES] = "";
    int status = json_parse(request->body, ENDPOINT_BODY_MAX, out, why, sizeof why);
    if (status == STATUS_RANGE) {
        endpoint_refuse(mute->answer, 413, NULL, "the body is longer than %d bytes", ENDPOINT_BODY_MAX);
        return false;
    }
    if (status == STATUS_NO_MEMORY) {
        endpoint_reply_failure(request, mute->answer, status, NULL, NULL);
        return false;
    }
    if (status != 0 || json_kind(*out, "") != JSON_MAP) {
        endpoint_refuse(mute->answer, 400, NULL, "the body is no JSON object%s%s", why[0] ? ": " : "", why);
        return false;
    }
    return json_each(*out, take_member, mute) == 0;
}

static bool read_until(const struct endpoint_request *request, const struct mute *mute, int64_t *out_ms)
{
    *out_ms = 0;
    if (!mute->has_until) {
        endpoint_refuse(mute->answer, 400, "until", "until is missing: a time such as 2026-11-21T18:00:00Z, or null");
        return false;
    }
    if (!mute->until) {
        return true;
    }
    if (stamp_parse(slice_str(mute->until), out_ms) != 0) {
        endpoint_refuse(mute->answer, 400, "until", "until '%.40s' is no time such as 2026-11-21T18:00:00Z",
                        mute->until);
        return false;
    }
    if (*out_ms <= request->now_ms || *out_ms > request->now_ms + INT64_C(86400000) * MUTE_DAYS_MAX) {
        endpoint_refuse(mute->answer, 400, "until", "until is over already, or more than %d days ahead", MUTE_DAYS_MAX);
        return false;
    }
    return true;
}

static bool site_is_known(const struct endpoint_request *request, const struct mute *mute)
{
    struct registry_site site;
    if (mute->site[0] == '\0') {
        return true;
    }
    int status = registry_find(request->options->registry, slice_str(mute->site), &site);
    if (status == STATUS_NOT_FOUND) {
        endpoint_refuse(mute->answer, 404, "site", "there is no site '%s'", mute->site);
    } else if (status != 0) {
        endpoint_reply_failure(request, mute->answer, status, "site", NULL);
    }
    return status == 0;
}

static void change(const struct endpoint_request *request, const struct mute *mute)
{
    const struct api_alerts *alerts = &request->options->alerts;
    int64_t until_ms;
    if (!read_until(request, mute, &until_ms) || !site_is_known(request, mute)) {
        return;
    }
    const char *by = request->token ? request->token->name : "";
    int status =
        alerts->mute ? alerts->mute(alerts->ctx, mute->rule, mute->site, until_ms, by, mute->why) : STATUS_UNSUPPORTED;
    if (status == STATUS_NOT_FOUND) {
        endpoint_refuse(mute->answer, 404, "rule", "there is no rule '%s'", mute->rule);
    } else if (status == STATUS_FULL) {
        endpoint_refuse(mute->answer, 400, NULL, "there are as many mutes as there can be: end one first");
    } else if (status != 0) {
        endpoint_reply_failure(request, mute->answer, status, NULL, NULL);
    } else {
        (void)json_build_failed();
        endpoint_reply_json(mute->answer, alerts->state(alerts->ctx));
    }
}

static void answer_mute(const struct endpoint_request *request, struct endpoint_answer *out)
{
    struct endpoint_words words;
    struct json *body = NULL;
    struct mute mute = {.answer = out, .rule = "", .site = "", .why = ""};
    if (!endpoint_words_take(request, 0, &words, out) || !there_are(&request->options->alerts, out)) {
        return;
    }
    if (read_body(request, &mute, &body)) {
        change(request, &mute);
    }
    json_free(body);
}

/* ---- in the centre's zone ---- */

void endpoint_alerts_state(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_state);
}

void endpoint_alerts_mute(const struct endpoint_request *request, struct endpoint_answer *out)
{
    endpoint_reply_in_zone(request, out, answer_mute);
}
