#include "tests/proof/world/disk.h"

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/faults/faults.h"

static bool failing;

void disk_make_dir(const char *path)
{
    assert(mkdir(path, 0750) == 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void disk_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void disk_copy_take(const char *path, struct disk_copy *out)
{
    *out = (struct disk_copy){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0) {
        return;
    }
    assert(fstat(fd, &st) == 0);
    out->bytes = malloc((size_t)st.st_size + 1);
    assert(out->bytes && read(fd, out->bytes, (size_t)st.st_size) == st.st_size);
    out->len = (size_t)st.st_size;
    (void)close(fd);
}

void disk_copy_put(const char *path, const struct disk_copy *copy)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert(fd >= 0 && write(fd, copy->bytes, copy->len) == (ssize_t)copy->len);
    (void)close(fd);
}

void disk_copy_free(struct disk_copy *copy)
{
    free(copy->bytes);
    *copy = (struct disk_copy){0};
}

void disk_fail_commits(uint64_t from_number, int error, bool for_good)
{
    faults_arm(FAULTS_COMMIT, from_number, FAULTS_FAIL, error, for_good);
    failing = true;
}

void disk_heal(void)
{
    faults_disarm();
    failing = false;
}

bool disk_is_failing(void)
{
    return failing;
}

bool disk_failed_one(void)
{
    return faults_fired();
}

uint64_t disk_commits(void)
{
    return faults_passed(FAULTS_COMMIT);
}
