/* known: keeps what the ledger already holds from being counted twice when logs overlap: copies cut elsewhere, joined
 * files, older snapshots. Files that are recognised by their bytes never come here; this goes by time and call.
 *
 * A span is the time that one file covered. A row inside it is known, once the first ENTERQUEUE met inside it proves to
 * be a leg of the ledger; if it is not, the span is of some other log and does not count. In the span's last second
 * only rows that can be looked up are held back: the file may have ended in the middle of it. */
#ifndef RINGSIDE_AGENT_KNOWN_H
#define RINGSIDE_AGENT_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/event/event.h"
#include "agent/ledger/ledger_write.h"

enum known_state { KNOWN_UNDECIDED, KNOWN_SAME, KNOWN_OTHER };

struct known_span {
    int64_t first_ms;
    int64_t last_ms;
    enum known_state state;
};

struct known {
    struct ledger *ledger; /* borrowed */
    struct known_span *spans;
    size_t count;
    size_t cap;
    int64_t legs_keep_ms;
    int64_t now_ms;
};

void known_init(struct known *known, struct ledger *ledger, int64_t legs_keep_ms);
void known_deinit(struct known *known);
void known_clear(struct known *known, int64_t now_ms);                 /* no spans: every row is new */
int known_add(struct known *known, int64_t first_ms, int64_t last_ms); /* 0 or STATUS_NO_MEMORY */

/* Whether the row is in the ledger already. Only what is committed is seen. 0 or 1, or a failure of the ledger. */
int known_has(struct known *known, const struct call_event *event);

#endif
