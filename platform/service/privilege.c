#include "platform/service/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/base/status.h"

static int refuse(struct buf *why, int status, const char *what, const char *name, int error)
{
    buf_printf(why, "%s \"%s\"%s%s", what, name, error ? ": " : "", error ? strerror(error) : "");
    return status;
}

struct identity {
    uid_t uid;
    gid_t gid;
};

static int find_user(const char *user, struct identity *out, struct buf *why)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry) {
        *out = (struct identity){entry->pw_uid, entry->pw_gid};
        return 0;
    }
    /* several values of errno mean no more than "not found"; see getpwnam(3) */
    bool missing = errno == 0 || errno == ENOENT || errno == ESRCH || errno == EBADF || errno == EPERM;
    return missing ? refuse(why, STATUS_NOT_FOUND, "there is no user", user, 0)
                   : refuse(why, STATUS_IO, "cannot look up user", user, errno);
}

/* Groups first: without root they cannot be changed any more. */
static int become(const char *user, struct identity to, struct buf *why)
{
    if (initgroups(user, to.gid) != 0 || setresgid(to.gid, to.gid, to.gid) != 0 ||
        setresuid(to.uid, to.uid, to.uid) != 0) {
        return refuse(why, STATUS_IO, "cannot become user", user, errno);
    }
    return 0;
}

/* What root may keep where it is not to become anybody, or the service manager gives: other users' files, low ports. */
#define KEPT (1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_FOWNER | 1U << CAP_NET_BIND_SERVICE)
enum { WORDS = _LINUX_CAPABILITY_U32S_3 };

/* The first 32 capabilities are those of `keep` at the most, and the others none. Nothing is asked of the kernel where
 * that holds: a filter of system calls may stand before it. 0, or -1 with errno. */
static int limit_capabilities(uint32_t keep)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[WORDS] = {{0}};
    const uint32_t limits[WORDS] = {keep, 0};
    bool fits = true;
    if (syscall(SYS_capget, &head, data) != 0) {
        return -1;
    }
    for (size_t i = 0; i < WORDS; i++) {
        fits = fits && ((data[i].permitted | data[i].effective | data[i].inheritable) & ~limits[i]) == 0;
        data[i].permitted &= limits[i];
        data[i].effective &= limits[i];
        data[i].inheritable &= limits[i];
    }
    return fits ? 0 : (int)syscall(SYS_capset, &head, data);
}

static int verify(const char *user, struct identity to, struct buf *why)
{
    uid_t uids[3];
    gid_t gids[3];
    bool there = getresuid(&uids[0], &uids[1], &uids[2]) == 0 && getresgid(&gids[0], &gids[1], &gids[2]) == 0;
    for (size_t i = 0; there && i < 3; i++) {
        there = uids[i] == to.uid && gids[i] == to.gid;
    }
    if (!there) {
        return refuse(why, STATUS_DENIED, "did not fully become user", user, 0);
    }
    if (to.uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
        return refuse(why, STATUS_DENIED, "root can still be regained from user", user, 0);
    }
    return 0;
}

int privilege_drop(const char *user, struct buf *why)
{
    if (user[0] == '\0' || geteuid() != 0) {
        return 0;
    }
    struct identity to;
    int status = find_user(user, &to, why);
    if (status != 0) {
        return status;
    }
    status = become(user, to, why);
    if (status == 0 && to.uid != 0 && limit_capabilities(0) != 0) {
        return refuse(why, STATUS_IO, "cannot give up the capabilities of root as user", user, errno);
    }
    return status == 0 ? verify(user, to, why) : status;
}

int privilege_harden(struct buf *why)
{
    static const struct rlimit none = {0, 0};
    const char *step = NULL;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        step = "no_new_privs";
    } else if (setrlimit(RLIMIT_CORE, &none) != 0) {
        step = "RLIMIT_CORE";
    } else if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        step = "PR_SET_DUMPABLE";
    } else if (limit_capabilities(KEPT) != 0) {
        step = "fewer capabilities";
    }
    if (step) {
        return refuse(why, STATUS_IO, "the kernel refused", step, errno);
    }
    (void)umask(027);
    return 0;
}

int privilege_nice(int nice)
{
    if (nice == 0 || setpriority(PRIO_PROCESS, 0, nice) == 0) {
        return 0;
    }
    return STATUS_IO;
}
