#include "collector/place.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/options.h"
#include "platform/base/status.h"
#include "platform/service/privilege.h"

int place_failed(const char *what, const char *where, int status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return options_failed("%s %s is not there, or was not made to its end: run ringside-collector init first", what,
                              where);
    case STATUS_DENIED: return options_failed("%s %s: this user may not use it", what, where);
    case STATUS_CORRUPT: return options_failed("%s %s is damaged; the collector mends it when it starts", what, where);
    default: return options_failed("%s %s: %s", what, where, status_str(status));
    }
}

int place_become_owner(const struct collector_config *config)
{
    struct buf why = BUF_INIT;
    int status = privilege_drop(config->service.user, &why);
    if (status == STATUS_NOT_FOUND && config->service.user_default) {
        buf_reset(&why);
        status = 0;
    }
    if (status == 0) {
        status = privilege_harden(&why);
    }
    if (status != 0) {
        (void)options_failed("%s", buf_cstr(&why));
    }
    buf_deinit(&why);
    return status == 0 ? EXIT_OK : EXIT_FAILED;
}

static bool is_empty(const char *dir)
{
    DIR *listing = opendir(dir);
    bool empty = listing != NULL;
    for (struct dirent *entry; listing && (entry = readdir(listing)) != NULL;) {
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    }
    if (listing) {
        (void)closedir(listing);
    }
    return empty;
}

/* Only what is root's own and holds nothing: the rest is somebody's decision. */
static int give_away(const struct collector_config *config)
{
    const char *dir = config->data.dir;
    struct stat info;
    const struct passwd *user = config->service.user[0] ? getpwnam(config->service.user) : NULL;
    if (geteuid() != 0 || !user || lstat(dir, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != 0 ||
        !is_empty(dir)) {
        return EXIT_OK;
    }
    return lchown(dir, user->pw_uid, user->pw_gid) == 0 ? EXIT_OK
                                                        : options_failed("data directory %s: %s", dir, strerror(errno));
}

int place_make(const struct collector_config *config)
{
    const char *dir = config->data.dir;
    if (mkdir(dir, 0750) == 0) {
        (void)chmod(dir, 0750);
    } else if (errno != EEXIST) {
        return options_failed("data directory %s: %s", dir, strerror(errno));
    }
    return give_away(config);
}

int place_open_registry(const struct collector_config *config, bool write, struct registry **out)
{
    int status = registry_open(config->data.registry_dir, write, out);
    return status == 0 ? EXIT_OK : place_failed("the registry", config->data.registry_dir, status);
}
