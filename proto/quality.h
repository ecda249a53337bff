/* quality: how good the data is: what an agent read, did not understand, mended or had to leave out. */
#ifndef RINGSIDE_PROTO_QUALITY_H
#define RINGSIDE_PROTO_QUALITY_H

/* Counters of what an agent met, kept with its data, additive. The order is that of storage and of the wire: append
 * only. */
enum quality {
    QUALITY_LINES,            /* lines read */
    QUALITY_EVENTS,           /* of these, understood */
    QUALITY_UNKNOWN_VERBS,    /* well formed, verb not known; counted by name too */
    QUALITY_BAD_LINES,        /* not a queue_log line (noise, NUL, missing fields) */
    QUALITY_LONG_LINES,       /* longer than the PBX can write: skipped to the next line feed */
    QUALITY_REFUSED_TIMES,    /* time before 2000 or more than a day ahead of this box's clock */
    QUALITY_LATE_EVENTS,      /* more than 10 s behind the newest event */
    QUALITY_DUPLICATE_LINES,  /* the same row again */
    QUALITY_KNOWN_LINES,      /* lines of an import that the ledger already holds */
    QUALITY_ORPHAN_ENDS,      /* ends and answers without a beginning */
    QUALITY_ORPHAN_STARTS,    /* legs whose end never came, replaced by a new start */
    QUALITY_DOUBLE_ENDS,      /* a second end for a leg that is over */
    QUALITY_RESCUED,          /* rows joined by the attended-transfer rules */
    QUALITY_INFERRED_ANSWERS, /* ends without their CONNECT row */
    QUALITY_SUSPECT_DURATIONS,
    QUALITY_RESTARTS, /* PBX starts */
    QUALITY_RELOADS,
    QUALITY_LOST_RESTART,  /* legs closed by a PBX start */
    QUALITY_LOST_EXPIRED,  /* legs closed by the age cap */
    QUALITY_LOST_EVICTED,  /* legs closed because too many were open */
    QUALITY_NAMES_REFUSED, /* more names than the ledger takes: rows of such queues are left out */
    QUALITY_GAPS,          /* spans the source could not read */
    QUALITY_SHED_LEGS,     /* legs given up for room before their retention was over */
    QUALITY_SHED_INTERVALS,
    QUALITY_QUARANTINED,   /* stored records that failed their check */
    QUALITY_CLOCK_STEPS,   /* event time fell back by more than a day: the box's clock was set */
    QUALITY_LIVE_EVENTS,   /* events of a live source (AMI) taken */
    QUALITY_LIVE_BAD,      /* messages of it that could not be read */
    QUALITY_LIVE_DOWNS,    /* how often it was cut off */
    QUALITY_LIVE_ONLY,     /* calls that the live source saw and the log never told of */
    QUALITY_LOG_ONLY,      /* calls in the log that the live source, connected then, never showed */
    QUALITY_LIVE_DIFFERS,  /* rows whose times the live source tells otherwise by more than a clock's second */
    QUALITY_LOST_UNSEEN,   /* legs that the live source lost sight of (it was cut off) */
    QUALITY_GUESSED_EXITS, /* ends whose reason the live source does not tell: counted as timeouts */
    QUALITY_COUNT
};

extern const char *const quality_names[QUALITY_COUNT]; /* JSON field names */

#endif
