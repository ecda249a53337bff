/* bench_parse: splits a queue_log into lines and parses each. */
#include <string.h>

#include "agent/source/queue_log.h"
#include "tests/bench/chunks.h"

static void parse(const char *data, size_t len, struct chunks_result *result)
{
    const char *end = data + len;
    while (data < end) {
        const char *feed = memchr(data, '\n', (size_t)(end - data));
        struct call_event event;
        if (queue_log_parse(slice_make(data, (size_t)(feed - data)), &event) == 0) {
            __asm__ volatile("" ::"r"(&event) : "memory");
            result->fields++; /* events */
        }
        result->lines++;
        data = feed + 1;
    }
}

int main(int argc, char **argv)
{
    return chunks_main(argc, argv, parse);
}
