/* check: what `ringside-agent check` finds that the daemon wants to know too. */
#ifndef RINGSIDE_AGENT_CHECK_H
#define RINGSIDE_AGENT_CHECK_H

#include <stdbool.h>

#include "platform/base/buf.h"

/* Whether Asterisk, by extconfig.conf and logger.conf in conf_dir, keeps queue_log out of the file `path`: written
 * to a database only, switched off, or under another name. True: `why` tells it in a sentence. Missing or unreadable
 * files say nothing. */
bool agent_check_asterisk(const char *conf_dir, const char *path, struct buf *why);

#endif
