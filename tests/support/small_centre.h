/* small_centre: a collector for tests of the sites' side: a CA, a hub in a thread of its own, and answers that take
 * everything. What it is told and what it saw are atomic: the test may look at any time. */
#ifndef RINGSIDE_TESTS_SUPPORT_SMALL_CENTRE_H
#define RINGSIDE_TESTS_SUPPORT_SMALL_CENTRE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "platform/coap/hub.h"
#include "platform/tls/peer.h"
#include "proto/message.h"
#include "tests/support/small_ca.h"
#include "tests/support/temp_dir.h"

#define SMALL_CENTRE_TOKEN "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567" /* of the site that may join */

struct small_centre {
    struct small_ca ca;
    struct temp_dir dir; /* ca.pem, collector.pem */
    struct peer_anchor *anchor;
    struct hub *hub; /* NULL: stopped */
    uint16_t port;
    pthread_t thread;
    struct message_arena *arena;
    const char *site; /* that may join and whose certificates are taken */
    uint8_t psk[32];

    /* What it is told. */
    atomic_long life_s;    /* of a site's certificate */
    atomic_long begin_s;   /* and its begin, from now */
    atomic_uint est_code;  /* to requests of EST instead of an answer; 0: none */
    atomic_uint data_code; /* likewise to the others */
    atomic_bool pkcs7;

    /* What it saw. */
    atomic_uint sessions;
    atomic_uint strangers; /* handshakes refused and peers not taken */
    atomic_uint hellos;
    atomic_uint batches;
    atomic_uint intervals;
    atomic_uint lives;
    atomic_uint enrolled;
    atomic_uint renewed;
    atomic_uint data_while_expired;
};

/* For the host name or literal that its certificate is for. Port 0: any free one. */
void small_centre_start(struct small_centre *centre, const char *site, const char *certificate_host);
void small_centre_stop(struct small_centre *centre);  /* hangs up; its files stay */
void small_centre_again(struct small_centre *centre); /* on the same port */
void small_centre_free(struct small_centre *centre);
uint16_t small_centre_port(const struct small_centre *centre);

#endif
