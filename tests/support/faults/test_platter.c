/* The platter keeps exactly what was synced, and of the rest what its style says. */
#include "tests/support/faults/test_platter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/faults/faults.h"
#include "tests/support/temp_dir.h"

enum { PAGE = 4096, SECTOR = 512, SEEDS = 60 };

static struct temp_dir dir;   /* holds root/, which is watched, and cut/ */
static struct temp_dir root;  /* as such, for its helpers */
static struct temp_dir found; /* what is there after the power failed */
static unsigned char seen[256 * 1024];

static int setup(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    (void)snprintf(root.path, sizeof root.path, "%.50s/root", dir.path);
    (void)snprintf(found.path, sizeof found.path, "%.50s/cut", dir.path);
    assert_int_equal(mkdir(root.path, 0700), 0);
    temp_dir_write(&root, "old", 0, "old content", 11);
    faults_watch(root.path);
    assert_int_equal(faults_platter_begin(), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    faults_platter_end();
    faults_watch(NULL);
    temp_dir_remove(&root);
    temp_dir_remove(&dir);
    return 0;
}

static const char *in_root(const char *name)
{
    return temp_dir_file(&root, name);
}

static void cut(uint64_t seed, enum faults_style style)
{
    assert_int_equal(faults_platter_cut(found.path, seed, style), 0);
}

static bool is_found(const char *name)
{
    return access(temp_dir_file(&found, name), F_OK) == 0;
}

static void assert_found(const char *name, const void *data, size_t len)
{
    assert_true(is_found(name));
    assert_int_equal(temp_dir_size(&found, name), len);
    temp_dir_read(&found, name, 0, seen, len);
    assert_memory_equal(seen, data, len);
}

static int open_old(int flags)
{
    int fd = open(in_root("old"), O_RDWR | O_CLOEXEC | flags);
    assert_true(fd >= 0);
    return fd;
}

static void sync_root(void)
{
    int fd = open(root.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(close(fd), 0);
}

/* Makes `name` with a page of one byte each `count` times, all of it waiting. */
static int fill(const char *name, const char *bytes)
{
    unsigned char page[PAGE];
    int fd = open(in_root(name), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    assert_true(fd >= 0);
    for (; *bytes; bytes++) {
        memset(page, *bytes, sizeof page);
        assert_int_equal(write(fd, page, sizeof page), sizeof page);
    }
    return fd;
}

static void what_lay_there_is_safe_and_what_is_new_is_not(void **state)
{
    (void)state;
    int fd = open_old(0);
    assert_int_equal(pwrite(fd, "new", 3, 0), 3);
    int other = fill("other", "a");
    cut(1, FAULTS_NONE_KEPT);
    assert_found("old", "old content", 11);
    assert_false(is_found("other"));
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(other), 0);
    temp_dir_remove(&found);
}

static void a_sync_makes_content_and_length_safe_but_no_name(void **state)
{
    (void)state;
    int fd = open_old(0);
    assert_int_equal(pwrite(fd, "new content now", 15, 0), 15);
    assert_int_equal(fdatasync(fd), 0);
    int other = fill("other", "a");
    assert_int_equal(fsync(other), 0);
    cut(1, FAULTS_NONE_KEPT);
    assert_found("old", "new content now", 15);
    assert_false(is_found("other"));
    temp_dir_remove(&found);
    sync_root();
    cut(1, FAULTS_NONE_KEPT);
    assert_int_equal(temp_dir_size(&found, "other"), PAGE);
    struct stat info;
    assert_int_equal(stat(temp_dir_file(&found, "other"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(other), 0);
    temp_dir_remove(&found);
}

static void a_name_without_its_content_is_an_empty_file(void **state)
{
    (void)state;
    int fd = fill("other", "a");
    sync_root();
    cut(1, FAULTS_NONE_KEPT);
    assert_found("other", "", 0);
    assert_int_equal(close(fd), 0);
    temp_dir_remove(&found);
}

static void bytes_of_a_write_through_descriptor_are_safe_and_no_others(void **state)
{
    (void)state;
    int fd = open_old(0);
    int through = open_old(O_DSYNC);
    assert_int_equal(pwrite(fd, "lost", 4, 4096), 4);
    assert_int_equal(pwrite(fd, "OLD", 3, 0), 3);
    assert_int_equal(pwrite(through, "new", 3, 0), 3);
    cut(1, FAULTS_NONE_KEPT);
    assert_found("old", "new content", 11);
    temp_dir_remove(&found);
    for (uint64_t seed = 0; seed < SEEDS; seed++) { /* nor does an earlier write come back over it */
        cut(seed, FAULTS_ANY_KEPT);
        temp_dir_read(&found, "old", 0, seen, 11);
        assert_memory_equal(seen, "new content", 11);
        temp_dir_remove(&found);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(through), 0);
}

static void reserved_space_reads_as_zeros(void **state)
{
    (void)state;
    unsigned char zeros[3 * PAGE] = {0};
    int fd = fill("other", "");
    assert_int_equal(posix_fallocate(fd, 0, sizeof zeros), 0);
    assert_int_equal(fsync(fd), 0);
    sync_root();
    assert_int_equal(pwrite(fd, "data", 4, PAGE), 4);
    cut(1, FAULTS_NONE_KEPT);
    assert_found("other", zeros, sizeof zeros);
    assert_int_equal(close(fd), 0);
    temp_dir_remove(&found);
}

static void truncation_waits_as_a_write_does(void **state)
{
    (void)state;
    int fd = open_old(0);
    assert_int_equal(ftruncate(fd, 3), 0);
    cut(1, FAULTS_NONE_KEPT);
    assert_found("old", "old content", 11);
    temp_dir_remove(&found);
    assert_int_equal(ftruncate(fd, 6), 0);
    assert_int_equal(fsync(fd), 0);
    cut(1, FAULTS_NONE_KEPT);
    assert_found("old", "old\0\0\0", 6);
    temp_dir_remove(&found);
    assert_int_equal(close(fd), 0);
}

/* A rename over a file is there or not; never is neither content, where the new one was synced. */
static void a_rename_is_one_step(void **state)
{
    (void)state;
    int fd = fill("new", "");
    assert_int_equal(write(fd, "new content", 11), 11);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(rename(in_root("new"), in_root("old")), 0);
    unsigned was_old = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cut(seed, FAULTS_ANY_KEPT);
        assert_true(is_found("old"));
        temp_dir_read(&found, "old", 0, seen, 11);
        bool old = memcmp(seen, "old content", 11) == 0;
        assert_true(old || memcmp(seen, "new content", 11) == 0);
        was_old += old;
        temp_dir_remove(&found);
    }
    assert_true(was_old > 0 && was_old < SEEDS);
    sync_root();
    cut(1, FAULTS_NONE_KEPT);
    assert_found("old", "new content", 11);
    assert_false(is_found("new"));
    temp_dir_remove(&found);
}

static void a_rename_before_its_content_was_synced_may_leave_neither(void **state)
{
    (void)state;
    int fd = fill("new", "");
    assert_int_equal(write(fd, "new content", 11), 11);
    assert_int_equal(rename(in_root("new"), in_root("old")), 0);
    sync_root();
    cut(1, FAULTS_NONE_KEPT);
    assert_found("old", "", 0);
    assert_int_equal(close(fd), 0);
    temp_dir_remove(&found);
}

static void what_is_unlinked_comes_back_until_the_directory_is_synced(void **state)
{
    (void)state;
    assert_int_equal(unlink(in_root("old")), 0);
    cut(1, FAULTS_NONE_KEPT);
    assert_found("old", "old content", 11);
    temp_dir_remove(&found);
    sync_root();
    cut(1, FAULTS_NONE_KEPT);
    assert_false(is_found("old"));
    temp_dir_remove(&found);
    temp_dir_write(&root, "old", 0, "x", 1);
}

/* A directory that was made is there only when the one above it was synced, whatever was synced in it. */
static void a_new_directory_needs_the_one_above(void **state)
{
    (void)state;
    char inside[256];
    assert_int_equal(mkdir(in_root("sub"), 0700), 0);
    (void)snprintf(inside, sizeof inside, "%.200s/file", in_root("sub"));
    int fd = open(inside, O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(fsync(fd), 0);
    int sub = open(in_root("sub"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(fsync(sub), 0);
    cut(1, FAULTS_NONE_KEPT);
    assert_false(is_found("sub"));
    temp_dir_remove(&found);
    sync_root();
    cut(1, FAULTS_NONE_KEPT);
    assert_true(is_found("sub/file"));
    assert_int_equal(unlink(temp_dir_file(&found, "sub/file")), 0);
    assert_int_equal(rmdir(temp_dir_file(&found, "sub")), 0);
    temp_dir_remove(&found);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(sub), 0);
    assert_int_equal(unlink(inside), 0);
    assert_int_equal(rmdir(in_root("sub")), 0);
}

static bool is_sector_of(size_t sector, int byte)
{
    for (size_t i = 0; i < SECTOR; i++) {
        if (seen[sector * SECTOR + i] != byte) {
            return false;
        }
    }
    return true;
}

/* Over pages of 'a', 'b' and then 'c' is written: each sector is one of them, whole, and all of it happens: torn pages,
 * the later page there without the earlier one, a sector that took only the first of two writes. */
static void writes_are_torn_and_come_in_any_order(void **state)
{
    (void)state;
    unsigned char page[PAGE];
    int fd = fill("pages", "aa");
    assert_int_equal(fsync(fd), 0);
    sync_root();
    memset(page, 'b', sizeof page);
    assert_int_equal(pwrite(fd, page, PAGE, 0), PAGE);
    assert_int_equal(pwrite(fd, page, PAGE, PAGE), PAGE);
    memset(page, 'c', sizeof page);
    assert_int_equal(pwrite(fd, page, PAGE, 0), PAGE);
    unsigned torn = 0;
    unsigned first_only = 0;
    unsigned later_alone = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        unsigned counts[2][3] = {{0}};
        cut(seed, FAULTS_ANY_KEPT);
        assert_int_equal(temp_dir_size(&found, "pages"), 2 * PAGE);
        temp_dir_read(&found, "pages", 0, seen, 2 * PAGE);
        for (size_t sector = 0; sector < 2 * PAGE / SECTOR; sector++) {
            int byte = seen[sector * SECTOR];
            assert_true(byte >= 'a' && byte <= 'c' && is_sector_of(sector, byte));
            counts[sector / 8][byte - 'a']++;
        }
        assert_int_equal(counts[1][2], 0);
        torn += counts[1][0] > 0 && counts[1][1] > 0;
        first_only += counts[0][1] > 0;
        later_alone += counts[0][0] == 8 && counts[1][1] > 0;
        temp_dir_remove(&found);
    }
    assert_true(torn > 0 && first_only > 0 && later_alone > 0);
    assert_int_equal(close(fd), 0);
}

/* One write after the other: what is there is a beginning of them, ending within one. */
static void a_prefix_is_a_beginning(void **state)
{
    (void)state;
    int fd = fill("pages", "");
    assert_int_equal(fsync(fd), 0);
    sync_root();
    assert_int_equal(close(fd), 0);
    fd = fill("pages", "bcdefg");
    unsigned torn = 0;
    unsigned whole = 0;
    unsigned none = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cut(seed, FAULTS_PREFIX_KEPT);
        uint64_t size = temp_dir_size(&found, "pages");
        assert_true(size <= 6 * PAGE && size % SECTOR == 0);
        temp_dir_read(&found, "pages", 0, seen, size);
        for (size_t sector = 0; sector < size / SECTOR; sector++) {
            assert_true(is_sector_of(sector, 'b' + (int)(sector / 8)));
        }
        torn += size % PAGE != 0;
        whole += size == 6 * PAGE;
        none += size == 0;
        temp_dir_remove(&found);
    }
    assert_true(torn > 0 && whole > 0 && none > 0);
    assert_int_equal(close(fd), 0);
}

static void the_same_seed_finds_the_same(void **state)
{
    (void)state;
    unsigned char first[4 * PAGE];
    int fd = fill("pages", "");
    sync_root();
    assert_int_equal(close(fd), 0);
    fd = fill("pages", "bcde");
    cut(7, FAULTS_ANY_KEPT);
    uint64_t size = temp_dir_size(&found, "pages");
    temp_dir_read(&found, "pages", 0, first, size);
    temp_dir_remove(&found);
    cut(7, FAULTS_ANY_KEPT);
    assert_found("pages", first, size);
    temp_dir_remove(&found);
    assert_int_equal(close(fd), 0);
}

static void what_a_mapping_wrote_waits_too(void **state)
{
    (void)state;
    int fd = fill("map", "aa");
    assert_int_equal(fsync(fd), 0);
    sync_root();
    char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    memset(map, 'b', PAGE);
    cut(1, FAULTS_NONE_KEPT);
    temp_dir_read(&found, "map", 0, seen, PAGE);
    assert_int_equal(seen[0], 'a');
    temp_dir_remove(&found);
    assert_int_equal(msync(map, PAGE, MS_SYNC), 0);
    cut(1, FAULTS_NONE_KEPT);
    temp_dir_read(&found, "map", 0, seen, 2 * PAGE);
    assert_int_equal(seen[0], 'b');
    assert_int_equal(seen[PAGE], 'a');
    temp_dir_remove(&found);
    assert_int_equal(munmap(map, 2 * PAGE), 0);
    assert_int_equal(close(fd), 0);
}

static void the_power_fails_at_a_passage(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = open_old(0);
        faults_platter_cut_at(FAULTS_SYNC, 2, found.path, 1, FAULTS_NONE_KEPT);
        (void)!pwrite(fd, "NEW", 3, 0);
        (void)fsync(fd);
        (void)!pwrite(fd, "bad", 3, 0);
        (void)fsync(fd);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == FAULTS_EXIT);
    assert_found("old", "NEW content", 11);
    temp_dir_remove(&found);
}

int test_platter(void)
{
    const struct CMUnitTest platter_tests[] = {
        cmocka_unit_test_setup_teardown(what_lay_there_is_safe_and_what_is_new_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sync_makes_content_and_length_safe_but_no_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_without_its_content_is_an_empty_file, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_of_a_write_through_descriptor_are_safe_and_no_others, setup, teardown),
        cmocka_unit_test_setup_teardown(reserved_space_reads_as_zeros, setup, teardown),
        cmocka_unit_test_setup_teardown(truncation_waits_as_a_write_does, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rename_is_one_step, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rename_before_its_content_was_synced_may_leave_neither, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_unlinked_comes_back_until_the_directory_is_synced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_directory_needs_the_one_above, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_are_torn_and_come_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_prefix_is_a_beginning, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_seed_finds_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_mapping_wrote_waits_too, setup, teardown),
        cmocka_unit_test_setup_teardown(the_power_fails_at_a_passage, setup, teardown),
    };
    return cmocka_run_group_tests(platter_tests, NULL, NULL);
}
