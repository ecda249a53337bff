#include "platform/file/lines.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/file/fingerprint.h"

static size_t size_min(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

/* Kept tail, torn rest, one read, the line feed that ends a last line, padding. */
static char *lines_make_data(const struct lines *lines)
{
    return malloc(FOLLOW_TAIL_MAX + lines->line_max + lines->chunk_bytes + 1 + LINES_PADDING);
}

int lines_init(struct lines *lines, size_t line_max, size_t chunk_bytes)
{
    *lines = (struct lines){.line_max = line_max, .chunk_bytes = chunk_bytes};
    lines->data = lines_make_data(lines);
    lines_rewind(lines);
    return lines->data ? 0 : STATUS_NO_MEMORY;
}

void lines_deinit(struct lines *lines)
{
    free(lines->data);
    lines->data = NULL;
}

void lines_rewind(struct lines *lines)
{
    lines->before = lines->start = lines->end = 0;
    lines->offset = 0;
    lines->skipping = lines->uncounted = lines->begun = false;
    lines->head_len = lines->hashed_len = 0;
    lines->head_hash = FINGERPRINT_START;
    lines->first_number = lines->last_number = 0;
    lines->line_skipped_bytes = 0;
}

/* ---- the position ---- */

static void lines_learn_head(struct lines *lines, const char *at, size_t len, uint64_t offset)
{
    if (offset == lines->head_len && offset < FOLLOW_HEAD_MAX) {
        size_t take = size_min(len, FOLLOW_HEAD_MAX - lines->head_len);
        memcpy(lines->head + lines->head_len, at, take);
        lines->head_len += take;
        lines->first_number = fingerprint_number(slice_make(lines->head, lines->head_len));
    }
}

static struct follow_position lines_position(struct lines *lines, const struct input *input)
{
    size_t head_len = size_min(lines->offset, FOLLOW_HEAD_MAX);
    if (lines->hashed_len < head_len) {
        lines->head_hash =
            fingerprint_add(lines->head_hash, lines->head + lines->hashed_len, head_len - lines->hashed_len);
        lines->hashed_len = head_len;
    }
    return (struct follow_position){
        .device = input->device,
        .inode = input->inode,
        .offset = lines->offset,
        .head_len = (uint32_t)head_len,
        .tail_len = (uint32_t)lines->before,
        .head_hash = lines->head_hash,
        .tail_hash = fingerprint_add(FINGERPRINT_START, lines->data + lines->start - lines->before, lines->before),
        .first_number = lines->first_number,
        .last_number = lines->last_number ? lines->last_number : lines->first_number,
    };
}

/* ---- cutting ---- */

/* Moves the mark between what was handed out (or dropped) and what was not. */
static void lines_pass(struct lines *lines, size_t bytes)
{
    lines->start += bytes;
    lines->offset += bytes;
    lines->before = size_min(lines->before + bytes, FOLLOW_TAIL_MAX);
}

static void lines_count_skipped(struct lines *lines)
{
    if (!lines->uncounted) {
        lines->skipped_bytes += lines->line_skipped_bytes;
        lines->skipped_lines++;
    }
    lines->skipping = lines->uncounted = false;
    lines->line_skipped_bytes = 0;
}

/* Drops the line being skipped as far as it was read; true when its end was found. */
static bool lines_skip(struct lines *lines)
{
    const char *from = lines->data + lines->start;
    size_t len = lines->end - lines->start;
    const char *feed = memchr(from, '\n', len);
    size_t drop = feed ? (size_t)(feed - from) + 1 : len;
    lines->line_skipped_bytes += drop;
    lines_pass(lines, drop);
    if (feed) {
        lines_count_skipped(lines);
    }
    return feed != NULL;
}

/* How many bytes at `start` are whole lines none of which is too long; 0 sets `skipping` when the first one is. To see
 * that no line is too long it is enough to find, from each line's begin, the last line feed within the longest line. */
static size_t lines_whole(struct lines *lines)
{
    const char *from = lines->data + lines->start;
    size_t len = lines->end - lines->start;
    const char *last = len > 0 ? memrchr(from, '\n', len) : NULL;
    if (!last) {
        lines->skipping = len > lines->line_max;
        return 0;
    }
    size_t whole = (size_t)(last - from) + 1;
    size_t at = 0;
    while (whole - at > lines->line_max + 1) {
        const char *feed = memrchr(from + at, '\n', lines->line_max + 1);
        if (!feed) {
            lines->skipping = at == 0;
            return at;
        }
        at = (size_t)(feed - from) + 1;
    }
    return whole;
}

/* Of the last line that begins with one. */
static void lines_learn_number(struct lines *lines, struct slice whole)
{
    for (uint64_t number = 0; number == 0 && whole.len > 0;) {
        const char *before = memrchr(whole.data, '\n', whole.len - 1);
        size_t at = before ? (size_t)(before - whole.data) + 1 : 0;
        number = fingerprint_number(slice_make(whole.data + at, whole.len - at));
        lines->last_number = number ? number : lines->last_number;
        whole.len = at;
    }
}

/* Hands out `len` bytes at `start`, of which the last `added` ones are not in the file. */
static void lines_hand_out(struct lines *lines, const struct input *input, size_t len, size_t added,
                           struct follow_chunk *out)
{
    struct slice bytes = slice_make(lines->data + lines->start, len);
    if (len > 0) {
        lines_learn_number(lines, bytes);
    }
    lines_pass(lines, len - added);
    *out = (struct follow_chunk){
        .bytes = bytes,
        .after = lines_position(lines, input),
        .file_begins = !lines->begun,
        .skipped_bytes = lines->skipped_bytes,
        .skipped_lines = lines->skipped_lines,
    };
    lines->begun = true;
    lines->skipped_bytes = lines->skipped_lines = 0;
}

/* ---- reading ---- */

static int lines_fill_gzip(struct lines *lines, struct input *input, size_t *got)
{
    int rc = input_read(input, lines->data + lines->end, lines->chunk_bytes, got);
    return rc == INPUT_END ? LINES_END : rc;
}

static int lines_fill_plain(struct lines *lines, struct input *input, size_t *got)
{
    char kept[FOLLOW_TAIL_MAX];
    size_t again = size_min(lines->end, sizeof kept);
    char *at = lines->data + lines->end - again;
    memcpy(kept, at, again);
    int64_t n = input_peek(input, input->offset - again, at, again + lines->chunk_bytes);
    if (n < 0) {
        memcpy(at, kept, again);
        return (int)n;
    }
    if ((size_t)n < again || memcmp(at, kept, again) != 0) {
        memcpy(at, kept, again);
        return LINES_MOVED;
    }
    *got = (size_t)n - again;
    input->offset += *got;
    return *got == 0 ? LINES_END : 0;
}

/* Moves what is still needed, the kept tail first, to the beginning of `to`. */
static void lines_move(struct lines *lines, char *to)
{
    size_t keep = lines->before + lines->end - lines->start;
    memmove(to, lines->data + lines->start - lines->before, keep);
    lines->start = lines->before;
    lines->end = keep;
}

static int lines_fill(struct lines *lines, struct input *input)
{
    if (lines->start > lines->before) {
        lines_move(lines, lines->data);
    }
    size_t got = 0;
    uint64_t offset = input->offset;
    int rc = input->gunzip ? lines_fill_gzip(lines, input, &got) : lines_fill_plain(lines, input, &got);
    if (rc == 0) {
        lines_learn_head(lines, lines->data + lines->end, got, offset);
        lines->end += got;
        lines->touched_bytes = lines->end > lines->touched_bytes ? lines->end : lines->touched_bytes;
    }
    memset(lines->data + lines->end, 0, LINES_PADDING);
    return rc;
}

void lines_trim(struct lines *lines)
{
    if (lines->touched_bytes <= lines->chunk_bytes / 16) {
        return; /* not worth the work */
    }
    char *data = lines_make_data(lines);
    if (!data) {
        return;
    }
    lines_move(lines, data);
    free(lines->data);
    lines->data = data;
    lines->touched_bytes = lines->end;
    memset(lines->data + lines->end, 0, LINES_PADDING);
}

/* At the end of the input: ends the last line when asked to, and reports skipped lines that no line follows. */
static int lines_at_end(struct lines *lines, const struct input *input, bool last_line, struct follow_chunk *out)
{
    if (last_line && lines->skipping) {
        lines_count_skipped(lines);
    } else if (last_line && lines->end > lines->start) {
        lines->data[lines->end++] = '\n';
        memset(lines->data + lines->end, 0, LINES_PADDING);
        lines_hand_out(lines, input, lines->end - lines->start, 1, out);
        lines->end--;
        return 0;
    }
    if (lines->skipped_lines > 0) {
        lines_hand_out(lines, input, 0, 0, out);
        return 0;
    }
    return LINES_END;
}

int lines_next(struct lines *lines, struct input *input, bool last_line, struct follow_chunk *out)
{
    for (;;) {
        size_t whole = 0;
        if (!lines->skipping || lines_skip(lines)) {
            whole = lines_whole(lines);
        }
        if (whole > 0) {
            lines_hand_out(lines, input, whole, 0, out);
            return 0;
        }
        if (lines->skipping && lines->start < lines->end) {
            continue;
        }
        int rc = lines_fill(lines, input);
        if (rc == LINES_END && (last_line || !lines->skipping)) {
            return lines_at_end(lines, input, last_line, out);
        }
        if (rc != 0) {
            return rc;
        }
    }
}

void lines_drop_rest(struct lines *lines)
{
    lines->line_skipped_bytes += lines->end - lines->start;
    if (lines->line_skipped_bytes > 0 || lines->skipping) {
        lines_count_skipped(lines);
    }
    lines->end = lines->start;
}

void lines_begin(struct lines *lines, struct input *input, struct slice head)
{
    lines_rewind(lines);
    size_t len = size_min(size_min(head.len, FOLLOW_TAIL_MAX), lines->chunk_bytes);
    memcpy(lines->data, head.data, len);
    memset(lines->data + len, 0, LINES_PADDING);
    lines_learn_head(lines, lines->data, len, 0);
    lines->end = len;
    input->offset = len;
}

/* ---- resuming ---- */

static int lines_load(struct input *input, uint64_t offset, char *at, size_t len)
{
    int rc = input_seek(input, offset);
    size_t done = 0;
    while (rc == 0 && done < len) {
        size_t got = 0;
        rc = input_read(input, at + done, len - done, &got);
        done += got;
    }
    return rc == INPUT_END ? STATUS_NOT_FOUND : rc;
}

static bool lines_position_sane(const struct follow_position *position)
{
    return position->offset > 0 && position->offset <= INT64_MAX &&
           position->head_len == size_min(position->offset, FOLLOW_HEAD_MAX) &&
           position->tail_len == size_min(position->offset, FOLLOW_TAIL_MAX);
}

static int lines_load_head(struct lines *lines, struct input *input, const struct follow_position *position)
{
    lines_rewind(lines);
    if (!lines_position_sane(position)) {
        return STATUS_NOT_FOUND;
    }
    char head[FOLLOW_HEAD_MAX];
    int rc = lines_load(input, 0, head, position->head_len);
    if (rc != 0) {
        return rc;
    }
    if (fingerprint_add(FINGERPRINT_START, head, position->head_len) != position->head_hash) {
        return STATUS_NOT_FOUND;
    }
    lines_learn_head(lines, head, position->head_len, 0);
    lines->head_hash = position->head_hash;
    lines->hashed_len = position->head_len;
    lines->last_number = position->last_number;
    return 0;
}

/* Loads the bytes before `offset`, so that the next chunk begins there. */
static int lines_load_tail(struct lines *lines, struct input *input, uint64_t offset)
{
    size_t len = size_min(offset, FOLLOW_TAIL_MAX);
    int rc = lines_load(input, offset - len, lines->data, len);
    if (rc == 0) {
        lines->before = lines->start = lines->end = len;
        lines->offset = offset;
        lines->begun = true;
    }
    return rc;
}

static int lines_resumed(struct lines *lines, struct input *input, int rc)
{
    if (rc != 0) {
        lines_rewind(lines);
        int again = input_seek(input, 0);
        return again != 0 ? again : rc;
    }
    return 0;
}

int lines_resume(struct lines *lines, struct input *input, const struct follow_position *position)
{
    int rc = lines_load_head(lines, input, position);
    if (rc == 0) {
        rc = lines_load_tail(lines, input, position->offset);
    }
    if (rc == 0 && fingerprint_add(FINGERPRINT_START, lines->data, lines->before) != position->tail_hash) {
        rc = STATUS_NOT_FOUND;
    }
    return lines_resumed(lines, input, rc);
}

int lines_resume_altered(struct lines *lines, struct input *input, const struct follow_position *position)
{
    uint64_t size = input_size_bytes(input);
    int rc = input->gunzip || position->head_len < FOLLOW_HEAD_MAX ? STATUS_NOT_FOUND : 0;
    if (rc == 0) {
        rc = lines_load_head(lines, input, position);
    }
    if (rc == 0) {
        rc = lines_load_tail(lines, input, position->offset < size ? position->offset : size);
    }
    if (rc == 0 && lines->data[lines->start - 1] != '\n') {
        lines->skipping = lines->uncounted = true;
    }
    return lines_resumed(lines, input, rc);
}
