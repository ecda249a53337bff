/* privilege: giving up what the daemon does not need, for good. */
#ifndef RINGSIDE_PLATFORM_SERVICE_PRIVILEGE_H
#define RINGSIDE_PLATFORM_SERVICE_PRIVILEGE_H

#include <stdbool.h>

#include "platform/base/buf.h"

/* Started as root: becomes `user`, with the user's groups, group and id, without capabilities, and no way back, which
 * is tried. Started as anybody else, or with an empty name, the process stays who it is. 0                  done, or
 * nothing to do STATUS_NOT_FOUND   no such user; nothing changed STATUS_DENIED      the way back to root is open: stop
 * the program then STATUS_IO          the user database or the kernel refused: stop the program then `why` takes one
 * sentence for people when it is not 0. */
int privilege_drop(const char *user, struct buf *why);

/* For every process of ours, root or not: no new rights by exec, no core dump and no tracing (the memory holds what
 * callers are), of the capabilities it has only those for files of others and for low ports, files made readable by the
 * group at most. 0 or STATUS_IO with a sentence in `why`. */
int privilege_harden(struct buf *why);

/* Lowers the scheduling priority to `nice` (0..19); asking for 0 leaves it. 0 or STATUS_IO. */
int privilege_nice(int nice);

#endif
