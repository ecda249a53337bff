/* Landlock, by system calls of its own: glibc has no wrappers. Numbers and bits are those of the kernel's
 * include/uapi/linux/landlock.h, by version of the interface; the header of the oldest system we build on lacks the
 * newer ones. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/service/sandbox_internal.h"

#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_VERSION_1 ((1ULL << 13) - 1)
#define FS_REFER (1ULL << 13)     /* version 2 */
#define FS_TRUNCATE (1ULL << 14)  /* 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* 5 */
#define NET_BIND_TCP (1ULL << 0)  /* 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_SIGNAL (1ULL << 1) /* 6 */

enum { RULE_PATH = 1, RULE_PORT = 2, NEWEST = 7, PORT_DNS = 53 };

#define READS (FS_READ_FILE | FS_READ_DIR)
#define WRITES                                                                                                         \
    (READS | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER | FS_TRUNCATE)
#define TIDIES (FS_READ_DIR | FS_REMOVE_DIR)
#define OF_FILES (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)

/* An older kernel takes it while what it does not know is 0. */
struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

struct port_rule {
    uint64_t access;
    uint64_t port;
};

/* What may be opened is told by the file's identity: a path that became another file or came later is lost. */
struct seen {
    const char *path; /* borrowed; see remember() */
    bool there;
    bool refused; /* could not be opened from the beginning: not our doing */
    dev_t device;
    ino_t inode;
};

enum { PATHS_MAX = 64, TEXT_MAX = 16 * 1024 };

static const struct sandbox_path system_paths[] = {
    {"/usr/lib", SANDBOX_READ},
    {"/usr/lib64", SANDBOX_READ},
    {"/lib", SANDBOX_READ},
    {"/lib64", SANDBOX_READ},
    {"/usr/local/lib", SANDBOX_READ},
    {"/usr/share/zoneinfo", SANDBOX_READ},
    {"/etc/localtime", SANDBOX_READ},
    {"/etc/ssl/certs", SANDBOX_READ},
    {"/usr/share/ca-certificates", SANDBOX_READ},
    {"/usr/local/share/ca-certificates", SANDBOX_READ},
    {"/etc/ssl/openssl.cnf", SANDBOX_READ},
    {"/etc/gnutls", SANDBOX_READ},
    {"/etc/ld.so.cache", SANDBOX_READ},
    {"/proc/self", SANDBOX_READ},
    {"/proc/meminfo", SANDBOX_READ},
    {"/proc/stat", SANDBOX_READ},
    {"/sys/devices/system/cpu", SANDBOX_READ},
    {"/dev/null", SANDBOX_WRITE},
    {"/dev/random", SANDBOX_READ},
    {"/dev/urandom", SANDBOX_READ},
};

/* The first may be a link; then the directory that it leads to is the resolver's own and is opened as a whole. */
static const char *const resolver_files[] = {"/etc/resolv.conf", "/etc/hosts",    "/etc/nsswitch.conf",
                                             "/etc/host.conf",   "/etc/gai.conf", "/etc/services",
                                             "/etc/protocols",   "/etc/networks", "/etc/hostname"};
enum { RESOLVER_FILES = sizeof resolver_files / sizeof resolver_files[0] };
static const char *const resolver_dirs[] = {"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"};

static struct {
    bool confined;
    struct seen paths[PATHS_MAX];
    size_t path_count;
    char text[TEXT_MAX];
    size_t text_len;
    struct seen resolver[RESOLVER_FILES];
} state;

static int can_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == EACCES ? 0 : -1;
    }
    (void)close(fd);
    return 1;
}

static void look(const char *path, struct seen *out)
{
    struct stat info;
    *out = (struct seen){.path = path};
    if (stat(path, &info) == 0) {
        *out = (struct seen){path, true, can_open(path) == 0, info.st_dev, info.st_ino};
    }
}

static bool is_lost(const struct seen *before)
{
    struct seen now;
    look(before->path, &now);
    bool same = before->there && now.device == before->device && now.inode == before->inode;
    return now.there && now.refused && !same && !before->refused;
}

/* The caller's texts may be gone by the time they are looked at again. */
static void remember(const struct sandbox_options *options)
{
    state.path_count = 0;
    state.text_len = 0;
    for (size_t i = 0; i < options->path_count && i < PATHS_MAX; i++) {
        size_t size = strlen(options->paths[i].path) + 1;
        if (size > TEXT_MAX - state.text_len) {
            return;
        }
        char *copy = state.text + state.text_len;
        memcpy(copy, options->paths[i].path, size);
        state.text_len += size;
        look(copy, &state.paths[state.path_count++]);
    }
}

bool sandbox_lost_path(void)
{
    for (size_t i = 0; state.confined && i < state.path_count; i++) {
        if (is_lost(&state.paths[i])) {
            return true;
        }
    }
    return false;
}

bool sandbox_lost_resolver(void)
{
    for (size_t i = 0; state.confined && i < RESOLVER_FILES; i++) {
        if (is_lost(&state.resolver[i])) {
            return true;
        }
    }
    return false;
}

static uint64_t known_to(unsigned version)
{
    return FS_VERSION_1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
           (version >= 5 ? FS_IOCTL_DEV : 0);
}

static int add_path(int ruleset, unsigned version, const char *path, enum sandbox_access access)
{
    struct stat info;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    static const uint64_t rights[] = {[SANDBOX_READ] = READS, [SANDBOX_WRITE] = WRITES, [SANDBOX_TIDY] = TIDIES};
    uint64_t allowed = rights[access] & known_to(version);
    if (fstat(fd, &info) != 0 || !S_ISDIR(info.st_mode)) {
        allowed &= OF_FILES;
    }
    struct landlock_path_beneath_attr rule = {.allowed_access = allowed, .parent_fd = fd};
    int rc = (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0);
    (void)close(fd);
    return rc;
}

static int add_paths(int ruleset, unsigned version, const struct sandbox_options *options)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof system_paths / sizeof system_paths[0]; i++) {
        rc = add_path(ruleset, version, system_paths[i].path, system_paths[i].access);
    }
    for (size_t i = 0; rc == 0 && i < RESOLVER_FILES; i++) {
        rc = add_path(ruleset, version, resolver_files[i], SANDBOX_READ);
    }
    for (size_t i = 0; rc == 0 && i < sizeof resolver_dirs / sizeof resolver_dirs[0]; i++) {
        rc = add_path(ruleset, version, resolver_dirs[i], SANDBOX_READ);
    }
    for (size_t i = 0; rc == 0 && i < options->path_count; i++) {
        rc = add_path(ruleset, version, options->paths[i].path, options->paths[i].access);
    }
    return rc;
}

static int add_port(int ruleset, uint64_t access, uint16_t port)
{
    const struct port_rule rule = {access, port};
    return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0);
}

static int add_ports(int ruleset, uint64_t handled, const struct sandbox_options *options)
{
    int rc = handled & NET_CONNECT_TCP ? add_port(ruleset, NET_CONNECT_TCP, PORT_DNS) : 0;
    for (size_t i = 0; handled & NET_CONNECT_TCP && rc == 0 && i < SANDBOX_PORTS_MAX && options->connect_ports[i];
         i++) {
        rc = add_port(ruleset, NET_CONNECT_TCP, options->connect_ports[i]);
    }
    for (size_t i = 0; handled & NET_BIND_TCP && rc == 0 && i < SANDBOX_PORTS_MAX && options->listen_ports[i]; i++) {
        rc = add_port(ruleset, NET_BIND_TCP, options->listen_ports[i]);
    }
    return rc;
}

static uint64_t handled_ports(unsigned version, const struct sandbox_options *options)
{
    if (version < SANDBOX_KNOWS_PORTS) {
        return 0;
    }
    uint64_t handled = options->any_connect ? 0 : NET_CONNECT_TCP;
    return options->any_listen ? handled : handled | NET_BIND_TCP;
}

static int restrict_self(unsigned version, const struct sandbox_options *options, uint64_t ports)
{
    const struct ruleset handled = {.fs = known_to(version), .net = ports, .scoped = version >= 6 ? SCOPE_SIGNAL : 0};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (ruleset < 0) {
        return -1;
    }
    int rc = add_paths(ruleset, version, options);
    rc = rc == 0 ? add_ports(ruleset, ports, options) : rc;
    rc = rc == 0 ? (int)syscall(SYS_landlock_restrict_self, ruleset, 0) : rc;
    int error = errno;
    (void)close(ruleset);
    errno = error;
    return rc;
}

unsigned sandbox_files_version(void)
{
    long newest = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return newest < 1 ? 0 : newest < NEWEST ? (unsigned)newest : NEWEST;
}

int sandbox_files_enter(const struct sandbox_options *options, struct sandbox_facts *out, struct buf *why)
{
    unsigned version = sandbox_files_version();
    if (version == 0) {
        sandbox_say(why, "this kernel has no Landlock (%s), so that files are not confined", strerror(errno));
        return 0;
    }
    uint64_t ports = handled_ports(version, options);
    remember(options);
    for (size_t i = 0; i < RESOLVER_FILES; i++) {
        look(resolver_files[i], &state.resolver[i]);
    }
    if (restrict_self(version, options, ports) != 0) {
        sandbox_say(why, "the kernel refused the rules for files: %s", strerror(errno));
        return STATUS_IO;
    }
    state.confined = true;
    out->landlock = version;
    out->files = true;
    out->ports = ports != 0;
    if (version < SANDBOX_KNOWS_PORTS) {
        sandbox_say(why, "this kernel's Landlock %u knows no TCP ports, so that they are not confined", version);
    }
    return 0;
}
