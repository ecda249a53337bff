/* faults.so: the layer preloaded into an unchanged program, for all of its life.
 *
 *   RINGSIDE_FAULTS_ROOT=/some/directory     is watched
 *   RINGSIDE_FAULTS=sync:cut:17              POINT:KIND:NUMBER, as faults.h names them; with :full at the end it fails
 * as a full disk does, else with EIO; with :sticky all later ones do too RINGSIDE_FAULTS_LOG=/some/file           a
 * line for each passage: "write", "sync", ... */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/faults/faults_internal.h"

enum { WORD_BYTES = 16, REFUSED = 99 };

struct wish {
    char point[WORD_BYTES];
    char kind[WORD_BYTES];
    unsigned long number;
    char more[2 * WORD_BYTES];
};

static int point_of(const char *name)
{
    for (int i = 0; i < FAULTS_POINTS; i++) {
        if (strcmp(faults_point_str((enum faults_point)i), name) == 0) {
            return i;
        }
    }
    return -1;
}

static int kind_of(const char *name)
{
    for (int i = 0; i <= FAULTS_CUT_AFTER; i++) {
        if (strcmp(faults_kind_str((enum faults_kind)i), name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool more_is_known(const char *more)
{
    return more[0] == '\0' || strcmp(more, ":full") == 0 || strcmp(more, ":sticky") == 0 ||
           strcmp(more, ":full:sticky") == 0;
}

/* A test with a misspelt point must not pass for want of a fault. */
static void arm(const char *text)
{
    struct wish wish = {.number = 0};
    int words = sscanf(text, "%15[a-z]:%15[a-z-]:%lu%31s", wish.point, wish.kind, &wish.number, wish.more);
    int point = words >= 3 ? point_of(wish.point) : -1;
    int kind = words >= 3 ? kind_of(wish.kind) : -1;
    if (point < 0 || kind < 0 || wish.number == 0 || !more_is_known(wish.more)) {
        (void)fprintf(stderr, "faults: RINGSIDE_FAULTS=%s is not POINT:KIND:NUMBER\n", text);
        _exit(REFUSED);
    }
    faults_arm((enum faults_point)point, wish.number, (enum faults_kind)kind, strstr(wish.more, "full") ? ENOSPC : EIO,
               strstr(wish.more, "sticky") != NULL);
    if (point == FAULTS_ALLOCATE) {
        faults_allocations_on();
    }
}

__attribute__((constructor)) static void start(void)
{
    const char *root = getenv("RINGSIDE_FAULTS_ROOT");
    const char *wish = getenv("RINGSIDE_FAULTS");
    const char *log = getenv("RINGSIDE_FAULTS_LOG");
    faults_watch(root);
    if (log) {
        faults_log_to((int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    }
    if (wish) {
        arm(wish);
    }
}
