/* disk: what a world does with files behind the back of those who own them, and the place where the fault layer's
 * failures come in. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_DISK_H
#define RINGSIDE_TESTS_PROOF_WORLD_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_copy {
    uint8_t *bytes;
    size_t len;
};

void disk_make_dir(const char *path);
void disk_remove_tree(const char *path);                      /* fine when there is none */
void disk_copy_take(const char *path, struct disk_copy *out); /* of a file; empty when there is none */
void disk_copy_put(const char *path, const struct disk_copy *copy);
void disk_copy_free(struct disk_copy *copy);

/* The from_number-th commit from now on (1: the next) fails; for_good: all later ones too, as if the process were gone
 * by then. While one may fail, those who hear of it are not to be blamed. */
void disk_fail_commits(uint64_t from_number, int error, bool for_good);
void disk_heal(void);
bool disk_is_failing(void);
bool disk_failed_one(void); /* since disk_fail_commits() */
uint64_t disk_commits(void);

#endif
