/* sandbox_internal: the two halves of sandbox.h. */
#ifndef RINGSIDE_PLATFORM_SERVICE_SANDBOX_INTERNAL_H
#define RINGSIDE_PLATFORM_SERVICE_SANDBOX_INTERNAL_H

#include "platform/service/sandbox.h"

enum { SANDBOX_KNOWS_PORTS = 4 }; /* the first version of Landlock that does */

/* Landlock. Sets landlock, files and ports. 0 (also when the kernel has none) or STATUS_IO; `why` as there. */
int sandbox_files_enter(const struct sandbox_options *options, struct sandbox_facts *out, struct buf *why);

/* seccomp. Sets seccomp. `local`: local sockets to other processes may be made. */
int sandbox_calls_enter(const struct sandbox_options *options, bool local, struct sandbox_facts *out, struct buf *why);

/* What the kernel has: the version of Landlock that would be used (0: none), and a filter of calls that can end a
 * process. */
unsigned sandbox_files_version(void);
bool sandbox_calls_known(void);

/* Loads the modules by which names are looked up, and what ends a thread: later no code can be mapped any more. True:
 * one of them may ask a daemon of this machine over a local socket. */
bool sandbox_load_modules(void);

/* Sentences one after the other. */
void sandbox_say(struct buf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
