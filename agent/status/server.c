#include "agent/status/server.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "agent/status/kept.h"
#include "agent/status/report.h"
#include "platform/base/status.h"
#include "platform/coap/endpoint.h"
#include "platform/json/json.h"
#include "platform/time/clock.h"
#include "proto/paths.h"
#include "proto/report/query.h"
#include "proto/report/render.h"

enum {
    KPI_ROWS_MAX = 2000,        /* some 10 MB while it is made; longer reports come from --ledger */
    QUEUE_RESOURCES_MAX = 1024, /* that can be observed; every queue can be asked */
    RETRY_MS = 1000,
    LONG_ANSWER_BYTES = 64 * 1024,
    TEXT_WIDTH = 80,
    LIVE_MIN_MS = 100 /* where the options do not say */
};

/* Something that observers hear of: at once after a quiet time, else not before the shortest time has passed. */
struct tidings {
    atomic_bool pending;
    int64_t min_ms;
    int64_t told_ms; /* monotonic; 0: never */
};

struct status_server {
    struct status_server_options options;
    char ledger_dir[256];
    struct endpoint *endpoint;
    pthread_t thread;
    struct tidings commits;
    struct tidings moves;       /* of the board, or of what /live shows beside it */
    uint32_t queues;            /* ids 1..queues are registered */
    bool queues_missing;        /* some could not be registered: tried again */
    struct report_cache *cache; /* of the server's thread, as the next */
    struct kept kept;
    atomic_uint_fast64_t commit_count; /* that were told of */
};

static int64_t server_now_ms(const struct status_server *server)
{
    return server->options.now_ms ? server->options.now_ms() : clock_wall_ms();
}

static void refuse(struct endpoint_answer *answer, unsigned code, const char *text)
{
    answer->code = code;
    answer->format = ENDPOINT_FORMAT_NONE;
    buf_reset(&answer->body);
    buf_append_str(&answer->body, text);
}

/* Which report is asked for; false and an answer when there is none at this path. */
static bool take_path(const struct endpoint_request *request, struct query *query, struct endpoint_answer *answer)
{
    enum report_kind kind = request->path_count > 0 ? query_kind_find(request->path[0]) : REPORT_KIND_COUNT;
    bool one_queue = kind == REPORT_QUEUES && request->path_count == 2;
    if (kind == REPORT_KIND_COUNT || (request->path_count != 1 && !one_queue)) {
        refuse(
            answer, ENDPOINT_NOT_FOUND,
            "no such resource; there are /live, /status, /queues, /queues/NAME, /operators, /calls, /kpi and /alerts");
        return false;
    }
    query_init(query, kind);
    if (one_queue) {
        query->queues[query->queue_count++] = request->path[1];
    }
    return true;
}

static bool take_query(const struct status_server *server, const struct endpoint_request *request, struct query *query,
                       struct endpoint_answer *answer)
{
    struct query_why why;
    int status = 0;
    if (request->path_count == 2 && request->query_count > 0) {
        refuse(answer, ENDPOINT_BAD_REQUEST, "a single queue has no options");
        return false;
    }
    for (size_t i = 0; status == 0 && i < request->query_count; i++) {
        status = query_take_item(query, request->query[i], server_now_ms(server), &why);
    }
    if (status == 0) {
        status = query_check(query, &why);
    }
    if (status != 0) {
        refuse(answer, ENDPOINT_BAD_REQUEST, why.text);
    }
    return status == 0;
}

static bool take_accept(const struct endpoint_request *request, const struct query *query, enum render_format *format,
                        struct endpoint_answer *answer)
{
    bool measured = query->kind == REPORT_QUEUES || query->kind == REPORT_KPI;
    answer->format = request->accept == ENDPOINT_FORMAT_NONE ? ENDPOINT_JSON : request->accept;
    if (answer->format == ENDPOINT_JSON) {
        *format = RENDER_JSON;
    } else if (answer->format == ENDPOINT_TEXT) {
        *format = RENDER_TABLE;
    } else if (answer->format == ENDPOINT_SENML_JSON && measured) {
        *format = RENDER_SENML;
    } else {
        refuse(answer, ENDPOINT_NOT_ACCEPTABLE,
               measured ? "there are text/plain (0), application/json (50) and application/senml+json (110)"
                        : "there are text/plain (0) and application/json (50)");
        return false;
    }
    return true;
}

static void refuse_report(struct endpoint_answer *answer, int status, const char *text)
{
    unsigned code = status == STATUS_NOT_FOUND ? ENDPOINT_NOT_FOUND
                    : status == STATUS_FULL    ? ENDPOINT_BAD_REQUEST
                                               : ENDPOINT_UNAVAILABLE;
    refuse(answer, code, text);
}

/* As the daemon left it after its newest look. False: it has no rules. */
static bool take_alerts(struct status_server *server, struct json **document)
{
    struct buf text = BUF_INIT;
    bool there = status_health_alerts(server->options.health, &text) &&
                 json_parse(buf_slice(&text), text.len, document, NULL, 0) == 0;
    buf_deinit(&text);
    return there;
}

/* The document from one short view of the ledger. */
static int make_document(struct status_server *server, const struct query *query, struct json **document,
                         struct query_why *why)
{
    struct health health;
    struct ledger_view *view;
    if (query->kind == REPORT_ALERTS && take_alerts(server, document)) {
        return 0;
    }
    int status = ledger_view_begin(server->options.ledger, &view);
    if (status != 0) {
        (void)snprintf(why->text, sizeof why->text, "%s: %s", server->ledger_dir, status_str(status));
        return status;
    }
    status_health_copy(server->options.health, &health);
    struct report_env env = {.view = view,
                             .now_ms = server_now_ms(server),
                             .health = &health,
                             .cache = server->cache,
                             .row_limit = KPI_ROWS_MAX};
    struct board_copy *board = NULL;
    if (server->options.board && query->kind != REPORT_KPI) {
        status = board_copy(server->options.board, &board);
        env.live = board;
    }
    if (status == 0) {
        status = report_make(&env, query, document, why);
    } else {
        (void)snprintf(why->text, sizeof why->text, "%s", status_str(status));
    }
    board_copy_free(board);
    ledger_view_end(view);
    return status;
}

/* A long answer takes megabytes while it is made, which the C library would keep for the next one; on the boxes that
 * this runs on they are better given back: its body by a mapping of its own, the document's pieces by a trim. */
static void keep_long_answers_apart(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, LONG_ANSWER_BYTES); /* else it grows with the first one freed */
#endif
}

static void give_memory_back(size_t body_bytes)
{
#ifdef __GLIBC__
    if (body_bytes > LONG_ANSWER_BYTES) {
        (void)malloc_trim(0);
    }
#else
    (void)body_bytes;
#endif
}

static void write_question(const struct endpoint_request *request, int format, struct buf *out)
{
    buf_append(out, &format, sizeof format);
    for (size_t i = 0; i < request->query_count; i++) {
        buf_append(out, &request->query[i].len, sizeof request->query[i].len);
        buf_append(out, request->query[i].data, request->query[i].len);
    }
}

static struct kept_moment this_moment(const struct status_server *server)
{
    return (struct kept_moment){.changes = server->options.board ? board_changes(server->options.board) : 0,
                                .commits = atomic_load(&server->commit_count)};
}

static bool make_answer(struct status_server *server, const struct query *query, enum render_format format,
                        struct endpoint_answer *answer)
{
    struct query_why why;
    struct json *document = NULL;
    int status = make_document(server, query, &document, &why);
    if (status != 0) {
        refuse_report(answer, status, why.text);
        return false;
    }
    const struct render_style style = {.width = TEXT_WIDTH};
    status = render(query->kind, format, document, &style, &answer->body);
    json_free(document);
    if (status != 0) {
        refuse(answer, ENDPOINT_UNAVAILABLE, status_str(status));
    }
    return status == 0;
}

static bool make_live_answer(struct status_server *server, const struct endpoint_request *request,
                             const struct query *query, enum render_format format, struct endpoint_answer *answer)
{
    struct buf question = BUF_INIT;
    struct kept_moment moment = this_moment(server);
    int64_t now_ms = clock_monotonic_ms();
    write_question(request, answer->format, &question);
    bool made = kept_take(&server->kept, &question, moment, now_ms, &answer->body);
    if (!made && make_answer(server, query, format, answer)) {
        made = true;
        kept_put(&server->kept, &question, moment, now_ms, &answer->body);
    }
    buf_deinit(&question);
    return made;
}

static void answer_get(void *ctx, const struct endpoint_request *request, struct endpoint_answer *answer)
{
    struct status_server *server = ctx;
    struct query query;
    enum render_format format;
    if (!take_path(request, &query, answer) || !take_query(server, request, &query, answer) ||
        !take_accept(request, &query, &format, answer)) {
        return;
    }
    bool live = query.kind == REPORT_LIVE;
    bool made =
        live ? make_live_answer(server, request, &query, format, answer) : make_answer(server, &query, format, answer);
    if (!made) {
        return;
    }
    if (!live) { /* the next of these comes soon and takes the same */
        give_memory_back(answer->body.len);
    }
    answer->code = ENDPOINT_CONTENT;
    answer->max_age_s = (uint32_t)(((live ? server->moves.min_ms : server->commits.min_ms) + 999) / 1000);
}

/* Queues become resources as they are first seen, so that each can be discovered and observed. With `changed`, the
 * observers of those that are there hear of it. */
static void visit_queues(struct status_server *server, bool changed)
{
    struct ledger_view *view;
    if (ledger_view_begin(server->options.ledger, &view) != 0) {
        return;
    }
    server->queues_missing = false;
    for (uint32_t id = 1; id <= QUEUE_RESOURCES_MAX; id++) {
        const struct slice path[2] = {slice_str(PATHS_QUEUES), ledger_view_name(view, LEDGER_QUEUE, id)};
        if (path[1].len == 0) {
            break;
        }
        if (id > server->queues) {
            int status = endpoint_add(server->endpoint, path, 2, "one queue now and today", "0 50 110", true);
            server->queues_missing = status == STATUS_NO_MEMORY;
            if (server->queues_missing) {
                break;
            }
            server->queues = id;
        } else if (changed) {
            endpoint_notify(server->endpoint, path, 2);
        }
    }
    ledger_view_end(view);
}

/* Whether observers are to hear of it now; else how long that may not be, or -1 when there is nothing to tell. */
static bool take_tidings(struct tidings *tidings, int64_t now_ms, int64_t *wait_ms)
{
    *wait_ms = -1;
    if (!atomic_load(&tidings->pending)) {
        return false;
    }
    int64_t left_ms = tidings->told_ms + tidings->min_ms - now_ms;
    if (tidings->told_ms != 0 && left_ms > 0) {
        *wait_ms = left_ms;
        return false;
    }
    atomic_store(&tidings->pending, false); /* first: what changes from here on is told again */
    tidings->told_ms = now_ms;
    return true;
}

static void notify(struct status_server *server, const char *resource)
{
    const struct slice path = slice_str(resource);
    endpoint_notify(server->endpoint, &path, 1);
}

static int64_t take_turn(void *ctx)
{
    struct status_server *server = ctx;
    int64_t now_ms = clock_monotonic_ms();
    int64_t commits_wait_ms;
    int64_t moves_wait_ms;
    bool committed = take_tidings(&server->commits, now_ms, &commits_wait_ms);
    bool moved = take_tidings(&server->moves, now_ms, &moves_wait_ms);
    if (committed || server->queues_missing) {
        visit_queues(server, committed);
    }
    if (committed) {
        notify(server, PATHS_STATUS);
        notify(server, PATHS_QUEUES);
        notify(server, PATHS_OPERATORS);
        notify(server, PATHS_CALLS);
        notify(server, PATHS_ALERTS);
    }
    if (moved) {
        notify(server, PATHS_NOW);
    }
    bool commits_first = moves_wait_ms < 0 || (commits_wait_ms >= 0 && commits_wait_ms < moves_wait_ms);
    return commits_first ? commits_wait_ms : moves_wait_ms;
}

static void *serve(void *ctx)
{
    struct status_server *server = ctx;
    while (endpoint_run(server->endpoint) != 0) { /* short of something for a moment: asked again, not deaf for good */
        (void)poll(NULL, 0, RETRY_MS);
    }
    return NULL;
}

static int add_resources(struct endpoint *endpoint)
{
    static const struct {
        const char *path;
        const char *title;
        const char *formats;
        bool observable;
    } resources[] = {
        {PATHS_STATUS, "how the agent is", "0 50", true},
        {PATHS_QUEUES, "all queues now and today", "0 50 110", true},
        {PATHS_OPERATORS, "operators now and today", "0 50", true},
        {PATHS_CALLS, "open calls and recent ones", "0 50", true},
        {PATHS_NOW, "what is happening now", "0 50", true},
        {PATHS_KPI, "figures of any span", "0 50 110", false},
        {PATHS_ALERTS, "what the site's own rules find", "0 50", true},
    };
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof resources / sizeof resources[0]; i++) {
        const struct slice path = slice_str(resources[i].path);
        status = endpoint_add(endpoint, &path, 1, resources[i].title, resources[i].formats, resources[i].observable);
    }
    return status;
}

/* Signals are the main loop's: the thread is born with all of them blocked. */
static int start_thread(struct status_server *server)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&server->thread, NULL, serve, server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? STATUS_NO_MEMORY : 0;
}

static void free_server(struct status_server *server)
{
    endpoint_free(server->endpoint);
    report_cache_free(server->cache);
    kept_deinit(&server->kept);
    free(server);
}

int status_server_start(const struct status_server_options *options, struct status_server **out)
{
    struct status_server *server = calloc(1, sizeof *server);
    if (!server) {
        return STATUS_NO_MEMORY;
    }
    keep_long_answers_apart();
    server->options = *options;
    server->commits.min_ms = options->observe_min_ms;
    server->moves.min_ms = options->live_min_ms > 0 ? options->live_min_ms : LIVE_MIN_MS;
    server->queues_missing = true;
    (void)snprintf(server->ledger_dir, sizeof server->ledger_dir, "%s", options->ledger_dir ? options->ledger_dir : "");
    const struct endpoint_options at = {
        .host = options->host, .port = options->port, .get = answer_get, .turn = take_turn, .ctx = server};
    int status = endpoint_new(&at, &server->endpoint);
    server->options.host = NULL;
    server->options.ledger_dir = NULL;
    if (status == 0) {
        status = add_resources(server->endpoint);
    }
    if (status == 0) {
        status = report_cache_new(&server->cache);
    }
    if (status == 0) {
        status = start_thread(server);
    }
    if (status != 0) {
        free_server(server);
        return status;
    }
    *out = server;
    return 0;
}

uint16_t status_server_port(const struct status_server *server)
{
    return endpoint_port(server->endpoint);
}

/* Who finds it pending already need not wake the thread: it has been woken, and looks before it sleeps. */
static void tell(struct status_server *server, struct tidings *tidings)
{
    if (!atomic_exchange(&tidings->pending, true)) {
        endpoint_wake(server->endpoint);
    }
}

void status_server_notify(struct status_server *server)
{
    atomic_fetch_add(&server->commit_count, 1);
    tell(server, &server->commits);
    tell(server, &server->moves); /* today's figures are part of /live */
}

void status_server_notify_live(struct status_server *server)
{
    tell(server, &server->moves);
}

void status_server_stop(struct status_server *server)
{
    if (!server) {
        return;
    }
    endpoint_stop(server->endpoint);
    (void)pthread_join(server->thread, NULL);
    free_server(server);
}
