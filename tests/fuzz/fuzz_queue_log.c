/* The input is one line of a queue_log. */
#include <inttypes.h>
#include <stdbool.h>

#include "agent/source/queue_log.h"
#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "tests/fuzz/fuzz.h"

static bool within(struct slice part, struct slice line)
{
    return part.len == 0 || (part.data >= line.data && part.data + part.len <= line.data + line.len);
}

static void check_shape(const struct call_event *event, struct slice line)
{
    FUZZ_CHECK(event->kind > EVENT_NONE && event->kind < EVENT_KIND_COUNT);
    FUZZ_CHECK(event->at_ms >= 0);
    FUZZ_CHECK(event->verb.len > 0);
    FUZZ_CHECK(within(event->verb, line) && within(event->call_id, line) && within(event->queue, line));
    FUZZ_CHECK(within(event->operator_name, line) && within(event->caller, line) && within(event->text, line));
    const struct slice names[] = {event->verb, event->call_id, event->queue};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t at = 0; at < names[i].len; at++) {
            unsigned char byte = (unsigned char)names[i].data[at];
            FUZZ_CHECK(byte != '|' && (byte >= 32 || byte == '\t'));
        }
    }
}

static void check_equal(const struct call_event *a, const struct call_event *b)
{
    FUZZ_CHECK(a->kind == b->kind && a->at_ms == b->at_ms);
    FUZZ_CHECK(slice_equal(a->verb, b->verb) && slice_equal(a->call_id, b->call_id) && slice_equal(a->queue, b->queue));
    FUZZ_CHECK(slice_equal(a->operator_name, b->operator_name) && slice_equal(a->caller, b->caller));
    FUZZ_CHECK(slice_equal(a->text, b->text));
    FUZZ_CHECK(a->wait_ms == b->wait_ms && a->talk_ms == b->talk_ms && a->ring_ms == b->ring_ms);
    FUZZ_CHECK(a->position == b->position && a->original_position == b->original_position);
}

/* The row spelled anew from the event, with the parameters as they stand, says the same. */
static void check_respelled(const struct call_event *event, struct slice line)
{
    const char *end = line.data + line.len;
    if (end[-1] == '\r') {
        end--;
    }
    struct buf row = BUF_INIT;
    buf_printf(&row, "%" PRId64 ".%03d|", event->at_ms / 1000, (int)(event->at_ms % 1000));
    const struct slice fields[] = {event->call_id, event->queue, event->operator_name};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        buf_append(&row, fields[i].data, fields[i].len);
        buf_append_str(&row, "|");
    }
    buf_append(&row, event->verb.data, (size_t)(end - event->verb.data));
    buf_append_str(&row, "\r");
    if (row.len <= QUEUE_LOG_LINE_MAX) {
        struct call_event again;
        FUZZ_CHECK(queue_log_parse(buf_slice(&row), &again) == 0);
        check_equal(&again, event);
    }
    buf_deinit(&row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice line = slice_make((const char *)data, size);
    struct call_event event;
    int status = queue_log_parse(line, &event);
    if (status == 0) {
        check_shape(&event, line);
        check_respelled(&event, line);
    } else {
        FUZZ_CHECK(status == QUEUE_LOG_BLANK || status == STATUS_INVALID || status == STATUS_RANGE);
        FUZZ_CHECK((status == QUEUE_LOG_BLANK) == (size == 0 || (size == 1 && data[0] == '\r')));
    }
    return 0;
}
