/* check: whether the machine fits the settings. Remarks are for people; nothing here changes anything. */
#ifndef RINGSIDE_AGENT_CHECK_H
#define RINGSIDE_AGENT_CHECK_H

#include <stdbool.h>

#include "agent/config.h"
#include "platform/base/buf.h"

enum agent_check_level { AGENT_CHECK_NOTE, AGENT_CHECK_WARNING, AGENT_CHECK_ERROR };

/* `text` is one line without line feed; borrowed for the call. */
typedef void (*agent_check_fn)(void *ctx, enum agent_check_level level, const char *text);

/* Looks at the ledger's directory (exists or can be made, writable, local file system, room), the sources' files,
 * the time zone and what joining a centre left behind. Returns the number of errors: things with which the agent cannot
 * run. */
unsigned agent_check_machine(const struct agent_config *config, agent_check_fn report, void *ctx);

/* Whether Asterisk, by extconfig.conf and logger.conf in conf_dir, keeps queue_log out of the file `path`: written
 * to a database only, switched off, or under another name. True: `why` tells it in a sentence. Missing or unreadable
 * files say nothing. */
bool agent_check_asterisk(const char *conf_dir, const char *path, struct buf *why);

#endif
