/* Documents that no agent of ours sends: whatever they hold, there is a picture or a refusal, and never a byte in the
 * picture that a terminal would obey. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/rng.h"
#include "tests/unit/cli/watch_kit.h"

enum { ROUNDS = 1500, CHANGES_MAX = 6, DOCUMENT_MAX = 1 << 20 };

static void put(struct buf *out, size_t at, size_t cut, const char *with)
{
    struct buf made = BUF_INIT;
    buf_append(&made, out->data, at);
    buf_append_str(&made, with);
    buf_append(&made, out->data + at + cut, out->len - at - cut);
    buf_deinit(out);
    *out = made;
}

/* Where a value begins: behind a colon. */
static size_t find_value(struct rng *rng, const struct buf *text)
{
    size_t at = (size_t)rng_below(rng, text->len);
    while (at < text->len && text->data[at] != ':') {
        at++;
    }
    return at < text->len ? at + 1 : text->len;
}

static size_t value_len(const struct buf *text, size_t at)
{
    size_t end = at;
    while (end < text->len && !strchr(",}]\n", text->data[end])) {
        end++;
    }
    return end - at;
}

static void change(struct rng *rng, struct buf *text)
{
    static const char *const values[] = {
        "null",
        "-1",
        "9223372036854775807",
        "1e308",
        "-9223372036854775808",
        "0.0000001",
        "true",
        "[]",
        "{}",
        "\"\"",
        "[[[[[[1]]]]]]",
        "{\"start\":1}",
        "\"\\u001b[31m\\u0007\"",
        "\"\\u202e\\u200d\\u0301\"",
        "\"田\\u0301\\u0301\\u0301\\u0301\"",
        "\"\\ud83d\\ude00\"",
        "86400000000000",
        "\"2026-11-22T10:33:20+99:00\"",
        "\"0000-01-01T00:00:00Z\"",
        "\"talk\"",
        "\"held\"",
        "\"sales\"",
    };
    size_t at = find_value(rng, text);
    if (rng_chance(rng, 80)) {
        put(text, at, value_len(text, at), values[rng_below(rng, sizeof values / sizeof values[0])]);
    } else if (rng_chance(rng, 50)) {
        char many[3000];
        memset(many, rng_chance(rng, 50) ? 'x' : '"', sizeof many - 1);
        many[0] = many[sizeof many - 2] = '"';
        memset(many + 1, 'y', sizeof many - 3);
        many[sizeof many - 1] = 0;
        put(text, at, value_len(text, at), many);
    } else {
        text->data[rng_below(rng, text->len)] = (uint8_t)rng_next(rng);
    }
}

static void assert_harmless(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        assert_true(text->data[i] == '\n' || text->data[i] >= 0x20);
        assert_true(text->data[i] != 0x7F);
        if (text->data[i] == 0xC2 && i + 1 < text->len) {
            assert_true(text->data[i + 1] >= 0xA0);
        }
    }
}

static void draw_all(struct rng *rng, const struct watch_model *model)
{
    static const int keys[] = {'j', 'k', '\n', 'o', 'e', '?', 's', 'r', 'G', 'g', 27, ' ', WATCH_KEY_PAGE_UP};
    struct watch_view view = {0};
    struct watch_picture picture = watch_kit_picture(model);
    picture.counted_ms = rng_between(rng, 0, INT64_C(100000000000));
    picture.clock_ms = picture.counted_ms;
    picture.link = rng_chance(rng, 20) ? WATCH_LINK_LOST : WATCH_LINK_ANSWERS;
    for (size_t i = 0; i < 4; i++) {
        (void)watch_view_key(&view, model, keys[rng_below(rng, sizeof keys / sizeof keys[0])]);
        struct buf text = watch_kit_draw(&picture, &view, (size_t)rng_between(rng, 1, 130),
                                         (size_t)rng_between(rng, 1, 40), rng_chance(rng, 80), false);
        assert_harmless(&text);
        buf_deinit(&text);
    }
    watch_view_deinit(&view);
}

static void test_changed_documents(void **state)
{
    (void)state;
    struct rng rng = {20261122};
    struct buf good = watch_kit_file("live.json");
    size_t drawn = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct buf text = BUF_INIT;
        struct json *document = NULL;
        struct watch_model *model = NULL;
        buf_append(&text, good.data, good.len);
        for (uint64_t left = 1 + rng_below(&rng, CHANGES_MAX); left > 0; left--) {
            change(&rng, &text);
        }
        if (json_parse(buf_slice(&text), DOCUMENT_MAX, &document, NULL, 0) == 0 &&
            watch_model_make(document, &model) == 0) {
            draw_all(&rng, model);
            drawn++;
        }
        watch_model_free(model);
        json_free(document);
        buf_deinit(&text);
    }
    assert_true(drawn > ROUNDS / 4); /* or the test tries nothing */
    buf_deinit(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changed_documents)};
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        (void)fputs("there is no locale C.UTF-8\n", stderr);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
