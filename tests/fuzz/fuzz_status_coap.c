/* The input is datagrams for the agent's status port, each behind its length (u8, times four), from one address, with a
 * question of ours at the end: whatever came before, the server answers that. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/status/server_desk.h"

enum { LIVES = 500, DATAGRAMS_MAX = 12, PATIENCE_MS = 10000 };
enum { NON_CONFIRMABLE = 0x50, TOKEN_BYTES = 6, GET = 1, NOT_FOUND = 4 << 5 | 4 };

static struct server_desk desk;
static int fd = -1;
static unsigned uses;

/* A new server now and then: observers and duplicates of hundreds of inputs are no use to the next ones. */
static void begin(void)
{
    if (fd >= 0 && uses++ < LIVES) {
        return;
    }
    if (fd >= 0) {
        (void)close(fd);
        server_desk_deinit(&desk);
    }
    uses = 0;
    server_desk_init(&desk);
    server_desk_start(&desk, 1000, NULL, 1000);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(status_server_port(desk.server))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
}

/* A question of ours, known by its token, is answered: there is no such resource. */
static void check_alive(void)
{
    static uint32_t number = 1;
    uint8_t answer[2048];
    number++;
    const uint8_t question[] = {NON_CONFIRMABLE | TOKEN_BYTES,
                                GET,
                                (uint8_t)(number >> 8),
                                (uint8_t)number,
                                0xf0,
                                0x0d,
                                (uint8_t)(number >> 24),
                                (uint8_t)(number >> 16),
                                (uint8_t)(number >> 8),
                                (uint8_t)number,
                                0xb1,
                                'x'};
    FUZZ_CHECK(send(fd, question, sizeof question, 0) == (ssize_t)sizeof question);
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        FUZZ_CHECK(poll(&wait, 1, PATIENCE_MS) == 1);
        ssize_t got = recv(fd, answer, sizeof answer, 0);
        if (got >= 4 + TOKEN_BYTES && (answer[0] & 0x0f) == TOKEN_BYTES &&
            memcmp(answer + 4, question + 4, TOKEN_BYTES) == 0) {
            FUZZ_CHECK(answer[1] == NOT_FOUND);
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    size_t at = 0;
    for (unsigned i = 0; i < DATAGRAMS_MAX && size - at > 1; i++) {
        size_t len = (size_t)data[at] * 4 + 4;
        at++;
        len = len < size - at ? len : size - at;
        (void)!send(fd, data + at, len, 0);
        at += len;
    }
    check_alive();
    return 0;
}
