/* make_vectors DIR: writes proto/vectors/. A change of these files is a change of the protocol. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/vectors.h"

static void write_file(const char *dir, const char *name, const char *suffix, const struct buf *content)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", dir, name, suffix);
    FILE *file = fopen(path, "wb");
    if (!file || content->failed || fwrite(content->data, 1, content->len, file) != content->len || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_vectors DIR\n");
        return 2;
    }
    for (size_t i = 0; i < vector_count; i++) {
        struct buf bytes = BUF_INIT;
        struct buf meaning = BUF_INIT;
        vectors[i].encode(&bytes);
        vectors[i].tell(buf_slice(&bytes), &meaning);
        write_file(argv[1], vectors[i].name, "bin", &bytes);
        write_file(argv[1], vectors[i].name, "json", &meaning);
        buf_deinit(&bytes);
        buf_deinit(&meaning);
    }
    return 0;
}
