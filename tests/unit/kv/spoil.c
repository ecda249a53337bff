#include "tests/unit/kv/spoil.h"

#include "platform/kv/kv_page.h"

struct temp_dir spoil_aside;

int spoil_setup(void **state)
{
    temp_dir_make(&spoil_aside);
    return kit_setup(state);
}

int spoil_teardown(void **state)
{
    temp_dir_remove(&spoil_aside);
    return kit_teardown(state);
}

const char *spoil_saved_path(void)
{
    return temp_dir_file(&spoil_aside, "data.mdb");
}

void spoil_restore(void)
{
    temp_dir_truncate(&kit_dir, "data.mdb", 0);
    temp_dir_copy(&kit_dir, "whole", "data.mdb");
}

void spoil_flip(uint64_t at, uint8_t bits)
{
    uint8_t byte;
    temp_dir_read(&kit_dir, "data.mdb", at, &byte, 1);
    byte ^= bits;
    temp_dir_write(&kit_dir, "data.mdb", at, &byte, 1);
}

void spoil_zero_page(uint64_t number)
{
    static const uint8_t zeros[PAGE];
    temp_dir_write(&kit_dir, "data.mdb", number * PAGE, zeros, sizeof zeros);
}

unsigned spoil_kind_of_page(uint64_t number)
{
    uint8_t page[PAGE];
    temp_dir_read(&kit_dir, "data.mdb", number * PAGE, page, sizeof page);
    return page_kind(page);
}

int spoil_look(enum kv_depth depth, struct kv_damage *out)
{
    struct kv_look look = {.depth = depth};
    return kv_look_over(kit_dir.path, &look, out);
}

int spoil_save(struct kv_damage *out)
{
    struct kv_look look = {.depth = KV_DEPTH_RECORDS};
    return kv_salvage(kit_dir.path, &look, spoil_saved_path(), SPOIL_MAP_BYTES, out);
}
