/* sync_internal: what the engine's own files share. */
#ifndef RINGSIDE_AGENT_SYNC_SYNC_INTERNAL_H
#define RINGSIDE_AGENT_SYNC_SYNC_INTERNAL_H

#include "agent/sync/sync.h"
#include "platform/base/buf.h"
#include "proto/message.h"

enum {
    SYNC_BATCH_ITEMS_MAX = 1000,
    SYNC_PAYLOAD_MIN = 1024, /* no collector takes less; a message limit never falls below */
    SYNC_ACK_PACE_MS = 1000,
    SYNC_MISSED_HEARTBEATS = 3, /* without an answer to anything */
    SYNC_OVERDUE_HEARTBEATS = 6 /* without an answer to one, whatever else was answered: it is lost */
};

/* queue: by the ledger's number. What the connection was told of it, and what is the case. */
struct sync_standing {
    uint32_t waiting;
    uint32_t talking;
    int64_t oldest_enter_ms;
    int32_t held; /* -1: not known, as all below */
    int32_t logged_in;
    int32_t ready;
    int32_t paused;
    int32_t on_call;
};
struct sync_queue {
    uint64_t named;       /* tag of the batch that named it on this connection; 0: none */
    bool live_named;      /* a batch may yet fail to be taken, so the live view names for itself */
    int64_t open_start_s; /* newest interval that was sent before it was over */
    int64_t open_sent_ms;
    uint32_t open_revision;
    struct sync_standing now;
    struct sync_standing told;
};

/* operator: one who is logged in, as the connection was told of him. */
struct sync_operator {
    char name[LIMITS_OPERATOR_TEXT_MAX + 1];
    char reason[LIMITS_OPERATOR_TEXT_MAX + 1];
    enum shift_state state;
    int64_t since_ms;
    uint32_t queue;
};
struct sync_people {
    struct sync_operator *told; /* ascending by name */
    size_t count;
    uint32_t more; /* not told of by name */
    bool known;    /* the collector has a list of ours */
};

/* batch: intervals under way, or answered and not yet written to the ledger; newest first, as they were walked. */
enum sync_outcome { SYNC_UNSETTLED, SYNC_TAKEN, SYNC_REFUSED, SYNC_SURPASSED };
struct sync_item {
    int64_t start_s;
    uint32_t queue;
    uint32_t revision;
    enum sync_outcome outcome;
    uint64_t held_revision;
    char *reason; /* owned; NULL: none */
};
struct sync_batch {
    struct sync_batch *next;
    uint64_t tag;
    int64_t sent_ms;
    bool answered;
    bool again;   /* when it is settled, there is more to send of what it holds */
    bool unnamed; /* it relies on names told before */
    size_t bytes;
    size_t count;
    size_t cap;
    struct sync_item *items;
};

struct sync_resend {
    bool begins; /* the collector told its store, and the ledger has not been asked yet */
    uint8_t store[LIMITS_STORE_BYTES];
    struct ledger_resend ledger;
    int64_t due_ms; /* of the next step */
};

struct sync {
    struct sync_options options;
    char site[LIMITS_SITE_MAX + 1];
    char agent_version[64];
    char zone[64];
    uint8_t epoch[LIMITS_EPOCH_BYTES];
    uint32_t interval_s;
    struct sync_facts facts;
    int64_t lag_ms;

    bool connected;
    bool greeted;
    unsigned attempt;
    uint64_t last_tag;
    uint64_t hello_tag; /* 0: none under way */
    uint64_t live_tag;
    int64_t hello_sent_ms;
    int64_t silent_since_ms; /* something is under way since, and nothing was answered; -1: nothing is */
    int64_t hold_until_ms;   /* 5.03 */
    int64_t pause_until_ms;  /* no batches: one failed */
    unsigned failures;       /* of batches, in a row */
    uint32_t payload_limit;

    struct sync_queue *queues; /* [number] */
    size_t queue_count;

    bool walk_done;     /* nothing dirty is left that may go now and is not under way */
    int64_t walk_start; /* the walk over what is dirty goes on before this one */
    uint32_t walk_queue;
    int64_t walk_due_ms; /* an open interval that was held back may go then; INT64_MAX: none */
    size_t items_max;    /* of a batch; below SYNC_BATCH_ITEMS_MAX while looking for one that is not taken */
    struct sync_batch *batches;
    size_t answered_items;
    uint32_t answered_batches;
    int64_t answered_since_ms;

    struct sync_resend resend;

    bool live_bare;  /* the collector did not understand what the live view told: only that we live */
    bool live_first; /* on this connection none was answered yet */
    bool live_news;  /* something was committed, or the board changed, since the last look */
    bool live_more;  /* not all fitted */
    int64_t live_sent_ms;
    int64_t live_looked_ms; /* -1: not yet on this connection */
    struct sync_people people;
    int64_t quality_sent_ms;
    uint64_t quality_told[QUALITY_COUNT];
    uint32_t gap_told; /* number of the newest gap that the collector has */
    uint32_t gap_sent;
    uint64_t refused_told;

    struct message_batch_writer *writer;
    struct message_arena *arena;
    struct buf out;
};

/* sync.c */
void sync_set_error(struct sync *sync, const char *what, struct slice detail);
void sync_copy_text(char *to, size_t size, struct slice from); /* cut, printable ASCII */
uint64_t sync_begin_request(struct sync *sync, int64_t now_ms);
void sync_request_failed(struct sync *sync);                            /* the one just begun */
void sync_drop(struct sync *sync, int64_t now_ms, int64_t retry_at_ms); /* closes hard */
int64_t sync_jitter_ms(const struct sync *sync, unsigned attempt);

/* sync_queue.c */
struct sync_queue *sync_queue_at(struct sync *sync, uint32_t number); /* NULL: no memory, or no such number can be */
void sync_forget_names(struct sync *sync);
void sync_forget_told(struct sync *sync); /* a new connection */
/* Borrowed from the view and `settings`. */
struct message_queue sync_queue_message(const struct sync *sync, struct ledger_view *view, uint32_t number,
                                        struct queue_settings *settings);

/* sync_batch.c */
void sync_rewind(struct sync *sync); /* the walk begins at the newest again */
void sync_send_batches(struct sync *sync, int64_t now_ms, int64_t wall_ms);
bool sync_may_send_batch(const struct sync *sync);
int64_t sync_oldest_batch_ms(const struct sync *sync); /* when the oldest under way was sent; INT64_MAX: none */
struct sync_batch *sync_find_batch(struct sync *sync, uint64_t tag);
void sync_batch_settle(struct sync *sync, struct sync_batch *batch, int64_t now_ms);
void sync_batch_release(struct sync *sync, struct sync_batch *batch); /* not taken: it is to be sent again */
void sync_release_all(struct sync *sync);                             /* those under way */
void sync_write_acks(struct sync *sync, int64_t now_ms, bool now);
void sync_free_batches(struct sync *sync);
void sync_refuse(struct sync *sync, struct sync_item *item, struct slice reason);
void sync_pause(struct sync *sync, int64_t now_ms);

/* sync_reply.c */
void sync_batch_answered(struct sync *sync, struct sync_batch *batch, int64_t now_ms, unsigned code,
                         struct slice payload);

/* sync_resend.c */
int64_t sync_first_start_s(struct sync *sync); /* of the oldest interval held; 0: none */
void sync_meet_store(struct sync *sync, int64_t now_ms, const struct message_hello_reply *reply);
void sync_resend(struct sync *sync, int64_t now_ms); /* the next step, where one is due */
int64_t sync_resend_due_ms(const struct sync *sync);
bool sync_resend_marks(const struct sync *sync); /* more may wait than is marked by now */

struct slice sync_cut(struct slice text, size_t max); /* at a whole UTF-8 character */

/* sync_figures.c: what is the case in each queue. */
struct sync_names { /* what a message needs beside its queues; owned by whoever looks */
    struct message_live_queue *queues;
    struct message_queue *names;
    struct queue_settings *settings;
};
int sync_count_board(struct sync *sync, const struct board_copy *board);
int sync_count_legs(struct sync *sync, struct ledger_view *view);
/* Puts into the message what changed, as much as it may hold. *more: there is more. */
int sync_put_figures(struct sync *sync, struct ledger_view *view, struct message_live *live, struct sync_names *room,
                     bool *more);
void sync_names_free(struct sync_names *room);

/* sync_people.c: `board` NULL: not known, or not to be told. *out is owned. */
int sync_put_people(struct sync *sync, const struct board_copy *board, struct message_live *live,
                    struct message_live_operator **out, bool *more);
void sync_forget_people(struct sync *sync);

/* sync_live.c */
void sync_send_live(struct sync *sync, int64_t now_ms, int64_t wall_ms);
int64_t sync_live_due_ms(const struct sync *sync);
void sync_live_answered(struct sync *sync, bool taken);

#endif
