/* The parts of the world among themselves: who writes, what rotates, what compresses, what does harm. */
#ifndef RINGSIDE_TESTS_PROOF_FOLLOW_WORLD_INTERNAL_H
#define RINGSIDE_TESTS_PROOF_FOLLOW_WORLD_INTERNAL_H

#include "tests/proof/follow/world.h"

enum { PACK_NONE, PACK_BEGUN, PACK_WHOLE };

enum { TIME_DIGITS = 10 };
#define NONE UINT32_MAX

bool world_is_full(const struct world *world);
bool world_is_free(const struct world *world); /* its directory can be worked in */

/* writer */
void world_stamp(struct world *world, const char *path, uint32_t index);
void world_stamp_directory(struct world *world);
uint32_t world_add_file(struct world *world, const char *path, uint32_t body, uint32_t len);
void world_begin_body(struct world *world);
void world_put(struct world *world, const char *bytes, size_t len);
void world_put_rest(struct world *world);
void world_leave_rest(struct world *world);
void world_write_lines(struct world *world, struct rng *rng, unsigned count);
void world_open_writer(struct world *world);
void world_reopen(struct world *world, struct rng *rng);

/* rotation */
void world_drop_name(struct world *world, unsigned index);
void world_forget_live(struct world *world);
void world_rotate(struct world *world, struct rng *rng);
bool world_copy(struct world *world);
void world_copy_truncate(struct world *world, struct rng *rng);
void world_truncate(struct world *world, struct rng *rng);
void world_link_to(struct world *world, const char *target);
void world_next_target(struct world *world, char *out, size_t size);
void world_switch_link(struct world *world, struct rng *rng);

/* packing */
void world_compress(struct world *world, struct rng *rng);
char *world_read_whole(const char *path, size_t *len); /* returns owned */
void world_write_whole(const char *path, const void *data, size_t len);

/* harm */
void world_delete_rotated(struct world *world, struct rng *rng);
bool world_delete_live(struct world *world);
void world_replace_live(struct world *world, struct rng *rng);
void world_hard_link(struct world *world, struct rng *rng);
void world_allow(const struct world *world, const char *name, bool allowed);
void world_deny(struct world *world, struct rng *rng);
void world_move_directory(struct world *world);

#endif
