/* Looking over a file asks for its pages before it reads them, in the order of the file. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/kv/kit.h"
#include "tests/unit/kv/salvage_kit.h"

enum { PAGE = 4096, PAGES_MAX = 8192, WISH_MAX = 128 << 10, SOLE_MAX = 16 /* meta pages, roots, free list, names */ };

static bool asked[PAGES_MAX];
static uint64_t seen[PAGES_MAX]; /* how often each page was read */
static unsigned sole;            /* reads of pages that nobody had asked for */
static unsigned wishes;
static unsigned backwards; /* wishes that lie before the one before */
static off_t last_wish;
static long memory_pages;

ssize_t __real_pread(int fd, void *to, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at);
int __wrap_posix_fadvise(int fd, off_t at, off_t len, int advice);
long __real_sysconf(int name);
long __wrap_sysconf(int name);

ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at)
{
    size_t page = (size_t)at / PAGE;
    assert_in_range(page, 0, PAGES_MAX - 1);
    sole += !asked[page];
    seen[page]++;
    return __real_pread(fd, to, len, at);
}

int __wrap_posix_fadvise(int fd, off_t at, off_t len, int advice)
{
    assert_true(fd >= 0 && advice == POSIX_FADV_WILLNEED);
    assert_in_range(len, 1, WISH_MAX);
    assert_in_range((at + len - 1) / PAGE, 0, PAGES_MAX - 1);
    for (off_t page = at / PAGE; page <= (at + len - 1) / PAGE; page++) {
        asked[page] = true;
    }
    wishes++;
    backwards += at < last_wish;
    last_wish = at;
    return 0;
}

long __wrap_sysconf(int name)
{
    return name == _SC_PHYS_PAGES ? memory_pages : __real_sysconf(name);
}

static uint64_t look(enum kv_depth depth, long memory)
{
    const struct kv_look how = {.depth = depth, .whole = world_whole};
    struct kv_damage damage;
    uint64_t pages = 0;
    memset(asked, 0, sizeof asked);
    memset(seen, 0, sizeof seen);
    sole = wishes = backwards = 0;
    last_wish = 0;
    memory_pages = memory;
    assert_int_equal(kv_look_over(kit_dir.path, &how, &damage), 0);
    for (size_t i = 0; i < PAGES_MAX; i++) {
        pages += seen[i] > 0;
    }
    return pages;
}

static void make_world(void)
{
    static struct world world;
    struct rng rng = {7};
    const struct world_shape shape = {.commits = 20, .changes = 1200, .numbers = 4000, .map_kb = 24576};
    world_make(&world, kit_dir.path, &shape, &rng);
}

static void with_memory_enough_the_file_is_asked_for_once(void **state)
{
    (void)state;
    make_world();
    assert_true(look(KV_DEPTH_RECORDS, 1 << 20) > 200);
    assert_in_range(sole, 1, SOLE_MAX);
    assert_true(wishes > 0);
    assert_int_equal(backwards, 0);
}

static void without_it_the_children_of_each_page_are(void **state)
{
    (void)state;
    static const long memories[] = {-1, 0, 200};
    make_world();
    for (size_t i = 0; i < sizeof memories / sizeof memories[0]; i++) {
        uint64_t read = look(KV_DEPTH_RECORDS, memories[i]);
        assert_true(read > 200);
        assert_in_range(sole, 1, SOLE_MAX);
        assert_true(backwards < wishes / 4);
    }
}

/* Leaves that will not be read are not asked for. */
static void a_look_at_the_trees_asks_for_little(void **state)
{
    (void)state;
    make_world();
    (void)look(KV_DEPTH_TREE, 1 << 20);
    unsigned pages = 0;
    for (size_t i = 0; i < PAGES_MAX; i++) {
        pages += asked[i];
    }
    assert_in_range(pages, 0, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(with_memory_enough_the_file_is_asked_for_once, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(without_it_the_children_of_each_page_are, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(a_look_at_the_trees_asks_for_little, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
