/* queue_log: one row of Asterisk's queue_log as an event. No I/O, no state: bytes in, struct out. The forms are those
 * of apps/app_queue.c and main/logger.c of Asterisk 1.4 to 23, of FreePBX, Wazo, QueueMetrics and VICIdial. */
#ifndef RINGSIDE_AGENT_SOURCE_QUEUE_LOG_H
#define RINGSIDE_AGENT_SOURCE_QUEUE_LOG_H

#include "agent/event/event.h"
#include "platform/base/slice.h"

enum {
    QUEUE_LOG_LINE_MAX = 8191, /* Asterisk's buffer is 8192; a longer line is not Asterisk's */
    QUEUE_LOG_BLANK = 1        /* outcome: an empty line, nothing to take */
};

/* Parses one line without its line feed (a trailing carriage return is dropped). *out borrows from `line`. Its kind is
 * EVENT_UNKNOWN_VERB when the row is well formed but the verb is not known.
 * 0, QUEUE_LOG_BLANK, or STATUS_INVALID (not a row: too long, too few fields, no verb, no number in front, NUL or
 * control bytes other than a tab in the first five fields) or STATUS_RANGE (a time that does not fit). *out is written
 * on 0 only.
 * Numbers: absent or no number is EVENT_UNKNOWN; negative stays negative; huge stops at INT64_MAX / 1000 of its unit.
 * The text of a transfer is what stands in front of the times: "700|xfer", "BRIDGE|id".
 * A `|` inside names (Asterisk does not escape it) is resolved by the verb's place and its numeric fields. */
int queue_log_parse(struct slice line, struct call_event *out);

#endif
