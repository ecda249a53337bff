#include "agent/source/ami_frame.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "platform/base/buf.h"
#include "platform/base/num.h"
#include "platform/base/status.h"

enum { HELD_KEEP_BYTES = 4096 }; /* of the memory for cut messages, what stays when it is empty */

static const char banner_prefix[] = "Asterisk Call Manager";

enum mode { MODE_BANNER, MODE_MESSAGES };

struct ami_frame {
    enum mode mode;
    bool skipping;     /* what is read belongs to something bad: up to the next blank line */
    size_t size;       /* of the message in hand: its whole lines, with their ends */
    size_t line;       /* bytes of the line in hand that came in earlier slices */
    bool line_cr;      /* the last of them is a CR */
    bool after_banner; /* the line in hand was taken as one */
    struct buf held;   /* what came in earlier slices of the message in hand, unless it is skipped */
    struct ami_message message;
    struct ami_frame_counters counters;
};

/* ---- what a message says ---- */

static bool same_name(struct slice name, const char *text, size_t len)
{
    return name.len == len && strncasecmp(name.data, text, len) == 0;
}

static const struct ami_header *find(const struct ami_message *message, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < message->count; i++) {
        if (same_name(message->headers[i].name, name, len)) {
            return &message->headers[i];
        }
    }
    return NULL;
}

struct slice ami_get(const struct ami_message *message, const char *name)
{
    const struct ami_header *header = find(message, name);
    return header ? header->value : slice_str("");
}

bool ami_has(const struct ami_message *message, const char *name)
{
    return find(message, name) != NULL;
}

int64_t ami_number(const struct ami_message *message, const char *name, int64_t otherwise)
{
    int64_t value;
    return num_parse_i64(ami_get(message, name), &value) == 0 ? value : otherwise;
}

/* "1795284662.048123" in milliseconds; -1 when it is none. Digits behind the third do not count. */
static int64_t stamp_ms(struct slice text)
{
    const char *point = text.len ? memchr(text.data, '.', text.len) : NULL;
    size_t whole = point ? (size_t)(point - text.data) : text.len;
    uint64_t seconds;
    uint64_t fraction = 0;
    size_t digits = point ? text.len - whole - 1 : 0;
    if (num_parse_u64(slice_make(text.data, whole), &seconds) != 0 || seconds > INT64_MAX / 2000 || digits > 9 ||
        (digits > 0 && num_parse_u64(slice_make(point + 1, digits), &fraction) != 0)) {
        return -1;
    }
    for (; digits < 3; digits++) {
        fraction *= 10;
    }
    for (; digits > 3; digits--) {
        fraction /= 10;
    }
    return (int64_t)(seconds * 1000 + fraction);
}

int64_t ami_time_ms(const struct ami_message *message, int64_t arrival_ms)
{
    static const int64_t year_2000_ms = INT64_C(946684800000);
    static const int64_t day_ms = INT64_C(86400000);
    int64_t at_ms = stamp_ms(ami_get(message, "Timestamp"));
    return at_ms >= year_2000_ms && at_ms - day_ms <= arrival_ms ? at_ms : arrival_ms;
}

void ami_forget_time(struct ami_message *message)
{
    for (size_t i = 0; i < message->count; i++) {
        if (same_name(message->headers[i].name, "Timestamp", strlen("Timestamp"))) {
            message->headers[i].value = slice_str("");
        }
    }
}

/* ---- from lines to a message ---- */

static struct slice without_cr(const char *data, size_t len)
{
    return slice_make(data, len > 0 && data[len - 1] == '\r' ? len - 1 : len);
}

/* The next line, without its end. `text` ends in a line feed. */
static struct slice cut_line(struct slice *text)
{
    const char *end = memchr(text->data, '\n', text->len);
    size_t len = (size_t)(end - text->data);
    struct slice line = without_cr(text->data, len);
    *text = slice_make(end + 1, text->len - len - 1);
    return line;
}

static bool cut_header(struct slice line, struct ami_header *out)
{
    const char *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
    if (!colon || colon == line.data) {
        return false;
    }
    const char *value = colon + 1;
    const char *end = line.data + line.len;
    value += value < end && *value == ' ';
    out->name = slice_make(line.data, (size_t)(colon - line.data));
    out->value = slice_make(value, (size_t)(end - value));
    return true;
}

static bool parse(struct slice text, struct ami_message *out)
{
    out->count = 0;
    out->event = out->response = slice_str("");
    if (memchr(text.data, 0, text.len)) {
        return false;
    }
    struct slice *kinds[] = {&out->event, &out->response};
    while (text.len > 0) {
        struct ami_header header;
        if (!cut_header(cut_line(&text), &header)) {
            return false;
        }
        if (out->count < AMI_HEADERS_MAX) {
            out->headers[out->count++] = header;
        }
    }
    const char *const names[] = {"Event", "Response"};
    for (size_t i = 0; i < 2; i++) {
        *kinds[i] = ami_get(out, names[i]);
    }
    return true;
}

/* Nearly every event begins with its name, and most are not wanted: this line is all that is read of them. */
static bool is_unwanted(struct slice text, const struct ami_frame_sink *sink, bool *asked)
{
    struct ami_header first;
    *asked = sink->wanted && cut_header(cut_line(&text), &first) && same_name(first.name, "Event", 5);
    return *asked && !sink->wanted(sink->ctx, first.value);
}

/* `text`: the lines of a message, without the blank one; not empty. */
static int deliver(struct ami_frame *frame, struct slice text, const struct ami_frame_sink *sink)
{
    bool asked;
    if (is_unwanted(text, sink, &asked)) {
        frame->counters.messages++;
        return 0;
    }
    struct ami_message *message = &frame->message;
    if (!parse(text, message)) {
        frame->counters.bad++;
        return 0;
    }
    frame->counters.messages++;
    if (!asked && sink->wanted && message->event.len > 0 && !sink->wanted(sink->ctx, message->event)) {
        return 0;
    }
    return sink->message(sink->ctx, message);
}

/* ---- from bytes to lines ---- */

static void drop_held(struct ami_frame *frame)
{
    if (frame->held.cap > HELD_KEEP_BYTES) {
        buf_deinit(&frame->held);
    }
    buf_reset(&frame->held);
}

static void skip_bad(struct ami_frame *frame)
{
    frame->counters.bad++;
    frame->skipping = true;
    drop_held(frame);
}

/* Of the message in hand, what came in this slice is from *start to `end`: makes all of it one piece, which it is
 * already when nothing of it is held. */
static int gather(struct ami_frame *frame, const char **start, const char *end, struct slice *out)
{
    *out = slice_make(*start, (size_t)(end - *start));
    if (frame->held.len == 0) {
        return 0;
    }
    buf_append(&frame->held, out->data, out->len);
    *start = end;
    *out = buf_slice(&frame->held);
    return frame->held.failed ? STATUS_NO_MEMORY : 0;
}

static bool has_banner_prefix(struct slice text)
{
    size_t len = sizeof banner_prefix - 1;
    return text.len >= len && memcmp(text.data, banner_prefix, len) == 0;
}

/* The first line is whole, or longer than a banner may be; `text` is what there is of it. Where it is no banner, it
 * begins a message. */
static int take_banner(struct ami_frame *frame, struct slice text, const struct ami_frame_sink *sink)
{
    size_t looked_at = text.len < AMI_BANNER_MAX ? text.len : AMI_BANNER_MAX;
    frame->mode = MODE_MESSAGES;
    if (!has_banner_prefix(text) && memchr(text.data, ':', looked_at)) {
        return 0;
    }
    frame->after_banner = true;
    if (text.len > AMI_BANNER_MAX || memchr(text.data, 0, text.len)) {
        skip_bad(frame);
        return 0;
    }
    return sink->banner ? sink->banner(sink->ctx, text) : 0;
}

/* Behind the message in hand, or what was to be one. */
static void begin_message(struct ami_frame *frame, const char **start, const char *next)
{
    frame->size = 0;
    frame->skipping = false;
    drop_held(frame);
    *start = next;
}

static int end_message(struct ami_frame *frame, const char **start, const char *next, const struct ami_frame_sink *sink)
{
    int status = 0;
    if (frame->size > 0 && !frame->skipping) {
        struct slice text;
        status = gather(frame, start, next, &text);
        if (status == 0) {
            status = deliver(frame, slice_make(text.data, frame->size), sink);
        }
    }
    begin_message(frame, start, next);
    return status;
}

static int end_first_line(struct ami_frame *frame, const char **start, const char *next,
                          const struct ami_frame_sink *sink)
{
    struct slice text;
    int status = gather(frame, start, next, &text);
    if (status == 0) {
        struct slice rest = text;
        status = take_banner(frame, cut_line(&rest), sink);
    }
    return status;
}

/* A line whose text has `len` bytes ends before `next`. */
static int end_line(struct ami_frame *frame, size_t len, const char **start, const char *next,
                    const struct ami_frame_sink *sink)
{
    if (len == 0) {
        return end_message(frame, start, next, sink);
    }
    int status = frame->mode == MODE_BANNER ? end_first_line(frame, start, next, sink) : 0;
    if (frame->after_banner && !frame->skipping) {
        begin_message(frame, start, next);
    } else {
        frame->size += frame->line + 1;
    }
    frame->after_banner = false;
    return status;
}

/* `len` bytes of text of the line in hand are there, up to `end`. */
static int check_length(struct ami_frame *frame, size_t len, const char **start, const char *end,
                        const struct ami_frame_sink *sink)
{
    int status = 0;
    if (frame->mode == MODE_BANNER && len > AMI_BANNER_MAX) {
        struct slice text;
        status = gather(frame, start, end, &text);
        status = status == 0 ? take_banner(frame, text, sink) : status;
    }
    if (!frame->skipping && len > 0 && (len > AMI_LINE_MAX || frame->size + len > AMI_MESSAGE_MAX)) {
        skip_bad(frame);
    }
    return status;
}

static int take_lines(struct ami_frame *frame, struct slice bytes, const char **start,
                      const struct ami_frame_sink *sink)
{
    const char *end = bytes.data + bytes.len;
    int status = 0;
    for (const char *at = bytes.data; status == 0 && at < end;) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = lf ? lf : end;
        if (line_end > at) {
            frame->line += (size_t)(line_end - at);
            frame->line_cr = line_end[-1] == '\r';
        }
        size_t len = frame->line - frame->line_cr;
        status = check_length(frame, len, start, line_end, sink);
        if (lf && status == 0) {
            status = end_line(frame, len, start, lf + 1, sink);
            frame->line = 0;
            frame->line_cr = false;
        }
        at = lf ? lf + 1 : end;
    }
    return status;
}

int ami_frame_take(struct ami_frame *frame, struct slice bytes, const struct ami_frame_sink *sink)
{
    if (bytes.len == 0) {
        return 0;
    }
    const char *start = bytes.data; /* of what is in hand and neither held nor passed on */
    int status = take_lines(frame, bytes, &start, sink);
    if (status == 0 && !frame->skipping) {
        buf_append(&frame->held, start, (size_t)(bytes.data + bytes.len - start));
        status = frame->held.failed ? STATUS_NO_MEMORY : 0;
    }
    if (status != 0) {
        ami_frame_reset(frame);
    }
    return status;
}

int ami_frame_new(struct ami_frame **out)
{
    struct ami_frame *frame = calloc(1, sizeof *frame);
    if (!frame) {
        return STATUS_NO_MEMORY;
    }
    *out = frame;
    return 0;
}

void ami_frame_free(struct ami_frame *frame)
{
    if (frame) {
        buf_deinit(&frame->held);
        free(frame);
    }
}

void ami_frame_reset(struct ami_frame *frame)
{
    frame->mode = MODE_BANNER;
    frame->skipping = frame->after_banner = frame->line_cr = false;
    frame->size = frame->line = 0;
    buf_deinit(&frame->held);
}

const struct ami_frame_counters *ami_frame_counters(const struct ami_frame *frame)
{
    return &frame->counters;
}
