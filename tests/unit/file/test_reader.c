#include "platform/file/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "platform/base/buf.h"
#include "platform/base/status.h"
#include "tests/unit/file/scratch.h"

static struct scratch scratch;

static int setup(void **state)
{
    (void)state;
    scratch_make(&scratch);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

struct outcome {
    struct buf bytes;
    uint64_t skipped_bytes;
    uint64_t skipped_lines;
    unsigned chunks;
    int rc;
    struct follow_position after;
};

static struct reader *reader_of(const char *name, size_t line_max, size_t chunk_bytes, bool last_line)
{
    struct reader_options options = {scratch_path(&scratch, name), line_max, chunk_bytes, last_line};
    struct reader *reader = NULL;
    assert_int_equal(reader_open(&options, &reader), 0);
    return reader;
}

static struct outcome drain(struct reader *reader)
{
    struct outcome outcome = {.bytes = BUF_INIT};
    struct follow_chunk chunk;
    while ((outcome.rc = reader_read(reader, &chunk)) == 0) {
        assert_true(chunk.bytes.len == 0 || chunk.bytes.data[chunk.bytes.len - 1] == '\n');
        assert_int_equal(chunk.file_begins, outcome.chunks == 0);
        unsigned sum = 0;
        for (size_t i = 0; i < 64; i++) { /* the promised readable bytes: the sanitizer looks over our shoulder */
            sum += (unsigned char)chunk.bytes.data[chunk.bytes.len + i];
        }
        assert_true(sum < 64 * 256);
        buf_append(&outcome.bytes, chunk.bytes.data, chunk.bytes.len);
        outcome.skipped_bytes += chunk.skipped_bytes;
        outcome.skipped_lines += chunk.skipped_lines;
        outcome.after = chunk.after;
        outcome.chunks++;
    }
    return outcome;
}

static struct outcome read_all(const char *name, size_t line_max, size_t chunk_bytes, bool last_line)
{
    struct reader *reader = reader_of(name, line_max, chunk_bytes, last_line);
    struct outcome outcome = drain(reader);
    reader_close(reader);
    return outcome;
}

static void assert_bytes(struct outcome *outcome, const char *data, size_t len)
{
    assert_int_equal(outcome->bytes.len, len);
    assert_memory_equal(outcome->bytes.data ? (void *)outcome->bytes.data : (void *)"", data, len);
    buf_deinit(&outcome->bytes);
}

static struct buf many_lines(unsigned count)
{
    struct buf text = BUF_INIT;
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&text, "%u|%u.%u|sales|NONE|ENTERQUEUE||55510%u|%.*s\n", 1795284600 + i / 3, 1795284600 + i / 3, i,
                   i % 100, (int)(i * 7 % 60), "------------------------------------------------------------");
    }
    assert_false(text.failed);
    return text;
}

static void test_every_chunk_size_gives_the_same_bytes(void **state)
{
    (void)state;
    struct buf text = many_lines(400);
    scratch_write(&scratch, "plain", text.data, text.len);
    scratch_gzip(&scratch, "packed", text.data, text.len / 3, false);
    scratch_gzip(&scratch, "packed", text.data + text.len / 3, text.len - text.len / 3, true);
    static const size_t chunks[] = {1, 7, 63, 64, 255, 256, 257, 1000, 4096, 1 << 20};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct outcome plain = read_all("plain", 200, chunks[i], false);
        struct outcome packed = read_all("packed", 200, chunks[i], false);
        assert_int_equal(plain.rc, READER_END);
        assert_int_equal(packed.rc, READER_END);
        assert_int_equal(plain.after.offset, text.len);
        assert_int_equal(plain.after.head_hash, packed.after.head_hash);
        assert_int_equal(plain.after.tail_hash, packed.after.tail_hash);
        assert_int_equal(plain.after.first_number, 1795284600);
        assert_int_equal(packed.after.last_number, 1795284600 + 399 / 3);
        assert_int_equal(plain.skipped_lines, 0);
        assert_bytes(&plain, (char *)text.data, text.len);
        assert_bytes(&packed, (char *)text.data, text.len);
    }
    buf_deinit(&text);
}

static void test_fingerprints_are_fnv1a(void **state)
{
    (void)state;
    scratch_write(&scratch, "log", "a\n", 2);
    struct outcome outcome = read_all("log", 0, 0, false);
    assert_int_equal(outcome.after.head_len, 2);
    assert_int_equal(outcome.after.tail_len, 2);
    /* ((offset basis ^ 'a') * prime ^ '\n') * prime */
    assert_int_equal(outcome.after.head_hash, UINT64_C(0x089bdc07b544e7b2));
    assert_int_equal(outcome.after.tail_hash, outcome.after.head_hash);
    assert_int_equal(outcome.after.first_number, 0);
    assert_bytes(&outcome, "a\n", 2);
}

static void test_torn_last_line(void **state)
{
    (void)state;
    scratch_write(&scratch, "log", "one\ntwo\nthr", 11);
    struct outcome held = read_all("log", 0, 0, false);
    assert_int_equal(held.after.offset, 8);
    assert_bytes(&held, "one\ntwo\n", 8);
    struct outcome ended = read_all("log", 0, 0, true);
    assert_int_equal(ended.after.offset, 11);
    assert_bytes(&ended, "one\ntwo\nthr\n", 12);
}

static void test_empty_file(void **state)
{
    (void)state;
    scratch_write(&scratch, "log", "", 0);
    struct outcome outcome = read_all("log", 0, 0, true);
    assert_int_equal(outcome.rc, READER_END);
    assert_int_equal(outcome.chunks, 0);
    scratch_gzip(&scratch, "log.gz", "", 0, false);
    outcome = read_all("log.gz", 0, 0, true);
    assert_int_equal(outcome.rc, READER_END);
    assert_int_equal(outcome.chunks, 0);
}

static void test_nul_bytes_pass(void **state)
{
    (void)state;
    static const char text[] = "a\0b\n\0\n\n\0\0c\n";
    scratch_write(&scratch, "log", text, sizeof text - 1);
    struct outcome outcome = read_all("log", 0, 3, false);
    assert_bytes(&outcome, text, sizeof text - 1);
}

static void test_long_lines_are_skipped_and_counted(void **state)
{
    (void)state;
    enum { LINE_MAX = 20 };
    for (size_t len = LINE_MAX - 1; len < 700; len += len < 30 ? 1 : 37) {
        for (size_t chunk = 1; chunk < 400; chunk = chunk * 3 + 1) {
            struct buf text = BUF_INIT;
            struct buf expected = BUF_INIT;
            bool fits = len <= LINE_MAX;
            for (unsigned round = 0; round < 3; round++) {
                buf_append_str(&text, "before\n\n");
                buf_append_str(&expected, "before\n\n");
                memset(buf_grow(&text, len), 'x', len);
                buf_append_str(&text, "\nafter\n");
                if (fits) {
                    memset(buf_grow(&expected, len), 'x', len);
                }
                buf_append_str(&expected, fits ? "\nafter\n" : "after\n");
            }
            scratch_write(&scratch, "log", text.data, text.len);
            struct outcome outcome = read_all("log", LINE_MAX, chunk, false);
            assert_int_equal(outcome.rc, READER_END);
            assert_int_equal(outcome.skipped_lines, fits ? 0 : 3);
            assert_int_equal(outcome.skipped_bytes, fits ? 0 : 3 * (len + 1));
            assert_int_equal(outcome.after.offset, text.len);
            assert_bytes(&outcome, (char *)expected.data, expected.len);
            buf_deinit(&text);
            buf_deinit(&expected);
        }
    }
}

static void test_nothing_but_a_long_line(void **state)
{
    (void)state;
    char text[3001];
    memset(text, 'x', sizeof text);
    text[3000] = '\n';
    scratch_write(&scratch, "log", text, sizeof text);
    struct outcome outcome = read_all("log", 100, 512, false);
    assert_int_equal(outcome.chunks, 1);
    assert_int_equal(outcome.skipped_lines, 1);
    assert_int_equal(outcome.skipped_bytes, 3001);
    assert_int_equal(outcome.after.offset, 3001);
    /* without its line feed it may still grow: not counted, unless the end is the end */
    scratch_truncate(&scratch, "log", 3000);
    outcome = read_all("log", 100, 512, false);
    assert_int_equal(outcome.chunks, 0);
    outcome = read_all("log", 100, 512, true);
    assert_int_equal(outcome.skipped_lines, 1);
    assert_int_equal(outcome.skipped_bytes, 3000);
    assert_int_equal(outcome.after.offset, 3000);
}

static void test_broken_gzip(void **state)
{
    (void)state;
    struct buf text = many_lines(3000);
    scratch_write(&scratch, "whole", text.data, text.len);
    scratch_gzip_program(&scratch, "whole");
    size_t len;
    char *packed = scratch_read(&scratch, "whole.gz", &len);

    scratch_write(&scratch, "cut.gz", packed, len - 9); /* in the data, before the trailer */
    struct outcome cut = read_all("cut.gz", 0, 4096, true);
    assert_int_equal(cut.rc, STATUS_CORRUPT);
    assert_true(cut.bytes.len > text.len / 2 && cut.bytes.len <= text.len);
    assert_memory_equal(cut.bytes.data, text.data, cut.bytes.len);
    buf_deinit(&cut.bytes);

    packed[len / 2] = (char)~packed[len / 2];
    scratch_write(&scratch, "flipped.gz", packed, len);
    struct outcome flipped = read_all("flipped.gz", 0, 4096, true);
    assert_int_equal(flipped.rc, STATUS_CORRUPT);
    buf_deinit(&flipped.bytes);
    packed[len / 2] = (char)~packed[len / 2];

    packed = realloc(packed, len + 600);
    assert_non_null(packed);
    memset(packed + len, 0, 600);
    scratch_write(&scratch, "padded.gz", packed, len + 600);
    struct outcome padded = read_all("padded.gz", 0, 4096, true);
    assert_int_equal(padded.rc, READER_END);
    assert_bytes(&padded, (char *)text.data, text.len);

    packed[len + 100] = 'x';
    scratch_write(&scratch, "garbage.gz", packed, len + 600);
    struct outcome garbage = read_all("garbage.gz", 0, 4096, true);
    assert_int_equal(garbage.rc, STATUS_CORRUPT);
    assert_bytes(&garbage, (char *)text.data, text.len);
    free(packed);
    buf_deinit(&text);
}

/* From each chunk's position another reader, of the plain file or of its compressed form, gives exactly the rest. */
static void test_resume_anywhere(void **state)
{
    (void)state;
    struct buf text = many_lines(120);
    scratch_write(&scratch, "log", text.data, text.len);
    scratch_gzip(&scratch, "log.gz", text.data, text.len, false);
    struct reader *reader = reader_of("log", 0, 50, false);
    struct follow_chunk chunk;
    while (reader_read(reader, &chunk) == 0) {
        const char *names[] = {"log", "log.gz"};
        for (size_t i = 0; i < 2; i++) {
            struct reader *rest = reader_of(names[i], 0, 300, false);
            assert_int_equal(reader_resume(rest, &chunk.after), 0);
            struct follow_chunk tail = {0};
            struct outcome outcome = {.bytes = BUF_INIT};
            while ((outcome.rc = reader_read(rest, &tail)) == 0) {
                assert_false(tail.file_begins);
                buf_append(&outcome.bytes, tail.bytes.data, tail.bytes.len);
                outcome.after = tail.after;
            }
            if (outcome.bytes.len > 0) {
                assert_int_equal(outcome.after.offset, text.len);
                assert_int_equal(outcome.after.first_number, 1795284600);
            }
            assert_bytes(&outcome, (char *)text.data + chunk.after.offset, text.len - chunk.after.offset);
            reader_close(rest);
        }
    }
    reader_close(reader);
    buf_deinit(&text);
}

static void test_resume_refuses_another_file(void **state)
{
    (void)state;
    struct buf text = many_lines(120);
    scratch_write(&scratch, "log", text.data, text.len);
    struct outcome first = read_all("log", 0, 0, false);
    struct follow_position at = first.after;
    assert_bytes(&first, (char *)text.data, text.len);

    text.data[at.offset - 2] ^= 1; /* the tail differs */
    scratch_write(&scratch, "tail", text.data, text.len);
    text.data[at.offset - 2] ^= 1;
    text.data[0] ^= 1; /* the head differs */
    scratch_gzip(&scratch, "head.gz", text.data, text.len, false);
    text.data[0] ^= 1;
    scratch_write(&scratch, "short", text.data, text.len - 30);
    const char *names[] = {"tail", "head.gz", "short"};
    for (size_t i = 0; i < 3; i++) {
        struct reader *reader = reader_of(names[i], 0, 0, false);
        assert_int_equal(reader_resume(reader, &at), STATUS_NOT_FOUND);
        struct outcome outcome = drain(reader); /* nothing moved: all of it is there */
        assert_true(outcome.bytes.len > text.len - 200);
        buf_deinit(&outcome.bytes);
        reader_close(reader);
    }

    struct reader *reader = reader_of("log", 0, 0, false);
    struct follow_position nonsense[] = {{0}, at, at, at};
    nonsense[1].head_len = 5000;
    nonsense[2].tail_len = 5000;
    nonsense[3].offset = UINT64_MAX;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(reader_resume(reader, &nonsense[i]), STATUS_NOT_FOUND);
    }
    reader_close(reader);
    buf_deinit(&text);
}

static void test_truncation_while_reading_is_seen(void **state)
{
    (void)state;
    struct buf text = many_lines(120);
    scratch_write(&scratch, "log", text.data, text.len);
    struct reader *reader = reader_of("log", 0, 1000, false);
    struct follow_chunk chunk;
    assert_int_equal(reader_read(reader, &chunk), 0);
    scratch_write(&scratch, "log", text.data + 77, text.len - 77); /* the same inode, other content, long enough */
    assert_int_equal(reader_read(reader, &chunk), STATUS_IO);
    reader_close(reader);
    buf_deinit(&text);
}

static void test_progress(void **state)
{
    (void)state;
    struct buf text = many_lines(2000);
    scratch_write(&scratch, "log", text.data, text.len);
    scratch_gzip_program(&scratch, "log");
    struct reader *reader = reader_of("log.gz", 0, 1024, false);
    assert_true(reader_size_bytes(reader) > 0 && reader_size_bytes(reader) < text.len);
    struct outcome outcome = drain(reader);
    assert_int_equal(reader_taken_bytes(reader), reader_size_bytes(reader));
    assert_bytes(&outcome, (char *)text.data, text.len);
    reader_close(reader);
    buf_deinit(&text);
}

static void test_what_cannot_be_opened(void **state)
{
    (void)state;
    struct reader *reader = NULL;
    struct reader_options options = {.path = scratch_path(&scratch, "none")};
    assert_int_equal(reader_open(&options, &reader), STATUS_NOT_FOUND);
    assert_int_equal(mkfifo(scratch_path(&scratch, "pipe"), 0600), 0);
    options.path = scratch_path(&scratch, "pipe"); /* must not wait for a writer */
    assert_int_equal(reader_open(&options, &reader), STATUS_UNSUPPORTED);
    options.path = scratch.dir;
    assert_int_equal(reader_open(&options, &reader), STATUS_UNSUPPORTED);
    assert_null(reader);
    reader_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_chunk_size_gives_the_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fingerprints_are_fnv1a, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_last_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nul_bytes_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_lines_are_skipped_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_but_a_long_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_gzip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resume_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resume_refuses_another_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncation_while_reading_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_progress, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_opened, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
