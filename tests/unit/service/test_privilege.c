#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>

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

/* 0 to 63, as the kernel shows them to us; all of them where that fails. */
static uint64_t capabilities(const char *set)
{
    char line[256];
    uint64_t found = UINT64_MAX;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, set, strlen(set)) == 0) {
            found = strtoull(line + strlen(set) + 1, NULL, 16);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return found;
}

static bool has_no_capability(void)
{
    return capabilities("CapPrm") == 0 && capabilities("CapEff") == 0 && capabilities("CapInh") == 0 &&
           capabilities("CapAmb") == 0;
}

static bool is_in(gid_t group, const gid_t *groups, int count)
{
    for (int i = 0; i < count; i++) {
        if (groups[i] == group) {
            return true;
        }
    }
    return false;
}

/* Exactly the groups that the user database gives it, and none of those that root had. */
static bool has_groups_of(const char *user)
{
    gid_t ours[64];
    gid_t wanted[64];
    int wanted_count = 64;
    int count = getgroups(64, ours);
    const struct passwd *entry = getpwnam(user);
    if (count < 0 || !entry || getgrouplist(user, entry->pw_gid, wanted, &wanted_count) < 0) {
        return false;
    }
    bool same = true;
    for (int i = 0; i < count; i++) {
        same = same && is_in(ours[i], wanted, wanted_count);
    }
    for (int i = 0; i < wanted_count; i++) {
        same = same && is_in(wanted[i], ours, count);
    }
    return same;
}

static int drop_to_nobody(void)
{
    struct buf why = BUF_INIT;
    const gid_t of_root[] = {0, 4, 54321};
    if (setgroups(3, of_root) != 0 || capabilities("CapPrm") == 0) {
        return 6;
    }
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
    if (!has_groups_of("nobody")) {
        return 4;
    }
    if (!has_no_capability()) {
        return 7;
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

/* A program that starts us may have asked the kernel to keep them when the user changes. */
static int drop_with_kept_capabilities(void)
{
    struct buf why = BUF_INIT;
    enum { NO_FIXUP = 1 << 2 }; /* SECBIT_NO_SETUID_FIXUP */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECUREBITS, NO_FIXUP, 0, 0, 0) != 0) {
        return 1;
    }
    if (privilege_drop("nobody", &why) != 0) {
        return 2;
    }
    return !has_no_capability() ? 3 : setuid(0) == 0 || seteuid(0) == 0 ? 4 : 0;
}

static void kept_capabilities_are_given_up(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(in_child(drop_with_kept_capabilities), 0);
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

/* The bits of linux/capability.h: dac_override, dac_read_search, fowner, net_bind_service. */
static int harden_as_root(void)
{
    const uint64_t kept = 1U << 1 | 1U << 2 | 1U << 3 | 1U << 10;
    const uint64_t before = capabilities("CapPrm");
    struct buf why = BUF_INIT;
    if ((before & ~kept) == 0) {
        return 1; /* it would prove nothing */
    }
    if (privilege_harden(&why) != 0) {
        return 2;
    }
    if (capabilities("CapPrm") != (before & kept) || capabilities("CapEff") != (before & kept) ||
        (capabilities("CapInh") & ~kept) != 0) {
        return 3;
    }
    return setgroups(0, NULL) == 0 || setuid(65534) == 0 || unshare(CLONE_NEWUTS) == 0 ? 4 : 0;
}

static void root_keeps_what_files_and_ports_need(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(in_child(harden_as_root), 0);
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
        cmocka_unit_test(root_becomes_the_user),
        cmocka_unit_test(a_missing_user_is_told),
        cmocka_unit_test(others_stay_who_they_are),
        cmocka_unit_test(hardening_holds),
        cmocka_unit_test(priority_goes_down),
        cmocka_unit_test(kept_capabilities_are_given_up),
        cmocka_unit_test(root_keeps_what_files_and_ports_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
