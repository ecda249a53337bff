/* Every recording of a real Asterisk: what ami_calls makes of its AMI stream against the queue_log of the same run. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/source/ami_calls_internal.h"
#include "agent/source/queue_log.h"
#include "platform/file/input.h"
#include "tests/unit/source/ami_calls_heard.h"

enum { OFF_MS = 1500, END_MS = 3000 };

/* ---- recordings ---- */

static bool read_file(const char *folder, const char *name, struct buf *out)
{
    char path[512];
    (void)snprintf(path, sizeof path, CAPTURES_DIR "/%s/%s", folder, name);
    struct input input;
    if (input_open(&input, path, false) != 0) {
        return false;
    }
    char piece[65536];
    size_t got;
    while (input_read(&input, piece, sizeof piece, &got) == 0) {
        buf_append(out, piece, got);
    }
    input_close(&input);
    assert_false(out->failed);
    return true;
}

/* Pieces as they were received, with the time of arrival. */
struct recording {
    struct buf bytes;
    struct buf index;
    size_t at;
};

static bool recording_open(struct recording *recording, const char *folder, const char *name)
{
    *recording = (struct recording){0};
    char file[64];
    (void)snprintf(file, sizeof file, "%s.raw.gz", name);
    if (!read_file(folder, file, &recording->bytes)) {
        return false;
    }
    (void)snprintf(file, sizeof file, "%s.idx.gz", name);
    assert_true(read_file(folder, file, &recording->index));
    return true;
}

static void recording_close(struct recording *recording)
{
    buf_deinit(&recording->bytes);
    buf_deinit(&recording->index);
}

static bool next_piece(struct recording *recording, struct slice *piece, int64_t *at_ms)
{
    const char *text = buf_cstr(&recording->index);
    while (text[recording->at]) {
        const char *line = text + recording->at;
        recording->at += strcspn(line, "\n");
        recording->at += text[recording->at] == '\n';
        char *end;
        double seconds = strtod(line, &end);
        if (end == line) {
            continue;
        }
        size_t offset = strtoull(end, &end, 10);
        size_t len = strtoull(end, &end, 10);
        assert_true(offset + len <= recording->bytes.len);
        *piece = slice_make((const char *)recording->bytes.data + offset, len);
        *at_ms = (int64_t)(seconds * 1000);
        return true;
    }
    return false;
}

static void replay(struct heard *heard, const char *folder, const char *name)
{
    struct recording recording;
    assert_true(recording_open(&recording, folder, name));
    struct slice piece;
    int64_t at_ms;
    while (next_piece(&recording, &piece, &at_ms)) {
        heard->now_ms = at_ms;
        heard_bytes(heard, piece);
    }
    recording_close(&recording);
}

/* ---- the log ---- */

static void read_log(struct heard *rows, const char *folder, const char *name, int64_t until_ms)
{
    struct buf bytes = BUF_INIT;
    assert_true(read_file(folder, name, &bytes));
    const char *text = buf_cstr(&bytes);
    while (*text) {
        size_t len = strcspn(text, "\n");
        struct call_event event;
        if (queue_log_parse(slice_make(text, len), &event) == 0 && event.at_ms <= until_ms) {
            heard_add(rows, &event);
        }
        text += len + (text[len] == '\n');
    }
    buf_deinit(&bytes);
}

static void read_logs(struct heard *rows, const char *folder, int64_t until_ms)
{
    char path[512];
    (void)snprintf(path, sizeof path, CAPTURES_DIR "/%s", folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, "queue_log", 9) == 0 || strncmp(entry->d_name, "qlog", 4) == 0) {
            read_log(rows, folder, entry->d_name, until_ms);
        }
    }
    closedir(dir);
}

/* ---- comparison ---- */

/* While the connection was down, and as long around it as something of it may come late. */
struct gap {
    int64_t from_ms, to_ms;
};

static bool is_inside(const struct gap *gap, int64_t at_ms)
{
    return gap && at_ms >= gap->from_ms - 2000 && at_ms <= gap->to_ms + 3500;
}

static bool is_compared(enum event_kind kind)
{
    return (kind >= EVENT_ENTER && kind <= EVENT_WITHDRAW) || kind == EVENT_RING_NO_ANSWER ||
           kind == EVENT_RING_CANCELED || kind == EVENT_OPERATOR_DUMP;
}

/* Without class dialplan nothing tells these apart. */
static bool is_same_kind(enum event_kind log, enum event_kind ours)
{
    return log == ours || (ours == EVENT_EXIT_TIMEOUT && (log == EVENT_EXIT_EMPTY || log == EVENT_WITHDRAW));
}

static bool is_near(int64_t a, int64_t b, int64_t within)
{
    return (a > b ? a - b : b - a) <= within;
}

static bool is_pair(const struct heard_event *row, const struct heard_event *ours, bool any_kind)
{
    /* A row's time is cut to the second. */
    return !ours->used && strcmp(row->call_id, ours->call_id) == 0 && strcmp(row->queue, ours->queue) == 0 &&
           strcmp(row->operator_name, ours->operator_name) == 0 && is_near(ours->at_ms, row->at_ms + 500, OFF_MS) &&
           (any_kind ? is_compared(ours->kind) : is_same_kind(row->kind, ours->kind));
}

static struct heard_event *find_pair(struct heard *heard, const struct heard_event *row)
{
    for (size_t i = 0; i < heard->count; i++) {
        if (is_pair(row, &heard->events[i], false)) {
            return &heard->events[i];
        }
    }
    return NULL;
}

static unsigned complain(const char *folder, const char *what, const struct heard_event *event)
{
    printf("%s: %s: %s %s %s '%s' at %" PRId64 "\n", folder, what, event_kind_str(event->kind), event->call_id,
           event->queue, event->operator_name, event->at_ms);
    return 1;
}

static bool is_wrong(int64_t row_ms, int64_t ours_ms, int64_t within)
{
    return row_ms != EVENT_UNKNOWN && !is_near(row_ms, ours_ms, within);
}

static unsigned compare_durations(const char *folder, const struct heard_event *row, const struct heard_event *ours,
                                  int64_t within_ms)
{
    /* Both ends of a whole-second difference may be off by nearly one. */
    bool ring_counts =
        row->kind == EVENT_CONNECT || row->kind == EVENT_RING_NO_ANSWER || row->kind == EVENT_RING_CANCELED;
    bool wrong = is_wrong(row->wait_ms, ours->wait_ms, within_ms) || is_wrong(row->talk_ms, ours->talk_ms, within_ms) ||
                 (ring_counts && is_wrong(row->ring_ms, ours->ring_ms, within_ms)) ||
                 (row->kind != EVENT_CONNECT && is_wrong(row->original_position, ours->original_position, 0));
    return wrong ? complain(folder, "durations", ours) : 0;
}

/* s32 has a line that its dialplan wrote with QueueLog(): no call of this PBX. */
static bool is_made_up(const char *folder, const struct heard_event *row)
{
    return strcmp(folder, "s32_custom_log") == 0 && strcmp(row->call_id, "1234.6") == 0;
}

/* s24 ends with kill -9: what was under way then has no end. */
static bool is_killed(const char *folder)
{
    return strcmp(folder, "s24_kill9") == 0;
}

static unsigned compare(const char *folder, struct heard *heard, struct heard *rows, const struct gap *gap)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < rows->count; i++) {
        struct heard_event *row = &rows->events[i];
        if (!is_compared(row->kind) || is_made_up(folder, row)) {
            continue;
        }
        struct heard_event *ours = find_pair(heard, row);
        bool excused = is_inside(gap, row->at_ms) || (gap && row->kind == EVENT_RING_CANCELED); /* began in the gap */
        if (excused) {
            if (ours) {
                ours->used = true;
            }
            continue;
        }
        if (!ours) {
            wrong += complain(folder, "only in the log", row);
            continue;
        }
        ours->used = true;
        wrong += compare_durations(folder, row, ours, gap ? 2100 : 1100);
    }
    for (size_t i = 0; i < heard->count; i++) {
        const struct heard_event *ours = &heard->events[i];
        /* Those who lost a race for a call leave no row, and the end of a dump none but its own. */
        bool leaves_row = is_compared(ours->kind) && ours->kind != EVENT_RING_CANCELED;
        if (!ours->used && leaves_row && !is_inside(gap, ours->at_ms)) {
            wrong += complain(folder, "not in the log", ours);
        }
    }
    return wrong;
}

/* Every ring ends once, before its call does. */
static unsigned check_rings(const char *folder, const struct heard *heard)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < heard->count; i++) {
        const struct heard_event *ring = &heard->events[i];
        if (ring->kind != EVENT_RING) {
            continue;
        }
        size_t k = i + 1;
        for (; k < heard->count; k++) {
            const struct heard_event *event = &heard->events[k];
            bool same = strcmp(event->call_id, ring->call_id) == 0 && strcmp(event->interface, ring->interface) == 0;
            if (same && (event->kind == EVENT_CONNECT || event->kind == EVENT_RING_NO_ANSWER ||
                         event->kind == EVENT_RING_CANCELED)) {
                break;
            }
            if (same && event->kind == EVENT_RING) {
                k = heard->count;
            }
        }
        wrong += k >= heard->count ? complain(folder, "rings for ever", ring) : 0;
    }
    return wrong;
}

static unsigned check_folder(const char *folder)
{
    struct heard heard;
    heard_init(&heard);
    replay(&heard, folder, "ami");
    heard_pass(&heard, END_MS);
    unsigned open = heard.calls->visits.used;
    struct heard rows = {0};
    read_logs(&rows, folder, heard.now_ms - END_MS);
    unsigned wrong = compare(folder, &heard, &rows, NULL);
    wrong += is_killed(folder) ? 0 : check_rings(folder, &heard);
    if (open != (is_killed(folder) ? 3 : 0)) {
        printf("%s: %u calls left open\n", folder, open);
        wrong++;
    }
    free(rows.events);
    heard_deinit(&heard);
    return wrong;
}

static int is_folder(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !strchr(entry->d_name, '.');
}

static void recordings_say_what_their_logs_say(void **state)
{
    (void)state;
    struct dirent **folders;
    int count = scandir(CAPTURES_DIR, &folders, is_folder, alphasort);
    assert_true(count > 40);
    unsigned wrong = 0;
    for (int i = 0; i < count; i++) {
        wrong += check_folder(folders[i]->d_name);
        free(folders[i]);
    }
    free(folders);
    assert_int_equal(wrong, 0);
}

/* ---- connections that break ---- */

/* What the PBX knows of a conversation and ami_calls does not keep. */
struct talk {
    char call_id[100], queue[80], operator_channel[100], channel_name[120];
};

struct pbx {
    struct heard heard; /* sees everything */
    struct talk talks[2048];
    size_t count;
};

static int note_talk(void *ctx, const struct ami_message *message)
{
    struct pbx *pbx = ctx;
    if (slice_is(message->event, "AgentConnect")) {
        assert_in_range(pbx->count, 0, 2047);
        struct talk *talk = &pbx->talks[pbx->count++];
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

/* The lists as this PBX would send them now. */
static void list_all(const struct pbx *pbx, struct buf *out)
{
    const struct ami_calls *calls = pbx->heard.calls;
    for (uint32_t at = calls->visit_head; at; at = ami_visit_at(calls, at)->next) {
        const struct ami_visit *visit = ami_visit_at(calls, at);
        char call_id[100];
        char queue[80];
        (void)snprintf(call_id, sizeof call_id, "%.*s", (int)visit->call_id_len, visit->call_id);
        struct slice name = ami_calls_name(calls, visit->queue);
        (void)snprintf(queue, sizeof queue, "%.*s", (int)name.len, name.data);
        if (visit->state == VISIT_TALKING) {
            list_talk(pbx, call_id, queue, out);
        } else if (visit->state == VISIT_WAITING) {
            buf_printf(out,
                       "Event: QueueEntry\r\nQueue: %s\r\nPosition: %" PRId64 "\r\nUniqueid: %s\r\nWait: %" PRId64
                       "\r\n\r\n",
                       queue, visit->position, call_id, (pbx->heard.now_ms - visit->enter_ms) / 1000);
        }
    }
    for (uint32_t at = calls->member_head; at; at = ami_member_at(calls, at)->next) {
        const struct ami_member *member = ami_member_at(calls, at);
        const struct slice texts[] = {ami_calls_name(calls, member->queue),
                                      ami_calls_name(calls, member->operator_name),
                                      ami_calls_name(calls, member->interface)};
        buf_printf(out, "Event: QueueMember\r\nQueue: %.*s\r\nName: %.*s\r\nLocation: %.*s\r\n\r\n", (int)texts[0].len,
                   texts[0].data, (int)texts[1].len, texts[1].data, (int)texts[2].len, texts[2].data);
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
    while (next_piece(recording, &piece, &at_ms)) {
        count++;
    }
    recording->at = 0;
    return count;
}

static bool is_end(enum event_kind kind)
{
    return (kind >= EVENT_COMPLETE_OPERATOR && kind <= EVENT_WITHDRAW) || kind == EVENT_LOST;
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
        wrong +=
            after_end || (event->kind == EVENT_CONNECT && entered < 1) ? complain(folder, "out of order", event) : 0;
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
    for (size_t i = 0; next_piece(&recording, &piece, &at_ms); i++) {
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
    heard_pass(&heard, END_MS);
    struct heard rows = {0};
    read_logs(&rows, folder, heard.now_ms - END_MS);
    unsigned wrong = compare(folder, &heard, &rows, &gap) + check_visits(folder, &heard);
    if (heard.calls->visits.used != (is_killed(folder) ? 3 : 0)) {
        printf("%s: %u calls left open\n", folder, heard.calls->visits.used);
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

static void a_pbx_that_was_killed_starts_again(void **state)
{
    (void)state;
    struct heard heard;
    heard_init(&heard);
    replay(&heard, "s24_kill9", "ami");
    assert_int_equal(heard.calls->visits.used, 3);
    heard_mark(&heard, AMI_MARK_DOWN);
    ami_frame_reset(heard.frame);
    heard.count = 0;
    replay(&heard, "s24_kill9", "ami-after-restart");
    assert_int_equal(heard.events[0].kind, EVENT_RESTART);
    heard_pass(&heard, END_MS);
    assert_int_equal(heard.calls->visits.used, 0);
    for (size_t i = 1; i < heard.count; i++) {
        assert_int_not_equal(heard.events[i].kind, EVENT_LOST);
        assert_int_not_equal(heard.events[i].kind, EVENT_RESTART);
    }
    heard_deinit(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recordings_say_what_their_logs_say),
        cmocka_unit_test(connections_break),
        cmocka_unit_test(a_busy_connection_breaks),
        cmocka_unit_test(a_pbx_that_was_killed_starts_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
