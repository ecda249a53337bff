#include "platform/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void sink_stderr(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    if (getenv("JOURNAL_STREAM")) {
        (void)fprintf(stderr, "<%d>%s\n", (int)level, text);
    } else {
        (void)fprintf(stderr, "%s\n", text);
    }
}

static log_sink_fn log_sink = sink_stderr;
static void *log_ctx;
static enum log_level log_level = LOG_INFO;

void log_set_sink(log_sink_fn sink, void *ctx)
{
    log_sink = sink ? sink : sink_stderr;
    log_ctx = ctx;
}

void log_set_level(enum log_level level)
{
    log_level = level;
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
    if (level > log_level) {
        return;
    }
    char text[1024];
    int used = snprintf(text, sizeof text, "%s: ", module);
    if (used < 0 || (size_t)used >= sizeof text) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, sizeof text - (size_t)used, format, args);
    va_end(args);
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    log_sink(log_ctx, level, text);
}
