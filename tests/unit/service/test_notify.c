#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/service/notify.h"

/* A service manager's end: a bound datagram socket whose address is in NOTIFY_SOCKET. */
struct manager {
    int fd;
    char address[108];
};

static void manager_start(struct manager *manager, const char *prefix)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(manager->address, sizeof manager->address, "%sringside-notify-%d", prefix, (int)getpid());
    size_t len = strlen(manager->address);
    memcpy(to.sun_path, manager->address, len);
    if (to.sun_path[0] == '@') {
        to.sun_path[0] = '\0';
    }
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(manager->fd >= 0);
    assert_int_equal(
        bind(manager->fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", manager->address, 1), 0);
}

static void manager_stop(struct manager *manager)
{
    assert_int_equal(close(manager->fd), 0);
    if (manager->address[0] == '/') {
        assert_int_equal(unlink(manager->address), 0);
    }
}

static void expect(struct manager *manager, const char *want)
{
    char text[1024];
    ssize_t got = recv(manager->fd, text, sizeof text - 1, MSG_DONTWAIT);
    assert_true(got >= 0);
    text[got] = '\0';
    assert_string_equal(text, want);
}

static void says_everything(const char *prefix)
{
    struct manager manager;
    struct notify *notify = NULL;
    manager_start(&manager, prefix);
    assert_int_equal(notify_open(&notify), 0);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_int_equal(notify_ready(notify, "reading 3 logs"), 0);
    expect(&manager, "READY=1\nSTATUS=reading 3 logs");
    assert_int_equal(notify_ready(notify, NULL), 0);
    expect(&manager, "READY=1");
    assert_int_equal(notify_status(notify, "one\nREADY=1"), 0);
    expect(&manager, "STATUS=one");
    assert_int_equal(notify_watchdog(notify), 0);
    expect(&manager, "WATCHDOG=1");
    assert_int_equal(notify_stopping(notify, "bye"), 0);
    expect(&manager, "STOPPING=1\nSTATUS=bye");
    notify_close(notify);
    manager_stop(&manager);
}

static void to_a_path(void **state)
{
    (void)state;
    says_everything("/tmp/");
}

static void to_an_abstract_address(void **state)
{
    (void)state;
    says_everything("@");
}

static void reloading_carries_the_time(void **state)
{
    (void)state;
    struct manager manager;
    struct notify *notify = NULL;
    manager_start(&manager, "@");
    assert_int_equal(notify_open(&notify), 0);
    assert_int_equal(notify_reloading(notify), 0);
    char text[128] = "";
    assert_true(recv(manager.fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
    long long usec = 0;
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
    assert_true(usec > 0);
    notify_close(notify);
    manager_stop(&manager);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    (void)unsetenv("NOTIFY_SOCKET");
    struct notify *notify = NULL;
    assert_int_equal(notify_open(&notify), 0);
    assert_int_equal(notify_ready(notify, "x"), 0);
    assert_int_equal(notify_watchdog_ms(notify), 0);
    notify_close(notify);
    notify_close(NULL);
}

static void a_manager_that_went_is_an_error(void **state)
{
    (void)state;
    struct manager manager;
    struct notify *notify = NULL;
    manager_start(&manager, "@");
    assert_int_equal(notify_open(&notify), 0);
    manager_stop(&manager);
    assert_int_equal(notify_ready(notify, NULL), STATUS_IO);
    notify_close(notify);
}

static void a_full_queue_does_not_block(void **state)
{
    (void)state;
    struct manager manager;
    struct notify *notify = NULL;
    manager_start(&manager, "@");
    assert_int_equal(notify_open(&notify), 0);
    int status = 0;
    for (int i = 0; i < 100000 && status == 0; i++) {
        status = notify_watchdog(notify);
    }
    assert_int_equal(status, STATUS_BUSY);
    notify_close(notify);
    manager_stop(&manager);
}

static void addresses_that_are_none(void **state)
{
    (void)state;
    char huge[200];
    memset(huge, 'a', sizeof huge - 1);
    huge[0] = '/';
    huge[sizeof huge - 1] = '\0';
    const char *const wrong[] = {"relative", "@", "/", "vsock:2:1234", huge};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct notify *notify = NULL;
        assert_int_equal(setenv("NOTIFY_SOCKET", wrong[i], 1), 0);
        assert_int_equal(notify_open(&notify), STATUS_INVALID);
        assert_null(notify);
    }
}

static int64_t watchdog_ms(const char *usec, const char *pid)
{
    struct notify *notify = NULL;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_PID");
    assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
    if (pid) {
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    }
    assert_int_equal(notify_open(&notify), 0);
    int64_t period_ms = notify_watchdog_ms(notify);
    assert_null(getenv("WATCHDOG_USEC"));
    notify_close(notify);
    return period_ms;
}

static void the_watchdog_period(void **state)
{
    (void)state;
    char self[32];
    (void)snprintf(self, sizeof self, "%d", (int)getpid());
    assert_int_equal(watchdog_ms("60000000", self), 30000);
    assert_int_equal(watchdog_ms("60000000", NULL), 30000);
    assert_int_equal(watchdog_ms("60000000", "1"), 0);
    assert_int_equal(watchdog_ms("1", self), 1);
    assert_int_equal(watchdog_ms("0", self), 0);
    assert_int_equal(watchdog_ms("soon", self), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_a_path),
        cmocka_unit_test(to_an_abstract_address),
        cmocka_unit_test(reloading_carries_the_time),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(a_manager_that_went_is_an_error),
        cmocka_unit_test(a_full_queue_does_not_block),
        cmocka_unit_test(addresses_that_are_none),
        cmocka_unit_test(the_watchdog_period),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
