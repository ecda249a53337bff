#include "agent/source/ami_names.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/hash.h"
#include "platform/base/status.h"

struct item {
    uint32_t holders;
    uint32_t len;
    char *text;
    uint64_t hash;
};

static struct item *item_at(const struct ami_names *names, uint32_t name)
{
    return ami_pool_at(&names->items, name);
}

int ami_names_init(struct ami_names *names, uint64_t seed)
{
    ami_pool_init(&names->items, sizeof(struct item));
    names->seed = seed;
    return ami_index_init(&names->index);
}

void ami_names_deinit(struct ami_names *names)
{
    /* A free item begins with the number of the next free one, where holders would be; its text is NULL. */
    for (uint32_t at = 1; at < names->items.made; at++) {
        free(item_at(names, at)->text);
    }
    ami_pool_deinit(&names->items);
    ami_index_deinit(&names->index);
}

static struct slice cut(struct slice text)
{
    return slice_make(text.data, text.len > AMI_NAME_MAX ? AMI_NAME_MAX : text.len);
}

static uint32_t find(const struct ami_names *names, struct slice text, uint64_t hash)
{
    uint32_t node = ami_index_first(&names->index, hash);
    for (; node; node = ami_index_next(&names->index, node)) {
        const struct item *item = item_at(names, ami_index_value(&names->index, node));
        if (slice_equal(slice_make(item->text, item->len), text)) {
            return ami_index_value(&names->index, node);
        }
    }
    return 0;
}

uint32_t ami_names_find(const struct ami_names *names, struct slice text)
{
    text = cut(text);
    return text.len ? find(names, text, hash_bytes(text.data, text.len, names->seed)) : 0;
}

static int add(struct ami_names *names, struct slice text, uint64_t hash, uint32_t *out)
{
    char *copy = malloc(text.len);
    uint32_t at = copy ? ami_pool_take(&names->items) : 0;
    if (!at || ami_index_add(&names->index, hash, at) != 0) {
        if (at) {
            ami_pool_give(&names->items, at);
        }
        free(copy);
        return STATUS_NO_MEMORY;
    }
    memcpy(copy, text.data, text.len);
    *item_at(names, at) = (struct item){.holders = 1, .len = (uint32_t)text.len, .text = copy, .hash = hash};
    *out = at;
    return 0;
}

int ami_names_hold(struct ami_names *names, struct slice text, uint32_t *out)
{
    text = cut(text);
    *out = 0;
    if (text.len == 0) {
        return 0;
    }
    uint64_t hash = hash_bytes(text.data, text.len, names->seed);
    *out = find(names, text, hash);
    if (*out == 0) {
        return add(names, text, hash, out);
    }
    item_at(names, *out)->holders++;
    return 0;
}

void ami_names_release(struct ami_names *names, uint32_t name)
{
    if (name == 0 || --item_at(names, name)->holders > 0) {
        return;
    }
    struct item *item = item_at(names, name);
    ami_index_remove(&names->index, item->hash, name);
    free(item->text);
    item->text = NULL;
    ami_pool_give(&names->items, name);
}

struct slice ami_names_text(const struct ami_names *names, uint32_t name)
{
    return name ? slice_make(item_at(names, name)->text, item_at(names, name)->len) : slice_str("");
}
