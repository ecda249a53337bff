/* ami_recordings: recordings of a real Asterisk: its AMI stream as it was received, and the queue_log of the same run.
 */
#ifndef RINGSIDE_TESTS_UNIT_SOURCE_AMI_RECORDINGS_H
#define RINGSIDE_TESTS_UNIT_SOURCE_AMI_RECORDINGS_H

#include "tests/unit/source/ami_calls_heard.h"
#include "tests/unit/source/recording.h"

enum { RECORDING_END_MS = 3000 }; /* after the last message nothing is waited for any more */

void recording_replay(struct heard *heard, const char *folder, const char *name);
bool recording_is_killed(const char *folder); /* what was under way at its end has no end */

/* The rows of all parts of the log up to a time, added to `rows` (of which only the events are used). */
void recording_log(struct heard *rows, const char *folder, int64_t until_ms);

/* While the connection was down, and as long around it as something of it may come late. */
struct gap {
    int64_t from_ms, to_ms;
};

/* Each prints what is wrong and returns how much. compare() pairs events with rows one to one; gap may be NULL. */
unsigned recording_compare(const char *folder, struct heard *heard, struct heard *rows, const struct gap *gap);
unsigned recording_check_rings(const char *folder, const struct heard *heard);
unsigned recording_complain(const char *folder, const char *what, const struct heard_event *event);

#endif
