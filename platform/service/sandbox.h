/* sandbox: a daemon that is taken over can still do only what the daemon needs. Landlock says which files and ports,
 * seccomp (libseccomp, included here alone) which system calls. What the kernel does not know is left out and told.
 *
 * Called once all that only the start needs is done: rights dropped, sockets bound, threads not yet running; threads
 * that are made later inherit it, as does every child. There is no way back. */
#ifndef RINGSIDE_PLATFORM_SERVICE_SANDBOX_H
#define RINGSIDE_PLATFORM_SERVICE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"

enum sandbox_access {
    SANDBOX_READ,    /* a file, or all below a directory */
    SANDBOX_WRITE,   /* read, write, make, rename, remove below a directory */
    SANDBOX_EXECUTE, /* read and run */
};

struct sandbox_path {
    const char *path; /* one that is not there is left out */
    enum sandbox_access access;
};

enum { SANDBOX_PORTS_MAX = 8 };

struct sandbox_options {
    const struct sandbox_path *paths; /* what every program needs (libraries, zones, resolver, certificates' directory,
                                         /proc/self, /dev/null and random) is added */
    size_t path_count;
    bool any_connect;                          /* TCP to anywhere (receivers of alerts) */
    uint16_t connect_ports[SANDBOX_PORTS_MAX]; /* else TCP to these only; 0 ends the list; DNS (53) is added */
    bool threads;                              /* more threads will be made */
    bool processes;                            /* other programs will be run */
};

/* What holds now, for the log and status. */
struct sandbox_facts {
    bool seccomp;
    unsigned landlock; /* the kernel's version of it that is used; 0: none */
    bool files;
    bool ports; /* TCP is confined too (Landlock 4 and newer) */
};

/* 0, also where the kernel lacks one of the two (`out` says so, and `why` has a sentence for people); STATUS_IO: it has
 * it and refused. A call that is not allowed fails with EPERM; those that no program of ours ever makes (ptrace,
 * mounts, modules, bpf, keys, io_uring, other clocks, ...) end the process. */
int sandbox_enter(const struct sandbox_options *options, struct sandbox_facts *out, struct buf *why);

#endif
