/* seccomp: which system calls there are for us, by name; libseccomp knows their numbers on every machine and leaves out
 * what a machine does not have. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/service/sandbox_internal.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* From the kernel's headers, which do not all go together with the C library's. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif
enum { PROTOCOL_ANY = 0, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, FAMILY_NETLINK = 16, TYPE_MASK = 0xf };
enum { NAME_MAX_BYTES = 64 };
#define MADE_FOR_SPACES 0x7e020080U /* every CLONE_NEW* */

static const char allowed[] =
    /* descriptors and files */
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range dup dup2 "
    "dup3 lseek _llseek pipe pipe2 open openat stat stat64 lstat lstat64 fstat fstat64 "
    "fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 access faccessat faccessat2 readlink "
    "readlinkat getdents getdents64 getcwd mkdir mkdirat rmdir link linkat unlink unlinkat rename renameat renameat2 "
    "chmod fchmod fchmodat umask truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 "
    "fadvise64_64 arm_fadvise64_64 readahead sync_file_range sync_file_range2 arm_sync_file_range fsync "
    "fdatasync syncfs flock inotify_init1 inotify_add_watch inotify_rm_watch "
    /* waiting */
    "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll ppoll_time64 "
    "select _newselect pselect6 pselect6_time64 eventfd eventfd2 timerfd_create timerfd_settime "
    "timerfd_settime64 timerfd_gettime timerfd_gettime64 signalfd4 "
    /* memory */
    "brk munmap mremap madvise msync mlock munlock mincore membarrier "
    /* the network; sockets below */
    "socketpair connect bind getsockname getpeername getsockopt setsockopt recv recvfrom recvmsg "
    "recvmmsg recvmmsg_time64 send shutdown "
    /* this process */
    "exit exit_group getpid getppid gettid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid "
    "getegid32 getresuid getresuid32 getresgid getresgid32 getrusage getrlimit ugetrlimit getpriority "
    "times sysinfo uname getrandom getcpu rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn "
    "rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack sigreturn sigaction sigprocmask "
    "restart_syscall set_tid_address set_tls set_thread_area set_robust_list get_robust_list rseq futex "
    "futex_time64 futex_waitv sched_yield sched_getaffinity cacheflush "
    /* time, read only */
    "time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep "
    "clock_nanosleep_time64 nanosleep ";

static const char allowed_to_listen[] = "listen accept accept4 ";

/* No program of ours ever makes these, nor any library that it may load: whoever does is not our code any more. */
static const char never[] =
    "ptrace process_vm_readv process_vm_writev pidfd_getfd process_madvise mount umount umount2 "
    "move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr pivot_root chroot unshare setns "
    "open_by_handle_at init_module finit_module create_module delete_module "
    "query_module get_kernel_syms kexec_load kexec_file_load bpf perf_event_open userfaultfd "
    "fanotify_init fanotify_mark clock_settime clock_settime64 settimeofday stime reboot swapon swapoff "
    "acct quotactl quotactl_fd nfsservctl syslog sethostname setdomainname vhangup iopl ioperm modify_ldt "
    "vm86 vm86old personality uselib lookup_dcookie ";

/* Neither does one of ours make these, but a library may in good faith, and goes on without: the modules by which names
 * are looked up (systemd's tell files and mounts apart by handles and kcmp), Kerberos behind libcurl (keys), whoever
 * asks whether the clock is right (adjtimex, which also sets it), libnuma. */
static const char refused[] =
    "name_to_handle_at kcmp add_key request_key keyctl clock_adjtime clock_adjtime64 adjtimex "
    "_sysctl move_pages migrate_pages mbind set_mempolicy ";

/* From this number on all machines that we know of have the same calls. They are newer than the list above: whoever
 * makes one has to do without on an older kernel, and takes ENOSYS for one. */
enum { NEWER_FIRST = 450, NEWER_LAST = 511 };
#if defined(SYS_close_range) && SYS_close_range == 436
#define NEWER_ARE_KNOWN 1
#else
#define NEWER_ARE_KNOWN 0
#endif

/* Whoever asks has another way when they are not there: glibc clone3 and openat2, libuv io_uring. The arguments of
 * clone3 lie in memory, where no filter can see them. */
static const char absent[] = "clone3 openat2 io_uring_setup io_uring_enter io_uring_register ";

/* Calls with arguments: allowed when all conditions of a line hold; a call may have several lines. */
struct condition {
    const char *name;
    unsigned count;
    struct scmp_arg_cmp args[3];
};

#define EQ(n, value)                                                                                                   \
    {                                                                                                                  \
        (n), SCMP_CMP_MASKED_EQ, 0xffffffffU, (value)                                                                  \
    }
#define WITHOUT(n, bits)                                                                                               \
    {                                                                                                                  \
        (n), SCMP_CMP_MASKED_EQ, (bits), 0                                                                             \
    }
#define BITS(n, mask, bits)                                                                                            \
    {                                                                                                                  \
        (n), SCMP_CMP_MASKED_EQ, (mask), (bits)                                                                        \
    }
#define SOCKET(family, type, protocol)                                                                                 \
    {                                                                                                                  \
        "socket", 3,                                                                                                   \
        {                                                                                                              \
            EQ(0, family), BITS(1, TYPE_MASK, type), EQ(2, protocol)                                                   \
        }                                                                                                              \
    }
#define IOCTL(request)                                                                                                 \
    {                                                                                                                  \
        "ioctl", 1,                                                                                                    \
        {                                                                                                              \
            EQ(1, request)                                                                                             \
        }                                                                                                              \
    }
#define PRCTL(option)                                                                                                  \
    {                                                                                                                  \
        "prctl", 1,                                                                                                    \
        {                                                                                                              \
            EQ(0, option)                                                                                              \
        }                                                                                                              \
    }

#define FCNTL(command)                                                                                                 \
    {"fcntl", 1, {EQ(1, command)}},                                                                                    \
    {                                                                                                                  \
        "fcntl64", 1,                                                                                                  \
        {                                                                                                              \
            EQ(1, command)                                                                                             \
        }                                                                                                              \
    }

static const struct condition conditions[] = {
    /* no code but what was loaded at the start */
    {"mmap", 1, {WITHOUT(2, PROT_EXEC)}},
    {"mmap2", 1, {WITHOUT(2, PROT_EXEC)}},
    {"mprotect", 1, {WITHOUT(2, PROT_EXEC)}},
    /* IP sockets; netlink (route) tells the C library which addresses this machine has. No raw ones, and no
     * other protocols: Landlock knows the ports of TCP only. */
    SOCKET(AF_INET, SOCK_STREAM, PROTOCOL_ANY),
    SOCKET(AF_INET, SOCK_STREAM, PROTOCOL_TCP),
    SOCKET(AF_INET, SOCK_DGRAM, PROTOCOL_ANY),
    SOCKET(AF_INET, SOCK_DGRAM, PROTOCOL_UDP),
    SOCKET(AF_INET6, SOCK_STREAM, PROTOCOL_ANY),
    SOCKET(AF_INET6, SOCK_STREAM, PROTOCOL_TCP),
    SOCKET(AF_INET6, SOCK_DGRAM, PROTOCOL_ANY),
    SOCKET(AF_INET6, SOCK_DGRAM, PROTOCOL_UDP),
    {"socket", 2, {EQ(0, FAMILY_NETLINK), EQ(2, 0)}},
    /* data in the first packet would connect without connect() */
    {"sendto", 1, {WITHOUT(3, MSG_FASTOPEN)}},
    {"sendmsg", 1, {WITHOUT(2, MSG_FASTOPEN)}},
    {"sendmmsg", 1, {WITHOUT(3, MSG_FASTOPEN)}},
    /* not those that have the kernel send signals to others (F_SETOWN, F_SETSIG, ...) */
    FCNTL(F_DUPFD),
    FCNTL(F_DUPFD_CLOEXEC),
    FCNTL(F_GETFD),
    FCNTL(F_SETFD),
    FCNTL(F_GETFL),
    FCNTL(F_SETFL),
    FCNTL(5), /* F_GETLK, F_SETLK, F_SETLKW, and the same of 32-bit machines with 64-bit offsets */
    FCNTL(6),
    FCNTL(7),
    FCNTL(12),
    FCNTL(13),
    FCNTL(14),
    FCNTL(F_OFD_GETLK),
    FCNTL(F_OFD_SETLK),
    FCNTL(F_OFD_SETLKW),
    IOCTL(FIONBIO),
    IOCTL(FIOCLEX),
    IOCTL(FIONREAD),
    IOCTL(0x8933), /* SIOCGIFINDEX: the zone of a link-local address */
    IOCTL(0x8910), /* SIOCGIFNAME */
    PRCTL(PR_SET_NAME),
    PRCTL(PR_GET_NAME),
    PRCTL(PR_SET_VMA),
    /* to read limits, not to set them */
    {"prlimit64", 1, {{2, SCMP_CMP_EQ, 0, 0}}},
};

static int add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned count,
               const struct scmp_arg_cmp *args)
{
    int number = seccomp_syscall_resolve_name(name);
    return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(filter, action, number, count, args);
}

/* `names` has a blank between any two. */
static int add_names(scmp_filter_ctx filter, uint32_t action, const char *names)
{
    int rc = 0;
    while (rc == 0 && *names) {
        char name[NAME_MAX_BYTES];
        size_t len = strcspn(names, " ");
        (void)snprintf(name, sizeof name, "%.*s", (int)len, names);
        rc = len > 0 ? add(filter, action, name, 0, NULL) : 0;
        names += len + (names[len] != '\0');
    }
    return rc;
}

static int add_conditions(scmp_filter_ctx filter)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT(conditions); i++) {
        rc = add(filter, SCMP_ACT_ALLOW, conditions[i].name, conditions[i].count, conditions[i].args);
    }
    return rc;
}

/* A thread of this process, in the namespaces it is in. */
static int add_threads(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp thread = BITS(0, CLONE_VM | CLONE_THREAD | MADE_FOR_SPACES, CLONE_VM | CLONE_THREAD);
    return add(filter, SCMP_ACT_ALLOW, "clone", 1, &thread);
}

/* abort() and raise() signal this process; there is no other one to signal. */
static int add_signals(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp self = EQ(0, (scmp_datum_t)getpid());
    int rc = add(filter, SCMP_ACT_ALLOW, "tgkill", 1, &self);
    return rc == 0 ? add(filter, SCMP_ACT_ALLOW, "kill", 1, &self) : rc;
}

/* What listens on local sockets beside us (a PBX's console, a container service) trusts whoever may connect, and
 * Landlock does not know them: there are none, but where the resolver needs one. */
static int add_local(scmp_filter_ctx filter)
{
    static const struct condition local = SOCKET(AF_UNIX, SOCK_STREAM, 0);
    return add(filter, SCMP_ACT_ALLOW, local.name, local.count, local.args);
}

static int add_newer(scmp_filter_ctx filter)
{
    int rc = 0;
    for (int number = NEWER_FIRST; NEWER_ARE_KNOWN && rc == 0 && number <= NEWER_LAST; number++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
    }
    return rc;
}

static int fill(scmp_filter_ctx filter, const struct sandbox_options *options, bool local)
{
    int rc = add_names(filter, SCMP_ACT_ALLOW, allowed);
    rc = rc == 0 ? add_conditions(filter) : rc;
    rc = rc == 0 ? add_names(filter, SCMP_ACT_KILL_PROCESS, never) : rc;
    rc = rc == 0 ? add_names(filter, SCMP_ACT_ERRNO(ENOSYS), absent) : rc;
    rc = rc == 0 ? add_newer(filter) : rc;
    rc = rc == 0 && local ? add_local(filter) : rc;
    if (rc == 0 && (options->listens || options->any_listen)) {
        rc = add_names(filter, SCMP_ACT_ALLOW, allowed_to_listen);
    }
    rc = rc == 0 && options->threads ? add_threads(filter) : rc;
    return rc == 0 ? add_signals(filter) : rc;
}

/* The tree keeps the way short for each call; all threads that there may be take the filter together. */
static int load(scmp_filter_ctx filter, uint32_t other_machine)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, other_machine);
    rc = rc == 0 ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) : rc;
    rc = rc == 0 ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : rc;
    return rc == 0 ? seccomp_load(filter) : rc;
}

bool sandbox_calls_known(void)
{
    const uint32_t action = SCMP_ACT_KILL_PROCESS;
    enum { GET_ACTION_AVAIL = 2 }; /* linux/seccomp.h */
    return syscall(SYS_seccomp, GET_ACTION_AVAIL, 0, &action) == 0;
}

static int say_refused(struct buf *why, int error)
{
    sandbox_say(why, "the kernel refused the filter of system calls: %s", strerror(error));
    return STATUS_IO;
}

int sandbox_calls_enter(const struct sandbox_options *options, bool local, struct sandbox_facts *out, struct buf *why)
{
    if (!sandbox_calls_known()) {
        sandbox_say(why, "this kernel has no filter of system calls (%s)", strerror(errno));
        return 0;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter ? fill(filter, options, local) : -ENOMEM;
    rc = rc == 0 ? load(filter, SCMP_ACT_KILL_PROCESS) : rc;
    seccomp_release(filter);
    if (rc != 0) {
        return say_refused(why, -rc);
    }
    out->seccomp = true;
    return 0;
}

int sandbox_enter_loosely(struct buf *why)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return say_refused(why, errno);
    }
    if (!sandbox_calls_known()) {
        sandbox_say(why, "this kernel has no filter of system calls (%s)", strerror(errno));
        return 0;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? add_names(filter, SCMP_ACT_ERRNO(EPERM), never) : -ENOMEM;
    rc = rc == 0 ? add_names(filter, SCMP_ACT_ERRNO(EPERM), refused) : rc;
    rc = rc == 0 ? load(filter, SCMP_ACT_ALLOW) : rc;
    seccomp_release(filter);
    return rc != 0 ? say_refused(why, -rc) : 0;
}
