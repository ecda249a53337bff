/* The input is a rotated log, plain or gzip by its first bytes, of which the first byte of the input is no part: it
 * says how small the chunks are. Chunks are whole lines, positions grow, and reading on from any position gives what
 * reading in one go gave. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/file/fingerprint.h"
#include "platform/file/reader.h"
#include "tests/fuzz/fuzz.h"

enum { PLAIN_MAX = 1 << 22 }; /* a bomb ends here */

static struct reader *open_reader(const char *path, size_t line_max)
{
    struct reader_options options = {.path = path, .line_max = line_max, .chunk_bytes = 4096};
    struct reader *reader = NULL;
    int status = reader_open(&options, &reader);
    FUZZ_CHECK(status == 0);
    return reader;
}

static void check_chunk(const struct follow_chunk *chunk, uint64_t before)
{
    FUZZ_CHECK(chunk->after.offset >= before + chunk->bytes.len);
    FUZZ_CHECK(chunk->bytes.len == 0 || chunk->bytes.data[chunk->bytes.len - 1] == '\n');
    FUZZ_CHECK(chunk->after.head_len <= FOLLOW_HEAD_MAX && chunk->after.tail_len <= FOLLOW_TAIL_MAX);
}

/* Hash of all lines from where the reader stands; `keep`: the position after so many chunks. */
static uint64_t read_all(struct reader *reader, unsigned keep_after, struct follow_position *keep, uint64_t *behind,
                         int *end)
{
    struct follow_chunk chunk;
    uint64_t hash = FINGERPRINT_START;
    uint64_t offset = 0;
    unsigned count = 0;
    while ((*end = reader_read(reader, &chunk)) == 0 && offset < PLAIN_MAX) {
        check_chunk(&chunk, offset);
        offset = chunk.after.offset;
        hash = fingerprint_add(hash, chunk.bytes.data, chunk.bytes.len);
        if (++count == keep_after) {
            *keep = chunk.after;
            hash = FINGERPRINT_START; /* of what is behind it */
        }
    }
    *behind = count >= keep_after ? hash : 0;
    FUZZ_CHECK(*end == 0 || *end == READER_END || *end == STATUS_CORRUPT || *end == STATUS_IO);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    char path[64];
    int fd = memfd_create("log", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    size_t line_max = 64 + (size_t)(data[0] >> 4) * 64;
    unsigned keep_after = 1 + (data[0] & 3);
    struct follow_position keep = {0};
    uint64_t behind = 0;
    int end;
    struct reader *reader = open_reader(path, line_max);
    (void)read_all(reader, keep_after, &keep, &behind, &end);
    reader_close(reader);
    if (behind != 0 && keep.head_len > 0) {
        uint64_t again_behind;
        int again_end;
        reader = open_reader(path, line_max);
        if (reader_resume(reader, &keep) == 0 && end == READER_END) {
            uint64_t again = read_all(reader, UINT32_MAX, &keep, &again_behind, &again_end);
            FUZZ_CHECK(again_end == end && again == behind);
        }
        reader_close(reader);
    }
    (void)close(fd);
    return 0;
}
