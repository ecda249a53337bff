#include "collector/api/question.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/base/wire.h"

static int question_hex(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes to *at, moving it on. A '+' is a space in parameters, as browsers write it. */
static int question_decode(struct slice from, bool plus, char **at, struct slice *out)
{
    char *to = *at;
    for (size_t i = 0; i < from.len; i++) {
        char c = from.data[i];
        if (c == '%') {
            int high = i + 2 < from.len ? question_hex(from.data[i + 1]) : -1;
            int low = high >= 0 ? question_hex(from.data[i + 2]) : -1;
            if (low < 0) {
                return STATUS_INVALID;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        *to++ = c;
    }
    *out = slice_make(*at, (size_t)(to - *at));
    *at = to;
    return 0;
}

static size_t question_span(struct slice text, char until)
{
    const char *end = text.len ? memchr(text.data, until, text.len) : NULL;
    return end ? (size_t)(end - text.data) : text.len;
}

static struct slice question_behind(struct slice text, size_t used)
{
    return used < text.len ? slice_make(text.data + used + 1, text.len - used - 1) : slice_make(text.data, 0);
}

static size_t question_item_count(struct slice query)
{
    size_t count = query.len > 0;
    for (size_t i = 0; i < query.len; i++) {
        count += query.data[i] == '&';
    }
    return count;
}

static int question_items(struct question *question, struct slice query, char **at, const char **why)
{
    size_t bytes = 0;
    while (query.len > 0) {
        struct slice item = slice_make(query.data, question_span(query, '&'));
        query = question_behind(query, item.len);
        if (item.len == 0) {
            continue;
        }
        struct slice name = slice_make(item.data, question_span(item, '='));
        struct endpoint_item *into = &question->items[question->item_count];
        if (question->item_count == ENDPOINT_ITEMS_MAX) {
            *why = "too many parameters";
            return 400;
        }
        if (question_decode(name, true, at, &into->name) != 0 ||
            question_decode(question_behind(item, name.len), true, at, &into->value) != 0) {
            *why = "a '%' in the parameters is not followed by two hexadecimal digits";
            return 400;
        }
        question->item_count++;
        bytes += into->name.len + into->value.len;
        if (bytes > QUESTION_VALUES_MAX) {
            *why = "the parameters are too long";
            return 414;
        }
    }
    return 0;
}

static bool question_is_odd(struct slice raw, struct slice path)
{
    size_t slashes = 0;
    for (size_t i = 0; i < path.len; i++) {
        if ((unsigned char)path.data[i] < 0x20 || path.data[i] == 0x7f) {
            return true;
        }
        slashes += path.data[i] == '/';
    }
    for (size_t i = 0; i < raw.len; i++) {
        slashes -= raw.data[i] == '/';
    }
    return slashes != 0;
}

static int question_fill(struct question *question, struct slice query, char *at, const char **why)
{
    struct slice raw = question->raw;
    if (raw.len == 0 || raw.data[0] != '/') {
        *why = "the path does not begin with '/'";
        return 400;
    }
    if (question_decode(raw, false, &at, &question->path) != 0) {
        *why = "a '%' in the path is not followed by two hexadecimal digits";
        return 400;
    }
    question->odd = question_is_odd(raw, question->path);
    return question_items(question, query, &at, why);
}

int question_new(const char *target, struct question **out, const char **why)
{
    struct slice text = slice_str(target);
    struct slice path = slice_make(text.data, question_span(text, '?'));
    if (text.len > QUESTION_TARGET_MAX || path.len > QUESTION_PATH_MAX) {
        *why = "the address is too long";
        return 414;
    }
    struct slice query = question_behind(text, path.len);
    size_t count = question_item_count(query);
    count = count < ENDPOINT_ITEMS_MAX ? count : ENDPOINT_ITEMS_MAX;
    /* One run of memory: the question, its items (one more, which the last refusal looks at), the text, decoded. */
    size_t items_bytes = (count + 1) * sizeof(struct endpoint_item);
    struct question *question = calloc(1, sizeof *question + items_bytes + 2 * text.len);
    if (!question) {
        *why = "out of memory";
        return 503;
    }
    atomic_init(&question->refs, 1);
    question->items = (struct endpoint_item *)(question + 1);
    char *raw = (char *)question->items + items_bytes;
    memcpy(raw, text.data, text.len);
    question->raw = slice_make(raw, path.len);
    int code = question_fill(question, query, raw + text.len, why);
    if (code != 0) {
        free(question);
        return code;
    }
    *out = question;
    return 0;
}

struct question *question_ref(struct question *question)
{
    atomic_fetch_add_explicit(&question->refs, 1, memory_order_relaxed);
    return question;
}

void question_unref(struct question *question)
{
    if (question && atomic_fetch_sub_explicit(&question->refs, 1, memory_order_acq_rel) == 1) {
        free(question);
    }
}

static int question_slice_order(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int question_item_order(const void *a, const void *b)
{
    const struct endpoint_item *x = *(const struct endpoint_item *const *)a;
    const struct endpoint_item *y = *(const struct endpoint_item *const *)b;
    int order = question_slice_order(x->name, y->name);
    return order != 0 ? order : question_slice_order(x->value, y->value);
}

void question_key(const struct question *question, struct buf *out)
{
    const struct endpoint_item *sorted[ENDPOINT_ITEMS_MAX];
    for (size_t i = 0; i < question->item_count; i++) {
        sorted[i] = &question->items[i];
    }
    if (question->item_count > 1) {
        qsort(sorted, question->item_count, sizeof sorted[0], question_item_order);
    }
    wire_put_bytes(out, question->path);
    for (size_t i = 0; i < question->item_count; i++) {
        wire_put_bytes(out, sorted[i]->name);
        wire_put_bytes(out, sorted[i]->value);
    }
}
