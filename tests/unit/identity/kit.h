/* kit: an identity and a registry of a test, in a directory of their own. */
#ifndef RINGSIDE_TESTS_UNIT_IDENTITY_KIT_H
#define RINGSIDE_TESTS_UNIT_IDENTITY_KIT_H

#include "collector/identity/identity.h"
#include "platform/tls/keypair.h"

#define KIT_DAY_S INT64_C(86400)
#define KIT_NOW_S INT64_C(1795000000)

int kit_setup(void **state); /* makes nothing but the directory */
int kit_teardown(void **state);

const char *kit_path(const char *name); /* DIR/identity/NAME; "": the directory itself; one static buffer */
struct identity_options kit_options(void);
void kit_create(void); /* for collector.example and 192.0.2.1 */
struct identity *kit_open(void);
struct registry *kit_registry(void); /* made when first asked for */

/* The first certificate of a PEM file. */
struct certificate_facts kit_facts(const char *path, struct buf *der);

#endif
