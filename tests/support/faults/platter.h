/* platter: what the files of the platter share. platter.c and platter_names.c record what happens, platter_cut.c makes
 * of it what could be found after the power failed. */
#ifndef RINGSIDE_TESTS_SUPPORT_FAULTS_PLATTER_H
#define RINGSIDE_TESTS_SUPPORT_FAULTS_PLATTER_H

#include <pthread.h>

#include "tests/support/faults/faults_internal.h"

enum { PLATTER_SECTOR_BYTES = 512, PLATTER_BLOCK_BYTES = 4096 };

bool platter_is_empty(const uint8_t *bytes, uint64_t count);
void platter_copy(uint8_t *to, const uint8_t *from, uint64_t bytes); /* into zeros */

/* What happened to a file and was not synced since; in order. */
struct platter_change {
    uint64_t moment; /* counts all changes of all files and names */
    bool is_write;   /* else only the length changed */
    uint64_t at;
    uint64_t bytes;
    uint8_t *data;
    uint64_t length; /* of the file, afterwards */
    bool resized;    /* it was another before */
    struct platter_change *next;
};

struct platter_entry {
    char *name;
    struct platter_node *node;
    struct platter_entry *next;
};

struct platter_node {
    uint64_t inode;
    bool directory;
    bool gone; /* has no name any more: its inode number may come again */
    bool mapped;
    int fd; /* one that is open, for what a mapping wrote; -1: none */
    mode_t mode;
    uint8_t *safe; /* what is on the platter for sure */
    uint64_t safe_bytes;
    uint64_t safe_room;
    uint64_t length; /* as a program sees it */
    struct platter_change *first;
    struct platter_change *last;
    struct platter_entry *entries; /* of a directory: the names that are there for sure */
    struct platter_node *next;
};

/* What happened to names, of the whole tree, and was not synced since; in order. */
struct platter_naming {
    uint64_t moment;
    struct platter_node *from; /* directory; NULL: no name goes */
    char *from_name;
    struct platter_node *to; /* directory; NULL: no name comes */
    char *to_name;
    struct platter_node *node;
    struct platter_naming *next;
};

struct platter {
    bool records;
    pthread_mutex_t lock;
    struct platter_node *root;
    struct platter_node *nodes;
    struct platter_naming *first;
    struct platter_naming *last;
    uint64_t moments;
};

extern struct platter platter;

void platter_enter(void);
void platter_leave(void);
struct platter_node *platter_node_of(const struct stat *info); /* NULL: none known */
struct platter_node *platter_node_at(const char *full);
struct platter_node *platter_node_add(const struct stat *info);
void platter_look_at_maps(void); /* what shared mappings changed becomes changes */

/* ---- platter_names.c ---- */
void platter_name_change(struct platter_node *node, const char *from, const char *to); /* full names; NULL: none */
void platter_names_settle(const struct platter_node *directory);
void platter_naming_free(struct platter_naming *naming);
void platter_set_entry(struct platter_entry **entries, const char *name, struct platter_node *node);
void platter_drop_entry(struct platter_entry **entries, const char *name, const struct platter_node *node);
void platter_apply_naming(struct platter_entry **from, struct platter_entry **to, const struct platter_naming *naming);

#endif
