/* library: what libcoap wants once a process. Inside platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_LIBRARY_H
#define RINGSIDE_PLATFORM_COAP_LIBRARY_H

/* Starts libcoap and silences it: libraries never log. May be called from any thread, any number of times. */
void library_start(void);

#endif
