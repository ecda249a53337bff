/* progress: a bar on a terminal for long work: share, bytes, lines a second, time left. */
#ifndef RINGSIDE_AGENT_PROGRESS_H
#define RINGSIDE_AGENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out;
    bool enabled;
    bool shown;
    uint64_t total_bytes;
    int64_t started_ms;
    int64_t next_ms;
    uint64_t first_lines;
};

/* Shows nothing unless enabled (standard error is a terminal). */
void progress_init(struct progress *progress, FILE *out, bool enabled, uint64_t total_bytes);
void progress_show(struct progress *progress, uint64_t done_bytes, uint64_t lines); /* a few times a second at most */
void progress_clear(struct progress *progress);

#endif
