/* proto/vectors/ holds: our encoder writes these bytes, and our decoder understands them as the JSON beside them says.
 * tests/system/test_vectors.py reads the same files with a decoder that is not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/vectors.h"

static void read_file(const char *name, const char *suffix, struct buf *out)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", VECTORS_DIR, name, suffix);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("%s is not there", path);
    }
    uint8_t block[4096];
    for (size_t len; (len = fread(block, 1, sizeof block, file)) > 0;) {
        buf_append(out, block, len);
    }
    fclose(file);
}

static void assert_same(const char *name, const struct buf *got, const struct buf *golden)
{
    if (!slice_equal(buf_slice(got), buf_slice(golden))) {
        fail_msg("%s differs", name);
    }
}

static void every_vector_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < vector_count; i++) {
        struct buf golden_bytes = BUF_INIT;
        struct buf golden_meaning = BUF_INIT;
        struct buf bytes = BUF_INIT;
        struct buf meaning = BUF_INIT;
        read_file(vectors[i].name, "bin", &golden_bytes);
        read_file(vectors[i].name, "json", &golden_meaning);
        vectors[i].encode(&bytes);
        vectors[i].tell(buf_slice(&golden_bytes), &meaning);
        assert_same(vectors[i].name, &bytes, &golden_bytes);
        assert_same(vectors[i].name, &meaning, &golden_meaning);
        buf_deinit(&golden_bytes);
        buf_deinit(&golden_meaning);
        buf_deinit(&bytes);
        buf_deinit(&meaning);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_vector_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
