/* library: libcoap itself, and what it wants once a process. Inside platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_LIBRARY_H
#define RINGSIDE_PLATFORM_COAP_LIBRARY_H

#include <coap3/coap.h>

/* Starts libcoap and silences it: libraries never log. May be called from any thread, any number of times. */
void library_start(void);

#endif
