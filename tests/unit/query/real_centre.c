#include "tests/unit/query/real_centre.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void real_centre_open(struct real_centre *real)
{
    *real = (struct real_centre){.centre = {.zone = "UTC", .now_ms = REAL_CENTRE_NOW_MS}};
    temp_dir_make(&real->store_dir);
    temp_dir_make(&real->registry_dir);
    const struct store_options options = {.dir = real->store_dir.path, .limit_bytes = 64 << 20, .now_ms = 1};
    assert_int_equal(registry_create(real->registry_dir.path), 0);
    assert_int_equal(registry_open(real->registry_dir.path, true, &real->registry), 0);
    assert_int_equal(store_open_writer(&options, &real->store), 0);
    real->centre.store = real->store;
    real->centre.registry = real->registry;
}

void real_centre_close(struct real_centre *real)
{
    store_close(real->store);
    registry_close(real->registry);
    temp_dir_remove(&real->store_dir);
    temp_dir_remove(&real->registry_dir);
}

uint32_t real_centre_join(struct real_centre *real, const char *id, const char *group)
{
    static const uint8_t psk[REGISTRY_KEY_BYTES] = {1};
    static const uint8_t key[REGISTRY_KEY_BYTES] = {2};
    struct registry_site site;
    const struct registry_invitation invitation = {.id = id,
                                                   .group = group,
                                                   .zone = "UTC",
                                                   .token_psk = psk,
                                                   .token_expires_ms = REAL_CENTRE_NOW_MS + 1000,
                                                   .now_ms = REAL_CENTRE_NOW_MS};
    assert_int_equal(registry_invite(real->registry, &invitation, false, &site), 0);
    assert_int_equal(
        registry_enrol(real->registry, id, psk, key, "01", REAL_CENTRE_NOW_MS / 1000 + 90 * 86400, REAL_CENTRE_NOW_MS),
        0);
    return site.number;
}

struct store_contact real_centre_contact(int64_t seen_ms)
{
    return (struct store_contact){.last_seen_ms = seen_ms,
                                  .online = true,
                                  .address = "192.0.2.7:40000",
                                  .zone = "UTC",
                                  .interval_s = 900,
                                  .heartbeat_s = 60,
                                  .lag_ms = -1};
}
