#include "tests/unit/identity/kit.h"

#include <stdio.h>
#include <unistd.h>

#undef NDEBUG /* a failed setup ends the test in every build */
#include <assert.h>

#include "platform/file/atomic.h"
#include "tests/support/temp_dir.h"

static struct temp_dir dir;
static struct registry *registry;

static const char *registry_dir(void)
{
    return temp_dir_file(&dir, "registry");
}

int kit_setup(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static void remove_dir(const char *path)
{
    static const char *const names[] = {"ca.pem",   "ca.key",   "collector.pem", "hosts",
                                        "data.mdb", "lock.mdb", "writer.lock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char file[512];
        (void)snprintf(file, sizeof file, "%s/%s", path, names[i]);
        (void)unlink(file);
    }
    (void)rmdir(path);
}

int kit_teardown(void **state)
{
    (void)state;
    registry_close(registry);
    registry = NULL;
    remove_dir(registry_dir());
    remove_dir(kit_path(""));
    temp_dir_remove(&dir); /* fails when anything is left */
    return 0;
}

const char *kit_path(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/identity%s%s", dir.path, name[0] ? "/" : "", name);
    return path;
}

struct identity_options kit_options(void)
{
    static char place[256];
    (void)snprintf(place, sizeof place, "%s/identity", dir.path);
    return (struct identity_options){.dir = place,
                                     .site_life_s = 90 * KIT_DAY_S,
                                     .collector_life_s = 365 * KIT_DAY_S,
                                     .ca_life_s = 7300 * KIT_DAY_S,
                                     .grace_s = 30 * KIT_DAY_S};
}

void kit_create(void)
{
    static const char *const hosts[] = {"collector.example", "192.0.2.1"};
    struct identity_options options = kit_options();
    assert(identity_create(&options, hosts, 2, KIT_NOW_S) == 0);
}

struct identity *kit_open(void)
{
    struct identity_options options = kit_options();
    struct identity *identity = NULL;
    assert(identity_open(&options, &identity) == 0);
    return identity;
}

struct registry *kit_registry(void)
{
    if (!registry) {
        assert(registry_create(registry_dir()) == 0);
        assert(registry_open(registry_dir(), true, &registry) == 0);
    }
    return registry;
}

struct certificate_facts kit_facts(const char *path, struct buf *der)
{
    struct certificate_facts facts;
    struct buf pem = BUF_INIT;
    assert(atomic_read(path, 65536, &pem) == 0);
    buf_reset(der);
    assert(certificate_from_pem(buf_slice(&pem), 0, der) == 0);
    assert(certificate_read(buf_slice(der), &facts) == 0);
    buf_deinit(&pem);
    return facts;
}
