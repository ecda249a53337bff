/* world: a directory with a log in it, the one who writes the log and all that is done to its files, as a model that
 * knows every byte in the order it was written and which of them can still be read.
 *
 * What was written is one long text. Bodies are its pieces as they lay in one file each; a file holds the beginning of
 * a body, under any number of names, plain or compressed. Lines are known by where they lie in the text. */
#ifndef RINGSIDE_TESTS_PROOF_FOLLOW_WORLD_H
#define RINGSIDE_TESTS_PROOF_FOLLOW_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/rng.h"

enum {
    WORLD_TEXT_MAX = 512 * 1024,
    WORLD_LINES_MAX = 4096,
    WORLD_BODIES_MAX = 256,
    WORLD_FILES_MAX = 512,
    WORLD_NAMES_MAX = 48,
    WORLD_LINE_MAX = 300
};

struct world_line {
    uint32_t from;
    uint32_t to;
    uint32_t body;
    bool is_void; /* never to be handed out: too long, or never ended */
    bool gone;    /* at some time there was no way to read it */
};

struct world_body {
    uint32_t from;
    uint32_t to;
    uint32_t first_line;
    bool hurt;      /* at some time not all of it could be read */
    bool shortened; /* there was a copy of its beginning, which looks whole to who finds it alone */
};

struct world_file { /* what an inode is */
    uint64_t inode;
    uint32_t body;
    uint32_t len; /* plain bytes */
    bool gzip;
    bool broken; /* compressed in part: nothing in it counts */
    int64_t epoch;
    int64_t tick;
};

struct world_name { /* of a rotated file */
    char text[64];
    uint32_t file;
    uint32_t number; /* where files are shifted */
    bool denied;
    bool hidden;    /* nobody would look for it there */
    uint8_t packed; /* how far the compression beside it has come: enum */
    char packing[72];
    uint32_t packed_file;
};

enum world_place { WORLD_HERE, WORLD_AWAY, WORLD_SHUT }; /* the directory */

enum world_style { WORLD_SHIFTED, WORLD_SEQUENTIAL, WORLD_DATED, WORLD_STAMPED, WORLD_STYLES };

struct world_stats {
    uint64_t lines;
    uint64_t rotations;
    uint64_t restarts;
    uint64_t gaps;
    uint64_t gone;
    uint64_t amid; /* things that happened while the follower was at work */
    uint64_t skipped;
};

struct world {
    char base[64]; /* of all that is made; the log lies in BASE/d */
    uint64_t seed;
    bool loud;
    bool can_deny; /* permissions bind us */
    struct world_stats *stats;
    void (*look)(void *ctx); /* the follower has a look while something is half done; no time passes */
    void *look_ctx;
    jmp_buf failed;
    char failure[512];

    enum world_style style;
    bool linked;       /* the log is a symbolic link */
    bool link_in_name; /* its targets look like rotated files */
    unsigned keep;     /* rotated files, where they are shifted */
    unsigned serial;

    int64_t epoch;
    int64_t tick; /* every change of a file has its own time, as it has outside of a test that is in a hurry */
    enum world_place place;

    int writer; /* descriptor, -1: none yet */
    uint32_t writer_file;
    char rest[1024]; /* of a line begun */

    bool live; /* the log is there */
    bool live_denied;
    uint32_t live_file;
    char live_target[64]; /* its own name, or that of its target */
    bool copied;          /* a copy was made, and the log is to be truncated */

    struct world_name names[WORLD_NAMES_MAX];
    unsigned name_count;
    struct world_file files[WORLD_FILES_MAX];
    unsigned file_count;
    struct world_body bodies[WORLD_BODIES_MAX];
    unsigned body_count;
    struct world_line lines[WORLD_LINES_MAX];
    unsigned line_count;
    bool holds; /* the follower is known to have a file open */
    uint32_t held_file;
    uint32_t held_body; /* that it was reading; when that was truncated it goes on elsewhere */

    uint32_t text_len;
    char text[WORLD_TEXT_MAX];
};

enum world_deed {
    WORLD_WRITE,
    WORLD_WRITE_MUCH,
    WORLD_REOPEN,
    WORLD_ROTATE,
    WORLD_COPY,
    WORLD_TRUNCATE,
    WORLD_COPY_TRUNCATE,
    WORLD_COMPRESS,
    WORLD_DELETE_ROTATED,
    WORLD_DELETE_LIVE,
    WORLD_REPLACE_LIVE,
    WORLD_SWITCH_LINK,
    WORLD_HARD_LINK,
    WORLD_DENY,
    WORLD_MOVE_DIRECTORY,
    WORLD_DEEDS
};

const char *world_deed_str(enum world_deed deed);

void world_open(struct world *world, struct rng *rng); /* `base` is made by the caller, and empty */
void world_close(struct world *world);
void world_do(struct world *world, enum world_deed deed, struct rng *rng);
void world_settle(struct world *world); /* all is well again, and a last line is written */

const char *world_path(const struct world *world, const char *name); /* in the directory; a ring of buffers */
void world_review(struct world *world);                              /* what can be read no more is marked as gone */
uint64_t world_number(const struct world *world, uint32_t line);     /* that it begins with; 0: none */

void world_say(const struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
