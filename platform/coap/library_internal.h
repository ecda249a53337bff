/* library_internal: libcoap's own names, for the files of this room. */
#ifndef RINGSIDE_PLATFORM_COAP_LIBRARY_INTERNAL_H
#define RINGSIDE_PLATFORM_COAP_LIBRARY_INTERNAL_H

#include <coap3/coap.h>

#endif
