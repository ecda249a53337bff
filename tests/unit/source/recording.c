#include "tests/unit/source/recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/file/input.h"

bool recording_read(const char *folder, const char *name, struct buf *out)
{
    char path[512];
    (void)snprintf(path, sizeof path, CAPTURES_DIR "/%s/%s", folder, name);
    struct input input;
    if (input_open(&input, path, false) != 0) {
        return false;
    }
    char piece[65536];
    size_t got;
    while (input_read(&input, piece, sizeof piece, &got) == 0) {
        buf_append(out, piece, got);
    }
    input_close(&input);
    assert_false(out->failed);
    return true;
}

bool recording_open(struct recording *recording, const char *folder, const char *name)
{
    *recording = (struct recording){0};
    char file[64];
    (void)snprintf(file, sizeof file, "%s.raw.gz", name);
    if (!recording_read(folder, file, &recording->bytes)) {
        return false;
    }
    (void)snprintf(file, sizeof file, "%s.idx.gz", name);
    assert_true(recording_read(folder, file, &recording->index));
    return true;
}

void recording_close(struct recording *recording)
{
    buf_deinit(&recording->bytes);
    buf_deinit(&recording->index);
}

bool recording_next(struct recording *recording, struct slice *piece, int64_t *at_ms)
{
    const char *text = buf_cstr(&recording->index);
    while (text[recording->at]) {
        const char *line = text + recording->at;
        recording->at += strcspn(line, "\n");
        recording->at += text[recording->at] == '\n';
        char *end;
        double seconds = strtod(line, &end);
        if (end == line) {
            continue;
        }
        size_t offset = strtoull(end, &end, 10);
        size_t len = strtoull(end, &end, 10);
        assert_true(offset + len <= recording->bytes.len);
        *piece = slice_make((const char *)recording->bytes.data + offset, len);
        *at_ms = (int64_t)(seconds * 1000);
        return true;
    }
    return false;
}
