/* live-server FILE [PORT]: a CoAP server that is nothing but /live. It answers with what FILE holds, prints its port,
 * and does what it reads on standard input, a line each:
 *
 *   notify      observers get a fresh answer
 *   code 404    answers with that code from now on, 205 with the file again
 *
 * It ends with its input. The programs under test see a whole agent; what is in the file is the test's business. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/coap/endpoint.h"
#include "proto/paths.h"

struct stage {
    const char *file;
    struct endpoint *endpoint;
    atomic_uint code;
    atomic_int due;
};

static void read_file(const char *path, struct buf *out)
{
    char bytes[4096];
    size_t len;
    FILE *file = fopen(path, "rb");
    while (file && (len = fread(bytes, 1, sizeof bytes, file)) > 0) {
        buf_append(out, bytes, len);
    }
    if (file) {
        (void)fclose(file);
    }
}

static void answer_get(void *ctx, const struct endpoint_request *request, struct endpoint_answer *answer)
{
    struct stage *stage = ctx;
    bool known = request->path_count == 1 && slice_is(request->path[0], PATHS_NOW);
    answer->code = known ? atomic_load(&stage->code) : ENDPOINT_NOT_FOUND;
    answer->format = ENDPOINT_JSON;
    answer->max_age_s = 60;
    if (answer->code == ENDPOINT_CONTENT) {
        read_file(stage->file, &answer->body);
    } else {
        buf_append_str(&answer->body, "no such resource; there are /status and others");
    }
}

static int64_t take_turn(void *ctx)
{
    struct stage *stage = ctx;
    const struct slice path = slice_str(PATHS_NOW);
    if (atomic_exchange(&stage->due, 0)) {
        endpoint_notify(stage->endpoint, &path, 1);
    }
    return -1;
}

static void *serve(void *ctx)
{
    struct stage *stage = ctx;
    (void)endpoint_run(stage->endpoint);
    return NULL;
}

static void obey(struct stage *stage, const char *line)
{
    unsigned code;
    if (sscanf(line, "code %u", &code) == 1) {
        atomic_store(&stage->code, code);
    } else if (strcmp(line, "notify\n") == 0) {
        atomic_store(&stage->due, 1);
        endpoint_wake(stage->endpoint);
    }
}

int main(int argc, char **argv)
{
    char line[64];
    pthread_t thread;
    if (argc < 2) {
        (void)fputs("usage: live-server FILE [PORT]\n", stderr);
        return 2;
    }
    struct stage stage = {.file = argv[1], .code = ENDPOINT_CONTENT};
    const struct endpoint_options options = {.host = "127.0.0.1",
                                             .port = (uint16_t)(argc > 2 ? strtoul(argv[2], NULL, 10) : 0),
                                             .get = answer_get,
                                             .turn = take_turn,
                                             .ctx = &stage};
    const struct slice path = slice_str(PATHS_NOW);
    if (endpoint_new(&options, &stage.endpoint) != 0 ||
        endpoint_add(stage.endpoint, &path, 1, "now", "50", true) != 0 ||
        pthread_create(&thread, NULL, serve, &stage) != 0) {
        (void)fputs("live-server: cannot serve\n", stderr);
        return 1;
    }
    (void)printf("%u\n", endpoint_port(stage.endpoint));
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        obey(&stage, line);
    }
    endpoint_stop(stage.endpoint);
    (void)pthread_join(thread, NULL);
    endpoint_free(stage.endpoint);
    return 0;
}
