/* server_kit: what the server's tests stand on: endpoints, tokens, metrics and files that the test rules over, and a
 * small HTTP client, blocking, that fails the test when nothing comes for long. */
#ifndef RINGSIDE_TESTS_UNIT_API_SERVER_KIT_H
#define RINGSIDE_TESTS_UNIT_API_SERVER_KIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/api/api.h"
#include "collector/api/metrics.h"
#include "collector/registry/access.h"
#include "platform/base/buf.h"

#define KIT_VIEW "view-token"
#define KIT_ADMIN "admin-token"
#define KIT_AUTH "Authorization: Bearer " KIT_VIEW "\r\n"
#define KIT_AUTH_ADMIN "Authorization: Bearer " KIT_ADMIN "\r\n"

/* ---- the fakes ---- */

void kit_tokens_reset(void); /* KIT_VIEW and KIT_ADMIN count */
void kit_token_change(const char *name, int64_t expires_ms, int64_t revoked_ms);
void kit_token_hash(const char *text, uint8_t out[ACCESS_HASH_BYTES]);
extern atomic_uint kit_finds;   /* how often the registry was asked for a token */
extern atomic_int kit_find_rc;  /* what it says then; 0: as it is */
extern atomic_uint kit_made;    /* answers of /api/v1/count */
extern atomic_uint kit_working; /* endpoints under way at this moment */
extern atomic_bool kit_hold;    /* ?hold=1 of /api/v1/count works until this is false */
extern atomic_int kit_waiting;  /* the figure of /live */
extern atomic_uint kit_lives;   /* documents of /live made */
extern atomic_bool kit_live_gone;
extern atomic_ullong kit_alerts; /* their version */
struct metrics_server kit_metrics(void);

/* ---- the server ---- */

struct kit {
    struct api_options options;
    struct api *api;
    uint16_t port;
};

void kit_init(struct kit *kit); /* resets the fakes, sets generous options */
void kit_start(struct kit *kit);
void kit_stop(struct kit *kit);

/* ---- the client ---- */

struct kit_client {
    int fd;
    struct buf in;
};

struct kit_answer {
    int code;
    struct buf head;
    struct buf body;
};

void kit_open(const struct kit *kit, struct kit_client *client);
void kit_close(struct kit_client *client);
void kit_send(struct kit_client *client, const char *text);
bool kit_more(struct kit_client *client); /* false: the server hung up */
void kit_until(struct kit_client *client,
               const char *text);           /* reads until that text was in it; drops all up to its end */
bool kit_closed(struct kit_client *client); /* reads to the end */

/* `no_body`: of an answer to HEAD. */
void kit_take(struct kit_client *client, bool no_body, struct kit_answer *out);
void kit_answer_free(struct kit_answer *answer);
const char *kit_header(struct kit_answer *answer, const char *name); /* NULL: none; a static buffer */

/* One request over a connection of its own. */
void kit_ask(const struct kit *kit, const char *method, const char *target, const char *headers, const char *body,
             struct kit_answer *out);
int kit_code(const struct kit *kit, const char *target, const char *headers); /* of a GET */
void kit_get(const struct kit *kit, const char *target, const char *headers, struct kit_answer *out);

void kit_sleep(int ms);
#define kit_wait_for(condition)                                                                                        \
    do {                                                                                                               \
        for (int kit_turn = 0; kit_turn < 2000 && !(condition); kit_turn++) {                                          \
            kit_sleep(5);                                                                                              \
        }                                                                                                              \
        assert_true(condition);                                                                                        \
    } while (0)

#endif
