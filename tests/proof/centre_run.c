#include "tests/proof/centre_run.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/proof/centre_check.h"
#include "tests/proof/centre_work.h"
#include "tests/support/faults/faults.h"

enum { SAID_MAX = 6000, EXIT_BASE = 40 /* sanitizers end a process with small numbers */ };

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void run_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int run_begin(struct run *run)
{
    *run = (struct run){0};
    tzset(); /* what libc keeps of the zone from its first use on is no leak of anybody's */
    void *memory = mmap(NULL, sizeof *run->model, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return errno;
    }
    run->model = memory;
    (void)snprintf(run->root, sizeof run->root, "%s/ringside-proof-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(run->root) ? 0 : errno;
}

void run_end(struct run *run)
{
    run_remove(run->root);
    (void)munmap(run->model, sizeof *run->model);
}

const char *run_place(const struct run *run)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%u", run->root, run->place);
    return path;
}

void run_next_place(struct run *run)
{
    run_remove(run_place(run));
    run->place++;
}

void run_clear(struct run *run)
{
    run_remove(run_place(run));
    (void)mkdir(run_place(run), 0700);
}

/* ---- a process of its own ---- */

static void live_apart(struct run *run, int said, enum run_end (*fn)(struct run *run, void *ctx), void *ctx)
{
    const struct rlimit time = {.rlim_cur = RUN_WATCHDOG_S, .rlim_max = RUN_WATCHDOG_S};
    const struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CPU, &time);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)dup2(said, STDERR_FILENO);
    enum run_end end = fn(run, ctx);
    exit(EXIT_BASE + (int)end);
}

/* What a sanitizer or an assertion said. */
static void add_said(struct run *run, int said)
{
    char text[SAID_MAX + 1];
    ssize_t len = pread(said, text, SAID_MAX, 0);
    text[len > 0 ? len : 0] = '\0';
    if (len > 0) {
        (void)fprintf(stderr, "%s\n", text);
    }
    (void)run;
}

enum run_end run_apart(struct run *run, enum run_end (*fn)(struct run *run, void *ctx), void *ctx)
{
    int said = memfd_create("said", MFD_CLOEXEC);
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        live_apart(run, said, fn, ctx);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        (void)close(said);
        (void)snprintf(run->model->why, sizeof run->model->why, "fork: %s", strerror(errno));
        return RUN_FAILED;
    }
    enum run_end end = RUN_FAILED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == FAULTS_EXIT) {
        end = RUN_CUT;
    } else if (WIFEXITED(status) && WEXITSTATUS(status) >= EXIT_BASE && WEXITSTATUS(status) <= EXIT_BASE + RUN_FAILED) {
        end = (enum run_end)(WEXITSTATUS(status) - EXIT_BASE);
    } else {
        (void)snprintf(run->model->why, sizeof run->model->why, "the process ended with %s %d",
                       WIFSIGNALED(status) ? "signal" : "exit status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    if (end == RUN_FAILED) {
        add_said(run, said);
    }
    (void)close(said);
    return end;
}

static enum run_end finish(struct run *run, void *ctx)
{
    struct model *model = run->model;
    (void)ctx;
    faults_watch(NULL);
    if (!centre_check_durable(model, run_place(run))) {
        return RUN_FAILED;
    }
    if (work_run(model, run_place(run), NULL) != WORK_COMPLETE) {
        return RUN_FAILED;
    }
    return centre_check_final(model, run_place(run)) ? RUN_COMPLETE : RUN_FAILED;
}

enum run_end run_finish(struct run *run)
{
    return run_apart(run, finish, NULL);
}
