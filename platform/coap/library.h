/* library: what libcoap wants once a process, and what it says. Inside platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_LIBRARY_H
#define RINGSIDE_PLATFORM_COAP_LIBRARY_H

#include <stddef.h>

/* Starts libcoap and silences it: libraries never log. May be called from any thread, any number of times.
 *
 * What of libcoap is shared by the contexts of several threads: the text of a warning (two threads that warn at the
 * same moment may garble each other's), and the list of cipher suites that the first TLS client of a process makes, for
 * which reason TLS clients belong into one thread. */
void library_start(void);

/* The first warning that libcoap gave in this thread since library_forget(), as a plain sentence about the peer
 * ("it showed no certificate"). `fallback` when there was none.
 *
 * libcoap overlooks that the first step of a handshake fails, and stumbles over the second: so the text is to be kept
 * after the first. */
enum { LIBRARY_REASON_MAX = 96 };
void library_forget(void);
void library_reason(const char *fallback, char *out, size_t out_size);

#endif
