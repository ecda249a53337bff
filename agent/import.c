#include "agent/import.h"

#include <stdlib.h>
#include <string.h>

#include "agent/known.h"
#include "agent/pipeline.h"
#include "agent/progress.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"
#include "platform/file/reader.h"
#include "platform/time/clock.h"

enum { SOURCE_LINE_MAX = 8191 };

struct import_file {
    const char *path;
    uint64_t size_bytes;
    uint64_t first_number; /* of its first line: what it is sorted by */
    bool readable;
};

struct import {
    const struct import_options *options;
    struct pipeline *pipeline;
    struct import_file *files;
    struct ledger_cursor_record *cursors; /* positions the ledger holds, this run's included */
    size_t cursor_count;
    size_t cursor_cap;
    struct known known;
    struct progress progress;
    uint64_t done_bytes; /* of files before the current one */
    uint64_t commits;
    size_t failed_files;
    size_t known_files;
};

static void complain(struct import *import, const char *path, const char *what, int status)
{
    progress_clear(&import->progress);
    (void)fprintf(import->options->err, "ringside-agent: import: %s: %s: %s\n", path, what, status_str(status));
}

static int open_file(const char *path, struct reader **out)
{
    struct reader_options options = {.path = path, .line_max = SOURCE_LINE_MAX, .last_line = true};
    return reader_open(&options, out);
}

/* Reads the first chunk of each file to learn where in time it begins. */
static void look_at(struct import *import, struct import_file *file, const char *path)
{
    *file = (struct import_file){.path = path};
    struct reader *reader = NULL;
    int status = open_file(path, &reader);
    if (status == 0) {
        struct follow_chunk chunk;
        file->size_bytes = reader_size_bytes(reader);
        status = reader_read(reader, &chunk);
        file->first_number = status == 0 ? chunk.after.first_number : 0;
        status = status == READER_END ? 0 : status;
    }
    reader_close(reader);
    file->readable = status == 0;
    if (status != 0) {
        complain(import, path, "cannot be read", status);
        import->failed_files++;
    }
}

static int compare_files(const void *a, const void *b)
{
    const struct import_file *x = a;
    const struct import_file *y = b;
    if (x->first_number != y->first_number) {
        return x->first_number < y->first_number ? -1 : 1;
    }
    return strcmp(x->path, y->path);
}

static int remember(void *ctx, const struct ledger_cursor_record *record)
{
    struct import *import = ctx;
    struct ledger_cursor_record *cursors =
        grow_array(import->cursors, import->cursor_count, &import->cursor_cap, sizeof *cursors);
    if (!cursors) {
        return STATUS_NO_MEMORY;
    }
    import->cursors = cursors;
    import->cursors[import->cursor_count++] = *record;
    return 0;
}

static int compare_offsets(const void *a, const void *b)
{
    uint64_t x = ((const struct ledger_cursor_record *)a)->position.offset;
    uint64_t y = ((const struct ledger_cursor_record *)b)->position.offset;
    return x > y ? -1 : x < y;
}

/* The position in the ledger that the file's bytes lead up to, the farthest; NULL: it was never read as it is. The
 * reader stands behind it then. */
static const struct ledger_cursor_record *recognise(struct import *import, struct reader *reader)
{
    if (import->cursor_count > 1) {
        qsort(import->cursors, import->cursor_count, sizeof *import->cursors, compare_offsets);
    }
    for (size_t i = 0; i < import->cursor_count; i++) {
        struct follow_position position = pipeline_position(&import->cursors[i].position);
        if (strcmp(import->cursors[i].cursor.source, ledger_lost_source) == 0) {
            continue; /* it stands for logs that are not known any more, not for a place in one */
        }
        if (reader_resume(reader, &position) == 0) {
            return &import->cursors[i];
        }
    }
    return NULL;
}

static int commit(struct import *import)
{
    for (int tries = 0;; tries++) {
        int status = pipeline_commit(import->pipeline, clock_wall_ms());
        if (status != STATUS_FULL || tries == 8) {
            import->commits += status == 0;
            return status;
        }
        /* Old history makes room for the new; when there is none left the ledger is too small. */
        status = ledger_shed(pipeline_ledger(import->pipeline), import->options->config->ledger.size_max_bytes / 8);
        if (status != 0) {
            return status == LEDGER_NONE ? STATUS_FULL : status;
        }
    }
}

/* Spans that other files covered and into which this one reaches. What they hold must be committed to be seen. */
static int set_known(struct import *import, const struct import_file *file, const struct ledger_cursor_record *self)
{
    int64_t begins_ms = self ? self->cursor.last_ms : (int64_t)file->first_number * 1000;
    int status = 0;
    known_clear(&import->known, clock_wall_ms());
    for (size_t i = 0; i < import->cursor_count && status == 0; i++) {
        const struct ledger_cursor *cursor = &import->cursors[i].cursor;
        if (&import->cursors[i] != self && cursor->last_ms > begins_ms) {
            status = known_add(&import->known, cursor->first_ms, cursor->last_ms);
        }
    }
    bool any = import->known.count > 0;
    pipeline_set_known(import->pipeline, any ? &import->known : NULL);
    return status == 0 && any && pipeline_pending_lines(import->pipeline) > 0 ? commit(import) : status;
}

static int take_chunks(struct import *import, struct reader *reader, uint64_t *chunks, int *read_status)
{
    struct follow_chunk chunk;
    int failure = 0;
    while (failure == 0 && (*read_status = reader_read(reader, &chunk)) == 0) {
        failure = pipeline_take(import->pipeline, PIPELINE_IMPORT, &chunk, clock_wall_ms());
        if (failure == 0 && pipeline_wants_commit(import->pipeline)) {
            failure = commit(import);
        }
        (*chunks)++;
        progress_show(&import->progress, import->done_bytes + reader_taken_bytes(reader),
                      ledger_quality(pipeline_ledger(import->pipeline))[QUALITY_LINES]);
    }
    return failure;
}

static int import_file(struct import *import, const struct import_file *file)
{
    struct reader *reader = NULL;
    int status = open_file(file->path, &reader);
    if (status != 0) {
        complain(import, file->path, "cannot be read", status);
        import->failed_files++;
        return 0;
    }
    const struct ledger_cursor_record *self = recognise(import, reader);
    int failure = set_known(import, file, self);
    if (failure == 0 && self) {
        failure = pipeline_continue(import->pipeline, self);
    }
    uint64_t chunks = 0;
    if (failure == 0) {
        failure = take_chunks(import, reader, &chunks, &status);
    }
    reader_close(reader);
    import->known_files += chunks == 0;
    if (failure == 0 && status < 0) {
        complain(import, file->path, "stopped before its end", status);
        import->failed_files++;
    }
    if (failure == 0 && chunks > 0) {
        struct ledger_cursor_record record = pipeline_cursor(import->pipeline);
        failure = remember(import, &record);
    }
    import->done_bytes += file->size_bytes;
    return failure;
}

static void report(struct import *import, const uint64_t *before, int64_t started_ms)
{
    const uint64_t *now = ledger_quality(pipeline_ledger(import->pipeline));
    uint64_t lines = now[QUALITY_LINES] - before[QUALITY_LINES];
    double seconds = (double)(clock_monotonic_ms() - started_ms) / 1000;
    FILE *out = import->options->out;
    (void)fprintf(out, "%zu files: %llu lines taken", import->options->path_count, (unsigned long long)lines);
    if (lines > 0 && seconds > 0) {
        (void)fprintf(out, " in %.2f s (%.0f lines/s)", seconds, (double)lines / seconds);
    }
    (void)fprintf(out, ", %llu commits", (unsigned long long)import->commits);
    if (import->known_files > 0) {
        (void)fprintf(out, ", %zu files already known", import->known_files);
    }
    static const enum quality worth_saying[] = {QUALITY_BAD_LINES,     QUALITY_LONG_LINES,  QUALITY_UNKNOWN_VERBS,
                                                QUALITY_REFUSED_TIMES, QUALITY_KNOWN_LINES, QUALITY_SUSPECT_DURATIONS,
                                                QUALITY_ORPHAN_ENDS};
    for (size_t i = 0; i < sizeof worth_saying / sizeof worth_saying[0]; i++) {
        enum quality q = worth_saying[i];
        if (now[q] > before[q]) {
            (void)fprintf(out, ", %s %llu", quality_names[q], (unsigned long long)(now[q] - before[q]));
        }
    }
    (void)fprintf(out, "\n");
}

static int take_all(struct import *import)
{
    int status = ledger_load_cursors(pipeline_ledger(import->pipeline), remember, import);
    for (size_t i = 0; i < import->options->path_count && status == 0; i++) {
        if (import->files[i].readable) {
            status = import_file(import, &import->files[i]);
        }
    }
    if (status == 0 && pipeline_pending_lines(import->pipeline) > 0) {
        status = commit(import);
    }
    bool more = true;
    for (int rounds = 0; status == 0 && more && rounds < 10000; rounds++) {
        status = ledger_tend(pipeline_ledger(import->pipeline), clock_wall_ms(), &more);
    }
    return status;
}

static void explain_open(struct import *import, int status)
{
    const struct agent_config *config = import->options->config;
    FILE *err = import->options->err;
    if (status == STATUS_BUSY) {
        (void)fprintf(err,
                      "ringside-agent: import: %s is being written by another process; stop the daemon "
                      "(systemctl stop ringside-agent), import, and start it again: it catches up by itself\n",
                      config->ledger.dir);
    } else if (status == STATUS_INVALID) {
        (void)fprintf(err, "ringside-agent: import: %s belongs to another site than \"%s\"\n", config->ledger.dir,
                      config->site.id);
    } else {
        complain(import, config->ledger.dir, "ledger cannot be opened", status);
    }
}

static void tell_damage(const struct import *import)
{
    const struct kv_loss *damage = ledger_mended(pipeline_ledger(import->pipeline));
    char text[512];
    if (damage) {
        ledger_damage_tell(damage, text, sizeof text);
        (void)fprintf(import->options->err, "ringside-agent: import: %s: %s\n", import->options->config->ledger.dir,
                      text);
    }
}

int import_run(const struct import_options *options)
{
    struct import import = {.options = options};
    int result = 1;
    int64_t started_ms = clock_monotonic_ms();
    import.files = calloc(options->path_count, sizeof *import.files);
    if (!import.files) {
        complain(&import, "memory", "allocation failed", STATUS_NO_MEMORY);
        return 1;
    }
    uint64_t total_bytes = 0;
    for (size_t i = 0; i < options->path_count; i++) {
        look_at(&import, &import.files[i], options->paths[i]);
        total_bytes += import.files[i].size_bytes;
    }
    qsort(import.files, options->path_count, sizeof *import.files, compare_files);
    progress_init(&import.progress, options->err, options->progress, total_bytes);

    struct pipeline_options pipeline_options = {.config = options->config, .now_ms = clock_wall_ms()};
    int status = pipeline_open(&pipeline_options, &import.pipeline);
    if (status != 0) {
        explain_open(&import, status);
        goto out;
    }
    tell_damage(&import);
    known_init(&import.known, pipeline_ledger(import.pipeline), options->config->ledger.legs_keep_ms);
    uint64_t before[QUALITY_COUNT];
    memcpy(before, ledger_quality(pipeline_ledger(import.pipeline)), sizeof before);
    status = take_all(&import);
    progress_clear(&import.progress);
    if (status != 0) {
        complain(&import, options->config->ledger.dir, "ledger failed", status);
        goto out;
    }
    report(&import, before, started_ms);
    result = import.failed_files > 0 ? 1 : 0;
out:
    pipeline_close(import.pipeline);
    free(import.files);
    free(import.cursors);
    known_deinit(&import.known);
    return result;
}
