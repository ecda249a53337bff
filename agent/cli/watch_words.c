#include "agent/cli/watch_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "platform/time/stamp.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

static const double LEVEL_WARN = 0.8;
static const double LEVEL_BAD = 0.6;

char *watch_words_count(int64_t count, char out[WATCH_WORD_MAX])
{
    if (count < 0) {
        (void)snprintf(out, WATCH_WORD_MAX, "-");
    } else {
        (void)snprintf(out, WATCH_WORD_MAX, "%" PRId64, count);
    }
    return out;
}

char *watch_words_span(int64_t span_ms, char out[WATCH_WORD_MAX])
{
    int64_t s = span_ms / 1000;
    if (span_ms < 0) {
        (void)snprintf(out, WATCH_WORD_MAX, "-");
    } else if (s >= DAY_S) {
        (void)snprintf(out, WATCH_WORD_MAX, "%" PRId64 "d %02dh", s / DAY_S, (int)(s % DAY_S / HOUR_S));
    } else if (s >= HOUR_S) {
        (void)snprintf(out, WATCH_WORD_MAX, "%d:%02d:%02d", (int)(s / HOUR_S), (int)(s % HOUR_S / MINUTE_S),
                       (int)(s % MINUTE_S));
    } else {
        (void)snprintf(out, WATCH_WORD_MAX, "%d:%02d", (int)(s / MINUTE_S), (int)(s % MINUTE_S));
    }
    return out;
}

char *watch_words_share(double share, char out[WATCH_WORD_MAX])
{
    if (share < 0) {
        (void)snprintf(out, WATCH_WORD_MAX, "-");
    } else {
        (void)snprintf(out, WATCH_WORD_MAX, "%d%%", (int)(share * 100 + 0.5));
    }
    return out;
}

char *watch_words_clock(int64_t at_ms, int32_t offset_s, char out[WATCH_WORD_MAX])
{
    char stamp[STAMP_MAX];
    (void)stamp_format(at_ms - at_ms % 1000, offset_s, stamp);
    (void)snprintf(out, WATCH_WORD_MAX, "%.8s", strlen(stamp) > 19 ? stamp + 11 : "--:--:--");
    return out;
}

char *watch_words_wait(int64_t wait_ms, int64_t threshold_ms, char out[WATCH_WORD_MAX], enum watch_role *role)
{
    bool over = threshold_ms > 0 && wait_ms > threshold_ms;
    (void)watch_words_span(wait_ms, out);
    size_t len = strlen(out);
    (void)snprintf(out + len, WATCH_WORD_MAX - len, "%s", over ? "!" : " ");
    *role = over ? WATCH_WARN : wait_ms < 0 ? WATCH_FAINT : WATCH_PLAIN;
    return out;
}

char *watch_words_level(double level, char out[WATCH_WORD_MAX], enum watch_role *role)
{
    bool bad = level >= 0 && level < LEVEL_BAD;
    bool warn = level >= 0 && level < LEVEL_WARN;
    (void)watch_words_share(level, out);
    size_t len = strlen(out);
    (void)snprintf(out + len, WATCH_WORD_MAX - len, "%s", bad ? "!!" : warn ? "! " : "  ");
    *role = bad ? WATCH_BAD : warn ? WATCH_WARN : level < 0 ? WATCH_FAINT : WATCH_PLAIN;
    return out;
}

char *watch_words_spark(const struct watch_queue *queue, size_t width, bool utf8, char out[WATCH_SPARK_BYTES])
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t skipped = queue->trend_count > width ? queue->trend_count - width : 0;
    char *at = out;
    for (size_t i = skipped; i < queue->trend_count; i++) {
        double level = queue->trend[i];
        if (level < 0) {
            at = stpcpy(at, utf8 ? "·" : ".");
        } else if (utf8) {
            at = stpcpy(at, blocks[level >= 1 ? 7 : (int)(level * 8)]);
        } else {
            *at++ = (char)('0' + (level >= 0.9 ? 9 : (int)(level * 10)));
        }
    }
    *at = 0;
    return out;
}

struct word {
    const char *name;
    const char *said;
    enum watch_role role;
};

static const char *find_word(const struct word *words, size_t count, const char *name, enum watch_role *role)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].name, name) == 0) {
            *role = words[i].role;
            return words[i].said;
        }
    }
    *role = WATCH_PLAIN;
    return name;
}

/* The names are those of agent/event. */
const char *watch_words_event(const char *kind, enum watch_role *role)
{
    static const struct word words[] = {
        {"enter", "  caller entered", WATCH_PLAIN},
        {"connect", "  answered", WATCH_PLAIN},
        {"complete_operator", "  operator hung up", WATCH_PLAIN},
        {"complete_caller", "  caller hung up", WATCH_PLAIN},
        {"transfer_blind", "  transferred", WATCH_PLAIN},
        {"transfer_attended", "  transferred", WATCH_PLAIN},
        {"abandon", "! caller gave up", WATCH_WARN},
        {"exit_timeout", "! left: waited out", WATCH_WARN},
        {"exit_empty", "! left: nobody there", WATCH_WARN},
        {"exit_key", "  left by key", WATCH_PLAIN},
        {"withdraw", "  taken out", WATCH_PLAIN},
        {"blocked", "! refused", WATCH_WARN},
        {"ring_no_answer", "! not picked up", WATCH_WARN},
        {"ring_canceled", "  ringing ended", WATCH_PLAIN},
        {"leave", "  left the queue", WATCH_PLAIN},
        {"operator_dump", "! operator hung up", WATCH_WARN},
        {"ring", "  ringing", WATCH_FAINT},
        {"lost", "! call lost", WATCH_WARN},
        {"hold", "  on hold", WATCH_PLAIN},
        {"unhold", "  off hold", WATCH_PLAIN},
        {"member_add", "  joined", WATCH_PLAIN},
        {"member_remove", "  left the queue", WATCH_PLAIN},
        {"pause", "  paused", WATCH_PLAIN},
        {"unpause", "  back from pause", WATCH_PLAIN},
        {"pause_all", "  paused", WATCH_PLAIN},
        {"unpause_all", "  back from pause", WATCH_PLAIN},
        {"login", "  logged in", WATCH_PLAIN},
        {"logoff", "  logged off", WATCH_PLAIN},
        {"restart", "! PBX started", WATCH_WARN},
        {"reload", "  PBX reloaded", WATCH_FAINT},
    };
    return find_word(words, sizeof words / sizeof words[0], kind, role);
}

const char *watch_words_state(const char *state, enum watch_role *role)
{
    static const struct word words[] = {
        {"ready", "ready", WATCH_GOOD},          {"ring", "ringing", WATCH_PLAIN},
        {"talk", "talking", WATCH_STRONG},       {"hold", "holding", WATCH_STRONG},
        {"wrap", "wrapping up", WATCH_PLAIN},    {"paused", "paused", WATCH_FAINT},
        {"busy", "busy elsewhere", WATCH_FAINT}, {"unavailable", "unavailable", WATCH_FAINT},
    };
    return find_word(words, sizeof words / sizeof words[0], state, role);
}
