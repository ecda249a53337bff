/* identity_internal: what the answers need of the files. */
#ifndef RINGSIDE_COLLECTOR_IDENTITY_IDENTITY_INTERNAL_H
#define RINGSIDE_COLLECTOR_IDENTITY_IDENTITY_INTERNAL_H

#include <sys/stat.h>

#include "collector/identity/identity.h"
#include "platform/tls/authority.h"

enum { IDENTITY_FILE_MAX = 64 * 1024, IDENTITY_BACKDATE_S = 86400 };

struct identity {
    struct identity_options options;
    char *dir;
    char *ca_path;
    char *key_path;
    char *collector_path;
    char *hosts_path;
    struct stat ca_seen; /* of the ca.pem that the rest is made of */
    struct authority *authority;
    struct peer_anchor *anchor;
    struct buf ca; /* DER */
};

/* Takes up a ca.pem (with its key) that was renamed into place; keeps what it has where that is not possible. */
void identity_refresh(struct identity *identity);

/* make.c: writes DIR/collector.pem with a new key. */
int identity_make_collector(struct authority *authority, const char *path, const char *const *hosts, size_t host_count,
                            int64_t life_s, int64_t now_s);
int identity_write_hosts(const char *path, const char *const *hosts, size_t host_count);

#endif
