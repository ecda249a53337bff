/* fleet prepare DATA REGISTRY OUT N
 * fleet run LEDGER CERTIFICATES ADDRESS PORT FIRST N
 *
 * Simulated sites against a running collector: real certificates, handshakes and messages; the summaries are those of
 * LEDGER. Commands come on standard input, each is answered by one JSON object on a line:
 *
 *   connect SPREAD_S TIMEOUT_S          all that are not connected, spread over so long: until each was greeted, or
 *                                       time is up
 *   live SECONDS LIVE_MS BATCH_MS       traffic: a live view and a batch of one interval of all queues, each so often
 *   cut N                               hard, the first N of those that are connected; they stay away
 *   milliseconds                        from now on, no duration is a whole second
 *   wire CALLS NTH NAMES                the first site sends the NTH ten queue-intervals of so many calls; one line
 * more comes first, what it sent quit */
#include "tests/bench/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "platform/base/grow.h"
#include "platform/base/status.h"

enum { EVENTS = 256, TICK_MS = 5, SECOND_US = 1000000, FDS_A_SITE = 6, FDS_BESIDE = 64, ANSWER_S = 10 };

int64_t fleet_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

double fleet_random(struct fleet *fleet)
{
    fleet->random = fleet->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(fleet->random >> 11) / 9007199254740992.0;
}

void fleet_site_id(char out[LIMITS_SITE_MAX + 1], uint32_t number)
{
    (void)snprintf(out, LIMITS_SITE_MAX + 1, "fleet-%05u", number);
}

/* ---- times ---- */

void fleet_times_add(struct fleet_times *times, int64_t us)
{
    double *grown = grow_array(times->us, times->count, &times->cap, sizeof *grown);
    if (!grown) {
        pool_die("times", STATUS_NO_MEMORY);
    }
    times->us = grown;
    grown[times->count++] = (double)us;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double rank_ms(const struct fleet_times *times, double share)
{
    if (times->count == 0) {
        return 0;
    }
    size_t at = (size_t)(share * (double)times->count);
    return times->us[at < times->count ? at : times->count - 1] / 1000;
}

void fleet_times_print(const char *name, struct fleet_times *times)
{
    if (times->count > 0) {
        qsort(times->us, times->count, sizeof *times->us, compare);
    }
    (void)printf(", \"%s_count\": %zu, \"%s_p50_ms\": %.3f, \"%s_p90_ms\": %.3f, \"%s_p99_ms\": %.3f, "
                 "\"%s_max_ms\": %.3f",
                 name, times->count, name, rank_ms(times, 0.5), name, rank_ms(times, 0.9), name, rank_ms(times, 0.99),
                 name, rank_ms(times, 1));
    times->count = 0;
}

/* ---- the loop ---- */

static void turn_due(struct fleet *fleet)
{
    int64_t now_us = fleet_now_us();
    for (uint32_t i = 0; i < fleet->site_count; i++) {
        struct fleet_site *site = &fleet->sites[i];
        bool asks = site->greeted && fleet->traffic &&
                    ((fleet->live_us > 0 && now_us >= site->due_at_us[FLEET_LIVE]) ||
                     (fleet->batch_us > 0 && now_us >= site->due_at_us[FLEET_BATCH]));
        bool dials = !site->uplink && site->wanted && now_us >= site->dial_at_us;
        if (asks || dials || (site->uplink && now_us >= site->turn_at_us)) {
            fleet_site_turn(site, fleet_now_us());
        }
    }
}

static void loop_once(struct fleet *fleet, int64_t *due_us)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(fleet->epoll_fd, events, EVENTS, TICK_MS);
    for (int i = 0; i < count; i++) {
        struct fleet_site *site = events[i].data.ptr;
        if (site->uplink) {
            fleet_site_turn(site, fleet_now_us());
        }
    }
    if (fleet_now_us() >= *due_us) {
        *due_us = fleet_now_us() + TICK_MS * 1000;
        turn_due(fleet);
    }
}

static uint32_t count_greeted(const struct fleet *fleet)
{
    uint32_t greeted = 0;
    for (uint32_t i = 0; i < fleet->site_count; i++) {
        greeted += fleet->sites[i].greeted;
    }
    return greeted;
}

static void run_for(struct fleet *fleet, double seconds, bool until_greeted)
{
    int64_t end_us = fleet_now_us() + (int64_t)(seconds * SECOND_US);
    int64_t due_us = 0;
    while (fleet_now_us() < end_us && !(until_greeted && count_greeted(fleet) == fleet->site_count)) {
        loop_once(fleet, &due_us);
    }
}

static bool is_waiting(const struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->site_count; i++) {
        const struct fleet_site *site = &fleet->sites[i];
        if (site->asked_at_us[FLEET_BATCH] != 0 || site->asked_at_us[FLEET_LIVE] != 0) {
            return true;
        }
    }
    return false;
}

static void run_until_answered(struct fleet *fleet)
{
    int64_t end_us = fleet_now_us() + ANSWER_S * INT64_C(1000000);
    int64_t due_us = 0;
    while (is_waiting(fleet) && fleet_now_us() < end_us) {
        loop_once(fleet, &due_us);
    }
}

/* ---- commands ---- */

static double cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_counts(struct fleet *fleet)
{
    const struct fleet_counts *counts = &fleet->counts;
    (void)printf(", \"greeted\": %u, \"dials\": %llu, \"failed\": %llu, \"cut\": %llu, \"asked\": %llu, \"answered\": "
                 "%llu, \"waits\": %llu, \"refused\": %llu, \"reason\": \"",
                 count_greeted(fleet), (unsigned long long)counts->dials, (unsigned long long)counts->failed,
                 (unsigned long long)counts->cut, (unsigned long long)counts->asked,
                 (unsigned long long)counts->answered, (unsigned long long)counts->told_to_wait,
                 (unsigned long long)counts->refused);
    for (const char *at = fleet->last_reason; *at; at++) {
        (void)putchar(*at == '"' || *at == '\\' || *at < ' ' ? '\'' : *at);
    }
    (void)printf("\"");
    fleet_times_print("hello", &fleet->hello);
    fleet_times_print("live", &fleet->live);
    fleet_times_print("batch", &fleet->batch);
    fleet->counts = (struct fleet_counts){0};
    fleet->last_reason[0] = '\0';
}

static void do_connect(struct fleet *fleet, double spread_s, double timeout_s)
{
    for (uint32_t i = 0; i < fleet->site_count; i++) {
        if (!fleet->sites[i].wanted) {
            fleet_site_want(&fleet->sites[i], spread_s);
        }
    }
    run_for(fleet, timeout_s, true);
}

static void do_cut(struct fleet *fleet, uint32_t count)
{
    for (uint32_t i = 0; i < fleet->site_count && count > 0; i++) {
        if (fleet->sites[i].wanted) {
            fleet_site_cut(&fleet->sites[i]);
            count--;
        }
    }
}

static void do_live(struct fleet *fleet, double seconds, int64_t live_ms, int64_t batch_ms)
{
    int64_t now_us = fleet_now_us();
    fleet->live_us = live_ms * 1000;
    fleet->batch_us = batch_ms * 1000;
    for (uint32_t i = 0; i < fleet->site_count; i++) {
        struct fleet_site *site = &fleet->sites[i];
        site->due_at_us[FLEET_LIVE] = now_us + (int64_t)(fleet_random(fleet) * (double)fleet->live_us);
        site->due_at_us[FLEET_BATCH] = now_us + (int64_t)(fleet_random(fleet) * (double)fleet->batch_us);
    }
    fleet->traffic = true;
    run_for(fleet, seconds, false);
    fleet->traffic = false;
    run_until_answered(fleet); /* else an answer would seem to have taken until the next command */
}

static bool obey(struct fleet *fleet, const char *line)
{
    int64_t began_us = fleet_now_us();
    double cpu = cpu_s();
    double a = 0;
    double b = 0;
    double c = 0;
    char word[32] = "";
    (void)sscanf(line, "%31s %lf %lf %lf", word, &a, &b, &c);
    if (strcmp(word, "connect") == 0) {
        do_connect(fleet, a, b);
    } else if (strcmp(word, "live") == 0) {
        do_live(fleet, a, (int64_t)b, (int64_t)c);
    } else if (strcmp(word, "cut") == 0) {
        do_cut(fleet, (uint32_t)a);
    } else if (strcmp(word, "milliseconds") == 0) {
        pool_to_milliseconds(&fleet->pool);
    } else if (strcmp(word, "wire") == 0) {
        fleet_wire_send(fleet, (uint32_t)a, (size_t)b, c > 0);
        run_until_answered(fleet);
    } else {
        return false;
    }
    (void)printf("{\"did\": \"%s\", \"wall_s\": %.3f, \"cpu_s\": %.3f", word,
                 (double)(fleet_now_us() - began_us) / SECOND_US, cpu_s() - cpu);
    print_counts(fleet);
    (void)printf("}\n");
    (void)fflush(stdout);
    return true;
}

static void raise_limit(uint32_t sites)
{
    rlim_t wanted = (rlim_t)sites * FDS_A_SITE + FDS_BESIDE;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max;
        limit.rlim_cur = wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            (void)fprintf(stderr, "fleet: not allowed so many open files: %u sites will be too many\n", sites);
        }
    }
}

static int run(char **words)
{
    static struct fleet fleet = {.random = 1};
    fleet.dir = words[1];
    fleet.address = words[2];
    fleet.port = (uint16_t)strtoul(words[3], NULL, 10);
    fleet.first = (uint32_t)strtoul(words[4], NULL, 10);
    fleet.site_count = (uint32_t)strtoul(words[5], NULL, 10);
    (void)snprintf(fleet.ca_path, sizeof fleet.ca_path, "%s/ca.pem", fleet.dir);
    raise_limit(fleet.site_count);
    pool_load(&fleet.pool, words[0]);
    fleet.sites = calloc(fleet.site_count, sizeof *fleet.sites);
    fleet.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!fleet.sites || fleet.epoll_fd < 0 || message_batch_writer_new(&fleet.writer) != 0) {
        pool_die("a fleet", STATUS_NO_MEMORY);
    }
    for (uint32_t i = 0; i < fleet.site_count; i++) {
        fleet.sites[i] = (struct fleet_site){.fleet = &fleet, .number = fleet.first + i};
    }
    char line[200];
    while (fgets(line, sizeof line, stdin) && obey(&fleet, line)) {
    }
    for (uint32_t i = 0; i < fleet.site_count; i++) {
        fleet_site_cut(&fleet.sites[i]);
    }
    free(fleet.sites);
    free(fleet.hello.us);
    free(fleet.live.us);
    free(fleet.batch.us);
    message_batch_writer_free(fleet.writer);
    buf_deinit(&fleet.out);
    pool_free(&fleet.pool);
    (void)close(fleet.epoll_fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "prepare") == 0) {
        int status = fleet_prepare(argv[2], argv[3], argv[4], (uint32_t)strtoul(argv[5], NULL, 10));
        return status == 0 ? 0 : (pool_die(argv[2], status), 1);
    }
    if (argc == 8 && strcmp(argv[1], "run") == 0) {
        return run(argv + 2);
    }
    (void)fprintf(stderr, "usage: fleet prepare DATA REGISTRY OUT N\n"
                          "       fleet run LEDGER CERTIFICATES ADDRESS PORT FIRST N\n");
    return 2;
}
