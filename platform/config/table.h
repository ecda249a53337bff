/* table: what may stand in a configuration file. One table per program; parsing, checking, printing and the
 * reference page all come from it, so they cannot disagree. Tables are constant and outlive every config made of
 * them.
 *
 *     ledger { dir = /var/lib/ringside }          a plain section
 *     queue "sales" { service_level = 30s }       a titled section, may be repeated with other titles */
#ifndef RINGSIDE_PLATFORM_CONFIG_TABLE_H
#define RINGSIDE_PLATFORM_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

enum config_type {
    CONFIG_STRING,   /* min..max: length in bytes */
    CONFIG_PATH,     /* absolute */
    CONFIG_INT,      /* min..max */
    CONFIG_BOOL,     /* yes, no, true, false, on, off */
    CONFIG_DURATION, /* held in milliseconds, as are min..max; with words, only those */
    CONFIG_BYTES,    /* min..max */
    CONFIG_ENUM,     /* one of the words; held as the word's index */
    CONFIG_STRINGS   /* { "a", "b" }; min..max: length of each in bytes */
};

/* 0 when the text is allowed; otherwise STATUS_INVALID, with what is wrong in `why` ("is not a loopback address"). */
typedef int (*config_validate_fn)(const char *text, struct buf *why);

struct config_option {
    const char *name;
    enum config_type type;
    const char *default_text; /* as a user would write it; for CONFIG_STRINGS "" or one item */
    int64_t min;              /* min == max: no limits (strings: CONFIG_TEXT_MAX bytes) */
    int64_t max;
    const char *const *words;             /* ends in NULL; CONFIG_ENUM and CONFIG_DURATION */
    const char *(*word_at)(size_t index); /* instead of words where they live elsewhere; NULL behind the last */
    const char *unit;                     /* shown beside numbers: "percent"; NULL for none */
    const char *help;                     /* one line, no full stop */
    const char *allowed;                  /* what `validate` accepts, in words; NULL: derived from the type */
    config_validate_fn validate;
    /* A default that depends on the machine: fills *out. The reference page then shows default_text. */
    int (*make_default)(struct buf *out);
    /* In a section that has an option "type" with words: only those of this type have this option; NULL: all. */
    const char *of_type;
    bool restart; /* a change needs a restart; otherwise a reload is enough */
};

struct config_section {
    const char *name;
    const char *help;
    const struct config_option *options;
    size_t option_count;
    bool titled;
    const char *title_help;    /* what the title is: "a queue as the PBX names it" */
    const char *title_allowed; /* what `title_validate` accepts */
    config_validate_fn title_validate;
    const char *default_title; /* an instance with this title exists when the file has none of this section */
    const char *base_title;    /* an instance with this title always exists and lends the others what they do not set */
};

struct config_table {
    const char *title; /* heading of the reference page: "ringside-agent: configuration" */
    const char *intro; /* a paragraph below it */
    const char *path;  /* the default file */
    const struct config_section *sections;
    size_t section_count;
};

enum { CONFIG_TEXT_MAX = 4095, CONFIG_FILE_MAX = 1 << 20 };

/* NULL when there is none of that name. */
const struct config_section *config_table_section(const struct config_table *table, struct slice name);
const struct config_option *config_section_option(const struct config_section *section, struct slice name);

/* The word at an index, from words or word_at; NULL behind the last. */
const char *config_option_word(const struct config_option *option, size_t index);

#endif
