/* Recordings of a real Asterisk with connections that break, and snapshots when they are there again. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/source/ami_recordings.h"

/* ---- connections that break ---- */

/* What the PBX knows of a conversation and ami_calls does not keep. */
struct talk {
    char call_id[100], queue[80], operator_channel[100], channel_name[120];
    int64_t at_ms;
};

struct pbx {
    struct heard heard; /* sees everything */
    struct talk talks[2048];
    size_t count;
};

static int note_talk(void *ctx, const struct ami_message *message)
{
    struct pbx *pbx = ctx;
    /* A Leave is noted like an answer without an operator: it takes ami_calls a while to tell a key exit. */
    if (slice_is(message->event, "AgentConnect") || slice_is(message->event, "QueueCallerLeave")) {
        assert_in_range(pbx->count, 0, 2047);
        struct talk *talk = &pbx->talks[pbx->count++];
        talk->at_ms = pbx->heard.now_ms;
        const char *names[] = {"Uniqueid", "Queue", "DestUniqueid", "DestChannel"};
        char *const to[] = {talk->call_id, talk->queue, talk->operator_channel, talk->channel_name};
        for (size_t i = 0; i < 4; i++) {
            struct slice value = ami_get(message, names[i]);
            (void)snprintf(to[i], i == 1 ? 80 : 100, "%.*s", (int)value.len, value.data);
        }
    }
    return ami_calls_message(pbx->heard.calls, message, pbx->heard.now_ms);
}

static void pbx_bytes(struct pbx *pbx, struct slice bytes, int64_t at_ms)
{
    pbx->heard.now_ms = at_ms;
    struct ami_frame_sink sink = {.message = note_talk, .ctx = pbx};
    assert_int_equal(ami_frame_take(pbx->heard.frame, bytes, &sink), 0);
}

static void list_talk(const struct pbx *pbx, const char *call_id, const char *queue, struct buf *out)
{
    for (size_t i = pbx->count; i-- > 0;) {
        const struct talk *talk = &pbx->talks[i];
        if (strcmp(talk->call_id, call_id) == 0 && strcmp(talk->queue, queue) == 0) {
            buf_printf(out,
                       "Event: CoreShowChannel\r\nChannel: PJSIP/trunk-0001\r\nUniqueid: %s\r\nApplication: Queue\r\n"
                       "ApplicationData: %s,tT,,,\r\nBridgeId: b%zu\r\n\r\n",
                       call_id, queue, i);
            buf_printf(out,
                       "Event: CoreShowChannel\r\nChannel: %s\r\nUniqueid: %s\r\nApplication: AppQueue\r\n"
                       "ApplicationData: (Outgoing Line)\r\nBridgeId: b%zu\r\n\r\n",
                       talk->channel_name, talk->operator_channel, i);
            return;
        }
    }
}

static bool is_end(enum event_kind kind)
{
    return (kind >= EVENT_COMPLETE_OPERATOR && kind <= EVENT_WITHDRAW) || kind == EVENT_LOST;
}

static bool is_same_call(const struct heard_event *a, const struct heard_event *b)
{
    return strcmp(a->call_id, b->call_id) == 0 && strcmp(a->queue, b->queue) == 0;
}

/* Whether this ENTER or CONNECT is the newest that was told of its call and queue. */
static bool is_newest(const struct heard *heard, size_t at)
{
    for (size_t i = at + 1; i < heard->count; i++) {
        const struct heard_event *later = &heard->events[i];
        bool moves = later->kind == EVENT_ENTER || later->kind == EVENT_CONNECT || is_end(later->kind);
        if (moves && is_same_call(later, &heard->events[at])) {
            return false;
        }
    }
    return true;
}

static bool is_gone(const struct pbx *pbx, const struct heard_event *enter)
{
    for (size_t i = 0; i < pbx->count; i++) {
        const struct talk *talk = &pbx->talks[i];
        if (talk->at_ms >= enter->at_ms && strcmp(talk->call_id, enter->call_id) == 0 &&
            strcmp(talk->queue, enter->queue) == 0) {
            return true;
        }
    }
    return false;
}

/* The lists as this PBX would send them now. */
static void list_all(const struct pbx *pbx, struct buf *out)
{
    for (size_t i = 0; i < pbx->heard.count; i++) {
        const struct heard_event *event = &pbx->heard.events[i];
        if (event->kind == EVENT_MEMBER_STATE) {
            buf_printf(out, "Event: QueueMember\r\nQueue: %s\r\nName: %s\r\nLocation: %s\r\n\r\n", event->queue,
                       event->operator_name, event->interface);
        } else if (event->kind == EVENT_CONNECT && is_newest(&pbx->heard, i)) {
            list_talk(pbx, event->call_id, event->queue, out);
        } else if (event->kind == EVENT_ENTER && is_newest(&pbx->heard, i) && !is_gone(pbx, event)) {
            buf_printf(out,
                       "Event: QueueEntry\r\nQueue: %s\r\nPosition: %" PRId64 "\r\nUniqueid: %s\r\nWait: %" PRId64
                       "\r\n\r\n",
                       event->queue, event->position, event->call_id, (pbx->heard.now_ms - event->at_ms) / 1000);
        }
    }
    buf_append_str(out, "Event: CoreShowChannelsComplete\r\n\r\nEvent: QueueStatusComplete\r\n\r\n");
}

static void snapshot(struct heard *heard, const struct pbx *pbx)
{
    heard_mark(heard, AMI_MARK_SNAPSHOT_BEGIN);
    struct buf lists = BUF_INIT;
    list_all(pbx, &lists);
    heard_bytes(heard, buf_slice(&lists));
    buf_deinit(&lists);
    heard_mark(heard, AMI_MARK_SNAPSHOT_END);
}

static size_t count_pieces(struct recording *recording)
{
    struct slice piece;
    int64_t at_ms;
    size_t count = 0;
    while (recording_next(recording, &piece, &at_ms)) {
        count++;
    }
    recording->at = 0;
    return count;
}

/* Per call and queue, every visit begins before it is answered and ends once. */
static unsigned check_visits(const char *folder, const struct heard *heard)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < heard->count; i++) {
        const struct heard_event *event = &heard->events[i];
        if (event->kind != EVENT_ENTER && event->kind != EVENT_CONNECT && !is_end(event->kind)) {
            continue;
        }
        int entered = 0;
        for (size_t k = 0; k <= i; k++) {
            const struct heard_event *before = &heard->events[k];
            if (strcmp(before->call_id, event->call_id) == 0 && strcmp(before->queue, event->queue) == 0) {
                entered += (before->kind == EVENT_ENTER) - is_end(before->kind);
            }
        }
        bool after_end = is_end(event->kind) && entered < 0;
        wrong += after_end || (event->kind == EVENT_CONNECT && entered < 1)
                     ? recording_complain(folder, "out of order", event)
                     : 0;
    }
    return wrong;
}

/* Down between two pieces; the lists are `ahead` pieces newer than the events that follow them. */
static unsigned check_cut(const char *folder, size_t down, size_t up, size_t ahead)
{
    struct recording recording;
    assert_true(recording_open(&recording, folder, "ami"));
    struct heard heard;
    heard_init(&heard);
    struct pbx *pbx = calloc(1, sizeof *pbx);
    assert_non_null(pbx);
    heard_init(&pbx->heard);
    struct gap gap = {0};
    struct buf late = BUF_INIT;
    struct slice piece;
    int64_t at_ms;
    for (size_t i = 0; recording_next(&recording, &piece, &at_ms); i++) {
        if (i == down) {
            heard_mark(&heard, AMI_MARK_DOWN);
            ami_frame_reset(heard.frame);
            heard_bytes(&heard, slice_str("Asterisk Call Manager/11.0.0\r\n"));
            gap.from_ms = heard.now_ms;
        }
        pbx_bytes(pbx, piece, at_ms);
        heard.now_ms = at_ms;
        bool is_late = i >= up - ahead && i < up;
        if (is_late) {
            buf_append(&late, piece.data, piece.len);
        } else if (i < down || i >= up) {
            heard_bytes(&heard, piece);
        }
        if (i + 1 == up) {
            snapshot(&heard, pbx);
            heard_bytes(&heard, buf_slice(&late));
            gap.to_ms = at_ms;
        }
    }
    heard_pass(&heard, RECORDING_END_MS);
    struct heard rows = {0};
    recording_log(&rows, folder, heard.now_ms - RECORDING_END_MS);
    unsigned wrong = recording_compare(folder, &heard, &rows, &gap) + check_visits(folder, &heard);
    if (heard_held(&heard).calls != (recording_is_killed(folder) ? 3 : 0)) {
        printf("%s: %u calls left open\n", folder, heard_held(&heard).calls);
        wrong++;
    }
    if (wrong) {
        printf("%s: down at piece %zu, up at %zu, lists ahead by %zu\n", folder, down, up, ahead);
    }
    free(rows.events);
    buf_deinit(&late);
    recording_close(&recording);
    heard_deinit(&pbx->heard);
    free(pbx);
    heard_deinit(&heard);
    return wrong;
}

static void connections_break(void **state)
{
    (void)state;
    static const char *const folders[] = {"s09_rna_then_answer",   "s12_blind_transfer", "s14_attended_transfer",
                                          "s17_requeue",           "s19_key_to_queue",   "s36_ringall",
                                          "s44_attended_to_queue", "s47_shared_members", "s33_agentdump"};
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct recording recording;
        assert_true(recording_open(&recording, folders[i], "ami"));
        size_t count = count_pieces(&recording);
        recording_close(&recording);
        for (size_t down = 6; down + 2 < count; down += count / 12 + 1) {
            for (size_t len = 1; len < count / 2 && down + len < count; len += count / 6 + 1) {
                wrong += check_cut(folders[i], down, down + len, 0);
                wrong += check_cut(folders[i], down, down + len, len > 3 ? 3 : 1);
            }
        }
    }
    assert_int_equal(wrong, 0);
}

static void a_busy_connection_breaks(void **state)
{
    (void)state;
    struct recording recording;
    assert_true(recording_open(&recording, "alt", "ami"));
    size_t count = count_pieces(&recording);
    recording_close(&recording);
    unsigned wrong = check_cut("alt", count / 5, count / 4, 0) + check_cut("alt", count / 2, count / 2 + 1, 1) +
                     check_cut("alt", count / 3, count / 2, 20);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_break),
        cmocka_unit_test(a_busy_connection_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
