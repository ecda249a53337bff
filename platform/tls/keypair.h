/* keypair: an ECDSA P-256 private key. Wiped when freed. Not thread safe. */
#ifndef RINGSIDE_PLATFORM_TLS_KEYPAIR_H
#define RINGSIDE_PLATFORM_TLS_KEYPAIR_H

#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

struct keypair;

enum { KEYPAIR_HASH_BYTES = 32 };

int keypair_generate(struct keypair **out);                   /* returns owned */
int keypair_from_pem(struct slice pem, struct keypair **out); /* STATUS_INVALID: no P-256 private key in there */
int keypair_to_pem(const struct keypair *keypair,
                   struct buf *out);        /* appends; wipe the buffer with secret_wipe_buf() */
void keypair_free(struct keypair *keypair); /* NULL is fine */

/* SHA-256 of the SubjectPublicKeyInfo (DER), by which the registry knows a site's key. */
int keypair_hash(const struct keypair *keypair, uint8_t out[KEYPAIR_HASH_BYTES]);

/* A PKCS#10 request (RFC 2986, DER) for subject CN=name, signed with the key. STATUS_RANGE: the name is empty or longer
 * than 64 bytes; STATUS_INVALID: it is no UTF-8 or has control characters. Appends. */
int keypair_request(struct keypair *keypair, const char *name, struct buf *out);

/* Reads and verifies a request. STATUS_INVALID (no PKCS#10, or its own signature is wrong), STATUS_UNSUPPORTED (another
 * key than P-256), STATUS_RANGE (the name is longer than 64 bytes). */
struct keypair_request_facts {
    char name[65]; /* the CN, "" without one: no request is bound to have it */
    uint8_t key_hash[KEYPAIR_HASH_BYTES];
};
int keypair_request_read(struct slice der, struct keypair_request_facts *out);

#endif
