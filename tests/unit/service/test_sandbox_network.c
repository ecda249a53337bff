/* The sandbox: which sockets there may be, and to which ports they may connect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

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
    };
    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
