/* check: whether the machine fits the settings. Remarks are for people; nothing here changes anything. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/alert/lookout.h"
#include "collector/config.h"
#include "collector/config_table.h"
#include "platform/service/sandbox.h"
#include "platform/time/zone.h"

enum { EXIT_UNUSABLE = 2 };

static void check_zone(struct config_remarks *remarks, const char *name)
{
    const struct zone *zone = NULL;
    if (zone_find(name, &zone) != 0) {
        config_remark(remarks, CONFIG_REMARK_ERROR, "centre.zone: \"%s\" is no time zone of this machine", name);
    }
}

static void check_dir(struct config_remarks *remarks, const struct collector_config *config)
{
    const char *dir = config->data.dir;
    struct stat info;
    if (stat(dir, &info) != 0) {
        bool missing = errno == ENOENT;
        config_remark(remarks, missing ? CONFIG_REMARK_NOTE : CONFIG_REMARK_WARNING,
                      missing ? "data.dir: %s does not exist yet: `ringside-collector init` makes it"
                              : "data.dir: %s cannot be looked at by this user",
                      dir);
        return;
    }
    if (!S_ISDIR(info.st_mode)) {
        config_remark(remarks, CONFIG_REMARK_ERROR, "data.dir: %s is not a directory", dir);
        return;
    }
    if (access(dir, W_OK | X_OK) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "data.dir: this user may not write to %s: %s", dir,
                      strerror(errno));
    } else if (access(config->data.identity_dir, F_OK) != 0) {
        config_remark(remarks, CONFIG_REMARK_NOTE,
                      "data.dir: there is no CA in %s yet: `ringside-collector init` makes it", dir);
    }
    char file[4200];
    (void)snprintf(file, sizeof file, "%s/data.mdb", config->data.store_dir);
    config_remark_room(remarks, "store", config->store.size_max_bytes, dir, file);
}

/* What cannot be read now may be readable to the service: only a warning, unless it is not there and the collector does
 * not start without. */
static void check_file(struct config_remarks *remarks, const char *option, const char *path, bool needed, bool secret)
{
    struct stat info;
    if (path[0] == '\0') {
        return;
    }
    if (stat(path, &info) != 0) {
        config_remark(remarks, needed && errno == ENOENT ? CONFIG_REMARK_ERROR : CONFIG_REMARK_WARNING, "%s: %s: %s",
                      option, path, strerror(errno));
    } else if (access(path, R_OK) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "%s: this user may not read %s", option, path);
    } else if (secret && (info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        config_remark(remarks, CONFIG_REMARK_WARNING, "%s: everybody on this machine can read %s", option, path);
    }
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static void check_api(struct config_remarks *remarks, const struct collector_api_config *api)
{
    check_file(remarks, "api.certificate", api->certificate, true, false);
    check_file(remarks, "api.key", api->key, true, true);
    if (api->host[0] && !is_loopback(api->host) && !api->certificate[0]) {
        config_remark(
            remarks, CONFIG_REMARK_WARNING,
            "api.listen: %s is not loopback and there is no certificate: tokens and figures cross the network "
            "in clear",
            api->host);
    }
}

/* Read anew for each attempt: they may still come. */
static void check_receiver(struct config_remarks *remarks, const struct receiver *receiver)
{
    const struct {
        const char *option;
        const char *path;
        bool secret;
    } files[] = {{"secret_file", receiver->secret_file, true},
                 {"bearer_file", receiver->bearer_file, true},
                 {"ca_file", receiver->ca_file, false}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[160];
        (void)snprintf(name, sizeof name, "receiver \"%s\".%s", receiver->name, files[i].option);
        check_file(remarks, name, files[i].path, false, files[i].secret);
    }
}

static void check_sandbox(struct config_remarks *remarks, const struct config_service *service)
{
    struct buf text = BUF_INIT;
    bool whole = sandbox_foretell(&text);
    config_remark_sandbox(remarks, service, "collector", whole, buf_cstr(&text));
    buf_deinit(&text);
}

static void look(const void *settings, struct config_remarks *remarks)
{
    const struct collector_config *config = settings;
    check_zone(remarks, config->zone);
    check_dir(remarks, config);
    check_api(remarks, &config->api);
    for (size_t i = 0; i < config->alerting.receiver_count; i++) {
        check_receiver(remarks, &config->alerting.receivers[i]);
    }
    config_remark_user(remarks, &config->service, "collector");
    check_sandbox(remarks, &config->service);
}

int collector_config_check(const char *path, FILE *out, FILE *err, bool print)
{
    return config_program_check(&collector_config_program, look, path, out, err, print) ? 0 : EXIT_UNUSABLE;
}
