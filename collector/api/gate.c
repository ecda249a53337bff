#include "collector/api/gate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/api/bucket.h"
#include "platform/base/hash.h"
#include "platform/base/status.h"
#include "platform/tls/secret.h"

enum { GATE_KNOWN = 256, GATE_BAD_BURST = 10 };

/* Guesses of tokens: one in five seconds of one address in the long run. */
static const double gate_bad_per_s = 0.2;

/* Tokens that were found lately; only those that exist, so that guesses push nobody out. */
struct gate_known {
    bool used;
    struct access_token token;
};

struct gate {
    struct registry *registry;
    uint64_t version; /* of the registry, when the tokens were read */
    uint64_t seed;
    struct bucket_table asked;
    struct bucket_table guessed;
    struct gate_known known[GATE_KNOWN];
};

int gate_new(struct registry *registry, double requests_per_s, double requests_burst, struct gate **out)
{
    struct gate *gate = calloc(1, sizeof *gate);
    if (!gate) {
        return STATUS_NO_MEMORY;
    }
    int status = secret_random(&gate->seed, sizeof gate->seed);
    if (status != 0) {
        free(gate);
        return status;
    }
    gate->registry = registry;
    gate->version = registry_version(registry);
    gate->asked.per_s = requests_per_s;
    gate->asked.burst = requests_burst >= 1 ? requests_burst : 1;
    gate->guessed.per_s = gate_bad_per_s;
    gate->guessed.burst = GATE_BAD_BURST;
    *out = gate;
    return 0;
}

void gate_free(struct gate *gate)
{
    if (gate) {
        secret_wipe(gate, sizeof *gate);
        free(gate);
    }
}

static bool gate_bearer(const char *header, struct slice *token)
{
    if (!header || strncasecmp(header, "Bearer ", 7) != 0) {
        return false;
    }
    const char *begin = header + 7;
    begin += strspn(begin, " ");
    *token = slice_make(begin, strcspn(begin, " \t"));
    return token->len > 0 && token->len <= GATE_TOKEN_MAX && begin[token->len] == '\0';
}

static void gate_refresh(struct gate *gate)
{
    uint64_t version = registry_version(gate->registry);
    if (version != gate->version) {
        gate->version = version;
        memset(gate->known, 0, sizeof gate->known);
    }
}

static struct gate_known *gate_slot(struct gate *gate, const uint8_t *hash)
{
    return &gate->known[hash_bytes(hash, ACCESS_HASH_BYTES, gate->seed) % GATE_KNOWN];
}

static enum gate_verdict gate_bad(struct gate *gate, const struct gate_ask *ask, uint64_t address,
                                  struct gate_pass *out)
{
    bool counted = bucket_ask(&gate->guessed, address, ask->monotonic_ms, true, &out->retry_after_s);
    return counted ? GATE_BAD_TOKEN : GATE_RATE;
}

/* Looked up however much was guessed: behind a proxy one forgotten page with an old token is everybody's address.
 * GATE_PASS, GATE_BAD_TOKEN, GATE_RATE (too many guesses) or GATE_FAILED. */
static enum gate_verdict gate_identify(struct gate *gate, const struct gate_ask *ask, struct slice bearer,
                                       uint64_t address, struct gate_pass *out)
{
    uint8_t hash[SECRET_HASH_BYTES];
    if (secret_hash(bearer, hash) != 0) {
        return GATE_FAILED;
    }
    gate_refresh(gate);
    struct gate_known *slot = gate_slot(gate, hash);
    if (!slot->used || memcmp(slot->token.hash, hash, sizeof hash) != 0) {
        struct access_token found;
        int status = access_find(gate->registry, hash, &found);
        if (status != 0 && status != STATUS_NOT_FOUND) {
            return GATE_FAILED;
        }
        if (status != 0 || !access_valid(&found, ask->now_ms)) {
            return gate_bad(gate, ask, address, out);
        }
        *slot = (struct gate_known){.used = true, .token = found};
    }
    if (!access_valid(&slot->token, ask->now_ms)) {
        return gate_bad(gate, ask, address, out);
    }
    out->token = slot->token;
    out->has_token = true;
    return GATE_PASS;
}

enum gate_verdict gate_ask(struct gate *gate, const struct gate_ask *ask, struct gate_pass *out)
{
    *out = (struct gate_pass){0};
    uint64_t key = hash_bytes(ask->address.bytes, sizeof ask->address.bytes, gate->seed);
    if (!ask->open) {
        struct slice bearer;
        bool shown = gate_bearer(ask->authorization, &bearer);
        enum gate_verdict verdict = shown ? gate_identify(gate, ask, bearer, key, out) : GATE_NO_TOKEN;
        if (verdict != GATE_PASS && verdict != GATE_NO_TOKEN) {
            return verdict;
        }
        if (verdict == GATE_PASS) {
            key = hash_bytes(out->token.hash, sizeof out->token.hash, ~gate->seed);
        }
    }
    if (!bucket_ask(&gate->asked, key, ask->monotonic_ms, true, &out->retry_after_s)) {
        return GATE_RATE;
    }
    if (ask->open) {
        return GATE_PASS;
    }
    if (!out->has_token) {
        return GATE_NO_TOKEN;
    }
    return out->token.role >= ask->role ? GATE_PASS : GATE_ROLE;
}

bool gate_counts(struct registry *registry, const uint8_t hash[ACCESS_HASH_BYTES], int64_t now_ms)
{
    struct access_token token;
    int status = access_find(registry, hash, &token);
    return status == 0 ? access_valid(&token, now_ms) : status != STATUS_NOT_FOUND;
}
