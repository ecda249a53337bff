#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/registry/registry.h"
#include "platform/base/status.h"
#include "platform/file/atomic.h"
#include "platform/time/clock.h"
#include "platform/tls/authority.h"
#include "platform/tls/certificate.h"
#include "platform/tls/secret.h"
#include "tests/bench/fleet.h"

enum { FILE_MAX = 65536, LIFE_S = 30 * 86400, GROUPS = 20 };

/* All sites share one key, whose making would take longer than all the rest; no end of a connection can tell. */
struct office {
    struct authority *authority;
    struct registry *registry;
    struct buf key_pem;
    struct buf request;
    int64_t now_ms;
    const char *out_dir;
};

static int read_file(const char *dir, const char *name, struct buf *out)
{
    char path[4096 + 64];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return atomic_read(path, FILE_MAX, out);
}

static int open_authority(struct office *office, const char *data_dir)
{
    char dir[4096];
    char path[4200];
    struct buf ca = BUF_INIT;
    struct buf key = BUF_INIT;
    (void)snprintf(dir, sizeof dir, "%s/identity", data_dir);
    int status = read_file(dir, "ca.pem", &ca);
    if (status == 0) {
        status = read_file(dir, "ca.key", &key);
    }
    if (status == 0) {
        status = authority_open(buf_slice(&ca), buf_slice(&key), &office->authority);
    }
    (void)snprintf(path, sizeof path, "%s/ca.pem", office->out_dir);
    if (status == 0) {
        status = atomic_replace(path, ca.data, ca.len, 0644);
    }
    buf_deinit(&ca);
    secret_wipe_buf(&key);
    return status;
}

static int make_key(struct office *office)
{
    struct keypair *keypair = NULL;
    int status = keypair_generate(&keypair);
    if (status == 0) {
        status = keypair_to_pem(keypair, &office->key_pem);
    }
    if (status == 0) {
        status = keypair_request(keypair, "fleet", &office->request);
    }
    keypair_free(keypair);
    return status;
}

static int enrol(struct office *office, const char *id, uint32_t number, const struct certificate_facts *facts)
{
    char group[32];
    struct registry_site site;
    const uint8_t psk[REGISTRY_KEY_BYTES] = {(uint8_t)number, (uint8_t)(number >> 8), 1};
    (void)snprintf(group, sizeof group, "group-%u", number % GROUPS);
    struct registry_invitation invitation = {.id = id,
                                             .group = group,
                                             .token_psk = psk,
                                             .token_expires_ms = office->now_ms + 3600000,
                                             .now_ms = office->now_ms};
    int status = registry_invite(office->registry, &invitation, true, &site);
    return status != 0 ? status
                       : registry_enrol(office->registry, id, psk, facts->key_hash, facts->serial, facts->not_after_s,
                                        office->now_ms);
}

/* Written plainly: thousands of files that need not survive a power cut. */
static int write_identity(const struct office *office, const char *id, const struct buf *pem)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/%s.pem", office->out_dir, id);
    FILE *file = fopen(path, "wb");
    if (!file) {
        return STATUS_IO;
    }
    bool written = fwrite(pem->data, 1, pem->len, file) == pem->len;
    return fclose(file) == 0 && written ? 0 : STATUS_IO;
}

static int prepare_site(struct office *office, uint32_t number)
{
    char id[LIMITS_SITE_MAX + 1];
    struct certificate_facts facts;
    struct buf der = BUF_INIT;
    struct buf pem = BUF_INIT;
    int64_t now_s = office->now_ms / 1000;
    fleet_site_id(id, number);
    int status =
        authority_issue_site(office->authority, buf_slice(&office->request), id, now_s - 86400, now_s + LIFE_S, &der);
    if (status == 0) {
        status = certificate_read(buf_slice(&der), &facts);
    }
    if (status == 0) {
        status = certificate_to_pem(buf_slice(&der), &pem);
    }
    if (status == 0) {
        buf_append(&pem, office->key_pem.data, office->key_pem.len);
        status = write_identity(office, id, &pem);
    }
    if (status == 0) {
        status = enrol(office, id, number, &facts);
    }
    buf_deinit(&der);
    buf_deinit(&pem);
    return status;
}

int fleet_prepare(const char *data_dir, const char *registry_dir, const char *out_dir, uint32_t count)
{
    struct office office = {.now_ms = clock_wall_ms(), .out_dir = out_dir};
    (void)mkdir(out_dir, 0700);
    int status = open_authority(&office, data_dir);
    if (status == 0) {
        status = make_key(&office);
    }
    if (status == 0) {
        status = registry_open(registry_dir, true, &office.registry);
    }
    for (uint32_t i = 1; i <= count && status == 0; i++) {
        status = prepare_site(&office, i);
    }
    registry_close(office.registry);
    authority_free(office.authority);
    secret_wipe_buf(&office.key_pem);
    buf_deinit(&office.request);
    return status;
}
