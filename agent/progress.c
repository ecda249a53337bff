#include "agent/progress.h"

#include <string.h>

#include "platform/time/clock.h"

enum { BAR_CELLS = 24, EVERY_MS = 150 };

void progress_init(struct progress *progress, FILE *out, bool enabled, uint64_t total_bytes)
{
    *progress = (struct progress){.out = out, .enabled = enabled, .total_bytes = total_bytes};
    progress->started_ms = clock_monotonic_ms();
    progress->first_lines = UINT64_MAX;
}

static void print_bar(const struct progress *progress, double share)
{
    char bar[BAR_CELLS + 1];
    size_t filled = (size_t)(share * BAR_CELLS);
    memset(bar, '#', filled);
    memset(bar + filled, '.', BAR_CELLS - filled);
    bar[BAR_CELLS] = 0;
    (void)fprintf(progress->out, "\r[%s] %3.0f %%", bar, share * 100);
}

void progress_show(struct progress *progress, uint64_t done_bytes, uint64_t lines)
{
    if (!progress->enabled) {
        return;
    }
    if (progress->first_lines == UINT64_MAX) {
        progress->first_lines = lines;
    }
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < progress->next_ms) {
        return;
    }
    progress->next_ms = now_ms + EVERY_MS;
    double share = progress->total_bytes > 0 ? (double)done_bytes / (double)progress->total_bytes : 1;
    share = share > 1 ? 1 : share;
    double seconds = (double)(now_ms - progress->started_ms) / 1000;
    double rate = seconds > 0 ? (double)(lines - progress->first_lines) / seconds : 0;
    double left = share > 0 ? seconds / share - seconds : 0;
    print_bar(progress, share);
    (void)fprintf(progress->out, "  %.1f of %.1f MB  %.2f M lines/s  %d:%02d left ", (double)done_bytes / 1e6,
                  (double)progress->total_bytes / 1e6, rate / 1e6, (int)left / 60, (int)left % 60);
    (void)fflush(progress->out);
    progress->shown = true;
}

void progress_clear(struct progress *progress)
{
    if (progress->shown) {
        (void)fprintf(progress->out, "\r%78s\r", "");
        (void)fflush(progress->out);
        progress->shown = false;
    }
}
