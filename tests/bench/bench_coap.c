/* bench_coap PORT PATH SECONDS WINDOW: asks a CoAP server on loopback over UDP (RFC 7252) for PATH, with so many
 * requests under way at once, and counts the answers: of a long one its first block. A request unanswered for a second
 * is counted as lost. One JSON object. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW_MAX = 64, DATAGRAM = 2048, HEAD = 6, LOST_US = 1000000, TIMES = 1 << 22, CONTENT = 0x45 };

struct asker {
    int fd;
    uint8_t request[256];
    size_t len;
    uint16_t next_id;
    int64_t asked_us[1 << 16]; /* by message id; 0: not under way */
    unsigned open;
    unsigned long answered;
    unsigned long lost;
    unsigned long refused;
    size_t bytes; /* of the newest answer */
    float *ms;
};

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Confirmable GET with a token of two bytes; an option a segment of the path, each shorter than 13 bytes. */
static bool write_request(struct asker *asker, const char *path)
{
    uint8_t *at = asker->request;
    unsigned delta = 11;
    *at++ = 1 << 6 | 2;
    *at++ = 1;
    at += 4; /* message id and token */
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len > 12 || (size_t)(at - asker->request) + len + 2 > sizeof asker->request) {
            return false;
        }
        if (len > 0) {
            *at++ = (uint8_t)(delta << 4 | len);
            memcpy(at, path, len);
            at += len;
            delta = 0;
        }
        path += len + (path[len] == '/');
    }
    asker->len = (size_t)(at - asker->request);
    return true;
}

static bool ask(struct asker *asker)
{
    uint16_t id = ++asker->next_id;
    asker->request[2] = asker->request[4] = (uint8_t)(id >> 8);
    asker->request[3] = asker->request[5] = (uint8_t)id;
    asker->asked_us[id] = now_us();
    asker->open++;
    return send(asker->fd, asker->request, asker->len, 0) == (ssize_t)asker->len;
}

static void take(struct asker *asker, const uint8_t *answer, size_t len)
{
    uint16_t id = (uint16_t)(answer[4] << 8 | answer[5]);
    if (len < HEAD || (answer[0] & 15) != 2 || asker->asked_us[id] == 0) {
        return;
    }
    if (answer[1] != CONTENT) {
        asker->refused++;
    } else if (asker->answered < TIMES) {
        asker->ms[asker->answered++] = (float)(now_us() - asker->asked_us[id]) / 1000;
        asker->bytes = len;
    }
    asker->asked_us[id] = 0;
    asker->open--;
}

static void give_up_old(struct asker *asker, int64_t now)
{
    for (size_t id = 0; id < 1 << 16; id++) {
        if (asker->asked_us[id] && now - asker->asked_us[id] > LOST_US) {
            asker->asked_us[id] = 0;
            asker->open--;
            asker->lost++;
        }
    }
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void run(struct asker *asker, int64_t until_us, unsigned window)
{
    uint8_t answer[DATAGRAM];
    while (now_us() < until_us) {
        while (asker->open < window && ask(asker)) {
        }
        struct pollfd ready = {.fd = asker->fd, .events = POLLIN};
        if (poll(&ready, 1, 100) == 0) {
            give_up_old(asker, now_us());
        }
        for (ssize_t got; (got = recv(asker->fd, answer, sizeof answer, MSG_DONTWAIT)) > 0;) {
            take(asker, answer, (size_t)got);
        }
    }
}

int main(int argc, char **argv)
{
    static struct asker asker;
    if (argc != 5 || !write_request(&asker, argv[2])) {
        (void)fprintf(stderr, "usage: bench_coap PORT PATH SECONDS WINDOW\n");
        return 2;
    }
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned window = (unsigned)atoi(argv[4]);
    asker.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    asker.ms = malloc(TIMES * sizeof *asker.ms);
    if (!asker.ms || asker.fd < 0 || connect(asker.fd, (struct sockaddr *)&to, sizeof to) != 0 || window < 1 ||
        window > WINDOW_MAX) {
        (void)fprintf(stderr, "bench_coap: no socket, no memory or a window that is not 1 to 64\n");
        return 1;
    }
    int64_t began_us = now_us();
    run(&asker, began_us + (int64_t)(atof(argv[3]) * 1e6), window);
    double took_s = (double)(now_us() - began_us) / 1e6;
    size_t count = asker.answered;
    qsort(asker.ms, count, sizeof *asker.ms, compare);
    (void)printf("{\"answered\": %zu, \"lost\": %lu, \"refused\": %lu, \"bytes\": %zu, \"per_s\": %.1f, \"p50_ms\": "
                 "%.4f, \"p99_ms\": %.4f}\n",
                 count, asker.lost, asker.refused, asker.bytes, (double)count / took_s,
                 count ? (double)asker.ms[count / 2] : 0, count ? (double)asker.ms[count * 99 / 100] : 0);
    (void)close(asker.fd);
    free(asker.ms);
    return 0;
}
