/* The input is the body of POST /api/v1/alerts/mute. */
#include <string.h>

#include "collector/api/endpoint_answers.h"
#include "platform/base/status.h"
#include "tests/fuzz/fuzz.h"

static const int64_t now_ms = INT64_C(1795284900000);

int registry_find(struct registry *registry, struct slice id, struct registry_site *out)
{
    (void)registry;
    (void)out;
    return slice_is(id, "madrid") ? 0 : STATUS_NOT_FOUND;
}

static struct json *state(void *ctx)
{
    (void)ctx;
    return json_new_map();
}

static void check_text(const char *text, size_t max)
{
    FUZZ_CHECK(text && strlen(text) <= max);
    for (; *text; text++) {
        FUZZ_CHECK((unsigned char)*text >= 0x20 && *text != 0x7f);
    }
}

static int mute(void *ctx, const char *rule, const char *site, int64_t until_ms, const char *by, const char *why)
{
    (void)ctx;
    check_text(rule, 64);
    check_text(why, 200);
    FUZZ_CHECK(strcmp(by, "somebody") == 0 && (!site[0] || strcmp(site, "madrid") == 0));
    FUZZ_CHECK(until_ms == 0 || until_ms > now_ms);
    return strcmp(rule, "full") == 0 ? STATUS_FULL : !rule[0] || strcmp(rule, "rule") == 0 ? 0 : STATUS_NOT_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct api_options options = {.zone = "UTC", .alerts = {.state = state, .mute = mute}};
    const struct access_token token = {.name = "somebody", .role = ACCESS_ADMIN};
    const struct endpoint_request request = {
        .options = &options, .token = &token, .body = slice_make((const char *)data, size), .now_ms = now_ms};
    struct endpoint_answer out = {0};
    struct json *document = NULL;
    int64_t code = 200;
    endpoint_alerts_mute(&request, &out);
    FUZZ_CHECK(!out.body.failed && json_parse(buf_slice(&out.body), out.body.len, &document, NULL, 0) == 0);
    (void)json_int(document, "error/code", &code);
    FUZZ_CHECK(code == out.code && (code == 200 || code == 400 || code == 404 || code == 413));
    json_free(document);
    buf_deinit(&out.body);
    return 0;
}
