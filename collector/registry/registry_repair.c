/* A damaged registry goes on with what can be read of it. A site whose record is lost is still in the index: it comes
 * back as revoked, under its number, and has to join again. An index that is lost is made anew from the sites. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "collector/registry/registry_internal.h"
#include "collector/registry/site_record.h"
#include "platform/base/status.h"
#include "platform/kv/kv_repair.h"

struct mending {
    struct registry *registry;
    const struct kv_repair *repair;
    struct kv_txn *txn;
    int64_t now_ms;
    uint64_t by_site; /* sums over pairs of id and number, as the sites and as the index tell them */
    uint64_t by_index;
    uint32_t last_site;
    uint32_t last_group;
};

/* ---- looking ---- */

static uint64_t hash_pair(struct slice id, uint32_t number)
{
    uint64_t hash = UINT64_C(14695981039346656037) + number;
    for (size_t i = 0; i < id.len; i++) {
        hash = (hash ^ (uint8_t)id.data[i]) * UINT64_C(1099511628211);
    }
    return hash ^ (hash >> 29);
}

static bool is_whole(void *ctx, const char *db, struct slice key, struct slice value)
{
    struct mending *self = ctx;
    struct wire_reader payload;
    struct registry_site site;
    if (strcmp(db, "ids") == 0) {
        self->by_index += hash_pair(key, record_key_at_u32(value, 0));
        return value.len == 4 && registry_name_valid(key);
    }
    if (strcmp(db, "sites") == 0 && record_open(key, value, &payload) == 0 && site_record_read(&payload, &site) == 0) {
        self->by_site += hash_pair(slice_str(site.id), record_key_at_u32(key, 0));
    }
    return kv_repair_is_record(key, value);
}

static bool agrees(void *ctx)
{
    const struct mending *self = ctx;
    return self->by_site == self->by_index;
}

/* ---- mending ---- */

/* Ids whose number is nobody's or another's go, those of sites that are lost bring them back. */
static int mend_id(void *ctx, struct slice key, struct slice value)
{
    struct mending *self = ctx;
    struct registry *registry = self->registry;
    struct registry_site site;
    struct slice id = slice_make(key.data, key.len <= LIMITS_SITE_MAX ? key.len : LIMITS_SITE_MAX);
    uint32_t number = record_key_at_u32(value, 0);
    int status = registry_read_number(registry, self->txn, number, &site);
    if (status == 0 && slice_is(id, site.id)) {
        return 0;
    }
    if (status == STATUS_NOT_FOUND && number > 0 && registry_name_valid(id)) {
        site = (struct registry_site){
            .number = number, .state = REGISTRY_REVOKED, .created_ms = self->now_ms, .changed_ms = self->now_ms};
        memcpy(site.id, id.data, id.len);
        registry->damage.lost_sites++;
        self->last_site = number > self->last_site ? number : self->last_site;
        return registry_put_site(registry, self->txn, &site);
    }
    return status == 0 || status == STATUS_NOT_FOUND ? KV_DROP : status;
}

static int make_group(struct mending *self, uint32_t number)
{
    struct record_key key = record_key_u32(number);
    struct slice held;
    char name[32];
    if (number == 0 || kv_get(self->txn, self->registry->groups, record_key_slice(&key), &held) != KV_END) {
        return 0;
    }
    struct buf value = BUF_INIT;
    (void)snprintf(name, sizeof name, "damaged-%u", number);
    record_begin(&value);
    wire_put_bytes(&value, slice_str(name));
    int status = record_put(self->txn, self->registry->groups, &key, &value);
    buf_deinit(&value);
    return status;
}

static int mend_site(void *ctx, struct slice key, struct slice value)
{
    struct mending *self = ctx;
    struct registry_site site;
    uint32_t number = record_key_at_u32(key, 0);
    (void)value;
    int status = registry_read_number(self->registry, self->txn, number, &site);
    if (status != 0) {
        return status;
    }
    self->last_site = number > self->last_site ? number : self->last_site;
    self->last_group = site.group_number > self->last_group ? site.group_number : self->last_group;
    status = registry_put_id(self->registry, self->txn, &site);
    return status == 0 ? make_group(self, site.group_number) : status;
}

/* A number must never be given twice, for the store holds data under it: where nothing tells which were given, the next
 * one is by the clock, in minutes. */
static int mend_counter(struct mending *self, const char *name, uint32_t last)
{
    uint64_t next = 0;
    int status = registry_read_meta(self->registry, self->txn, name, &next);
    if (status != STATUS_NOT_FOUND && status != STATUS_CORRUPT) {
        return status;
    }
    bool began = last > 0 || self->registry->damage.anew || self->registry->damage.lost_settings > 0;
    uint64_t by_clock = began ? (uint64_t)(self->now_ms / 60000) : 1;
    return registry_put_meta(self->registry, self->txn, name, by_clock > last ? by_clock : (uint64_t)last + 1);
}

static uint64_t lost_of(struct mending *self, const char *db)
{
    const struct kv_damage *damage = &self->repair->damage;
    for (size_t i = 0; i < damage->db_count && i < KV_DAMAGE_DBS_MAX; i++) {
        if (strcmp(damage->dbs[i].name, db) == 0) {
            self->registry->damage.exact = self->registry->damage.exact && damage->dbs[i].told;
            return damage->dbs[i].lost_count;
        }
    }
    self->registry->damage.exact = false;
    return 0;
}

static void count_lost(struct mending *self)
{
    struct registry_damage *damage = &self->registry->damage;
    uint64_t sites = lost_of(self, "sites");
    (void)lost_of(self, "ids"); /* the sites tell them */
    damage->lost_groups = lost_of(self, "groups");
    damage->lost_tokens = self->registry->has_tokens ? lost_of(self, "tokens") : 0;
    damage->lost_settings = lost_of(self, "meta");
    damage->forgotten_sites = sites > damage->lost_sites ? sites - damage->lost_sites : 0;
}

static int mend_all(struct mending *self)
{
    struct registry_damage *damage = &self->registry->damage;
    struct registry *registry = self->registry;
    struct slice all = slice_make("", 0);
    /* First: what they say of themselves goes before the index. */
    int status = kv_each(self->txn, registry->sites, all, mend_site, self);
    status = status == 0 ? kv_sweep(self->txn, registry->ids, all, mend_id, self) : status;
    if (status == 0 && !damage->anew) {
        count_lost(self);
    }
    status = status == 0 ? mend_counter(self, "next-site", self->last_site) : status;
    return status == 0 ? mend_counter(self, "next-group", self->last_group) : status;
}

static int mend(void *ctx, const char *place, const struct kv_repair *repair)
{
    struct mending *self = ctx;
    struct registry *registry = self->registry;
    self->repair = repair;
    registry->damage = (struct registry_damage){.anew = repair->anew, .exact = true};
    (void)snprintf(registry->damage.aside, sizeof registry->damage.aside, "%s", repair->aside);
    (void)snprintf(registry->damage.what, sizeof registry->damage.what, "%s", repair->damage.what);
    int status = registry_open_environment(registry, place, true);
    status = status == 0 ? registry_change_begin(registry, &self->txn) : status;
    if (status == 0) {
        status = registry_change_end(registry, self->txn, mend_all(self));
    }
    kv_close(registry->kv);
    registry->kv = NULL;
    return status;
}

/* Everybody who writes shares the lock; who mends has it alone. */
int registry_lock(const char *dir, bool alone, int *out)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/writer.lock", dir) >= (int)sizeof path) {
        return STATUS_RANGE;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno == EACCES || errno == EPERM || errno == EROFS ? STATUS_DENIED
               : errno == ENOSPC || errno == EDQUOT                ? STATUS_FULL
                                                                   : STATUS_IO;
    }
    if (flock(fd, alone ? LOCK_EX | LOCK_NB : LOCK_SH) != 0) {
        int status = errno == EWOULDBLOCK ? STATUS_BUSY : STATUS_IO;
        (void)close(fd);
        return status;
    }
    *out = fd;
    return 0;
}

int registry_mend(const char *dir, int64_t now_ms, struct registry_damage *out)
{
    static const char *const names[] = {"sites", "ids", "groups", "meta", "tokens"};
    struct registry registry = {.lock_fd = -1};
    struct mending self = {.registry = &registry, .now_ms = now_ms};
    struct kv_repair repair;
    const struct kv_repair_options options = {.dir = dir,
                                              .map_bytes = REGISTRY_MAP_BYTES,
                                              .now_ms = now_ms,
                                              .note_fd = -1,
                                              .names = names,
                                              .name_count = sizeof names / sizeof names[0],
                                              .whole = is_whole,
                                              .agrees = agrees,
                                              .ctx = &self,
                                              .mend = mend};
    if (!registry_is_there(dir)) {
        return 0;
    }
    int status = registry_lock(dir, true, &registry.lock_fd);
    if (status == STATUS_BUSY) {
        return 0; /* then opening tells */
    }
    status = status == 0 ? kv_repair(&options, &repair) : status;
    if (registry.lock_fd >= 0) {
        (void)close(registry.lock_fd);
    }
    if (status == KV_REPAIRED) {
        *out = registry.damage;
        return REGISTRY_MENDED;
    }
    return status;
}

void registry_damage_tell(const struct registry_damage *damage, char *out, size_t size)
{
    if (damage->anew) {
        (void)snprintf(out, size,
                       "damaged (%s); nothing of it could be read: every site has to be added and to join again; the "
                       "damaged file is kept as %s",
                       damage->what, damage->aside);
        return;
    }
    (void)snprintf(out, size,
                   "damaged (%s); lost:%s %llu sites that have to join again, %llu that are not known any more, "
                   "%llu access tokens, %llu groups' names; the damaged file is kept as %s",
                   damage->what, damage->exact ? "" : " at least", (unsigned long long)damage->lost_sites,
                   (unsigned long long)damage->forgotten_sites, (unsigned long long)damage->lost_tokens,
                   (unsigned long long)damage->lost_groups, damage->aside);
}
