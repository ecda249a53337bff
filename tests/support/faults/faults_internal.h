/* faults_internal: what the parts of the layer share. Nothing in here may take memory or write through the doors that
 * the layer itself defines: it goes to the kernel, and to the allocator behind our own. */
#ifndef RINGSIDE_TESTS_SUPPORT_FAULTS_FAULTS_INTERNAL_H
#define RINGSIDE_TESTS_SUPPORT_FAULTS_FAULTS_INTERNAL_H

#include <limits.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "tests/support/faults/faults.h"

#define FAULTS_DOOR __attribute__((visibility("default")))

enum { FAULTS_PASS = -1, FAULTS_FILES_MAX = 4096 };

/* ---- points.c ---- */

/* One passage. FAULTS_PASS, or the kind that is to be met here, already made simple: what ends the process before the
 * call has ended it, and only a write is told FAULTS_TEAR or FAULTS_CUT_WITHIN. */
int faults_meet(enum faults_point point, int *error);
/* After the call: its result, or what it meets instead. */
int faults_answer(int kind, int error, int result);
_Noreturn void faults_die(void);
void faults_log_to(int fd); /* a line for each passage; -1: none */

/* ---- places.c: which descriptors and names are watched ---- */

struct faults_file {
    bool watched;
    bool directory;
    bool write_through; /* O_SYNC or O_DSYNC */
    struct platter_node *node;
};

void faults_places_watch(const char *root);
bool faults_watching(void);
const char *faults_root(void);
struct faults_file *faults_file(int fd); /* NULL: not watched */
/* The absolute name, without "." and ".." and double slashes; false where it is not below the root. */
bool faults_place(int directory, const char *path, char full[PATH_MAX]);
bool faults_is_there(const char *full);
void faults_opened(int fd, const char *full, int flags, bool made);
void faults_closed(int fd);

/* ---- allocations.c: behind the counting ---- */
void *faults_take(size_t bytes); /* zeroed; aborts where there is none */
void faults_give(void *block);

/* ---- platter.c: called by the doors after what they tell has happened; all do nothing unless it records ---- */
bool platter_records(void);
void platter_opened(struct faults_file *file, int fd, const char *full, int flags, bool made);
void platter_closed(struct faults_file *file, int fd);
void platter_wrote(struct faults_file *file, const struct iovec *parts, size_t bytes, off_t at);
void platter_length(struct faults_file *file, uint64_t length);
void platter_reserved(struct faults_file *file, uint64_t end);
void platter_mapped(struct faults_file *file, int fd);
void platter_synced(struct faults_file *file, int fd);
void platter_synced_maps(void);
void platter_made_directory(const char *full);
/* Before the call, as the name is then still there to be looked at; *after to be told once it has happened. */
struct platter_step {
    struct platter_node *node;
    struct platter_node *replaced; /* NULL, or what loses its last name */
};
void platter_name_before(const char *full, const char *target, struct platter_step *step);
void platter_renamed(const struct platter_step *step, const char *from, const char *to);
void platter_linked(const struct platter_step *step, const char *to);
void platter_unlinked(const struct platter_step *step, const char *full);

#endif
