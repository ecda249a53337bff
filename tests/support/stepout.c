/* stepout: preloaded into an unchanged daemon, it tries from within to do what the daemon's confinement is to refuse.
 *
 *   RINGSIDE_STEPOUT_DIR=/some/dir     a directory that the daemon has no business in, with a file "secret"
 *   RINGSIDE_STEPOUT_PORT=1234         of 127.0.0.1, where somebody listens
 *   RINGSIDE_STEPOUT_SOCKET=name       local and abstract, where somebody listens
 *   RINGSIDE_STEPOUT_REPORT=/a/file    a line for each attempt: "read 13", name and errno; 0: it could be done
 *
 * SIGUSR2: all attempts that are refused. SIGUSR1: one that ends the process (asking for the execution domain).
 * RINGSIDE_STEPOUT_AT=sync: all attempts before the first fdatasync(), for a program that ends soon by itself. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int report = -1;

static const char *outside(const char *name)
{
    static char path[512];
    const char *dir = getenv("RINGSIDE_STEPOUT_DIR");
    (void)snprintf(path, sizeof path, "%s/%s", dir ? dir : "", name);
    return path;
}

static int done(bool fine)
{
    return fine ? 0 : errno;
}

static int read_file(void)
{
    return done(open(outside("secret"), O_RDONLY | O_CLOEXEC) >= 0);
}

static int list_directory(void)
{
    return done(open(outside(""), O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
}

static int write_file(void)
{
    return done(open(outside("secret"), O_WRONLY | O_CLOEXEC) >= 0);
}

static int make_file(void)
{
    return done(open(outside("new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0);
}

static int remove_file(void)
{
    return done(unlink(outside("spare")) == 0);
}

/* A program that is not there: that it is looked for is enough. */
static int run_program(void)
{
    char *none[] = {NULL};
    (void)execve(outside("program"), none, none);
    return errno == ENOENT ? 0 : errno;
}

static int make_process(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return done(pid > 0 && waitpid(pid, NULL, 0) == pid);
}

static int connect_elsewhere(void)
{
    const char *port = getenv("RINGSIDE_STEPOUT_PORT");
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)(port ? strtoul(port, NULL, 10) : 0)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return done(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
}

static int bind_elsewhere(void)
{
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return done(fd >= 0 && bind(fd, (const struct sockaddr *)&to, sizeof to) == 0);
}

static int connect_locally(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *name = getenv("RINGSIDE_STEPOUT_SOCKET");
    int len = snprintf(to.sun_path + 1, sizeof to.sun_path - 1, "%s", name ? name : "");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    return done(fd >= 0 && connect(fd, (const struct sockaddr *)&to, size) == 0);
}

static int watch_devices(void)
{
    return done(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 15 /* NETLINK_KOBJECT_UEVENT */) >= 0);
}

static int map_code(void)
{
    return done(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int signal_parent(void)
{
    return done(kill(getppid(), 0) == 0);
}

static int dump_core(void)
{
    return done(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static const struct {
    const char *name;
    int (*make)(void);
} attempts[] = {
    {"read", read_file},      {"list", list_directory},   {"write", write_file},  {"make", make_file},
    {"remove", remove_file},  {"run", run_program},       {"fork", make_process}, {"connect", connect_elsewhere},
    {"bind", bind_elsewhere}, {"devices", watch_devices}, {"code", map_code},     {"signal", signal_parent},
    {"dumpable", dump_core},  {"local", connect_locally}};

static void tell(const char *name, int error)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s %d\n", name, error);
    (void)!write(report, line, (size_t)len);
}

static void on_all(int number)
{
    int before = errno;
    (void)number;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        tell(attempts[i].name, attempts[i].make());
    }
    tell("end", 0);
    errno = before;
}

static void on_deadly(int number)
{
    (void)number;
    int error = done(personality(0xffffffff) >= 0);
    tell("personality", error);
    tell("end", 0);
}

static int (*real_fdatasync)(int fd);

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    static bool tried;
    const char *at = getenv("RINGSIDE_STEPOUT_AT");
    if (report >= 0 && !tried && at && strcmp(at, "sync") == 0) {
        tried = true;
        on_all(0);
    }
    return real_fdatasync(fd);
}

__attribute__((constructor)) static void begin(void)
{
    const struct sigaction all = {.sa_handler = on_all, .sa_flags = SA_RESTART};
    const struct sigaction deadly = {.sa_handler = on_deadly, .sa_flags = SA_RESTART};
    const char *path = getenv("RINGSIDE_STEPOUT_REPORT");
    void *found = dlsym(RTLD_NEXT, "fdatasync");
    memcpy(&real_fdatasync, &found, sizeof found);
    if (path) {
        report = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        (void)sigaction(SIGUSR2, &all, NULL);
        (void)sigaction(SIGUSR1, &deadly, NULL);
    }
}
