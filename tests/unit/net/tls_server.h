/* tls_server: certificates and the servers of tls_server.py that show them, as a child process. Failures fail the test
 * at once. */
#ifndef RINGSIDE_TESTS_UNIT_NET_TLS_SERVER_H
#define RINGSIDE_TESTS_UNIT_NET_TLS_SERVER_H

#include <stdint.h>

/* Makes certificates and starts the servers once for a program; those start nothing that outlives it. Servers: echo sni
 * flood stay cut deaf old suspicious plain drip (all for 127.0.0.1 and localhost as far as they show a certificate),
 * and expired future elsewhere foreign role self, which are as echo with another certificate. */
int tls_server_setup(void **state);
int tls_server_teardown(void **state);

uint16_t tls_server_port(const char *name);
const char *tls_server_ca(void);   /* the file with the CA of all but foreign and self */
const char *tls_server_self(void); /* the file with self's certificate: RSA, self-signed, CN localhost, no names else */
const char *tls_server_file(const char *name, const char *content); /* another file beside them */

#endif
