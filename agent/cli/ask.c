#include "agent/cli/ask.h"

#include <stdio.h>

#include "agent/status/report.h"
#include "platform/base/status.h"
#include "platform/coap/fetch.h"

enum { TIMEOUT_MS = 10000, ANSWER_MAX = 256 * 1024 * 1024, CONTENT = 205, JSON_FORMAT = 50 };

int ask_explain(const struct cli_options *options, int status, struct query_why *why)
{
    const char *agent = options->agent;
    switch (status) {
    case FETCH_REFUSED:
        (void)snprintf(
            why->text, sizeof why->text,
            "no agent answers at %.120s: is ringside-agent running? --ledger DIR reads its ledger without it", agent);
        return STATUS_NOT_FOUND;
    case FETCH_TIMEOUT:
        (void)snprintf(why->text, sizeof why->text,
                       "the agent at %.120s did not answer in %d s; --ledger DIR reads its ledger without it", agent,
                       TIMEOUT_MS / 1000);
        return STATUS_BUSY;
    case STATUS_INVALID:
        (void)snprintf(why->text, sizeof why->text, "--agent '%.120s' is no URL such as coap://127.0.0.1:5683", agent);
        return status;
    case STATUS_UNSUPPORTED:
        (void)snprintf(why->text, sizeof why->text, "--agent '%.120s': only coap:// is spoken here", agent);
        return STATUS_INVALID;
    case STATUS_NOT_FOUND:
        (void)snprintf(why->text, sizeof why->text, "--agent '%.120s': there is no such host", agent);
        return status;
    case STATUS_RANGE:
        (void)snprintf(why->text, sizeof why->text, "the request is too long for CoAP: fewer or shorter --queue");
        return STATUS_INVALID;
    default: (void)snprintf(why->text, sizeof why->text, "%.120s: %s", agent, status_str(status)); return status;
    }
}

/* What the agent said, or that it is no answer of ours. */
static int explain_answer(const struct cli_options *options, struct fetch_answer *answer, struct query_why *why)
{
    if (answer->body.len > 0 && answer->code >= 400) {
        (void)snprintf(why->text, sizeof why->text, "%.300s", buf_cstr(&answer->body));
    } else {
        (void)snprintf(why->text, sizeof why->text, "%.120s answered %u.%02u; is it a ringside-agent?", options->agent,
                       answer->code / 100, answer->code % 100);
    }
    return answer->code == 400 ? STATUS_INVALID : STATUS_NOT_FOUND;
}

static int parse_answer(const struct cli_options *options, struct fetch_answer *answer, struct json **out,
                        struct query_why *why)
{
    char where[120];
    if (answer->code != CONTENT || answer->format != JSON_FORMAT) {
        return explain_answer(options, answer, why);
    }
    int status = json_parse(buf_slice(&answer->body), ANSWER_MAX, out, where, sizeof where);
    if (status != 0) {
        (void)snprintf(why->text, sizeof why->text, "the answer of %.120s cannot be read: %s", options->agent, where);
        return STATUS_CORRUPT;
    }
    return 0;
}

static int add_item(struct buf *items, struct slice *slices, size_t at, const struct cli_item *item)
{
    size_t begin = items->len;
    buf_printf(items, "%s=%s", item->name, item->value);
    slices[at] = slice_make(NULL, items->len - begin); /* the place is known when nothing moves any more */
    return items->failed ? STATUS_NO_MEMORY : 0;
}

int ask_items(const struct cli_options *options, struct buf *items, struct slice *slices)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < options->item_count; i++) {
        status = add_item(items, slices, i, &options->items[i]);
    }
    const char *at = (const char *)items->data;
    for (size_t i = 0; status == 0 && i < options->item_count; i++) {
        slices[i].data = at;
        at += slices[i].len;
    }
    return status;
}

int ask_agent(const struct cli_options *options, struct json **out, struct query_why *why)
{
    struct slice slices[CLI_ITEMS_MAX];
    struct buf items = BUF_INIT;
    int status = ask_items(options, &items, slices);
    const struct slice path = slice_str(query_kind_name(options->kind));
    const struct fetch_request request = {.url = options->agent,
                                          .path = &path,
                                          .path_count = 1,
                                          .query = slices,
                                          .query_count = options->item_count,
                                          .accept = JSON_FORMAT,
                                          .timeout_ms = TIMEOUT_MS};
    struct fetch_answer answer;
    if (status == 0) {
        status = fetch_get(&request, &answer);
    }
    buf_deinit(&items);
    if (status != 0) {
        return ask_explain(options, status, why);
    }
    status = parse_answer(options, &answer, out, why);
    buf_deinit(&answer.body);
    return status;
}

int ask_open_ledger(const char *dir, struct ledger **out, struct query_why *why)
{
    int status = ledger_open_readonly(dir, out);
    if (status == STATUS_NOT_FOUND) {
        (void)snprintf(why->text, sizeof why->text, "%.200s: there is no ledger", dir);
    } else if (status == STATUS_DENIED) {
        (void)snprintf(why->text, sizeof why->text, "%.200s: may not be read by this user", dir);
    } else if (status == STATUS_CORRUPT) {
        (void)snprintf(why->text, sizeof why->text, "%.200s: the ledger is damaged; the agent mends it when it starts",
                       dir);
    } else if (status != 0) {
        (void)snprintf(why->text, sizeof why->text, "%.200s: %s", dir, status_str(status));
    }
    return status;
}

bool ask_ledger_zone(const char *dir, char *out, size_t size)
{
    struct ledger *ledger = NULL;
    struct ledger_view *view = NULL;
    if (ledger_open_readonly(dir, &ledger) != 0) {
        return false; /* the report itself will say so */
    }
    bool known = ledger_view_begin(ledger, &view) == 0 && ledger_view_zone(view, out, size);
    ledger_view_end(view);
    ledger_close(ledger);
    return known;
}

int ask_ledger(const char *dir, const struct query *query, int64_t now_ms, struct json **out, struct query_why *why)
{
    struct ledger *ledger = NULL;
    struct ledger_view *view = NULL;
    int status = ask_open_ledger(dir, &ledger, why);
    if (status != 0) {
        return status;
    }
    status = ledger_view_begin(ledger, &view);
    if (status == 0) {
        const struct report_env env = {.view = view, .now_ms = now_ms};
        status = report_make(&env, query, out, why);
        ledger_view_end(view);
    } else {
        (void)snprintf(why->text, sizeof why->text, "%.200s: %s", dir, status_str(status));
    }
    ledger_close(ledger);
    return status == STATUS_INVALID ? STATUS_CORRUPT : status; /* the query was found good before */
}
