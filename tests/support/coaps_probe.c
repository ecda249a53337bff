/* coaps-probe: one CoAP connection over TLS that asks what no program of ours would ask, for the system tests.
 *
 *     coaps-probe --port P (--identity FILE --ca FILE | --psk-identity TEXT --psk-key HEX) [OPTIONS] [REQUEST]...
 *
 * A REQUEST is four words: a method (get, post, put, delete), a path, a content format (-1: none), and the file with
 * the payload ("-": none). They go one after the other, each when the one before was answered. The method "await" asks
 * nothing: what follows goes when there is a file of its path. One line is printed for each thing that happens:
 * "connected", "4.03 FORMAT PAYLOAD" (in hexadecimal), "closed REASON".
 *
 *     --address A      where to connect (127.0.0.1)
 *     --host NAME      what the server is called; sent as SNI when it is a name (localhost)
 *     --trust-any      do not judge the server after the handshake, as the agent would
 *     --accept N       the content format that is asked for
 *     --stay           when all was answered, wait until the server closes the connection
 *
 * Exit status: 0, all was answered; 1, the connection ended before; 2, the command line. */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/buf.h"
#include "platform/base/cleanup.h"
#include "platform/base/status.h"
#include "platform/coap/uplink.h"
#include "platform/file/atomic.h"
#include "platform/tls/peer.h"
#include "proto/limits.h"

enum { WORDS = 4, SEGMENTS_MAX = 16, KEY_MAX = 64, PATIENCE_MS = 60 * 1000, LOOK_MS = 20, FILE_MAX = 1024 * 1024 };

static struct probe {
    struct uplink_options options;
    bool trust_any;
    bool stay;
    int accept;
    char **requests; /* four words each */
    size_t request_count;
    size_t at; /* the request under way */
    struct uplink *uplink;
    struct peer_anchor *anchor;
    bool connected;
    bool over;
} probe = {.options = {.address = "127.0.0.1", .host = "localhost", .message_max = LIMITS_MESSAGE_MAX}, .accept = -1};

static void complain(const char *what, int status)
{
    (void)fprintf(stderr, "coaps-probe: %s: %s\n", what, status_str(status));
    exit(2);
}

static struct buf read_whole(const char *path)
{
    struct buf bytes = BUF_INIT;
    int status = strcmp(path, "-") == 0 ? 0 : atomic_read(path, FILE_MAX, &bytes);
    if (status != 0) {
        complain(path, status);
    }
    return bytes;
}

static enum uplink_method method_of(const char *word)
{
    static const char *const words[] = {"get", "post", "put", "delete"};
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(word, words[i]) == 0) {
            return (enum uplink_method)(i + 1);
        }
    }
    complain(word, STATUS_INVALID);
    return UPLINK_GET;
}

static void ask(void)
{
    char **words = probe.requests + WORDS * probe.at;
    const char *path[SEGMENTS_MAX];
    size_t count = 0;
    char *rest = NULL;
    CLEANUP(cleanup_free) char *text = strdup(words[1]);
    for (char *at = strtok_r(text, "/", &rest); at && count < SEGMENTS_MAX; at = strtok_r(NULL, "/", &rest)) {
        path[count++] = at;
    }
    struct buf payload = read_whole(words[3]);
    const struct uplink_request request = {.method = method_of(words[0]),
                                           .path = path,
                                           .path_count = count,
                                           .format = atoi(words[2]),
                                           .accept = probe.accept,
                                           .payload = buf_slice(&payload),
                                           .tag = probe.at + 1};
    int status = uplink_request(probe.uplink, &request);
    buf_deinit(&payload);
    if (status != 0) {
        complain(words[1], status);
    }
}

static bool waits(void)
{
    return probe.at < probe.request_count && strcmp(probe.requests[WORDS * probe.at], "await") == 0;
}

static void go_on(void)
{
    while (waits() && access(probe.requests[WORDS * probe.at + 1], F_OK) == 0) {
        probe.at++;
    }
    if (waits()) {
        return;
    }
    if (probe.at < probe.request_count) {
        ask();
    } else if (!probe.stay) {
        probe.over = true;
    }
}

static int on_judge(void *ctx, void *tls_session)
{
    struct peer peer;
    (void)ctx;
    if (probe.trust_any || !probe.anchor) {
        return 0;
    }
    int status = peer_judge(probe.anchor, tls_session, probe.options.host, (int64_t)time(NULL), &peer);
    if (status == 0 && peer.verdict != PEER_TRUSTED) {
        (void)printf("judged %s\n", peer_verdict_str(peer.verdict));
        status = STATUS_DENIED;
    }
    return status;
}

static void on_connected(void *ctx)
{
    (void)ctx;
    (void)printf("connected\n");
    (void)fflush(stdout);
    probe.connected = true;
    go_on();
}

static void on_answered(void *ctx, const struct uplink_answer *answer)
{
    (void)ctx;
    (void)printf("%u.%02u %d ", answer->code / 100, answer->code % 100, answer->format);
    for (size_t i = 0; i < answer->payload.len; i++) {
        (void)printf("%02x", (unsigned char)answer->payload.data[i]);
    }
    (void)printf("\n");
    (void)fflush(stdout);
    probe.at++;
    go_on();
}

static void on_closed(void *ctx, const char *reason)
{
    (void)ctx;
    (void)printf("closed %s\n", reason);
    probe.over = true;
}

static struct slice unhex(char *text)
{
    size_t len = strlen(text) / 2;
    for (size_t i = 0; i < len; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], 0};
        text[i] = (char)strtoul(pair, NULL, 16);
    }
    return slice_make(text, len);
}

static bool take_option(int option)
{
    struct uplink_options *options = &probe.options;
    switch (option) {
    case 'A': options->address = optarg; return true;
    case 'p': options->port = (uint16_t)atoi(optarg); return true;
    case 'h': options->host = optarg; return true;
    case 'i': options->identity_path = optarg; return true;
    case 'c': options->ca_path = optarg; return true;
    case 'I': options->psk_identity = slice_str(optarg); return true;
    case 'K': options->psk_key = unhex(optarg); return true;
    case 't': probe.trust_any = true; return true;
    case 'a': probe.accept = atoi(optarg); return true;
    case 's': probe.stay = true; return true;
    default: return false;
    }
}

static bool take_command_line(int argc, char **argv)
{
    static const struct option names[] = {{"address", required_argument, NULL, 'A'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"host", required_argument, NULL, 'h'},
                                          {"identity", required_argument, NULL, 'i'},
                                          {"ca", required_argument, NULL, 'c'},
                                          {"psk-identity", required_argument, NULL, 'I'},
                                          {"psk-key", required_argument, NULL, 'K'},
                                          {"trust-any", no_argument, NULL, 't'},
                                          {"accept", required_argument, NULL, 'a'},
                                          {"stay", no_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (!take_option(option)) {
            return false;
        }
    }
    probe.requests = argv + optind;
    probe.request_count = (size_t)(argc - optind) / WORDS;
    return (argc - optind) % WORDS == 0 && probe.options.port != 0;
}

static void load_anchor(void)
{
    if (probe.options.ca_path) {
        struct buf pem = read_whole(probe.options.ca_path);
        int status = peer_anchor_load(buf_slice(&pem), &probe.anchor);
        buf_deinit(&pem);
        if (status != 0) {
            complain(probe.options.ca_path, status);
        }
    }
}

int main(int argc, char **argv)
{
    probe.options.judge = on_judge;
    probe.options.connected = on_connected;
    probe.options.answered = on_answered;
    probe.options.closed = on_closed;
    if (!take_command_line(argc, argv)) {
        (void)fprintf(stderr, "usage: see the head of tests/support/coaps_probe.c\n");
        return 2;
    }
    load_anchor();
    int status = uplink_new(&probe.options, &probe.uplink);
    if (status != 0) {
        complain("connecting", status);
    }
    int64_t wait_ms = 0;
    while (!probe.over) {
        if (probe.connected && waits()) {
            go_on();
            wait_ms = waits() ? LOOK_MS : 0;
        }
        struct pollfd fd = {.fd = uplink_fd(probe.uplink), .events = POLLIN};
        if (poll(&fd, 1, wait_ms < 0 ? PATIENCE_MS : (int)wait_ms) == 0 && wait_ms < 0) {
            (void)printf("nothing happened\n");
            break;
        }
        wait_ms = uplink_turn(probe.uplink);
    }
    uplink_free(probe.uplink);
    peer_anchor_free(probe.anchor);
    return probe.over && probe.at == probe.request_count ? 0 : 1;
}
