/* log: one line a message, "module: text" first, key=value after. Libraries return; only the top of a program logs.
 * The default sink writes to standard error with the syslog priority prefix <N> when systemd collects it. */
#ifndef RINGSIDE_PLATFORM_BASE_LOG_H
#define RINGSIDE_PLATFORM_BASE_LOG_H

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

/* `text` is one line without a line feed, borrowed for the call. May be called from any thread. */
typedef void (*log_sink_fn)(void *ctx, enum log_level level, const char *text);

void log_set_sink(log_sink_fn sink, void *ctx); /* NULL: the default sink */
void log_set_level(enum log_level level);       /* messages less urgent are dropped; default LOG_INFO */

/* Control characters in the formatted text become '?', so that nothing from outside can forge a line. */
void log_write(enum log_level level, const char *module, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
