/* kit: a hub in a thread, a client's end driven by hand, and certificates for both. */
#ifndef RINGSIDE_TESTS_UNIT_COAP_KIT_H
#define RINGSIDE_TESTS_UNIT_COAP_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/coap/hub.h"
#include "platform/coap/uplink.h"
#include "platform/tls/peer.h"

enum { KIT_MESSAGE_MAX = 64 * 1024, KIT_TAGS_MAX = 64, KIT_PATH_BYTES = 256 };

/* Certificates in a directory of their own, written by kit_setup(). */
enum kit_file {
    KIT_CA,
    KIT_SERVER,
    KIT_SERVER_NEXT, /* the same CA, another key */
    KIT_SITE,
    KIT_SITE_EXPIRED,
    KIT_SELF_SIGNED,
    KIT_OTHER_CA,
    KIT_OTHER_SITE, /* of the other CA */
    KIT_FILES
};
const char *kit_path(enum kit_file file);
const struct peer_anchor *kit_anchor(void); /* KIT_CA */
int kit_setup(void **state);
int kit_teardown(void **state);
void kit_copy(enum kit_file from, const char *name); /* to a new name in the directory, by rename() */
const char *kit_named(const char *name);             /* static */

/* What the hub has seen; read between kit_lock() and kit_unlock(). */
struct kit_seen {
    unsigned opened, closed, refused, requests;
    char reason[256];
    char identity[64];
    struct hub_counters counters; /* of its last turn */
    uint64_t last_session;
    uint64_t closed_in, closed_out;
};

/* The hub answers: "echo" with what it got; "later" when kit_release() is called, the last first; "big" with 60,000
 * bytes; "bye" by closing; anything else with 4.04. */
void kit_start(const struct hub_options *changes); /* NULL: as they are */
void kit_stop(void);
uint16_t kit_port(void);
struct kit_seen kit_seen(void);
void kit_release(void);
void kit_refuse_opened(bool refuse);
void kit_wait(bool (*done)(const struct kit_seen *seen)); /* fails the test after 10 s */
struct hub_options kit_defaults(void);

struct client {
    struct uplink *uplink;
    bool connected, closed;
    bool refuse;                                                 /* what judge() does */
    bool free_connected, free_answered, free_closed, free_judge; /* uplink_free() from there */
    unsigned judged, answers;
    unsigned code;
    uint32_t max_age_s;
    int format;
    uint64_t tags[KIT_TAGS_MAX];
    struct buf payload; /* of the last answer */
    char reason[256];
    uint8_t server_key[32]; /* the hash of the key in its certificate */
};

struct uplink_options kit_client_options(struct client *client);
void kit_connect(struct client *client, const struct uplink_options *options); /* NULL: kit_client_options() */
void kit_turn(struct client *client, int wait_ms);
void kit_until_connected(struct client *client);
void kit_until_closed(struct client *client);
void kit_until_answers(struct client *client, unsigned answers);
int kit_ask(struct client *client, enum uplink_method method, const char *path, struct slice payload, uint64_t tag);

/* Bytes in one TLS record, whatever they are. The second reads nothing that comes. */
void kit_send_raw(struct client *client, const void *bytes, size_t len);
void kit_send_unread(struct client *client, const void *bytes, size_t len);
void kit_disconnect(struct client *client); /* uplink_free(), and empties the record */

int kit_dial(void); /* a bare TCP connection to the hub */

#endif
