/* runner: a process of its own that runs one program for a daemon, so that the daemon itself needs to make no process
 * and to start no program. It is made at the very beginning, before there are keys, open files and threads; it knows
 * the one program that it may run and gets, each time, arguments, values of the environment and what the program reads
 * on standard input. It ends with the daemon, and what it runs ends with it.
 *
 * The program gets a session and process group of its own, standard output and error, and none of our descriptors;
 * its environment is PATH and the RINGSIDE_ variables that it is sent. */
#ifndef RINGSIDE_PLATFORM_SERVICE_RUNNER_H
#define RINGSIDE_PLATFORM_SERVICE_RUNNER_H

#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"

struct runner;

enum { RUNNER_MESSAGE_MAX = 128 * 1024, RUNNER_WORDS_MAX = 32 };

struct runner_task {
    const char *const *args; /* after the program's name; ends in NULL */
    const char *const *env;  /* "RINGSIDE_NAME=value"; ends in NULL */
    const void *input;
    size_t input_len;
    uint32_t timeout_ms; /* then its group is killed; 0: never */
};

enum runner_end {
    RUNNER_EXITED = 1,  /* number: its exit status */
    RUNNER_SIGNALLED,   /* number: the signal that ended it */
    RUNNER_TIMED_OUT,   /* killed */
    RUNNER_NOT_STARTED, /* number: errno */
    RUNNER_REFUSED      /* the task has not the documented shape */
};

struct runner_report {
    uint32_t end; /* enum runner_end */
    int32_t number;
};

/* Forks. Only while there is one thread. `file`: absolute path. STATUS_NO_MEMORY, STATUS_IO. Returns owned. */
int runner_start(const char *file, struct runner **out);

/* Kills what runs, and waits until the process is gone (at most two seconds). NULL is fine. */
void runner_stop(struct runner *runner);

int runner_fd(const struct runner *runner); /* becomes readable when there is a report, or the process is gone */

/* One at a time. 0; STATUS_RANGE (larger than RUNNER_MESSAGE_MAX, or too many words), STATUS_BUSY (one runs still, or
 * the last one's report has not been taken), STATUS_IO (the process is gone), STATUS_NO_MEMORY. Copies. */
int runner_run(struct runner *runner, const struct runner_task *task);

/* 1: there is a report. 0: not yet. STATUS_IO: the process is gone. Never blocks. */
int runner_take(struct runner *runner, struct runner_report *out);

#endif
