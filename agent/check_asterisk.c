#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/check.h"

/* What Asterisk's own files say about queue_log; the defaults are Asterisk's. */
struct asterisk_log {
    bool database; /* extconfig.conf maps queue_log to a realtime backend */
    bool enabled;
    bool also_file; /* queue_log_to_file: matters only beside a database */
    char name[256];
};

typedef void (*setting_fn)(struct asterisk_log *log, const char *section, const char *name, const char *value);

enum { INCLUDE_DEPTH_MAX = 4, LINE_BYTES = 1024 };

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1])) {
        text[--len] = '\0';
    }
    return text;
}

/* Asterisk's words for yes. */
static bool is_true(const char *value)
{
    static const char *const words[] = {"yes", "true", "y", "t", "1", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(value, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void read_file(const char *dir, const char *file, char section[64], setting_fn fn, struct asterisk_log *log,
                      int depth);

/* "#include file" or "#include "file"": FreePBX keeps its generated settings in such files. */
static void read_include(const char *dir, char *line, char section[64], setting_fn fn, struct asterisk_log *log,
                         int depth)
{
    char *file = trim(line + strcspn(line, " \t"));
    if (file[0] == '"' || file[0] == '<') {
        file++;
        file[strcspn(file, "\">")] = '\0';
    }
    if (file[0] != '\0' && depth < INCLUDE_DEPTH_MAX) {
        read_file(dir, file, section, fn, log, depth + 1);
    }
}

static void read_line(const char *dir, char *text, char section[64], setting_fn fn, struct asterisk_log *log, int depth)
{
    text[strcspn(text, ";")] = '\0';
    char *line = trim(text);
    if (strncmp(line, "#include", 8) == 0 || strncmp(line, "#tryinclude", 11) == 0) {
        read_include(dir, line, section, fn, log, depth);
    } else if (line[0] == '[') {
        (void)snprintf(section, 64, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
    } else {
        char *equal = strchr(line, '=');
        if (equal) {
            *equal = '\0';
            fn(log, section, trim(line), trim(equal + 1 + (equal[1] == '>')));
        }
    }
}

static void read_file(const char *dir, const char *file, char section[64], setting_fn fn, struct asterisk_log *log,
                      int depth)
{
    char path[4200];
    if (file[0] == '/') {
        (void)snprintf(path, sizeof path, "%s", file);
    } else {
        (void)snprintf(path, sizeof path, "%s/%s", dir, file);
    }
    FILE *in = fopen(path, "re");
    if (!in) {
        return;
    }
    char line[LINE_BYTES];
    while (fgets(line, sizeof line, in)) {
        read_line(dir, line, section, fn, log, depth);
    }
    (void)fclose(in);
}

static void take_extconfig(struct asterisk_log *log, const char *section, const char *name, const char *value)
{
    if (strcasecmp(section, "settings") == 0 && strcasecmp(name, "queue_log") == 0 && value[0] != '\0') {
        log->database = true;
    }
}

static void take_logger(struct asterisk_log *log, const char *section, const char *name, const char *value)
{
    if (strcasecmp(section, "general") != 0) {
        return;
    }
    if (strcasecmp(name, "queue_log") == 0) {
        log->enabled = is_true(value);
    } else if (strcasecmp(name, "queue_log_to_file") == 0) {
        log->also_file = is_true(value);
    } else if (strcasecmp(name, "queue_log_name") == 0 && value[0] != '\0') {
        (void)snprintf(log->name, sizeof log->name, "%.250s", value);
    }
}

bool agent_check_asterisk(const char *conf_dir, const char *path, struct buf *why)
{
    struct asterisk_log log = {.enabled = true, .name = "queue_log"};
    char section[64] = "";
    read_file(conf_dir, "extconfig.conf", section, take_extconfig, &log, 0);
    section[0] = '\0';
    read_file(conf_dir, "logger.conf", section, take_logger, &log, 0);
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    if (!log.enabled) {
        buf_printf(why, "Asterisk writes no queue_log: queue_log = no in %s/logger.conf", conf_dir);
    } else if (log.database && !log.also_file) {
        buf_printf(why,
                   "Asterisk writes queue_log to a database only (extconfig.conf); queue_log_to_file = yes in "
                   "%s/logger.conf makes it write the file too",
                   conf_dir);
    } else if (strcmp(base, log.name) != 0) {
        buf_printf(why, "Asterisk calls the file %s (queue_log_name in %s/logger.conf), not %s", log.name, conf_dir,
                   base);
    } else {
        return false;
    }
    return true;
}
