/* bench_http ADDRESS PORT TOKEN CLIENTS SECONDS PAUSE_MS PATH...: so many clients, each over one connection that stays
 * open, each asking all the paths one after the other as a page does and then pausing. Prints one JSON object: pages,
 * requests, failures, bytes, and of single requests and of whole pages the times in ms: p50, p90, p99, max. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, CLIENTS_MAX = 1000, TIMES = 1 << 20 };

struct times {
    double *ms;
    size_t count;
};

struct client {
    struct sockaddr_in to;
    const char *token;
    char **paths;
    int path_count;
    int pause_ms;
    int64_t until_us;
    uint64_t failures;
    uint64_t bytes;
    struct times requests;
    struct times pages;
};

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void note(struct times *times, int64_t began_us)
{
    if (times->count < TIMES) {
        times->ms[times->count++] = (double)(now_us() - began_us) / 1000;
    }
}

static int dial(const struct client *client)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&client->to, sizeof client->to) != 0) {
        (void)close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Reads one answer with a Content-Length whole. Bytes of it, or -1. */
static long answer(int fd, char *buffer, int *code)
{
    size_t got = 0;
    char *end = NULL;
    while (!end) {
        ssize_t more = recv(fd, buffer + got, BUFFER - 1 - got, 0);
        if (more <= 0) {
            return -1;
        }
        got += (size_t)more;
        buffer[got] = '\0';
        end = strstr(buffer, "\r\n\r\n");
    }
    const char *length = strcasestr(buffer, "\r\ncontent-length:");
    if (!length || length > end || sscanf(buffer, "HTTP/1.1 %d", code) != 1) {
        return -1;
    }
    size_t whole = (size_t)(end + 4 - buffer) + strtoul(length + 17, NULL, 10);
    size_t taken = got;
    while (taken < whole) {
        size_t room = whole - taken < BUFFER ? whole - taken : BUFFER;
        ssize_t more = recv(fd, buffer, room, 0);
        if (more <= 0) {
            return -1;
        }
        taken += (size_t)more;
    }
    return (long)taken;
}

static int ask(struct client *client, int fd, const char *path, char *buffer)
{
    int code = 0;
    int64_t began_us = now_us();
    int len = snprintf(buffer, BUFFER,
                       "GET %s HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer %s\r\n\r\n",
                       path, client->token);
    if (send(fd, buffer, (size_t)len, MSG_NOSIGNAL) != len) {
        return -1;
    }
    long bytes = answer(fd, buffer, &code);
    if (bytes < 0) {
        return -1;
    }
    note(&client->requests, began_us);
    client->bytes += (uint64_t)bytes;
    client->failures += code != 200;
    return 0;
}

static void *run(void *ctx)
{
    struct client *client = ctx;
    char *buffer = malloc(BUFFER);
    int fd = -1;
    while (buffer && now_us() < client->until_us) {
        int64_t began_us = now_us();
        fd = fd >= 0 ? fd : dial(client);
        for (int i = 0; i < client->path_count; i++) {
            if (fd < 0 || ask(client, fd, client->paths[i], buffer) != 0) {
                client->failures++;
                if (fd >= 0) {
                    (void)close(fd);
                }
                fd = -1;
                break;
            }
        }
        note(&client->pages, began_us);
        const struct timespec pause = {client->pause_ms / 1000, (long)(client->pause_ms % 1000) * 1000000};
        (void)nanosleep(&pause, NULL);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(buffer);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void print_times(const char *name, struct client *clients, int count, struct times *(*of)(struct client *))
{
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        total += of(&clients[i])->count;
    }
    double *all = calloc(total ? total : 1, sizeof *all);
    size_t at = 0;
    for (int i = 0; all && i < count; i++) {
        for (size_t j = 0; j < of(&clients[i])->count; j++) {
            all[at++] = of(&clients[i])->ms[j];
        }
    }
    if (!all || total == 0) {
        printf("\"%s\": null", name);
        free(all);
        return;
    }
    qsort(all, total, sizeof *all, compare);
    printf("\"%s\": {\"count\": %zu, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}", name, total,
           all[total / 2], all[total * 90 / 100], all[total * 99 / 100], all[total - 1]);
    free(all);
}

static struct times *requests_of(struct client *client)
{
    return &client->requests;
}

static struct times *pages_of(struct client *client)
{
    return &client->pages;
}

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    static pthread_t threads[CLIENTS_MAX];
    uint64_t failures = 0;
    uint64_t bytes = 0;
    int count = argc > 7 ? atoi(argv[4]) : 0;
    if (count < 1 || count > CLIENTS_MAX) {
        fprintf(stderr, "usage: bench_http ADDRESS PORT TOKEN CLIENTS SECONDS PAUSE_MS PATH...\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        clients[i] = (struct client){.to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))},
                                     .token = argv[3],
                                     .paths = argv + 7,
                                     .path_count = argc - 7,
                                     .pause_ms = atoi(argv[6]),
                                     .until_us = now_us() + (int64_t)atoi(argv[5]) * 1000000};
        (void)inet_pton(AF_INET, argv[1], &clients[i].to.sin_addr);
        clients[i].requests.ms = malloc(TIMES * sizeof(double));
        clients[i].pages.ms = malloc(TIMES * sizeof(double));
        if (!clients[i].requests.ms || !clients[i].pages.ms ||
            pthread_create(&threads[i], NULL, run, &clients[i]) != 0) {
            fprintf(stderr, "bench_http: no room for %d clients\n", count);
            return 1;
        }
    }
    for (int i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        failures += clients[i].failures;
        bytes += clients[i].bytes;
    }
    printf("{\"failures\": %" PRIu64 ", \"bytes\": %" PRIu64 ", ", failures, bytes);
    print_times("requests", clients, count, requests_of);
    printf(", ");
    print_times("pages", clients, count, pages_of);
    printf("}\n");
    return 0;
}
