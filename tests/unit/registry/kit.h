/* kit: a registry of a test in a directory of its own. */
#ifndef RINGSIDE_TESTS_UNIT_REGISTRY_KIT_H
#define RINGSIDE_TESTS_UNIT_REGISTRY_KIT_H

#include "collector/registry/registry.h"

enum { KIT_NOW_MS = 1000000, KIT_DAY_MS = 86400000 };

/* For cmocka; the registry is open for writing. */
int kit_setup(void **state);
int kit_teardown(void **state);

const char *kit_dir(void);
struct registry *kit_registry(void);
void kit_close(void);
void kit_open(void);

/* 32 bytes of that value; in one of a few static buffers that take turns. */
const uint8_t *kit_key(unsigned value);

/* With the token kit_key(token), good for a day. */
int kit_invite(const char *id, const char *group, unsigned token, bool again, struct registry_site *out);
int kit_enrol(const char *id, unsigned token, unsigned key);
struct registry_site kit_site(const char *id); /* must be there */

#endif
