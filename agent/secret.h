/* secret: the manager account's secret, from the first line of a file. */
#ifndef RINGSIDE_AGENT_SECRET_H
#define RINGSIDE_AGENT_SECRET_H

#include "platform/base/buf.h"

enum { AGENT_SECRET_MAX = 128 };

/* Fills `out` with the line, NUL behind it. STATUS_NOT_FOUND, STATUS_DENIED, STATUS_IO, STATUS_INVALID (empty, too
 * long, control characters), each with a sentence in `why` that holds nothing of the secret. Wipe it with the other. */
int agent_secret_read(const char *path, char out[AGENT_SECRET_MAX + 1], struct buf *why);
void agent_secret_wipe(char secret[AGENT_SECRET_MAX + 1]);

#endif
