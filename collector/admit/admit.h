/* admit: whether a decoded message may go further: its shape, its ranges, its books. No clock, no store. */
#ifndef RINGSIDE_COLLECTOR_ADMIT_ADMIT_H
#define RINGSIDE_COLLECTOR_ADMIT_ADMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

struct admit_why {
    char text[MESSAGE_REASON_MAX + 1];
};

struct admit_rules {
    int64_t now_s;
    int64_t oldest_s; /* intervals that begin before this are refused; 0: none are */
    int64_t ahead_s;  /* how far ahead of now_s an interval may begin */
};

/* 0, or STATUS_INVALID / STATUS_RANGE with one sentence. */
int admit_site(struct slice claimed, const char *certified, struct admit_why *why);
int admit_hello(const struct message_hello *hello, struct admit_why *why);
int admit_batch(const struct message_batch *batch, struct admit_why *why);
int admit_queue(const struct message_queue *queue, struct admit_why *why);
int admit_operator(const struct message_live_operator *who, struct admit_why *why);
int admit_gap(const struct message_gap *gap, const struct admit_rules *rules, struct admit_why *why);

/* Counters and histograms that contradict each other are refused (an answered call has one wait; a maximum lies in the
 * highest bin; no more short abandons than abandons; ...). Books that do not balance are taken, and *balanced says so:
 * the number is shown as what it is. */
int admit_interval(const struct message_interval *interval, uint32_t interval_s, const struct admit_rules *rules,
                   bool *balanced, struct admit_why *why);

/* flood: a bucket of bytes and messages a site. */
struct admit_bucket {
    double bytes;
    double messages;
    int64_t at_ms;
};
struct admit_flood {
    double bytes_per_s;
    double bytes_max;
    double messages_per_s;
    double messages_max;
};
/* 0: taken from the bucket; else in how many seconds to come again (at least 1). A zero bucket is a full one. */
uint32_t admit_flood(struct admit_bucket *bucket, const struct admit_flood *limits, uint64_t bytes, int64_t now_ms);

#endif
