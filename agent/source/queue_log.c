#include "agent/source/queue_log.h"

#include <stdbool.h>
#include <string.h>

#include "agent/source/scan.h"
#include "agent/source/verb.h"
#include "platform/base/status.h"

_Static_assert((int)QUEUE_LOG_LINE_MAX <= (int)SCAN_LINE_MAX, "offsets are 16 bits wide");

enum { FIELD_TIME, FIELD_CALL, FIELD_QUEUE, FIELD_OPERATOR, FIELD_VERB };

/* Numbers from outside stop here, so that seconds can become milliseconds without a second look. */
#define NUMBER_MAX (INT64_MAX / 1000)
#define TIME_MAX_S INT64_C(253402300799) /* the end of the year 9999 */

/* A line cut at its bars. */
struct row {
    const char *line;
    uint32_t fields;
    uint32_t params; /* number of the first field behind the verb */
    struct scan scan;
};

static size_t field_start(const struct row *row, uint32_t number)
{
    return number == 0 ? 0 : (size_t)row->scan.bar[number - 1] + 1;
}

static struct slice field(const struct row *row, uint32_t number)
{
    size_t start = field_start(row, number);
    return slice_make(row->line + start, row->scan.bar[number] - start);
}

/* Fields `first` up to and not including `end` with the bars between them; empty when there are none. */
static struct slice fields_between(const struct row *row, uint32_t first, uint32_t end)
{
    if (first >= end) {
        return slice_make("", 0);
    }
    size_t start = field_start(row, first);
    return slice_make(row->line + start, row->scan.bar[end - 1] - start);
}

static uint32_t param_count(const struct row *row)
{
    return row->fields - row->params;
}

/* Whole numbers only: EVENT_UNKNOWN for anything else; too large ones become the largest. */
static int64_t number_of(struct slice text)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t i = negative;
    if (i == text.len) {
        return EVENT_UNKNOWN;
    }
    int64_t value = 0;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned)(uint8_t)text.data[i] - '0';
        if (digit > 9) {
            return EVENT_UNKNOWN;
        }
        value = value < NUMBER_MAX / 10 ? value * 10 + digit : NUMBER_MAX;
    }
    return negative ? -value : value;
}

static int64_t param_number(const struct row *row, uint32_t index)
{
    return index < param_count(row) ? number_of(field(row, row->params + index)) : EVENT_UNKNOWN;
}

static int64_t param_seconds_ms(const struct row *row, uint32_t index)
{
    int64_t value = param_number(row, index);
    return value == EVENT_UNKNOWN ? value : value * 1000;
}

/* Eight digits at once: pairs, then fours, then all (SIMD within a register). False when one is not a digit. */
static bool eight_digits(const char *at, uint32_t *out)
{
    uint64_t chunk;
    memcpy(&chunk, at, sizeof chunk);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    chunk = __builtin_bswap64(chunk);
#endif
    uint64_t digits = chunk - UINT64_C(0x3030303030303030);
    if (((chunk + UINT64_C(0x4646464646464646)) | digits) & UINT64_C(0x8080808080808080)) {
        return false;
    }
    digits = digits * 10 + (digits >> 8);
    uint64_t low = (digits & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064);
    uint64_t high = (digits >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001);
    *out = (uint32_t)((low + high) >> 32);
    return true;
}

/* The form that Asterisk has written since 2001: ten digits. */
static bool parse_ten_digits(struct slice text, int64_t *at_ms)
{
    uint32_t eight;
    if (text.len != 10 || !eight_digits(text.data, &eight)) {
        return false;
    }
    unsigned tens = (unsigned)(uint8_t)text.data[8] - '0';
    unsigned ones = (unsigned)(uint8_t)text.data[9] - '0';
    *at_ms = ((int64_t)eight * 100 + tens * 10 + ones) * 1000;
    return tens <= 9 && ones <= 9;
}

/* "1795284531", or with up to nine digits behind a point. */
static int parse_time(struct slice text, int64_t *at_ms)
{
    if (parse_ten_digits(text, at_ms)) {
        return 0;
    }
    int64_t seconds = 0;
    size_t i = 0;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned)(uint8_t)text.data[i] - '0';
        if (digit > 9) {
            break;
        }
        seconds = seconds <= TIME_MAX_S ? seconds * 10 + digit : seconds;
    }
    if (i == 0) {
        return STATUS_INVALID;
    }
    int64_t fraction_ms = 0;
    if (i < text.len) {
        size_t digits = text.len - i - 1;
        if (text.data[i] != '.' || digits == 0 || digits > 9) {
            return STATUS_INVALID;
        }
        int64_t weight = 100;
        for (i++; i < text.len; i++, weight /= 10) {
            unsigned digit = (unsigned)(uint8_t)text.data[i] - '0';
            if (digit > 9) {
                return STATUS_INVALID;
            }
            fraction_ms += digit * weight;
        }
    }
    if (seconds > TIME_MAX_S) {
        return STATUS_RANGE;
    }
    *at_ms = seconds * 1000 + fraction_ms;
    return 0;
}

static bool is_none(struct slice name)
{
    return name.len == 4 && memcmp(name.data, "NONE", 4) == 0;
}

static struct slice name_or_empty(struct slice name)
{
    return is_none(name) ? slice_make(name.data, 0) : name;
}

/* Words that stand where a call's id would: the row is of no call. */
static struct slice call_id_or_empty(struct slice id)
{
    bool of_no_call = is_none(id) || slice_is(id, "MANAGER") || slice_is(id, "CLI") || slice_is(id, "REALTIME");
    return of_no_call ? slice_make(id.data, 0) : id;
}

static void read_transfer(const struct row *row, struct call_event *out)
{
    /* Counted from the right: what stands in front varies (LINK names two channels, BRIDGE and APP one thing). */
    uint32_t count = param_count(row);
    uint32_t numbers = count >= 5 ? 3 : count == 4 ? 2 : 0; /* 1.4 wrote no position, or no times at all */
    uint32_t first = count - numbers;
    if (numbers > 0) {
        out->wait_ms = param_seconds_ms(row, first);
        out->talk_ms = param_seconds_ms(row, first + 1);
        out->original_position = param_number(row, first + 2);
    }
    out->text = fields_between(row, row->params, row->params + first);
}

static void read_leave(const struct row *row, uint32_t first, struct call_event *out)
{
    out->position = param_number(row, first);
    out->original_position = param_number(row, first + 1);
    out->wait_ms = param_seconds_ms(row, first + 2);
}

static void read_params(const struct row *row, enum verb_shape shape, struct call_event *out)
{
    switch (shape) {
    case VERB_TEXT:
    case VERB_REASON:
    case VERB_EMPTY:
    case VERB_MEMBER:
    case VERB_NUMBER: out->text = fields_between(row, row->params, row->fields); break;
    case VERB_SELF: out->text = out->verb; break;
    case VERB_ENTER:
        out->caller = param_count(row) > 1 ? field(row, row->params + 1) : out->caller;
        out->position = param_number(row, 2);
        out->original_position = out->position;
        break;
    case VERB_CONNECT:
        out->wait_ms = param_seconds_ms(row, 0);
        out->ring_ms = param_seconds_ms(row, 2);
        break;
    case VERB_COMPLETE:
        out->wait_ms = param_seconds_ms(row, 0);
        out->talk_ms = param_seconds_ms(row, 1);
        out->original_position = param_number(row, 2);
        break;
    case VERB_TRANSFER: read_transfer(row, out); break;
    case VERB_LEAVE: read_leave(row, 0, out); break;
    case VERB_LEAVE_BY_KEY:
        out->text = fields_between(row, row->params, row->params + (param_count(row) > 0));
        read_leave(row, 1, out);
        break;
    case VERB_WITHDRAW:
        read_leave(row, 0, out);
        out->text = fields_between(row, row->params + 3, row->fields);
        break;
    case VERB_RING: out->ring_ms = param_number(row, 0); break;
    }
}

static bool are_numbers(const struct row *row, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (number_of(field(row, first + i)) == EVENT_UNKNOWN) {
            return false;
        }
    }
    return true;
}

/* Letters that verbs are made of; a name in front of a bar that looks otherwise is no verb that we do not know. */
static bool looks_like_verb(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return text.len > 0;
}

/* Whether the fields from `params` on are what Asterisk writes behind this verb, to the letter. */
static bool params_fit(const struct row *row, const struct verb *verb, uint32_t params)
{
    uint32_t count = row->fields - params;
    switch ((enum verb_shape)verb->shape) {
    case VERB_CONNECT: return count == 3 && are_numbers(row, params, 1) && are_numbers(row, params + 2, 1);
    case VERB_COMPLETE: return count == 3 && are_numbers(row, params, 3);
    case VERB_TRANSFER: return count >= 5 && are_numbers(row, row->fields - 3, 3);
    case VERB_LEAVE: return count == 3 && are_numbers(row, params, 3);
    case VERB_RING:
    case VERB_NUMBER: return count == 1 && are_numbers(row, params, 1);
    case VERB_EMPTY:
    case VERB_MEMBER:
        return count == 1 &&
               (field(row, params).len == 0 || (verb->shape == VERB_MEMBER && slice_is(field(row, params), "PAUSED")));
    case VERB_TEXT:
    case VERB_REASON: /* says nothing by its shape: trust it only when the word in the verb's place cannot be one */
        return count >= 1 && !looks_like_verb(field(row, FIELD_VERB));
    case VERB_SELF:
    case VERB_ENTER:
    case VERB_LEAVE_BY_KEY:
    case VERB_WITHDRAW: break;
    }
    return false;
}

/* The word in the verb's place is not known. An operator's name with bars in it pushes the verb to the right: find the
 * first known verb that may follow a name and has exactly its own parameters. Returns its field, or FIELD_VERB. */
static uint32_t find_pushed_verb(const struct row *row, const struct verb **verb)
{
    for (uint32_t i = FIELD_VERB + 1; i < row->fields; i++) {
        const struct verb *found = verb_find(field(row, i));
        if (found && found->operator_named && params_fit(row, found, i + 1)) {
            *verb = found;
            return i;
        }
    }
    return FIELD_VERB;
}

static int cut(struct slice line, struct row *row)
{
    if (line.len > QUEUE_LOG_LINE_MAX) {
        return STATUS_INVALID;
    }
    row->line = line.data;
    scan_line(line.data, line.len, &row->scan);
    row->fields = row->scan.bars + 1;
    if (row->fields <= FIELD_VERB || row->scan.first_control < row->scan.bar[FIELD_VERB] ||
        row->scan.bar[FIELD_VERB] == field_start(row, FIELD_VERB)) {
        return STATUS_INVALID;
    }
    return 0;
}

int queue_log_parse(struct slice line, struct call_event *out)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    if (line.len == 0) {
        return QUEUE_LOG_BLANK;
    }
    struct row row;
    int64_t at_ms;
    int status = cut(line, &row);
    if (status == 0) {
        status = parse_time(field(&row, FIELD_TIME), &at_ms);
    }
    if (status != 0) {
        return status;
    }
    uint32_t verb_field = FIELD_VERB;
    const struct verb *verb = verb_find(field(&row, FIELD_VERB));
    if (!verb) {
        verb_field = find_pushed_verb(&row, &verb);
    }
    row.params = verb_field + 1;
    const struct slice empty = slice_make(line.data, 0);
    *out = (struct call_event){
        .kind = verb ? (enum event_kind)verb->kind : EVENT_UNKNOWN_VERB,
        .at_ms = at_ms,
        .verb = field(&row, verb_field),
        .call_id = call_id_or_empty(field(&row, FIELD_CALL)),
        .queue = name_or_empty(field(&row, FIELD_QUEUE)),
        .operator_name = name_or_empty(fields_between(&row, FIELD_OPERATOR, verb_field)),
        .caller = empty,
        .text = empty,
        .wait_ms = EVENT_UNKNOWN,
        .talk_ms = EVENT_UNKNOWN,
        .ring_ms = EVENT_UNKNOWN,
        .position = EVENT_UNKNOWN,
        .original_position = EVENT_UNKNOWN,
    };
    read_params(&row, verb ? (enum verb_shape)verb->shape : VERB_TEXT, out);
    return 0;
}
