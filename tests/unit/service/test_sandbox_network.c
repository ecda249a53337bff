/* The sandbox: which sockets there may be, and to which ports they may connect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/service/sandbox_kit.h"

static int connect_to(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return kit_outcome(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
}

static int connect_open(void)
{
    return connect_to(kit_place.open_port);
}

static int connect_other(void)
{
    return connect_to(kit_place.other_port);
}

static int connect_in_first_packet(void)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(kit_place.other_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return kit_outcome(
        sendto(fd, "x", 1, 0x20000000 /* MSG_FASTOPEN */, (const struct sockaddr *)&address, sizeof address) >= 0);
}

static int bind_to(int type, uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    return kit_outcome(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
}

static int bind_tcp(void)
{
    return bind_to(SOCK_STREAM, 0);
}

static int bind_udp(void)
{
    return bind_to(SOCK_DGRAM, 0);
}

static int listen_somewhere(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return kit_outcome(fd >= 0 && listen(fd, 1) == 0);
}

static int connect_local(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1;
    (void)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "ringside-test-%d", (int)getppid());
    len += (socklen_t)strlen(address.sun_path + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return kit_outcome(fd >= 0 && connect(fd, (const struct sockaddr *)&address, len) == 0);
}

static int make_local_packets(void)
{
    return kit_outcome(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0);
}

static int packet_socket(void)
{
    return kit_outcome(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0);
}

static int other_netlink(void)
{
    return kit_outcome(socket(16, SOCK_RAW | SOCK_CLOEXEC, 15 /* NETLINK_KOBJECT_UEVENT */) >= 0);
}

static int crypto_socket(void)
{
    return kit_outcome(socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) >= 0);
}

static int raw_socket(void)
{
    return kit_outcome(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) >= 0);
}

static int look_up(void)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int rc = getaddrinfo("localhost", "443", &hints, &found);
    if (rc == 0) {
        freeaddrinfo(found);
    }
    return rc == 0 ? 0 : KIT_UNTOLD;
}

/* A listener without a file, which every process of the machine may connect to. */
static int listen_locally(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1;
    (void)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "ringside-test-%d", (int)getpid());
    len += (socklen_t)strlen(address.sun_path + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (const struct sockaddr *)&address, len) == 0 && listen(fd, 4) == 0);
    return fd;
}

/* This process and its children see another nsswitch.conf(5), with these services for names. False: they cannot. */
static bool pretend_services(const char *services)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s", kit_in("own/nsswitch"));
    FILE *file = fopen(path, "we");
    bool done = file && fprintf(file, "hosts: %s\n", services) > 0;
    done = file && fclose(file) == 0 && done;
    return done && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(path, "/etc/nsswitch.conf", NULL, MS_BIND, NULL) == 0;
}

/* 0 where it could be done, KIT_UNTOLD where nothing can be pretended. */
static int with_services(const char *services, kit_attempt_fn attempt)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sandbox_facts facts;
        struct buf why = BUF_INIT;
        int result = KIT_UNTOLD;
        if (pretend_services(services)) {
            result = sandbox_enter(&kit_place.options, &facts, &why) == 0 ? attempt() : KIT_NOT_ENTERED;
        }
        _exit(result & 0xff);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static void test_local_sockets_are_for_the_resolver(void **state)
{
    (void)state;
    static const struct {
        const char *services;
        int outcome;
    } cases[] = {{"files dns", EPERM},
                 {"files myhostname dns # resolve", EPERM},
                 {"files [NOTFOUND=return resolve=x] dns", EPERM},
                 {"files mdns4_minimal [NOTFOUND=return] dns", 0},
                 {"resolve [!UNAVAIL=return] files", 0}};
    int listener = listen_locally();
    assert_int_equal(kit_in_child(connect_local, false), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int outcome = with_services(cases[i].services, connect_local);
        if (outcome == KIT_UNTOLD) {
            print_message("only root can pretend another resolver: not looked at\n");
            break;
        }
        assert_int_equal(outcome, cases[i].outcome);
    }
    kit_assert_refused(make_local_packets, EPERM);
    (void)close(listener);
}

static void test_network(void **state)
{
    (void)state;
    kit_assert_works(connect_open);
    kit_assert_works(bind_udp);
    kit_assert_works(look_up);
    kit_assert_refused(listen_somewhere, EPERM);
    assert_int_equal(kit_in_child(packet_socket, true), EPERM);
    assert_int_equal(kit_in_child(raw_socket, true), EPERM);
    assert_int_equal(kit_in_child(crypto_socket, true), EPERM);
    kit_assert_refused(other_netlink, EPERM);
    assert_int_equal(kit_in_child(connect_in_first_packet, true), EPERM);
    if (!kit_place.kernel.ports) {
        print_message("this kernel's Landlock knows no ports: not looked at\n");
        return;
    }
    kit_assert_refused(connect_other, EACCES);
    kit_assert_refused(bind_tcp, EACCES);
    kit_place.options.any_connect = true;
    kit_assert_works(connect_other);
    kit_place.options.any_connect = false;
    kit_place.options.any_listen = true;
    kit_assert_works(bind_tcp);
    kit_assert_works(listen_somewhere);
    kit_place.options.any_listen = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_local_sockets_are_for_the_resolver),
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
