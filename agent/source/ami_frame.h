/* ami_frame: the bytes of Asterisk's manager interface (AMI) as messages: lines "Key: Value" up to a blank line. Pure:
 * no I/O, no clock; bytes may come cut anywhere. Field guide 2.2.
 *
 * What is no message is left out and counted, and reading goes on behind the next blank line: a line over
 * AMI_LINE_MAX, a message over AMI_MESSAGE_MAX bytes, a line without a colon in a message, NUL bytes. Lines may end in
 * CR LF or LF. The banner ("Asterisk Call Manager/11.0.0", a single line at the start) is taken apart from the rest. */
#ifndef RINGSIDE_AGENT_SOURCE_AMI_FRAME_H
#define RINGSIDE_AGENT_SOURCE_AMI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/slice.h"

enum {
    AMI_LINE_MAX = 8192,
    AMI_MESSAGE_MAX = 64 * 1024,
    AMI_HEADERS_MAX = 128, /* those behind are left out; the events taken here have fewer than 50 */
    AMI_BANNER_MAX = 200
};

struct ami_header {
    struct slice name;
    struct slice value; /* behind the colon and one blank */
};

struct ami_message {
    struct slice event;    /* value of "Event", empty when it is a response */
    struct slice response; /* value of "Response" */
    struct ami_header headers[AMI_HEADERS_MAX];
    size_t count;
};

/* The value of the first header of this name, in whatever case; empty when there is none. Borrowed. */
struct slice ami_get(const struct ami_message *message, const char *name);
bool ami_has(const struct ami_message *message, const char *name);

/* A number of the header, `otherwise` when it is absent, empty or no number. */
int64_t ami_number(const struct ami_message *message, const char *name, int64_t otherwise);

/* When the event happened: its "Timestamp: sec.microsec" header where the PBX writes one (timestampevents=yes) and it
 * is a time between 2000 and a day ahead of arrival, else the time of arrival. */
int64_t ami_time_ms(const struct ami_message *message, int64_t arrival_ms);
void ami_forget_time(struct ami_message *message); /* it is not to be believed: only that of arrival is known */

struct ami_frame_counters {
    uint64_t messages; /* whole ones, with those that were not wanted */
    uint64_t bad;      /* left out, see above; of those not wanted only the lengths are looked at */
};

struct ami_frame;

int ami_frame_new(struct ami_frame **out); /* returns owned */
void ami_frame_free(struct ami_frame *frame);
void ami_frame_reset(struct ami_frame *frame); /* a new connection begins; counters stay */

/* Takes bytes, calls banner() once and message() for each whole message, all borrowed for the call. Either returns 0
 * to go on; anything else stops, and is returned (the rest of the bytes is dropped, the frame is as after
 * ami_frame_reset()). STATUS_NO_MEMORY likewise.
 * `wanted` (may be NULL) is asked with the value of "Event" before a message is taken apart: those not wanted are
 * skipped at the speed of looking for the blank line. */
struct ami_frame_sink {
    int (*banner)(void *ctx, struct slice line);
    int (*message)(void *ctx, const struct ami_message *message);
    bool (*wanted)(void *ctx, struct slice event);
    void *ctx;
};
int ami_frame_take(struct ami_frame *frame, struct slice bytes, const struct ami_frame_sink *sink);

const struct ami_frame_counters *ami_frame_counters(const struct ami_frame *frame);

#endif
