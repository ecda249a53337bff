/* listener: the socket of an address literal, and the files of HTTPS. */
#ifndef RINGSIDE_COLLECTOR_API_LISTENER_H
#define RINGSIDE_COLLECTOR_API_LISTENER_H

#include <stddef.h>
#include <stdint.h>

/* STATUS_INVALID (no literal), STATUS_BUSY (in use), STATUS_DENIED, STATUS_NOT_FOUND (no such address here), STATUS_IO.
 * "::" takes IPv4 as well. */
int listener_open(const char *host, uint16_t port, int *out_fd);
uint16_t listener_port(int fd); /* 0: cannot be told */

/* A PEM file as text, in memory of its own, to be ended with listener_pem_free(), which wipes it. As atomic_read(). */
int listener_pem(const char *path, char **out);
void listener_pem_free(char *pem); /* NULL is fine */

#endif
