#include "agent/join.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/credentials/credentials.h"
#include "agent/sync/dial.h"
#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/time/stamp.h"
#include "platform/tls/secret.h"
#include "proto/paths.h"

enum { JOINED = 0, FAILED = 1, WRONG = 2 };
enum { ATTEMPT_MS = 30000, ALL_MS = 90000 };
enum { TAG_CRTS = 1, TAG_ENROLL = 2 };

struct join {
    const struct join_options *options;
    const char *site;
    struct credentials_url url;
    struct loop *loop;
    struct loop_timer *deadline;
    struct dial *dial;
    struct credentials_renewal *renewal;
    struct buf request;
    struct buf ca;
    bool connected;
    int result;
};

static const char *site_of(const struct join_options *options)
{
    return options->site ? options->site : options->config->site.id;
}

__attribute__((format(printf, 2, 3))) static void say(const struct join_options *options, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("ringside-agent: join: ", options->err);
    (void)vfprintf(options->err, format, args);
    (void)fputs("\n", options->err);
    va_end(args);
}

/* ---- before the token is used up ---- */

static int check_joined(const struct join_options *options)
{
    struct credentials *credentials = NULL;
    struct credentials_why why = {""};
    const char *dir = options->config->collector.credentials;
    int status = credentials_open(dir, &credentials, &why);
    if (status == STATUS_NOT_FOUND || options->again) {
        credentials_close(credentials);
        return JOINED;
    }
    if (status == 0) {
        say(options, "this box has joined already, as site \"%s\" at %s; --again replaces that",
            credentials_facts(credentials)->name, credentials_url(credentials)[0] ? credentials_url(credentials) : "?");
    } else {
        say(options, "there are credentials already, though they cannot be used (%s); --again replaces them", why.text);
    }
    credentials_close(credentials);
    return FAILED;
}

int join_check(const struct join_options *options)
{
    struct credentials_url url;
    struct credentials_why why = {""};
    const struct agent_site_config *site = &options->config->site;
    if (credentials_url_parse(options->url, &url, &why) != 0) {
        say(options, "%s", why.text);
        return WRONG;
    }
    if (!site->id_default && strcmp(site_of(options), site->id) != 0) {
        say(options, "--site is \"%s\", but %s says that this box is \"%s\": they must be the same", site_of(options),
            options->config->path, site->id);
        return WRONG;
    }
    return check_joined(options);
}

/* A token is good for once: what would fail at the end is better known before. */
static int check_place(const struct join *join)
{
    const char *dir = join->options->config->collector.credentials;
    CLEANUP(cleanup_free) char *parent = strdup(dir);
    if (!parent) {
        return STATUS_NO_MEMORY;
    }
    char *slash = strrchr(parent, '/');
    slash[slash == parent ? 1 : 0] = 0;
    const char *place = access(dir, F_OK) == 0 ? dir : parent;
    if (access(place, W_OK | X_OK) != 0) {
        say(join->options, "%s: the credentials cannot be stored there: %s", place, strerror(errno));
        return STATUS_DENIED;
    }
    return 0;
}

/* ---- talking ---- */

static void finish(struct join *join, int result)
{
    join->result = result;
    loop_stop(join->loop);
}

static void post(struct join *join, enum uplink_method method, const char *last, int format, struct slice payload,
                 uint64_t tag)
{
    const char *path[] = {PATHS_WELL_KNOWN, PATHS_EST, last};
    const struct uplink_request request = {.method = method,
                                           .path = path,
                                           .path_count = sizeof path / sizeof path[0],
                                           .format = format,
                                           .accept = PATHS_FORMAT_CERTIFICATE,
                                           .payload = payload,
                                           .tag = tag};
    int status = dial_request(join->dial, &request);
    if (status != 0) {
        say(join->options, "the request cannot be sent: %s", status_str(status));
        finish(join, FAILED);
    }
}

/* A server that finished this handshake knows the token's key: that is what it is known by. */
static int on_judge(void *ctx, void *tls_session, struct dial_why *why)
{
    (void)ctx;
    (void)tls_session;
    (void)why;
    return 0;
}

static void on_connected(void *ctx)
{
    struct join *join = ctx;
    join->connected = true;
    post(join, UPLINK_GET, PATHS_EST_CRTS, -1, slice_str(""), TAG_CRTS);
}

/* The certificate of an answer, as it is or in PKCS#7; appends DER. */
static int take_certificate(struct join *join, const struct uplink_answer *answer, struct buf *out)
{
    int status = 0;
    if (answer->code / 100 != 2) {
        char text[161];
        size_t len = answer->payload.len < sizeof text - 1 ? answer->payload.len : sizeof text - 1;
        for (size_t i = 0; i < len; i++) {
            char c = answer->payload.data[i];
            text[i] = c >= ' ' && c <= '~' ? c : '?';
        }
        text[len] = 0;
        say(join->options, "the collector refuses: %s (%u.%02u)", len ? text : "it does not say why",
            answer->code / 100, answer->code % 100);
        return STATUS_DENIED;
    }
    if (answer->format == PATHS_FORMAT_PKCS7) {
        status = certificate_from_pkcs7(answer->payload, out);
    } else {
        buf_append(out, answer->payload.data, answer->payload.len);
    }
    struct certificate_facts facts;
    if (status == 0) {
        status = certificate_read(buf_slice(out), &facts);
    }
    if (status != 0) {
        say(join->options, "the collector's answer holds no certificate");
    }
    return status;
}

struct time_text {
    char text[STAMP_MAX];
};

static struct time_text time_text(int64_t at_s)
{
    struct time_text out;
    (void)stamp_format(at_s * 1000, 0, out.text);
    return out;
}

/* A clock that is far off shows at the CA's certificate, before the token is used up. */
static int check_clock(struct join *join)
{
    struct certificate_facts facts;
    int64_t now_s = clock_wall_ms() / 1000;
    int status = certificate_read(buf_slice(&join->ca), &facts);
    if (status != 0 || facts.role != CERTIFICATE_CA) {
        say(join->options, "the collector's CA certificate is none");
        return STATUS_INVALID;
    }
    if (now_s < facts.not_before_s) {
        say(join->options,
            "certificate not yet valid: this box's clock says %s, the centre's CA began %s; set the clock",
            time_text(now_s).text, time_text(facts.not_before_s).text);
        return STATUS_INVALID;
    }
    if (now_s > facts.not_after_s) {
        say(join->options, "certificate expired: this box's clock says %s, the centre's CA ended %s",
            time_text(now_s).text, time_text(facts.not_after_s).text);
        return STATUS_INVALID;
    }
    return 0;
}

static void on_crts(struct join *join, const struct uplink_answer *answer)
{
    if (take_certificate(join, answer, &join->ca) != 0 || check_clock(join) != 0) {
        finish(join, FAILED);
        return;
    }
    post(join, UPLINK_POST, PATHS_EST_ENROLL, PATHS_FORMAT_PKCS10, buf_slice(&join->request), TAG_ENROLL);
}

static void congratulate(const struct join *join, const struct certificate_facts *facts)
{
    const struct join_options *options = join->options;
    const struct agent_config *config = options->config;
    (void)fprintf(options->out,
                  "This box has joined %s as site \"%s\".\n"
                  "Its certificate is valid until %s and renews itself; it is in %s.\n",
                  options->url, join->site, time_text(facts->not_after_s).text, config->collector.credentials);
    if (strcmp(config->site.id, join->site) != 0) {
        (void)fprintf(options->out,
                      "Next: set site { id = \"%s\" } in %s (without it the box is called \"%s\"), and start "
                      "ringside-agent again.\n",
                      join->site, config->path, config->site.id);
    } else if (config->collector.url[0] && strcmp(config->collector.url, options->url) != 0) {
        (void)fprintf(options->out, "Next: %s sets collector.url = %s, which goes before: remove or change it.\n",
                      config->path, config->collector.url);
    } else {
        (void)fprintf(options->out, "Next: nothing, where ringside-agent runs: it goes on by itself within seconds, "
                                    "and `ringside status` shows the centre.\n");
    }
}

static void on_enrolled(struct join *join, const struct uplink_answer *answer)
{
    struct buf certificate = BUF_INIT;
    struct certificate_facts facts;
    struct credentials_why why = {""};
    int status = take_certificate(join, answer, &certificate);
    if (status == 0) {
        status = credentials_join_finish(join->renewal, buf_slice(&join->ca), buf_slice(&certificate),
                                         join->options->url, clock_wall_ms() / 1000, &why);
        if (status != 0) {
            say(join->options, "%s (the token is used up: ask for a new one)", why.text);
        }
    }
    if (status == 0 && certificate_read(buf_slice(&certificate), &facts) == 0) {
        congratulate(join, &facts);
    }
    buf_deinit(&certificate);
    finish(join, status == 0 ? JOINED : FAILED);
}

static void on_answered(void *ctx, const struct uplink_answer *answer)
{
    struct join *join = ctx;
    if (answer->tag == TAG_CRTS) {
        on_crts(join, answer);
    } else if (answer->tag == TAG_ENROLL) {
        on_enrolled(join, answer);
    }
}

static void on_closed(void *ctx, const char *reason)
{
    struct join *join = ctx;
    if (join->connected) {
        say(join->options, "the connection was lost before the certificate came: %s", reason);
    } else if (strstr(reason, "key is not the right one") || strstr(reason, "PSK identity") ||
               strstr(reason, "during the handshake") || strstr(reason, "broke the connection off")) {
        /* The alert that would say so may be lost when the end of the connection overtakes it. */
        say(join->options,
            "%s: the token is wrong, expired, used already, or not for site \"%s\"; ask the centre for a new one",
            reason, join->site);
    } else {
        say(join->options, "%s", reason);
    }
    finish(join, FAILED);
}

static void on_deadline(void *ctx)
{
    struct join *join = ctx;
    say(join->options, "%s: no answer in time", join->url.host);
    finish(join, FAILED);
}

/* ---- all of it ---- */

static int start(struct join *join, const uint8_t psk[SECRET_KEY_BYTES])
{
    char identity[sizeof PATHS_JOIN_IDENTITY + 64];
    (void)snprintf(identity, sizeof identity, PATHS_JOIN_IDENTITY "%.64s", join->site);
    const struct dial_options options = {.host = join->url.host,
                                         .port = join->url.port,
                                         .attempt_ms = ATTEMPT_MS,
                                         .psk_identity = slice_str(identity),
                                         .psk_key = slice_make((const char *)psk, SECRET_KEY_BYTES),
                                         .ctx = join,
                                         .judge = on_judge,
                                         .connected = on_connected,
                                         .answered = on_answered,
                                         .closed = on_closed,
                                         .loop = join->loop};
    int status = loop_timer_start(join->loop, ALL_MS, 0, on_deadline, join, &join->deadline);
    return status == 0 ? dial_start(&options, &join->dial) : status;
}

static int run(struct join *join)
{
    uint8_t psk[SECRET_KEY_BYTES];
    int status = credentials_token_psk(join->options->token, join->site, psk);
    if (status == STATUS_INVALID) {
        say(join->options, "that is no token: it has 32 letters and digits (dashes and blanks do not matter)");
        return FAILED;
    }
    if (status == 0) {
        status = credentials_join_begin(join->options->config->collector.credentials, join->site, &join->renewal,
                                        &join->request);
    }
    if (status == 0) {
        status = loop_new(&join->loop);
    }
    if (status == 0) {
        status = start(join, psk);
    }
    secret_wipe(psk, sizeof psk);
    if (status != 0) {
        say(join->options, "%s", status_str(status));
        return FAILED;
    }
    loop_run(join->loop);
    return join->result;
}

int join_run(const struct join_options *options)
{
    struct join join = {.options = options, .site = site_of(options), .result = FAILED};
    struct credentials_why why;
    if (credentials_url_parse(options->url, &join.url, &why) != 0 || check_place(&join) != 0) {
        return FAILED;
    }
    int result = run(&join);
    dial_stop(join.dial);
    loop_timer_stop(join.deadline);
    loop_free(join.loop);
    credentials_renewal_free(join.renewal);
    buf_deinit(&join.request);
    buf_deinit(&join.ca);
    return result;
}
