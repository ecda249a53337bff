/* join: makes this box known at a collector with a one-time token: TLS by a key derived from the token, then the CA's
 * certificate and one of our own, as EST does it over CoAP (RFC 9148). Says on `err`, in one line, why it could not. */
#ifndef RINGSIDE_AGENT_JOIN_H
#define RINGSIDE_AGENT_JOIN_H

#include <stdbool.h>
#include <stdio.h>

#include "agent/config.h"
#include "platform/base/buf.h"
#include "platform/base/slice.h"

struct join_options {
    const struct agent_config *config;
    const char *url;
    const char *site;   /* NULL: that of the configuration */
    struct slice token; /* for join_run() */
    bool again;         /* replaces what is there */
    FILE *out;
    FILE *err;
};

/* What can be told without the token. 0; 2: the address or the site are wrong; 1: joined already. */
int join_check(const struct join_options *options);

/* From the file, from standard input for "-", and for NULL too, where a person is asked for it without echo. 0 or 1;
 * join_forget_token() in either case. */
int join_read_token(const char *path, FILE *err, struct buf *out);
void join_forget_token(struct buf *token);

/* 0: joined, the files are durable; 1: not. */
int join_run(const struct join_options *options);

#endif
