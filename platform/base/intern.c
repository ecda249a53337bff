#include "platform/base/intern.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/hash.h"
#include "platform/base/status.h"

struct entry { /* what a look-up compares, side by side */
    uint64_t hash;
    char *name; /* ended by NUL */
    uint32_t len;
};

struct intern {
    struct entry *entries; /* entries[id - 1] */
    uint32_t count;
    uint32_t cap;
    uint32_t max;
    uint32_t *slots; /* ids, open addressing, 0 is free */
    uint32_t mask;
    bool failed;
};

int intern_new(uint32_t max, struct intern **out)
{
    struct intern *names = calloc(1, sizeof *names);
    if (!names) {
        return STATUS_NO_MEMORY;
    }
    names->max = max;
    names->mask = 63;
    names->slots = calloc(names->mask + 1, sizeof *names->slots);
    if (!names->slots) {
        intern_free(names);
        return STATUS_NO_MEMORY;
    }
    *out = names;
    return 0;
}

void intern_free(struct intern *names)
{
    if (!names) {
        return;
    }
    for (uint32_t i = 0; i < names->count; i++) {
        free(names->entries[i].name);
    }
    free(names->entries);
    free(names->slots);
    free(names);
}

static uint32_t *intern_slot(const struct intern *names, struct slice name, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & names->mask;
    for (;; at = (at + 1) & names->mask) {
        uint32_t id = names->slots[at];
        if (id == 0) {
            return &names->slots[at];
        }
        const struct entry *entry = &names->entries[id - 1];
        if (entry->hash == hash && entry->len == name.len && hash_same(entry->name, name.data, name.len)) {
            return &names->slots[at];
        }
    }
}

static int intern_grow_entries(struct intern *names)
{
    uint32_t cap = names->cap ? names->cap * 2 : 32;
    struct entry *entries = realloc(names->entries, cap * sizeof *entries);
    if (!entries) {
        return STATUS_NO_MEMORY;
    }
    names->entries = entries;
    names->cap = cap;
    return 0;
}

static int intern_grow_slots(struct intern *names)
{
    uint32_t mask = names->mask * 2 + 1;
    uint32_t *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (!slots) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < names->count; i++) {
        uint32_t at = (uint32_t)names->entries[i].hash & mask;
        while (slots[at]) {
            at = (at + 1) & mask;
        }
        slots[at] = i + 1;
    }
    free(names->slots);
    names->slots = slots;
    names->mask = mask;
    return 0;
}

/* Room for one more. */
static int intern_grow(struct intern *names)
{
    int status = names->count == names->cap ? intern_grow_entries(names) : 0;
    return status == 0 && names->count * 2 >= names->mask ? intern_grow_slots(names) : status;
}

uint32_t intern_put(struct intern *names, struct slice name)
{
    uint64_t hash = hash_bytes(name.data, name.len, 0);
    uint32_t *slot = intern_slot(names, name, hash);
    if (*slot) {
        return *slot;
    }
    if (names->count >= names->max || name.len > UINT32_MAX - 1) {
        return 0;
    }
    char *copy = intern_grow(names) == 0 ? malloc(name.len + 1) : NULL;
    if (!copy) {
        names->failed = true;
        return 0;
    }
    memcpy(copy, name.data, name.len);
    copy[name.len] = 0;
    names->entries[names->count++] = (struct entry){.hash = hash, .name = copy, .len = (uint32_t)name.len};
    *intern_slot(names, name, hash) = names->count;
    return names->count;
}

bool intern_failed(const struct intern *names)
{
    return names->failed;
}

uint32_t intern_find(const struct intern *names, struct slice name)
{
    return *intern_slot(names, name, hash_bytes(name.data, name.len, 0));
}

struct slice intern_name(const struct intern *names, uint32_t id)
{
    if (id == 0 || id > names->count) {
        return slice_make("", 0);
    }
    return slice_make(names->entries[id - 1].name, names->entries[id - 1].len);
}

uint32_t intern_count(const struct intern *names)
{
    return names->count;
}
