/* The platter after the power failed: what was safe, and of what came since as much as the style lets be there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "tests/support/faults/platter.h"
#include "tests/support/rng.h"

struct cut {
    struct rng rng;
    enum faults_style style;
    unsigned percent; /* FAULTS_ANY_KEPT: how likely each thing is there */
    uint64_t moment;  /* FAULTS_PREFIX_KEPT: the one that was under way */
};

struct image {
    uint8_t *bytes;
    uint64_t room;
    uint64_t length;
    bool *frozen; /* by sector: what comes later did not reach it */
};

static void moments_of(const struct platter_change *change, uint64_t *least, uint64_t *most)
{
    for (; change; change = change->next) {
        *least = change->moment < *least ? change->moment : *least;
        *most = change->moment > *most ? change->moment : *most;
    }
}

/* Any of what waits, or the moment after all of it. */
static uint64_t choose_moment(struct rng *rng)
{
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (const struct platter_node *node = platter.nodes; node; node = node->next) {
        moments_of(node->first, &least, &most);
    }
    for (const struct platter_naming *naming = platter.first; naming; naming = naming->next) {
        least = naming->moment < least ? naming->moment : least;
        most = naming->moment > most ? naming->moment : most;
    }
    return least == UINT64_MAX ? 0 : least + rng_below(rng, most - least + 2);
}

static bool is_kept(struct cut *cut, uint64_t moment)
{
    switch (cut->style) {
    case FAULTS_ANY_KEPT: return rng_chance(&cut->rng, cut->percent);
    case FAULTS_PREFIX_KEPT: return moment < cut->moment;
    default: return false;
    }
}

/* ---- files ---- */

/* A sector holds what it held at some moment: behind one write that did not reach it, no later one did. */
static void keep_sectors(struct cut *cut, struct image *image, const struct platter_change *change)
{
    uint64_t end = change->at + change->bytes;
    for (uint64_t at = change->at; at < end;) {
        uint64_t sector = at / PLATTER_SECTOR_BYTES;
        uint64_t next = (sector + 1) * PLATTER_SECTOR_BYTES < end ? (sector + 1) * PLATTER_SECTOR_BYTES : end;
        image->frozen[sector] = image->frozen[sector] || !is_kept(cut, change->moment);
        if (!image->frozen[sector]) {
            memcpy(image->bytes + at, change->data + (at - change->at), next - at);
        }
        at = next;
    }
}

/* Of the write that was under way the beginning is there, by whole sectors. */
static void keep_beginning(struct cut *cut, struct image *image, const struct platter_change *change)
{
    uint64_t bytes = rng_below(&cut->rng, change->bytes + 1);
    uint64_t end = (change->at + bytes) / PLATTER_SECTOR_BYTES * PLATTER_SECTOR_BYTES;
    if (end > change->at) {
        memcpy(image->bytes + change->at, change->data, end - change->at);
        image->length = end > image->length ? end : image->length;
    }
}

static void keep_length(struct image *image, uint64_t length)
{
    if (length < image->length) {
        memset(image->bytes + length, 0, image->room - length);
    }
    image->length = length;
}

static void keep_change(struct cut *cut, struct image *image, const struct platter_change *change)
{
    if (cut->style == FAULTS_PREFIX_KEPT && change->moment == cut->moment && change->is_write) {
        keep_beginning(cut, image, change);
        return;
    }
    if (change->is_write) {
        keep_sectors(cut, image, change);
    }
    if (change->resized && is_kept(cut, change->moment)) {
        keep_length(image, change->length);
    }
}

static void make_image(struct cut *cut, const struct platter_node *node, struct image *image)
{
    uint64_t room = node->safe_bytes;
    for (const struct platter_change *change = node->first; change; change = change->next) {
        uint64_t end = change->at + change->bytes > change->length ? change->at + change->bytes : change->length;
        room = end > room ? end : room;
    }
    image->room = room;
    image->bytes = faults_take(room);
    image->frozen = faults_take(room / PLATTER_SECTOR_BYTES + 1);
    image->length = node->safe_bytes;
    platter_copy(image->bytes, node->safe, node->safe_bytes);
    for (const struct platter_change *change = node->first; change; change = change->next) {
        keep_change(cut, image, change);
    }
}

static int write_out(int fd, const uint8_t *bytes, uint64_t length)
{
    for (uint64_t done = 0; done < length;) {
        uint64_t len = length - done < PLATTER_BLOCK_BYTES ? length - done : PLATTER_BLOCK_BYTES;
        long wrote =
            platter_is_empty(bytes + done, len) ? (long)len : syscall(SYS_pwrite64, fd, bytes + done, len, done);
        if (wrote <= 0) {
            return STATUS_IO;
        }
        done += (uint64_t)wrote;
    }
    return syscall(SYS_ftruncate, fd, length) == 0 ? 0 : STATUS_IO;
}

static int put_file(struct cut *cut, const struct platter_node *node, const char *to)
{
    struct image image;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return STATUS_IO;
    }
    make_image(cut, node, &image);
    int status = write_out(fd, image.bytes, image.length);
    (void)fchmod(fd, node->mode);
    (void)syscall(SYS_close, fd);
    faults_give(image.bytes);
    faults_give(image.frozen);
    return status;
}

/* ---- names ---- */

/* A directory's names as they could be found: those that are safe, with what came since, step by step. */
struct listing {
    const struct platter_node *directory;
    struct platter_entry *entries;
    struct listing *next;
};

static struct listing *listing_of(struct listing *listings, const struct platter_node *directory)
{
    while (listings && listings->directory != directory) {
        listings = listings->next;
    }
    return listings;
}

static struct listing *make_listings(struct cut *cut)
{
    struct listing *listings = NULL;
    for (const struct platter_node *node = platter.nodes; node; node = node->next) {
        if (!node->directory) {
            continue;
        }
        struct listing *listing = faults_take(sizeof *listing);
        listing->directory = node;
        for (const struct platter_entry *entry = node->entries; entry; entry = entry->next) {
            platter_set_entry(&listing->entries, entry->name, entry->node);
        }
        listing->next = listings;
        listings = listing;
    }
    for (const struct platter_naming *naming = platter.first; naming; naming = naming->next) {
        if (is_kept(cut, naming->moment)) {
            struct listing *from = naming->from ? listing_of(listings, naming->from) : NULL;
            struct listing *to = naming->to ? listing_of(listings, naming->to) : NULL;
            platter_apply_naming(from ? &from->entries : NULL, to ? &to->entries : NULL, naming);
        }
    }
    return listings;
}

static void free_listings(struct listing *listings)
{
    while (listings) {
        struct listing *listing = listings;
        listings = listing->next;
        while (listing->entries) {
            platter_drop_entry(&listing->entries, listing->entries->name, NULL);
        }
        faults_give(listing);
    }
}

static int put_directory(struct cut *cut, struct listing *listings, const struct platter_node *node, const char *to)
{
    if (syscall(SYS_mkdirat, AT_FDCWD, to, 0700) != 0) {
        return STATUS_IO;
    }
    int status = 0;
    struct listing *listing = listing_of(listings, node);
    for (const struct platter_entry *entry = listing ? listing->entries : NULL; entry && status == 0;
         entry = entry->next) {
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s", to, entry->name) >= (int)sizeof path) {
            return STATUS_RANGE;
        }
        status =
            entry->node->directory ? put_directory(cut, listings, entry->node, path) : put_file(cut, entry->node, path);
    }
    (void)syscall(SYS_fchmodat, AT_FDCWD, to, node->mode);
    return status;
}

int faults_platter_cut(const char *to, uint64_t seed, enum faults_style style)
{
    if (!platter.records) {
        return STATUS_INVALID;
    }
    (void)pthread_mutex_lock(&platter.lock);
    platter_look_at_maps();
    struct cut cut = {.rng = {seed}, .style = style};
    cut.percent = (unsigned)rng_between(&cut.rng, 5, 95);
    cut.moment = choose_moment(&cut.rng);
    struct listing *listings = make_listings(&cut);
    int status = put_directory(&cut, listings, platter.root, to);
    free_listings(listings);
    (void)pthread_mutex_unlock(&platter.lock);
    return status;
}
