#include "collector/confine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/alert/lookout.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/service/sandbox.h"

enum { PATHS_MAX = 256 };

/* Texts are owned. */
struct paths {
    struct sandbox_path list[PATHS_MAX];
    size_t count;
    bool failed;
};

static void take(struct paths *paths, char *owned, enum sandbox_access access)
{
    if (!owned || paths->count == PATHS_MAX) {
        paths->failed = true;
        free(owned);
        return;
    }
    paths->list[paths->count++] = (struct sandbox_path){owned, access};
}

static void paths_deinit(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free((char *)(uintptr_t)paths->list[i].path);
    }
}

/* Whoever replaces a file makes a new one beside it: its directory is opened too, unless it is everybody's. */
static void add_directory_of(struct paths *paths, const char *path)
{
    char *copy = strdup(path);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    if (slash) {
        *slash = '\0';
    }
    if (!slash || copy[0] == '\0' || strcmp(copy, "/etc") == 0) {
        free(copy);
    } else {
        take(paths, copy, SANDBOX_READ);
    }
}

/* With the places that links lead to. */
static void add_file(struct paths *paths, const char *path)
{
    if (!path || path[0] != '/') {
        return;
    }
    char *real = realpath(path, NULL);
    take(paths, strdup(path), SANDBOX_READ);
    add_directory_of(paths, path);
    if (real && strcmp(real, path) != 0) {
        add_directory_of(paths, real);
    }
    free(real);
}

static void add_all(struct paths *paths, const struct collector_config *config)
{
    take(paths, strdup(config->data.dir), SANDBOX_WRITE);
    add_file(paths, config->api.certificate);
    add_file(paths, config->api.key);
    for (size_t i = 0; i < config->alerting.receiver_count; i++) {
        const struct receiver *receiver = &config->alerting.receivers[i];
        add_file(paths, receiver->secret_file);
        add_file(paths, receiver->bearer_file);
        add_file(paths, receiver->ca_file);
    }
}

static bool tells(const struct collector_config *config)
{
    return config->alerting.rule_count > 0 && config->alerting.receiver_count > 0;
}

static void set_ports(struct sandbox_options *options, const struct collector_config *config)
{
    bool api = config->api.host[0] != '\0';
    size_t count = 0;
    options->any_listen = config->ingest.port == 0 || (api && config->api.port == 0); /* the kernel chooses one */
    options->listen_ports[count++] = config->ingest.port;
    if (api) {
        options->listen_ports[count] = config->api.port;
    }
}

int confine_collector(const struct collector_config *config, struct confinement *out)
{
    struct buf line = BUF_INIT;
    struct sandbox_facts facts = {0};
    struct paths paths = {.count = 0};
    struct sandbox_options options = {.any_connect = tells(config), .listens = true, .threads = true};
    *out = (struct confinement){.setting = config_daemon_sandbox_words[config->service.sandbox]};
    if (config->service.sandbox == CONFIG_SANDBOX_NO) {
        log_write(LOG_NOTICE, "collector", "not confined: service.sandbox = no");
        return 0;
    }
    add_all(&paths, config);
    set_ports(&options, config);
    options.paths = paths.list;
    options.path_count = paths.count;
    int status = paths.failed
                     ? STATUS_NO_MEMORY
                     : sandbox_confine(config->service.sandbox == CONFIG_SANDBOX_REQUIRED, &options, &facts, &line);
    if (status < 0) {
        log_write(LOG_ERROR, "collector", "service.sandbox: %s: %s", status_str(status), buf_cstr(&line));
    } else {
        log_write(status == SANDBOX_LESS ? LOG_WARNING : LOG_NOTICE, "collector", "%s", buf_cstr(&line));
    }
    out->calls = facts.seccomp;
    out->files = facts.files;
    out->ports = facts.ports;
    out->landlock = facts.landlock;
    buf_deinit(&line);
    paths_deinit(&paths);
    return status < 0 ? status : 0;
}

bool confine_is_outdated(const struct collector_config *config, const char **out)
{
    *out = NULL;
    if (config->service.sandbox == CONFIG_SANDBOX_NO) {
        return false;
    }
    if (sandbox_lost_path()) {
        *out = "a directory that the collector needs is another one now, or has appeared";
    } else if (tells(config) && sandbox_lost_resolver()) {
        *out = "the settings of the system's resolver were replaced";
    }
    return *out != NULL;
}
