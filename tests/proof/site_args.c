#include "tests/proof/site_args.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool site_args_read(int argc, char **argv, struct site_args *out)
{
    *out = (struct site_args){.count = UINT64_MAX};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--verbose") == 0) {
            out->verbose = true;
        } else if (more && strcmp(argv[i], "--seeds") == 0) {
            out->count = strtoull(argv[++i], NULL, 10);
        } else if (more && strcmp(argv[i], "--first") == 0) {
            out->first = strtoull(argv[++i], NULL, 10);
        } else if (more && strcmp(argv[i], "--seed") == 0) {
            out->first = strtoull(argv[++i], NULL, 10);
            out->count = 1;
        } else {
            (void)fprintf(stderr, "usage: %s [--seeds N] [--first SEED] [--seed SEED] [--verbose]\n", argv[0]);
            return false;
        }
    }
    return true;
}

static void remove_inside(const char *dir)
{
    DIR *listing = opendir(dir);
    if (!listing) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        char path[512];
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (self || snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) >= (int)sizeof path) {
            continue;
        }
        if (unlink(path) != 0) {
            site_remove(path);
        }
    }
    (void)closedir(listing);
}

void site_remove(const char *dir)
{
    remove_inside(dir);
    (void)rmdir(dir);
}

void site_make_base(char *path, int size)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(path, (size_t)size, "%s/ringside-test-XXXXXX", base);
    if (!mkdtemp(path)) {
        perror(path);
        exit(2);
    }
}
