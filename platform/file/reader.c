#include "platform/file/reader.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/file/input.h"
#include "platform/file/lines.h"

enum { READER_LINE_MAX = 8191, READER_CHUNK_BYTES = 1024 * 1024 };

struct reader {
    struct input input;
    struct lines lines;
    char *path;
    bool last_line;
};

int reader_open(const struct reader_options *options, struct reader **out)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return STATUS_NO_MEMORY;
    }
    reader->last_line = options->last_line;
    reader->path = strdup(options->path);
    int rc = input_open(&reader->input, options->path, false);
    if (rc == 0) {
        rc = lines_init(&reader->lines, options->line_max ? options->line_max : READER_LINE_MAX,
                        options->chunk_bytes ? options->chunk_bytes : READER_CHUNK_BYTES);
    }
    if (rc == 0 && !reader->path) {
        rc = STATUS_NO_MEMORY;
    }
    if (rc != 0) {
        reader_close(reader);
        return rc;
    }
    *out = reader;
    return 0;
}

void reader_close(struct reader *reader)
{
    if (reader) {
        input_close(&reader->input);
        lines_deinit(&reader->lines);
        free(reader->path);
        free(reader);
    }
}

int reader_resume(struct reader *reader, const struct follow_position *position)
{
    return lines_resume(&reader->lines, &reader->input, position);
}

int reader_read(struct reader *reader, struct follow_chunk *out)
{
    int rc = lines_next(&reader->lines, &reader->input, reader->last_line, out);
    switch (rc) {
    case 0: out->path = reader->path; return 0;
    case LINES_END: return READER_END;
    case LINES_MOVED: return STATUS_IO;
    default: return rc;
    }
}

uint64_t reader_size_bytes(const struct reader *reader)
{
    return input_size_bytes(&reader->input);
}

uint64_t reader_taken_bytes(const struct reader *reader)
{
    return input_taken_bytes(&reader->input);
}
