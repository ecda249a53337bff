/* channel: the client's end of a TLS session, 1.2 or newer, over a connected stream socket that does not block. Does
 * what can be done now and says what it waits for; when to call again is its user's business. */
#ifndef RINGSIDE_PLATFORM_TLS_CHANNEL_H
#define RINGSIDE_PLATFORM_TLS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/base/slice.h"

struct channel_trust; /* which servers are believed; serves any number of channels, one after the other or at once */
struct channel;

/* The CA certificates of a PEM file (blocks that cannot be read are passed over), or a server's own certificate, if it
 * is self-signed. NULL: every server is believed, whatever its name. STATUS_INVALID: the file cannot be read or holds
 * no certificate. `why` has a sentence for every failure. Returns owned. */
int channel_trust_load(const char *ca_path, struct channel_trust **out, char *why, size_t why_size);
void channel_trust_free(struct channel_trust *trust); /* when its channels are freed; NULL is fine */

/* `name`: a host name or address literal that the certificate must be for, by its subjectAltName, or, if it has none,
 * by its CN; a host name is told to the server, too (SNI). NULL: not checked. The name is copied, trust and descriptor
 * are borrowed. STATUS_NO_MEMORY, STATUS_RANGE (a name longer than 255 bytes). Returns owned. */
int channel_new(struct channel_trust *trust, const char *name, int fd, struct channel **out);
void channel_free(struct channel *channel); /* the descriptor stays open; NULL is fine */

/* What the next three return besides 0 (done) and STATUS_IO or STATUS_NO_MEMORY (over; channel_why() says why). */
enum {
    CHANNEL_WANTS_READ = 1,  /* call again when the descriptor is readable */
    CHANNEL_WANTS_WRITE = 2, /* call again when it is writable */
    CHANNEL_ENDED = 3        /* the server has closed its side */
};

int channel_handshake(struct channel *channel); /* first, until it is done */
int channel_read(struct channel *channel, void *out, size_t size, size_t *got);

/* Takes the first of the bytes, at least one. After CHANNEL_WANTS_... the next call must begin with the same bytes, as
 * some of them may be on their way; there may be more behind them. */
int channel_write(struct channel *channel, struct slice bytes, size_t *taken);

bool channel_pending(const struct channel *channel); /* bytes can be read although the descriptor is not readable */
void channel_close(struct channel *channel);         /* tells the server that it is over, if that can be done now */

/* A clause about the server, as "its certificate expired". Lives as long as the channel; "" before any failure. */
const char *channel_why(const struct channel *channel);

#endif
