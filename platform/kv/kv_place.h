/* kv_place: the names in a directory with an environment while its damaged file gives its place to the mended one
 * (kv_repair.h says which there are). Inside the room only. */
#ifndef RINGSIDE_PLATFORM_KV_KV_PLACE_H
#define RINGSIDE_PLATFORM_KV_KV_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { KV_PLACE_PATH_BYTES = 4096, KV_PLACE_ASIDE_BYTES = 64 };

int kv_place_path(char out[KV_PLACE_PATH_BYTES], const char *dir, const char *name);
bool kv_place_has(const char *dir, const char *name);
void kv_place_drop(const char *dir, const char *name);

/* Where the last bytes are that were ever written: what is reserved and unused reads as zeros. */
off_t kv_place_end(int fd, off_t size);

/* What an interrupted repair left: what it was saving, and the second name of a data.mdb that stayed. */
void kv_place_clear(const char *dir);
void kv_place_drop_saved(const char *dir); /* the first of the two */

/* The damaged file's name to be: one that nothing has, nor the mended one that goes with it. */
int kv_place_choose(const char *dir, int64_t now_ms, char aside[KV_PLACE_ASIDE_BYTES]);

/* repair/data.mdb, synced, comes up into the directory. It is not data.mdb yet. */
int kv_place_bring(const char *dir);
/* What was brought up becomes data.mdb, and that becomes `aside`. */
int kv_place_take(const char *dir, const char *aside);

/* Whether kv_place_take() was interrupted where no data.mdb was left; kv_place_resume() goes on with it. */
bool kv_place_is_open(const char *dir, char aside[KV_PLACE_ASIDE_BYTES]);
int kv_place_resume(const char *dir, const char *aside);

/* 0, or STATUS_NOT_FOUND: there is none. */
int kv_place_drop_oldest(const char *dir);

#endif
