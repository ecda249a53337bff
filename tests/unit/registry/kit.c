#include "tests/unit/registry/kit.h"

#undef NDEBUG /* a failed setup ends the test in every build */
#include <assert.h>
#include <string.h>

#include "tests/support/temp_dir.h"

static struct temp_dir dir;
static struct registry *registry;

int kit_setup(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    assert(registry_create(dir.path) == 0);
    kit_open();
    return 0;
}

int kit_teardown(void **state)
{
    (void)state;
    kit_close();
    temp_dir_remove(&dir);
    return 0;
}

const char *kit_dir(void)
{
    return dir.path;
}

struct registry *kit_registry(void)
{
    return registry;
}

void kit_close(void)
{
    registry_close(registry);
    registry = NULL;
}

void kit_open(void)
{
    int status = registry_open(dir.path, true, &registry);
    assert(status == 0);
}

const uint8_t *kit_key(unsigned value)
{
    static uint8_t keys[4][REGISTRY_KEY_BYTES];
    static unsigned turn;
    uint8_t *key = keys[turn++ % 4];
    memset(key, (int)value, REGISTRY_KEY_BYTES);
    return key;
}

int kit_invite(const char *id, const char *group, unsigned token, bool again, struct registry_site *out)
{
    const struct registry_invitation invitation = {.id = id,
                                                   .group = group,
                                                   .token_psk = token ? kit_key(token) : NULL,
                                                   .token_expires_ms = KIT_NOW_MS + KIT_DAY_MS,
                                                   .now_ms = KIT_NOW_MS};
    return registry_invite(registry, &invitation, again, out);
}

int kit_enrol(const char *id, unsigned token, unsigned key)
{
    return registry_enrol(registry, id, kit_key(token), kit_key(key), "0a0b", 5000, KIT_NOW_MS + 1000);
}

struct registry_site kit_site(const char *id)
{
    struct registry_site site;
    int status = registry_find(registry, slice_str(id), &site);
    assert(status == 0);
    return site;
}
