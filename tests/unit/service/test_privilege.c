#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "platform/service/privilege.h"

/* What is given up does not come back, so each test runs in a child; it returns 0, or where it went wrong. */
static int in_child(int (*test)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(test());
    }
    int state = 0;
    assert_int_equal(waitpid(child, &state, 0), child);
    assert_true(WIFEXITED(state));
    return WEXITSTATUS(state);
}

static int drop_to_nobody(void)
{
    struct buf why = BUF_INIT;
    if (privilege_drop("nobody", &why) != 0) {
        return 1;
    }
    uid_t r, e, s;
    if (getresuid(&r, &e, &s) != 0 || r == 0 || e != r || s != r) {
        return 2;
    }
    gid_t gr, ge, gs;
    if (getresgid(&gr, &ge, &gs) != 0 || gr == 0 || ge != gr || gs != gr) {
        return 3;
    }
    gid_t groups[64];
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++) {
        if (groups[i] == 0) {
            return 4;
        }
    }
    return setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 ? 5 : 0;
}

static void root_becomes_the_user(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(in_child(drop_to_nobody), 0);
}

static int drop_to_missing(void)
{
    struct buf why = BUF_INIT;
    uid_t before = geteuid();
    int status = privilege_drop("no-such-user-here", &why);
    bool told = strcmp(buf_cstr(&why), "there is no user \"no-such-user-here\"") == 0;
    buf_deinit(&why);
    return status == STATUS_NOT_FOUND && told && geteuid() == before ? 0 : 1;
}

static void a_missing_user_is_told(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(in_child(drop_to_missing), 0);
}

static int stay(void)
{
    struct buf why = BUF_INIT;
    uid_t before = geteuid();
    if (privilege_drop("", &why) != 0 || geteuid() != before) {
        return 1;
    }
    if (before == 0 && setuid(65534) != 0) {
        return 2;
    }
    uid_t now = geteuid();
    return privilege_drop("root", &why) == 0 && geteuid() == now ? 0 : 3;
}

static void others_stay_who_they_are(void **state)
{
    (void)state;
    assert_int_equal(in_child(stay), 0);
}

static int harden(void)
{
    struct buf why = BUF_INIT;
    struct rlimit core;
    if (privilege_harden(&why) != 0) {
        return 1;
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return 2;
    }
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0) {
        return 3;
    }
    return umask(0) == 027 ? 0 : 4;
}

static void hardening_holds(void **state)
{
    (void)state;
    assert_int_equal(in_child(harden), 0);
}

static int be_nice(void)
{
    int before = getpriority(PRIO_PROCESS, 0);
    if (privilege_nice(0) != 0 || getpriority(PRIO_PROCESS, 0) != before) {
        return 1;
    }
    return privilege_nice(19) == 0 && getpriority(PRIO_PROCESS, 0) == 19 ? 0 : 2;
}

static void priority_goes_down(void **state)
{
    (void)state;
    assert_int_equal(in_child(be_nice), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_becomes_the_user),    cmocka_unit_test(a_missing_user_is_told),
        cmocka_unit_test(others_stay_who_they_are), cmocka_unit_test(hardening_holds),
        cmocka_unit_test(priority_goes_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
