#include "tests/unit/net/tls_server.h"

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/tls/certificate.h"
#include "tests/support/small_ca.h"
#include "tests/support/temp_dir.h"

enum { DAY_S = 86400, SERVERS_MAX = 24 };

extern char **environ;

static struct temp_dir dir;
static pid_t child;
static int child_in = -1;
static struct {
    char name[16];
    uint16_t port;
} servers[SERVERS_MAX];
static size_t server_count;

static const char *const table[][3] = {
    {"echo", "echo", "good"},
    {"sni", "sni", "good"},
    {"flood", "flood", "good"},
    {"stay", "stay", "good"},
    {"cut", "cut", "good"},
    {"deaf", "deaf", "good"},
    {"old", "old", "good"},
    {"plain", "plain", "good"},
    {"drip", "drip", "good"},
    {"suspicious", "suspicious", "good"},
    {"expired", "echo", "stale"},
    {"future", "echo", "fresh"},
    {"elsewhere", "echo", "elsewhere"},
    {"foreign", "echo", "alien"},
    {"role", "echo", "role"},
    {"self", "echo", "self"},
};

static pid_t start(const char *const *arguments, int in, int out, int err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    assert(posix_spawn_file_actions_init(&actions) == 0);
    assert(posix_spawn_file_actions_adddup2(&actions, in, 0) == 0);
    assert(posix_spawn_file_actions_adddup2(&actions, out, 1) == 0);
    assert(posix_spawn_file_actions_adddup2(&actions, err, 2) == 0);
    assert(posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* As Asterisk's own script makes them: RSA, and the name in the CN only. */
static void make_self_signed(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s", temp_dir_file(&dir, "self"));
    const char *const arguments[] = {"openssl",  "req",
                                     "-x509",    "-newkey",
                                     "rsa:2048", "-nodes",
                                     "-days",    "2",
                                     "-subj",    "/CN=localhost",
                                     "-keyout",  path,
                                     "-out",     path,
                                     "-addext",  "basicConstraints=critical,CA:FALSE",
                                     NULL};
    int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
    int wait_status = 0;
    assert(quiet >= 0);
    pid_t pid = start(arguments, quiet, quiet, quiet);
    assert(waitpid(pid, &wait_status, 0) == pid && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
    close(quiet);
}

/* A site's certificate, which no server should show. */
static void make_wrong_role(struct small_ca *ca, int64_t now_s)
{
    struct keypair *keypair = NULL;
    struct buf request = BUF_INIT;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    assert(keypair_generate(&keypair) == 0 && keypair_request(keypair, "localhost", &request) == 0);
    small_ca_site(ca, buf_slice(&request), "localhost", now_s - DAY_S, now_s + DAY_S, &der);
    assert(certificate_to_pem(buf_slice(&der), &pem) == 0 && keypair_to_pem(keypair, &pem) == 0);
    temp_dir_write(&dir, "role", 0, pem.data, pem.len);
    buf_deinit(&request);
    buf_deinit(&der);
    buf_deinit(&pem);
    keypair_free(keypair);
}

static void make_certificates(void)
{
    struct small_ca ca;
    struct small_ca other;
    int64_t now_s = (int64_t)time(NULL);
    small_ca_make(&ca, now_s - 10 * DAY_S, now_s + 10 * DAY_S);
    small_ca_make(&other, now_s - 10 * DAY_S, now_s + 10 * DAY_S);
    small_ca_write(&ca, temp_dir_file(&dir, "ca"));
    small_ca_collector(&ca, "localhost", now_s - DAY_S, now_s + DAY_S, temp_dir_file(&dir, "good"));
    small_ca_collector(&ca, "localhost", now_s - 2 * DAY_S, now_s - DAY_S, temp_dir_file(&dir, "stale"));
    small_ca_collector(&ca, "localhost", now_s + DAY_S, now_s + 2 * DAY_S, temp_dir_file(&dir, "fresh"));
    small_ca_collector(&ca, "127.0.0.1", now_s - DAY_S, now_s + DAY_S, temp_dir_file(&dir, "elsewhere"));
    small_ca_collector(&other, "localhost", now_s - DAY_S, now_s + DAY_S, temp_dir_file(&dir, "alien"));
    make_wrong_role(&ca, now_s);
    make_self_signed();
    small_ca_free(&ca);
    small_ca_free(&other);
}

static void read_ports(int fd)
{
    char name[16];
    unsigned port;
    FILE *said = fdopen(fd, "r");
    assert(said);
    while (fscanf(said, "%15s", name) == 1 && strcmp(name, "ready") != 0) {
        assert(fscanf(said, "%u", &port) == 1 && server_count < SERVERS_MAX);
        memcpy(servers[server_count].name, name, sizeof name);
        servers[server_count++].port = (uint16_t)port;
    }
    assert(server_count == sizeof table / sizeof table[0]);
    (void)fclose(said);
}

int tls_server_setup(void **state)
{
    enum { COUNT = sizeof table / sizeof table[0] };
    char texts[COUNT][192];
    const char *arguments[COUNT + 4] = {"/usr/bin/python3", "-Wignore::DeprecationWarning", TLS_SERVER_PY};
    int in[2];
    int out[2];
    (void)state;
    temp_dir_make(&dir);
    make_certificates();
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%s=%s:%s", table[i][0], table[i][1],
                       temp_dir_file(&dir, table[i][2]));
        arguments[i + 3] = texts[i];
    }
    assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    child = start(arguments, in[0], out[1], 2);
    close(in[0]);
    close(out[1]);
    child_in = in[1];
    read_ports(out[0]);
    return 0;
}

int tls_server_teardown(void **state)
{
    (void)state;
    close(child_in);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    temp_dir_remove(&dir);
    return 0;
}

uint16_t tls_server_port(const char *name)
{
    for (size_t i = 0; i < server_count; i++) {
        if (strcmp(servers[i].name, name) == 0) {
            return servers[i].port;
        }
    }
    abort(); /* no such server */
}

const char *tls_server_ca(void)
{
    return temp_dir_file(&dir, "ca");
}

const char *tls_server_self(void)
{
    return temp_dir_file(&dir, "self");
}

const char *tls_server_file(const char *name, const char *content)
{
    temp_dir_write(&dir, name, 0, content, strlen(content));
    return temp_dir_file(&dir, name);
}
