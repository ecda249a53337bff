/* kit: what the tests of identity share: a CA with a site's and a collector's certificate. Made once for a program. */
#ifndef RINGSIDE_TESTS_UNIT_TLS_KIT_H
#define RINGSIDE_TESTS_UNIT_TLS_KIT_H

#include <stdint.h>

#include "platform/tls/authority.h"
#include "platform/tls/certificate.h"
#include "platform/tls/keypair.h"

enum { KIT_DAY_S = 86400 };
#define KIT_NOW_S INT64_C(2000000000) /* 2033: what is judged goes by the time given, not by the machine's clock */
#define KIT_HOSTS 5

struct kit {
    struct keypair *ca_key;
    struct keypair *site_key;
    struct keypair *collector_key;
    struct authority *authority;
    struct buf ca;     /* DER, as all the others; ten years about KIT_NOW_S */
    struct buf ca_pem; /* and its key, as PEM */
    struct buf key_pem;
    struct buf request;   /* site_key's, for "asked-for" */
    struct buf site;      /* branch-1, a day before KIT_NOW_S to 30 days behind it */
    struct buf collector; /* for kit_hosts, as long */
};

extern struct kit kit;
extern const char *const kit_hosts[KIT_HOSTS]; /* centre.example *.example.org 192.0.2.7 2001:db8::7 short */

int kit_setup(void **state);
int kit_teardown(void **state);

struct buf kit_der(const char *pem); /* of any PEM block; returns owned */

#endif
