#include "agent/source/ami_frame.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "platform/file/input.h"
#include "tests/support/rng.h"

/* What the sink was told, as text: "[banner]", then "name=value;" for each header and "." for the message's end. */
struct heard {
    struct buf text;
    const char *unwanted;
    int stop_after; /* messages; 0: never */
    int messages;
};

static int hear_banner(void *ctx, struct slice line)
{
    struct heard *heard = ctx;
    buf_append_str(&heard->text, "[");
    buf_append(&heard->text, line.data, line.len);
    buf_append_str(&heard->text, "]");
    return 0;
}

static int hear_message(void *ctx, const struct ami_message *message)
{
    struct heard *heard = ctx;
    assert_true(message->count > 0 && message->count <= AMI_HEADERS_MAX);
    for (size_t i = 0; i < message->count; i++) {
        buf_append(&heard->text, message->headers[i].name.data, message->headers[i].name.len);
        buf_append_str(&heard->text, "=");
        buf_append(&heard->text, message->headers[i].value.data, message->headers[i].value.len);
        buf_append_str(&heard->text, ";");
    }
    buf_append_str(&heard->text, ".");
    return ++heard->messages == heard->stop_after ? 7 : 0;
}

static bool hear_wanted(void *ctx, struct slice event)
{
    const struct heard *heard = ctx;
    return !heard->unwanted || !slice_is(event, heard->unwanted);
}

static struct ami_frame_sink sink_of(struct heard *heard)
{
    return (struct ami_frame_sink){hear_banner, hear_message, hear_wanted, heard};
}

static struct ami_frame *make(void)
{
    struct ami_frame *frame = NULL;
    assert_int_equal(ami_frame_new(&frame), 0);
    return frame;
}

/* The bytes in memory of their own size, so that a sanitizer sees a read behind them. */
static int take(struct ami_frame *frame, struct slice bytes, const struct ami_frame_sink *sink)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    int status = ami_frame_take(frame, slice_make(copy, bytes.len), sink);
    memset(copy, '#', bytes.len);
    free(copy);
    return status;
}

static struct slice part(struct slice bytes, size_t from, size_t to)
{
    return slice_make(bytes.data + from, to - from);
}

/* Hears all of it in pieces of `step` bytes. */
static struct ami_frame_counters hear_pieces(struct heard *heard, struct slice bytes, size_t step)
{
    struct ami_frame *frame = make();
    struct ami_frame_sink sink = sink_of(heard);
    for (size_t at = 0; at < bytes.len; at += step) {
        assert_int_equal(take(frame, part(bytes, at, at + step < bytes.len ? at + step : bytes.len), &sink), 0);
    }
    struct ami_frame_counters counters = *ami_frame_counters(frame);
    ami_frame_free(frame);
    return counters;
}

static void assert_same(struct heard *a, struct heard *b)
{
    assert_string_equal(buf_cstr(&a->text), buf_cstr(&b->text));
    assert_int_equal(a->text.len, b->text.len);
}

/* Whole, cut at every byte, and byte by byte: always `expected`, and so many bad ones. */
static void assert_heard_bytes(struct slice bytes, const char *expected, uint64_t bad, const char *unwanted)
{
    for (size_t cut = 0; cut <= bytes.len + 1; cut++) {
        struct heard heard = {.unwanted = unwanted};
        struct ami_frame *frame = make();
        struct ami_frame_sink sink = sink_of(&heard);
        if (cut <= bytes.len) {
            assert_int_equal(take(frame, part(bytes, 0, cut), &sink), 0);
            assert_int_equal(take(frame, part(bytes, cut, bytes.len), &sink), 0);
        } else {
            for (size_t at = 0; at < bytes.len; at++) {
                assert_int_equal(take(frame, part(bytes, at, at + 1), &sink), 0);
            }
        }
        assert_string_equal(buf_cstr(&heard.text), expected);
        assert_int_equal(ami_frame_counters(frame)->bad, bad);
        buf_deinit(&heard.text);
        ami_frame_free(frame);
    }
}

static void assert_heard(const char *text, const char *expected, uint64_t bad)
{
    assert_heard_bytes(slice_str(text), expected, bad, NULL);
}

#define BANNER "Asterisk Call Manager/11.0.0\r\n"

static void tells_banner_and_messages(void **state)
{
    (void)state;
    assert_heard(BANNER "Response: Success\r\nMessage: Hi\r\n\r\nEvent: A\r\nB: c: d\r\n\r\n",
                 "[Asterisk Call Manager/11.0.0]Response=Success;Message=Hi;.Event=A;B=c: d;.", 0);
    assert_heard(BANNER, "[Asterisk Call Manager/11.0.0]", 0);
    assert_heard("Asterisk Call Manager/2.8.0\n", "[Asterisk Call Manager/2.8.0]", 0);
    assert_heard("Asterisk Call Manager/1: 2\r\nA: b\r\n\r\n", "[Asterisk Call Manager/1: 2]A=b;.", 0);
    assert_heard("Asterisk Call Manager", "", 0);
    assert_heard("\r\n\n" BANNER "\r\nA: b\r\n\r\n", "[Asterisk Call Manager/11.0.0]A=b;.", 0);
    assert_heard("SSH-2.0-OpenSSH_9.2\r\nA: b\r\n\r\n", "[SSH-2.0-OpenSSH_9.2]A=b;.", 0);
    assert_heard("Event: A\r\nB: c\r\n\r\nEvent: D\r\n\r\n", "Event=A;B=c;.Event=D;.", 0);
}

static void takes_lines_as_they_come(void **state)
{
    (void)state;
    assert_heard(BANNER "A: b\nC: d\n\nE: f\n\n", "[Asterisk Call Manager/11.0.0]A=b;C=d;.E=f;.", 0);
    assert_heard(BANNER "A: b\nC: d\r\n\nE: f\n\r\n\r\n\r\n\n", "[Asterisk Call Manager/11.0.0]A=b;C=d;.E=f;.", 0);
    assert_heard(BANNER "A:b\r\nC:  d\r\nE:\r\nF: \r\nG: x\ry\r\n\r\n",
                 "[Asterisk Call Manager/11.0.0]A=b;C= d;E=;F=;G=x\ry;.", 0);
    assert_heard(BANNER "A: b\r\nC: d", "[Asterisk Call Manager/11.0.0]", 0);
    assert_heard(BANNER "A: b\r\nC: d\r\n", "[Asterisk Call Manager/11.0.0]", 0);
}

static void leaves_out_what_is_no_message(void **state)
{
    (void)state;
    static const char nuls[] = BANNER "A: b\0c\r\n\r\n\0: d\r\n\r\nE: f\r\n\r\n";
    assert_heard(BANNER "A: b\r\nrubbish\r\nC: d\r\n\r\nE: f\r\n\r\n", "[Asterisk Call Manager/11.0.0]E=f;.", 1);
    assert_heard(BANNER "rubbish\r\n\r\n: x\r\n\r\nE: f\r\n\r\n", "[Asterisk Call Manager/11.0.0]E=f;.", 2);
    assert_heard(BANNER " \r\n\r\nE: f\r\n\r\n", "[Asterisk Call Manager/11.0.0]E=f;.", 1);
    assert_heard_bytes(slice_make(nuls, sizeof nuls - 1), "[Asterisk Call Manager/11.0.0]E=f;.", 2, NULL);
    static const char nul_banner[] = "Aster\0isk\r\nA: b\r\n\r\nC: d\r\n\r\n";
    assert_heard_bytes(slice_make(nul_banner, sizeof nul_banner - 1), "C=d;.", 1, NULL);
}

static void append_run(struct buf *buf, const char *before, size_t count, const char *after)
{
    buf_append_str(buf, before);
    uint8_t *at = buf_grow(buf, count);
    assert_non_null(at);
    memset(at, 'x', count);
    buf_append_str(buf, after);
}

/* What comes of `text`, however it is cut: whole, and in a few sizes of pieces (every cut would take long). */
static void assert_counts(struct buf *text, uint64_t messages, uint64_t bad)
{
    const size_t steps[] = {text->len, 1, 7, 1000, 4099};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct heard heard = {0};
        struct ami_frame_counters counters = hear_pieces(&heard, buf_slice(text), steps[i]);
        assert_int_equal(counters.messages, messages);
        assert_int_equal(counters.bad, bad);
        assert_int_equal(heard.messages, messages);
        buf_deinit(&heard.text);
    }
    buf_deinit(text);
}

static void measures_lines(void **state)
{
    (void)state;
    const char *ends[] = {"\r\n\r\n", "\n\n"};
    for (size_t i = 0; i < 2; i++) {
        struct buf text = BUF_INIT;
        buf_append_str(&text, BANNER);
        append_run(&text, "A: ", AMI_LINE_MAX - 3, ends[i]);
        append_run(&text, "B: ", AMI_LINE_MAX - 2, ends[i]);
        append_run(&text, "A: b\r\nC: ", 3 * AMI_LINE_MAX, ends[i]);
        buf_append_str(&text, "D: e\r\n\r\n");
        assert_counts(&text, 2, 2);
    }
    struct buf text = BUF_INIT;
    append_run(&text, "", AMI_BANNER_MAX, "\r\nA: b\r\n\r\n");
    assert_counts(&text, 1, 0);
    append_run(&text, "", AMI_BANNER_MAX + 1, "\r\nA: b\r\n\r\nC: d\r\n\r\n");
    assert_counts(&text, 1, 1);
    append_run(&text, "Event: ", 2 * AMI_BANNER_MAX, "\r\nA: b\r\n\r\nC: d\r\n\r\n");
    assert_counts(&text, 2, 0);
}

/* Lines of 1024 bytes with their ends: 63 and one of 1022 are a message of just AMI_MESSAGE_MAX without its last end.
 */
static void measures_messages(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf text = BUF_INIT;
        buf_append_str(&text, BANNER);
        for (int i = 0; i < 63; i++) {
            append_run(&text, "A: ", 1019, "\r\n");
        }
        append_run(&text, "A: ", 1021 + more, "\r\n\r\nB: c\r\n\r\n");
        assert_counts(&text, 2 - more, more);
    }
}

static void keeps_the_first_headers(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    buf_append_str(&text, BANNER);
    for (int i = 0; i < 200; i++) {
        buf_printf(&text, "H%d: %d\r\n", i, i);
    }
    buf_append_str(&text, "Event: late\r\n\r\n");
    struct heard heard = {0};
    struct ami_frame_counters counters = hear_pieces(&heard, buf_slice(&text), 100);
    assert_int_equal(counters.messages, 1);
    assert_non_null(strstr(buf_cstr(&heard.text), "H127=127;."));
    buf_deinit(&heard.text);
    buf_deinit(&text);
}

static void skips_what_is_not_wanted(void **state)
{
    (void)state;
    assert_heard_bytes(slice_str(BANNER "Event: No\r\nA: b\r\n\r\nEvent: Yes\r\n\r\nX: y\r\nEvent: No\r\n\r\n"
                                        "event: No\r\nno colon\r\n\r\nResponse: No\r\n\r\n"),
                       "[Asterisk Call Manager/11.0.0]Event=Yes;.Response=No;.", 0, "No");
}

static void stops_when_told(void **state)
{
    (void)state;
    struct heard heard = {.stop_after = 2};
    struct ami_frame_sink sink = sink_of(&heard);
    struct ami_frame *frame = make();
    assert_int_equal(take(frame, slice_str(BANNER "A: 1\r\n\r\nA: 2\r\n\r\nA: 3\r\n\r\nA:"), &sink), 7);
    assert_int_equal(heard.messages, 2);
    assert_int_equal(take(frame, slice_str(BANNER "A: 4\r\n\r\n"), &sink), 0);
    assert_int_equal(take(frame, slice_str("half"), &sink), 0);
    ami_frame_reset(frame);
    assert_int_equal(take(frame, slice_str(BANNER), &sink), 0);
    assert_string_equal(buf_cstr(&heard.text), "[Asterisk Call Manager/11.0.0]A=1;.A=2;."
                                               "[Asterisk Call Manager/11.0.0]A=4;.[Asterisk Call Manager/11.0.0]");
    assert_int_equal(ami_frame_counters(frame)->messages, 3);
    buf_deinit(&heard.text);
    ami_frame_free(frame);
    ami_frame_free(NULL);
}

/* ---- values ---- */

static struct ami_message one_header(const char *name, const char *value)
{
    struct ami_message message = {.count = 1};
    message.headers[0] = (struct ami_header){slice_str(name), slice_str(value)};
    return message;
}

static void finds_headers(void **state)
{
    (void)state;
    struct ami_message message = one_header("ServicelevelPerf", "12");
    assert_true(slice_is(ami_get(&message, "ServiceLevelPerf"), "12"));
    assert_true(ami_has(&message, "servicelevelperf"));
    assert_false(ami_has(&message, "ServiceLevel"));
    assert_int_equal(ami_get(&message, "Queue").len, 0);
    assert_int_equal(ami_number(&message, "ServiceLevelPerf", -1), 12);
    assert_int_equal(ami_number(&message, "Other", -1), -1);
    const char *none[] = {"", "12.0", " 12", "x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        message = one_header("A", none[i]);
        assert_int_equal(ami_number(&message, "A", 5), 5);
    }
}

static void assert_time(const char *timestamp, int64_t expected_ms)
{
    struct ami_message message = one_header("Timestamp", timestamp);
    assert_int_equal(ami_time_ms(&message, INT64_C(1795284662500)), expected_ms);
}

static void reads_times(void **state)
{
    (void)state;
    const int64_t arrival_ms = INT64_C(1795284662500);
    assert_time("1795284662.048123", INT64_C(1795284662048));
    assert_time("1795284662.04", INT64_C(1795284662040));
    assert_time("1795284662.000999999", INT64_C(1795284662000));
    assert_time("1795284662", INT64_C(1795284662000));
    assert_time("1795284662.", INT64_C(1795284662000));
    assert_time("1795371062.500000", arrival_ms + 86400000);
    assert_time("946684800.000000", INT64_C(946684800000));
    const char *others[] = {"",
                            "x",
                            "1795371062.501000",
                            "946684799.999999",
                            "-1795284662.1",
                            "1795284662.x",
                            "18446744073709551615.1",
                            "9223372036854775807",
                            ".5",
                            "1795284662.1234567890"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_time(others[i], arrival_ms);
    }
    struct ami_message early = one_header("Timestamp", "1795284662.048123");
    assert_int_equal(ami_time_ms(&early, INT64_MIN), INT64_MIN);
}

/* ---- recordings ---- */

static struct buf read_recording(const char *name)
{
    struct buf bytes = BUF_INIT;
    char path[512];
    (void)snprintf(path, sizeof path, CAPTURES_DIR "/%s/ami.raw.gz", name);
    struct input input;
    assert_int_equal(input_open(&input, path, false), 0);
    char piece[16384];
    size_t got;
    int status;
    while ((status = input_read(&input, piece, sizeof piece, &got)) == 0) {
        buf_append(&bytes, piece, got);
    }
    assert_int_equal(status, INPUT_END);
    input_close(&input);
    assert_false(bytes.failed);
    return bytes;
}

static size_t next_blank_line(struct slice bytes, size_t from)
{
    const char *at = from < bytes.len ? memmem(bytes.data + from, bytes.len - from, "\r\n\r\n", 4) : NULL;
    return at ? (size_t)(at - bytes.data) + 4 : bytes.len;
}

/* Three messages at a time, cut at every byte. */
static void reads_a_recording_cut_at_every_byte(void **state)
{
    (void)state;
    struct buf bytes = read_recording("s40_ami_everything");
    struct slice all = buf_slice(&bytes);
    size_t begin = 0;
    while (begin < all.len) {
        size_t end = next_blank_line(all, next_blank_line(all, next_blank_line(all, begin)));
        struct slice window = part(all, begin, end);
        struct heard whole = {0};
        struct ami_frame_counters counters = hear_pieces(&whole, window, window.len);
        assert_int_equal(counters.bad, 0);
        for (size_t cut = 1; cut < window.len; cut++) {
            struct heard heard = {0};
            struct ami_frame_sink sink = sink_of(&heard);
            struct ami_frame *frame = make();
            assert_int_equal(take(frame, part(window, 0, cut), &sink), 0);
            assert_int_equal(take(frame, part(window, cut, window.len), &sink), 0);
            assert_true(slice_equal(buf_slice(&heard.text), buf_slice(&whole.text)));
            buf_deinit(&heard.text);
            ami_frame_free(frame);
        }
        buf_deinit(&whole.text);
        begin = end;
    }
    buf_deinit(&bytes);
}

static void reads_recordings_in_pieces(void **state)
{
    (void)state;
    const char *names[] = {"s40_ami_everything", "s29_names", "s25_stop_now"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct buf bytes = read_recording(names[i]);
        struct heard whole = {0};
        struct ami_frame_counters counters = hear_pieces(&whole, buf_slice(&bytes), bytes.len);
        assert_int_equal(counters.bad, 0);
        size_t blank_lines = 0;
        for (size_t at = 0; at < bytes.len; at = next_blank_line(buf_slice(&bytes), at)) {
            blank_lines++;
        }
        assert_in_range(counters.messages, blank_lines - 1, blank_lines); /* the last may be torn */
        const size_t steps[] = {1, 2, 3, 61, 1460};
        for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            struct heard heard = {0};
            hear_pieces(&heard, buf_slice(&bytes), steps[k]);
            assert_same(&heard, &whole);
            buf_deinit(&heard.text);
        }
        buf_deinit(&whole.text);
        buf_deinit(&bytes);
    }
}

/* Bytes flipped, doubled and taken away at random, in random pieces: as in one piece. */
static void cuts_of_damaged_recordings_do_not_matter(void **state)
{
    (void)state;
    struct buf bytes = read_recording("s40_ami_everything");
    struct rng rng = {4};
    static const char hostile[] = "\r\n: \0x";
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 50; i++) {
            bytes.data[rng_below(&rng, bytes.len)] = (uint8_t)hostile[rng_below(&rng, sizeof hostile - 1)];
        }
        struct heard whole = {0};
        struct ami_frame_counters expected = hear_pieces(&whole, buf_slice(&bytes), bytes.len);
        struct heard heard = {0};
        struct ami_frame_sink sink = sink_of(&heard);
        struct ami_frame *frame = make();
        for (size_t at = 0; at < bytes.len;) {
            size_t to = at + 1 + rng_below(&rng, 3000);
            to = to < bytes.len ? to : bytes.len;
            assert_int_equal(take(frame, part(buf_slice(&bytes), at, to), &sink), 0);
            at = to;
        }
        assert_int_equal(ami_frame_counters(frame)->messages, expected.messages);
        assert_int_equal(ami_frame_counters(frame)->bad, expected.bad);
        assert_true(slice_equal(buf_slice(&heard.text), buf_slice(&whole.text)));
        buf_deinit(&heard.text);
        buf_deinit(&whole.text);
        ami_frame_free(frame);
    }
    buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_banner_and_messages),
        cmocka_unit_test(takes_lines_as_they_come),
        cmocka_unit_test(leaves_out_what_is_no_message),
        cmocka_unit_test(measures_lines),
        cmocka_unit_test(measures_messages),
        cmocka_unit_test(keeps_the_first_headers),
        cmocka_unit_test(skips_what_is_not_wanted),
        cmocka_unit_test(stops_when_told),
        cmocka_unit_test(finds_headers),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(reads_a_recording_cut_at_every_byte),
        cmocka_unit_test(reads_recordings_in_pieces),
        cmocka_unit_test(cuts_of_damaged_recordings_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
