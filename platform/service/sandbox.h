/* sandbox: a daemon that is taken over can still do only what the daemon needs. Landlock says which files and ports,
 * seccomp (libseccomp, included here alone) which system calls. What the kernel does not know is left out and told.
 *
 * Called once all that only the start needs is done: rights dropped, threads not yet running; threads that are made
 * later inherit it. No process can be made and no program be run any more (runner.h does that for a daemon), no code be
 * mapped. There is no way back. */
#ifndef RINGSIDE_PLATFORM_SERVICE_SANDBOX_H
#define RINGSIDE_PLATFORM_SERVICE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"

enum sandbox_access {
    SANDBOX_READ,  /* a file, or all below a directory */
    SANDBOX_WRITE, /* read, write, make, rename, remove below a directory */
    SANDBOX_TIDY,  /* a directory that may be listed and synced, and what is empty below it removed; no file */
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
    bool listens;                              /* TCP connections will be taken */
    bool any_listen;                           /* on whatever port */
    uint16_t listen_ports[SANDBOX_PORTS_MAX];  /* else on these only; 0 ends the list */
    bool threads;                              /* more threads will be made */
};

/* What holds now, for the log and status. */
struct sandbox_facts {
    bool seccomp;
    unsigned landlock; /* the kernel's version of it that is used; 0: none */
    bool files;
    bool ports; /* TCP is confined too (Landlock 4 and newer) */
};

/* 0, also where the kernel lacks one of the two (`out` says so, and `why` has a sentence for people); STATUS_IO: it has
 * it and refused, and what `out` says holds. A call that is not allowed fails with EPERM; those that neither a program
 * of ours nor a library ever makes (ptrace, mounts, modules, bpf, setting clocks, ...) end the process; io_uring and
 * calls that are newer than we are told not to exist. */
int sandbox_enter(const struct sandbox_options *options, struct sandbox_facts *out, struct buf *why);

/* For a process that runs programs which nobody knows beforehand: everything but the calls that sandbox_enter() ends
 * the process for, and keys and the like; here they fail with EPERM. Status and `why` as above. */
int sandbox_enter_loosely(struct buf *why);

/* A rule belongs to the file or directory that was there when it was made. True: one of the paths given to
 * sandbox_enter() is another one now, or has appeared since, and cannot be opened: only a new start helps. */
bool sandbox_lost_path(void);
bool sandbox_lost_resolver(void); /* the same for the files of the system's resolver */

/* What sandbox_enter() would reach here, as far as it can be told without entering; ports: where they are wanted. */
void sandbox_foresee(struct sandbox_facts *out);

/* The same for people: "system calls yes, files yes (Landlock 2), TCP ports no". Appended. True: it would be enough for
 * sandbox_confine() with `required`. */
bool sandbox_foretell(struct buf *out);

/* What the daemons do with it. `out` is what holds, `line` becomes one for the log: "confined: system calls, files
 * (Landlock 7), TCP ports", and what is missing. With `required` everything has to hold but TCP ports (which an older
 * kernel cannot confine), or it is STATUS_UNSUPPORTED or STATUS_IO: stop the program then. Else 0, or SANDBOX_LESS: go
 * on and tell it. */
enum { SANDBOX_LESS = 1 };
int sandbox_confine(bool required, const struct sandbox_options *options, struct sandbox_facts *out, struct buf *line);

/* "system calls, files (Landlock 7), TCP ports", or "nothing". Appended. */
void sandbox_describe(const struct sandbox_facts *facts, struct buf *out);

/* False: built with sanitizers, which look into their own process at the end; better not to enter then. */
bool sandbox_suits_build(void);

#endif
