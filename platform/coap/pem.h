/* pem: files of certificates and keys, held in memory while their names may come to mean other files. libcoap parses
 * what it is given for every session, and leaks when that fails: so it is given only what looks right. Inside
 * platform/coap only. */
#ifndef RINGSIDE_PLATFORM_COAP_PEM_H
#define RINGSIDE_PLATFORM_COAP_PEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "platform/base/buf.h"

struct pem {
    const char *path; /* borrowed */
    bool with_key;    /* a private key has to be in it too */
    struct buf text;  /* ends in a NUL that is counted, as mbedTLS wants it */
    struct stat seen;
};

int pem_init(struct pem *pem, const char *path, bool with_key); /* STATUS_NOT_FOUND, STATUS_INVALID, STATUS_NO_MEMORY */
void pem_deinit(struct pem *pem);                               /* wipes; fine for one that is all zero */

/* Looks whether another file is there by now. True: the text is new. What cannot be read or has not what it needs is
 * passed over, and the text stays. */
bool pem_refresh(struct pem *pem);

#endif
