#include "collector/alert/telling.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/alert/bulletin.h"
#include "collector/alert/signature.h"
#include "collector/alert/wiping.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/time/zone.h"
#include "platform/tls/secret.h"

enum { POLL_MAX_MS = 1000, ANSWER_MAX_BYTES = 64 * 1024, CONNECT_MAX_MS = 10000 };

struct talk { /* with one receiver */
    const struct receiver *receiver;
    CURL *curl;
    struct curl_slist *headers;
    struct buf body;
    char url[1100];
    char error[CURL_ERROR_SIZE];
    size_t answered;
    bool busy;
};

struct telling {
    struct telling_options options;
    struct telling_source source;
    pthread_t thread;
    CURLM *multi;
    struct talk *talks;
    _Atomic bool stopping;
    _Atomic int64_t until_ms;
    _Atomic int64_t beat_ms;
};

/* What they answer is of no interest, and there is no end to what somebody could send. */
// NOLINTNEXTLINE(readability-non-const-parameter): its type is libcurl's
static size_t drop_answer(char *data, size_t size, size_t count, void *ctx)
{
    struct talk *talk = ctx;
    (void)data;
    talk->answered += size * count;
    return talk->answered <= ANSWER_MAX_BYTES ? size * count : 0;
}

static int add_header(struct talk *talk, const char *line)
{
    struct curl_slist *headers = curl_slist_append(talk->headers, line);
    if (!headers) {
        return STATUS_NO_MEMORY;
    }
    talk->headers = headers;
    return 0;
}

static int add_pair(struct talk *talk, const char *name, const char *value)
{
    struct buf line = BUF_INIT;
    buf_printf(&line, "%s: %s", name, value);
    int status = line.failed ? STATUS_NO_MEMORY : add_header(talk, buf_cstr(&line));
    secret_wipe_buf(&line);
    return status;
}

static int add_bearer(struct talk *talk, char *why, size_t why_size)
{
    struct buf token = BUF_INIT;
    struct buf value = BUF_INIT;
    int status = signature_line(talk->receiver->bearer_file, "token", &token, why, why_size);
    if (status == 0) {
        buf_printf(&value, "Bearer %.*s", (int)token.len, (const char *)token.data);
        status = value.failed ? STATUS_NO_MEMORY : add_pair(talk, "Authorization", buf_cstr(&value));
    }
    secret_wipe_buf(&token);
    secret_wipe_buf(&value);
    return status;
}

static int add_signature(struct talk *talk, char *why, size_t why_size)
{
    struct buf key = BUF_INIT;
    char signature[SIGNATURE_MAX];
    int status = signature_line(talk->receiver->secret_file, "key", &key, why, why_size);
    if (status == 0) {
        status = signature_make(buf_slice(&key), clock_wall_ms() / 1000, buf_slice(&talk->body), signature);
        status = status == 0 ? add_pair(talk, "Ringside-Signature", signature) : status;
    }
    secret_wipe_buf(&key);
    return status;
}

static int write_body(const struct telling *telling, struct talk *talk, const struct outbox_delivery *delivery)
{
    buf_reset(&talk->body);
    if (talk->receiver->type == RECEIVER_ALERTMANAGER) {
        return bulletin_alertmanager(telling->options.name, clock_wall_ms() + telling->options.hold_ms, delivery->items,
                                     &talk->body);
    }
    return bulletin_webhook(delivery->id, telling->options.name, delivery->made_ms, delivery->items, &talk->body);
}

static int write_headers(struct talk *talk, const struct outbox_delivery *delivery, char *why, size_t why_size)
{
    curl_slist_free_all(talk->headers);
    talk->headers = NULL;
    int status = add_header(talk, "Content-Type: application/json");
    status = status == 0 ? add_header(talk, "Expect:") : status;
    if (status == 0 && talk->receiver->type == RECEIVER_WEBHOOK) {
        status = add_pair(talk, "Ringside-Delivery", delivery->id);
    }
    if (status == 0 && talk->receiver->secret_file[0]) {
        status = add_signature(talk, why, why_size);
    }
    if (status == 0 && talk->receiver->bearer_file[0]) {
        status = add_bearer(talk, why, why_size);
    }
    return status;
}

static void write_url(struct talk *talk)
{
    const char *url = talk->receiver->url;
    if (talk->receiver->type != RECEIVER_ALERTMANAGER) {
        (void)snprintf(talk->url, sizeof talk->url, "%s", url);
        return;
    }
    size_t len = strlen(url);
    len -= len > 0 && url[len - 1] == '/';
    (void)snprintf(talk->url, sizeof talk->url, "%.*s/api/v2/alerts", (int)len, url);
}

#define SET(option, value) (failed |= curl_easy_setopt(talk->curl, option, value) != CURLE_OK)

/* Exactly there: no redirects, no proxy from the environment, no other protocol, and https only as checked. */
static int set_options(struct talk *talk)
{
    bool failed = false;
    long timeout_ms = (long)talk->receiver->timeout_ms;
    curl_easy_reset(talk->curl);
    SET(CURLOPT_URL, talk->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);   /* a name that is still being looked up holds nobody up who stops */
    SET(CURLOPT_FORBID_REUSE, 1L); /* news is rare, and on a connection that went away curl would try again unasked */
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (talk->receiver->ca_file[0]) {
        SET(CURLOPT_CAINFO, talk->receiver->ca_file);
    }
    SET(CURLOPT_TIMEOUT_MS, timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MAX_MS ? timeout_ms : (long)CONNECT_MAX_MS);
    SET(CURLOPT_USERAGENT, "ringside-collector/" RINGSIDE_VERSION);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, talk->body.data);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)talk->body.len);
    SET(CURLOPT_HTTPHEADER, talk->headers);
    SET(CURLOPT_WRITEFUNCTION, drop_answer);
    SET(CURLOPT_WRITEDATA, talk);
    SET(CURLOPT_ERRORBUFFER, talk->error);
    SET(CURLOPT_PRIVATE, talk);
    return failed ? STATUS_NO_MEMORY : 0;
}

static void begin(struct telling *telling, struct talk *talk, const struct outbox_delivery *delivery)
{
    char why[OUTBOX_ERROR_MAX] = "";
    talk->answered = 0;
    talk->error[0] = '\0';
    write_url(talk);
    int status = write_body(telling, talk, delivery);
    status = status == 0 ? write_headers(talk, delivery, why, sizeof why) : status;
    status = status == 0 ? set_options(talk) : status;
    if (status == 0 && curl_multi_add_handle(telling->multi, talk->curl) != CURLM_OK) {
        status = STATUS_NO_MEMORY;
    }
    if (status != 0) {
        telling->source.done(telling->source.ctx, delivery->receiver, OUTBOX_FAILED, why[0] ? why : status_str(status));
        return;
    }
    talk->busy = true;
}

/* What somebody refuses for good would be refused again; 408 and 429 say themselves that it is about the moment. */
static enum outbox_outcome judge(const struct talk *talk, CURLcode result, char *why, size_t why_size)
{
    long code = 0;
    (void)curl_easy_getinfo(talk->curl, CURLINFO_RESPONSE_CODE, &code);
    bool answered = result == CURLE_OK || (result == CURLE_WRITE_ERROR && talk->answered > ANSWER_MAX_BYTES);
    if (answered && code >= 200 && code < 300) {
        return OUTBOX_TOLD;
    }
    if (answered) {
        (void)snprintf(why, why_size, "answered with status %ld", code);
        return code >= 400 && code < 500 && code != 408 && code != 429 ? OUTBOX_REFUSED : OUTBOX_FAILED;
    }
    (void)snprintf(why, why_size, "%.150s", talk->error[0] ? talk->error : curl_easy_strerror(result));
    return OUTBOX_FAILED;
}

static void finish(struct telling *telling, CURL *curl, CURLcode result)
{
    struct talk *talk = NULL;
    char why[OUTBOX_ERROR_MAX] = "";
    (void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&talk);
    (void)curl_multi_remove_handle(telling->multi, curl);
    enum outbox_outcome outcome = judge(talk, result, why, sizeof why);
    curl_easy_reset(curl); /* it points to the headers, which hold the token */
    curl_slist_free_all(talk->headers);
    talk->headers = NULL;
    talk->busy = false;
    telling->source.done(telling->source.ctx, (size_t)(talk - telling->talks), outcome, why);
}

static bool is_busy(const struct telling *telling)
{
    for (size_t i = 0; i < telling->options.receiver_count; i++) {
        if (telling->talks[i].busy) {
            return true;
        }
    }
    return false;
}

static void begin_due(struct telling *telling)
{
    for (size_t i = 0; i < telling->options.receiver_count; i++) {
        struct outbox_delivery delivery;
        if (!telling->talks[i].busy && telling->source.take(telling->source.ctx, i, &delivery)) {
            begin(telling, &telling->talks[i], &delivery);
            json_free(delivery.items);
        }
    }
}

static bool is_over(const struct telling *telling, int64_t next_ms)
{
    int64_t now_ms = clock_monotonic_ms();
    return telling->stopping && (now_ms >= telling->until_ms || (!is_busy(telling) && next_ms > now_ms));
}

static int wait_ms(int64_t next_ms)
{
    int64_t left_ms = next_ms == INT64_MAX ? POLL_MAX_MS : next_ms - clock_monotonic_ms();
    return left_ms < 0 ? 0 : left_ms < POLL_MAX_MS ? (int)left_ms : POLL_MAX_MS;
}

static void *tell(void *ctx)
{
    struct telling *telling = ctx;
    for (;;) {
        int running = 0;
        int left = 0;
        telling->beat_ms = clock_monotonic_ms();
        begin_due(telling);
        (void)curl_multi_perform(telling->multi, &running);
        bool finished = false;
        for (const CURLMsg *message; (message = curl_multi_info_read(telling->multi, &left)) != NULL;) {
            if (message->msg == CURLMSG_DONE) {
                finish(telling, message->easy_handle, message->data.result);
                finished = true;
            }
        }
        int64_t next_ms = telling->source.next_ms(telling->source.ctx);
        if (is_over(telling, next_ms)) {
            return NULL;
        }
        if (!finished) {
            (void)curl_multi_poll(telling->multi, NULL, 0, wait_ms(next_ms), NULL);
        }
    }
}

static void free_telling(struct telling *telling)
{
    for (size_t i = 0; telling->talks && i < telling->options.receiver_count; i++) {
        struct talk *talk = &telling->talks[i];
        if (talk->busy) {
            (void)curl_multi_remove_handle(telling->multi, talk->curl);
        }
        curl_easy_cleanup(talk->curl);
        curl_slist_free_all(talk->headers);
        buf_deinit(&talk->body);
    }
    if (telling->multi) {
        (void)curl_multi_cleanup(telling->multi);
    }
    free(telling->talks);
    free(telling);
    curl_global_cleanup();
}

static bool make_talks(struct telling *telling)
{
    telling->multi = curl_multi_init();
    telling->talks =
        calloc(telling->options.receiver_count ? telling->options.receiver_count : 1, sizeof *telling->talks);
    if (!telling->multi || !telling->talks) {
        return false;
    }
    for (size_t i = 0; i < telling->options.receiver_count; i++) {
        telling->talks[i].receiver = &telling->options.receivers[i];
        telling->talks[i].curl = curl_easy_init();
        if (!telling->talks[i].curl) {
            return false;
        }
    }
    return true;
}

int telling_start(const struct telling_options *options, const struct telling_source *source, struct telling **out)
{
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiping_malloc, wiping_free, wiping_realloc, wiping_strdup,
                             wiping_calloc) != CURLE_OK) {
        return STATUS_UNSUPPORTED;
    }
    struct telling *telling = calloc(1, sizeof *telling);
    if (!telling) {
        curl_global_cleanup();
        return STATUS_NO_MEMORY;
    }
    telling->options = *options;
    telling->source = *source;
    telling->beat_ms = clock_monotonic_ms();
    if (!make_talks(telling) || pthread_create(&telling->thread, NULL, tell, telling) != 0) {
        free_telling(telling);
        return STATUS_NO_MEMORY;
    }
    *out = telling;
    return 0;
}

void telling_wake(struct telling *telling)
{
    (void)curl_multi_wakeup(telling->multi);
}

void telling_stop(struct telling *telling, int64_t grace_ms)
{
    telling->until_ms = clock_monotonic_ms() + grace_ms;
    telling->stopping = true;
    telling_wake(telling);
    (void)pthread_join(telling->thread, NULL);
    free_telling(telling);
}

int64_t telling_beat_ms(const struct telling *telling)
{
    return telling->beat_ms;
}
