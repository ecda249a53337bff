/* spoil: an environment in kit_dir, of which "whole" is a copy, is damaged, looked over, saved aside, and made whole.
 */
#ifndef RINGSIDE_TESTS_UNIT_KV_SPOIL_H
#define RINGSIDE_TESTS_UNIT_KV_SPOIL_H

#include <stdint.h>

#include "platform/kv/kv_salvage.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/kv/kit.h"

enum { PAGE = 4096, SPOIL_MAP_BYTES = 4 << 20 };

extern struct temp_dir spoil_aside; /* what is saved */

int spoil_setup(void **state);
int spoil_teardown(void **state);

void spoil_restore(void);
void spoil_flip(uint64_t at, uint8_t bits);
void spoil_zero_page(uint64_t number);
unsigned spoil_kind_of_page(uint64_t number);

/* Without anybody who knows whether a record is whole. */
int spoil_look(enum kv_depth depth, struct kv_damage *out);
int spoil_save(struct kv_damage *out);
const char *spoil_saved_path(void);

#endif
