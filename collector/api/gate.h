/* gate: who may pass: bearer tokens, their roles, and how often. For the thread that speaks HTTP alone, except
 * gate_counts(). */
#ifndef RINGSIDE_COLLECTOR_API_GATE_H
#define RINGSIDE_COLLECTOR_API_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/registry/access.h"
#include "platform/base/slice.h"

struct gate;

enum { GATE_ADDRESS_BYTES = 17, GATE_TOKEN_MAX = 512 };

/* What a client is known by: its family and address; of IPv6 the network of 64 bits, as one client has all of it. */
struct gate_address {
    uint8_t bytes[GATE_ADDRESS_BYTES];
};

enum gate_verdict {
    GATE_PASS,
    GATE_NO_TOKEN, /* none shown, or not as "Bearer TOKEN" */
    GATE_BAD_TOKEN,
    GATE_ROLE,  /* it counts, but not for this */
    GATE_RATE,  /* too often */
    GATE_FAILED /* the registry cannot be read */
};

struct gate_ask {
    const char *authorization; /* the header; NULL: none */
    struct gate_address address;
    bool open;             /* no token is asked for */
    enum access_role role; /* at least; unless open */
    int64_t now_ms;
    int64_t monotonic_ms;
};

struct gate_pass {
    bool has_token;
    struct access_token token;
    int retry_after_s; /* when GATE_RATE */
};

int gate_new(struct registry *registry, double requests_per_s, double requests_burst, struct gate **out);
void gate_free(struct gate *gate); /* NULL is fine */

/* A token that was revoked or has expired passes no more, from that moment on. */
enum gate_verdict gate_ask(struct gate *gate, const struct gate_ask *ask, struct gate_pass *out);

/* Whether the token of this hash still counts, asked of the registry itself; any thread. A registry that cannot be read
 * changes nothing. */
bool gate_counts(struct registry *registry, const uint8_t hash[ACCESS_HASH_BYTES], int64_t now_ms);

#endif
