/* Points: each passage is counted by its kind, and one of them meets what was armed. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/faults/faults_internal.h"

static const char *const point_names[FAULTS_POINTS] = {"write", "sync", "name", "space", "open", "commit", "allocate"};
static const char *const kind_names[] = {"fail", "fail-after", "tear", "cut", "cut-within", "cut-after"};

static atomic_ulong passed[FAULTS_POINTS];
static atomic_bool fired;
static struct {
    enum faults_point point;
    enum faults_kind kind;
    uint64_t number; /* as passed counts; 0: nothing is armed */
    int error;
    bool sticky;
} armed;
static struct {
    enum faults_point point;
    uint64_t number; /* 0: never */
    char to[PATH_MAX];
    uint64_t seed;
    enum faults_style style;
} power;
static int log_fd = -1;

const char *faults_point_str(enum faults_point point)
{
    return point_names[point];
}

const char *faults_kind_str(enum faults_kind kind)
{
    return kind_names[kind];
}

void faults_watch(const char *root)
{
    faults_disarm();
    power.number = 0;
    for (int i = 0; i < FAULTS_POINTS; i++) {
        atomic_store(&passed[i], 0);
    }
    faults_places_watch(root);
}

void faults_arm(enum faults_point point, uint64_t number, enum faults_kind kind, int error, bool sticky)
{
    armed.point = point;
    armed.kind = kind;
    armed.error = error;
    armed.sticky = sticky;
    atomic_store(&fired, false);
    armed.number = atomic_load(&passed[point]) + number;
}

void faults_disarm(void)
{
    armed.number = 0;
}

bool faults_fired(void)
{
    return atomic_load(&fired);
}

uint64_t faults_passed(enum faults_point point)
{
    return atomic_load(&passed[point]);
}

void faults_platter_cut_at(enum faults_point point, uint64_t number, const char *to, uint64_t seed,
                           enum faults_style style)
{
    power.point = point;
    power.seed = seed;
    power.style = style;
    strncpy(power.to, to, sizeof power.to - 1);
    power.number = atomic_load(&passed[point]) + number;
}

void faults_log_to(int fd)
{
    log_fd = fd;
}

_Noreturn void faults_die(void)
{
    for (;;) {
        (void)syscall(SYS_exit_group, FAULTS_EXIT);
    }
}

static void log_passage(enum faults_point point)
{
    char line[16];
    size_t len = strlen(point_names[point]);
    memcpy(line, point_names[point], len);
    line[len] = '\n';
    (void)syscall(SYS_write, log_fd, line, len + 1);
}

/* What this kind is at this point: only a write can be torn. */
static enum faults_kind simple(enum faults_point point, enum faults_kind kind)
{
    if (point == FAULTS_WRITE) {
        return kind;
    }
    if (kind == FAULTS_CUT_WITHIN) {
        return FAULTS_CUT;
    }
    return kind == FAULTS_TEAR || (point == FAULTS_ALLOCATE && kind == FAULTS_FAIL_AFTER) ? FAULTS_FAIL : kind;
}

int faults_meet(enum faults_point point, int *error)
{
    uint64_t number = atomic_fetch_add(&passed[point], 1) + 1;
    if (log_fd >= 0) {
        log_passage(point);
    }
    if (power.number == number && power.point == point) {
        if (faults_platter_cut(power.to, power.seed, power.style) != 0) {
            (void)syscall(SYS_exit_group, FAULTS_EXIT + 1);
        }
        faults_die();
    }
    bool here = armed.number == number || (armed.sticky && number > armed.number);
    if (armed.number == 0 || armed.point != point || !here) {
        return FAULTS_PASS;
    }
    atomic_store(&fired, true);
    enum faults_kind kind = simple(point, armed.kind);
    if (kind == FAULTS_CUT) {
        faults_die();
    }
    *error = armed.error;
    return (int)kind;
}

int faults_answer(int kind, int error, int result)
{
    if (kind == FAULTS_CUT_AFTER) {
        faults_die();
    }
    if (kind == FAULTS_FAIL_AFTER) {
        errno = error;
        return -1;
    }
    return result;
}
