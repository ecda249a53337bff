#include "agent/confine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/credentials/credentials.h"
#include "platform/base/log.h"
#include "platform/base/status.h"
#include "platform/service/sandbox.h"

enum { PATHS_MAX = 48, IMPORT_LOGS_MAX = 16 };

/* Texts that are made here are owned. */
struct paths {
    struct sandbox_path list[PATHS_MAX];
    char *texts[PATHS_MAX];
    size_t count;
    bool failed;
};

static uint16_t confined_port; /* of the centre, when TCP is confined */

static void take(struct paths *paths, char *owned, enum sandbox_access access)
{
    if (!owned || paths->count == PATHS_MAX) {
        paths->failed = true;
        free(owned);
        return;
    }
    paths->texts[paths->count] = owned;
    paths->list[paths->count++] = (struct sandbox_path){owned, access};
}

static void add(struct paths *paths, const char *path, enum sandbox_access access)
{
    if (path && path[0]) {
        take(paths, strdup(path), access);
    }
}

/* Whoever replaces a file makes a new one beside it: the directory is opened, unless it is everybody's. */
static void add_directory_of(struct paths *paths, const char *path)
{
    char *copy = strdup(path);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    if (!slash) {
        paths->failed = true;
        free(copy);
        return;
    }
    *slash = '\0';
    if (copy[0] == '\0' || strcmp(copy, "/etc") == 0) {
        *slash = '/';
    }
    take(paths, copy, SANDBOX_READ);
}

/* What is not there yet may come: then the nearest directory above it that is there, but never the root. */
static void add_what_comes(struct paths *paths, const char *path)
{
    struct stat info;
    char *copy = strdup(path);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    bool missing = false;
    for (; slash && slash != copy; slash = strrchr(copy, '/')) {
        *slash = '\0';
        if (stat(copy, &info) == 0) {
            break;
        }
        missing = true;
    }
    if (missing && slash && slash != copy && strcmp(copy, "/etc") != 0) {
        take(paths, copy, SANDBOX_READ);
        return;
    }
    paths->failed = paths->failed || !copy;
    free(copy);
}

/* With the places that links lead to. */
static void add_file(struct paths *paths, const char *path)
{
    if (path[0] != '/') {
        return;
    }
    char *real = realpath(path, NULL);
    add(paths, path, SANDBOX_READ);
    add_directory_of(paths, path);
    add_what_comes(paths, path);
    if (real && strcmp(real, path) != 0) {
        add_directory_of(paths, real);
    }
    free(real);
}

static void paths_deinit(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->texts[i]);
    }
}

/* What is to be opened for us must be there; if it cannot be made, whoever needs it will say so. */
static void add_ledger(struct paths *paths, const struct agent_config *config)
{
    (void)mkdir(config->ledger.dir, 0750);
    add(paths, config->ledger.dir, SANDBOX_WRITE);
}

static void add_all(struct paths *paths, const struct agent_config *config)
{
    const struct agent_source_config *log = agent_config_source(config, AGENT_SOURCE_QUEUE_LOG);
    const struct agent_source_config *ami = agent_config_source(config, AGENT_SOURCE_AMI);
    add_ledger(paths, config);
    (void)mkdir(config->collector.credentials, 0700); /* joining puts files into it while we run */
    add(paths, config->collector.credentials, SANDBOX_WRITE);
    if (log) {
        add_file(paths, log->path);
        add(paths, log->asterisk_conf_dir, SANDBOX_READ);
    }
    if (ami) {
        add_file(paths, ami->secret_file);
        add_file(paths, ami->tls_ca);
    }
}

/* 0: not known, as before the box has joined. */
static uint16_t centre_port(const struct agent_config *config)
{
    struct credentials *credentials = NULL;
    struct credentials_why why;
    struct credentials_url url = {.port = 0};
    const char *text = config->collector.url;
    if (!text[0] && credentials_open(config->collector.credentials, &credentials, &why) == 0) {
        text = credentials_url(credentials);
    }
    if (!text[0] || credentials_url_parse(text, &url, &why) != 0) {
        url.port = 0;
    }
    credentials_close(credentials);
    return url.port;
}

static void set_ports(struct sandbox_options *options, const struct agent_config *config)
{
    const struct agent_source_config *ami = agent_config_source(config, AGENT_SOURCE_AMI);
    size_t count = 0;
    uint16_t centre = centre_port(config);
    confined_port = centre;
    options->any_connect = centre == 0;
    if (centre != 0) {
        options->connect_ports[count++] = centre;
    }
    if (ami) {
        options->connect_ports[count++] = ami->port;
    }
}

static int enter(const struct agent_config *config, struct paths *paths, struct sandbox_options *options, bool quiet,
                 struct confinement *out)
{
    struct sandbox_facts facts = {0};
    struct buf line = BUF_INIT;
    options->paths = paths->list;
    options->path_count = paths->count;
    int status = paths->failed
                     ? STATUS_NO_MEMORY
                     : sandbox_confine(config->service.sandbox == CONFIG_SANDBOX_REQUIRED, options, &facts, &line);
    if (status < 0) {
        log_write(LOG_ERROR, "agent", "service.sandbox: %s: %s", status_str(status), buf_cstr(&line));
    } else if (!quiet) {
        log_write(status == SANDBOX_LESS ? LOG_WARNING : LOG_NOTICE, "agent", "%s", buf_cstr(&line));
    }
    buf_deinit(&line);
    out->calls = facts.seccomp;
    out->files = facts.files;
    out->ports = facts.ports;
    out->landlock = facts.landlock;
    return status < 0 ? status : 0;
}

int confine_agent(const struct agent_config *config, struct confinement *out)
{
    struct paths paths = {.count = 0};
    struct sandbox_options options = {.threads = true};
    *out = (struct confinement){.setting = config_daemon_sandbox_words[config->service.sandbox]};
    if (config->service.sandbox == CONFIG_SANDBOX_NO) {
        log_write(LOG_NOTICE, "agent", "not confined: service.sandbox = no");
        return 0;
    }
    add_all(&paths, config);
    set_ports(&options, config);
    int status = enter(config, &paths, &options, false, out);
    paths_deinit(&paths);
    return status;
}

/* With more logs than there is room for reading stays free. */
int confine_import(const struct agent_config *config, const char *const *logs, size_t count)
{
    struct paths paths = {.count = 0};
    struct sandbox_options options = {.threads = false};
    struct confinement held;
    if (config->service.sandbox == CONFIG_SANDBOX_NO) {
        return 0;
    }
    add_ledger(&paths, config);
    for (size_t i = 0; i < count && count <= IMPORT_LOGS_MAX; i++) {
        add(&paths, logs[i], SANDBOX_READ);
    }
    if (count > IMPORT_LOGS_MAX) {
        add(&paths, "/", SANDBOX_READ);
    }
    int status = enter(config, &paths, &options, true, &held);
    paths_deinit(&paths);
    return status;
}

/* A directory that is made has to be safe in the one above it, and the ledger may lie beside it. */
static void add_credentials(struct paths *paths, const char *dir, bool *made)
{
    char *above = strdup(dir);
    char *slash = above ? strrchr(above, '/') : NULL;
    *made = mkdir(dir, 0700) == 0;
    add(paths, dir, SANDBOX_WRITE);
    if (slash) {
        slash[slash == above ? 1 : 0] = '\0';
    }
    take(paths, above, SANDBOX_TIDY);
}

int confine_join(const struct agent_config *config, const char *url, bool *made)
{
    struct paths paths = {.count = 0};
    struct sandbox_options options = {.threads = true}; /* the name is looked up in one */
    struct credentials_url centre;
    struct credentials_why why;
    struct confinement held;
    *made = false;
    if (config->service.sandbox == CONFIG_SANDBOX_NO || credentials_url_parse(url, &centre, &why) != 0) {
        return 0; /* without an address nobody is talked to */
    }
    add_credentials(&paths, config->collector.credentials, made);
    options.connect_ports[0] = centre.port;
    int status = enter(config, &paths, &options, true, &held);
    paths_deinit(&paths);
    return status;
}

bool confine_is_outdated(const struct agent_config *config, bool names, bool centre, const char **out)
{
    *out = NULL;
    if (config->service.sandbox == CONFIG_SANDBOX_NO) {
        return false;
    }
    if (sandbox_lost_path()) {
        *out = "a directory that the agent needs is another one now, or has appeared";
    } else if (names && sandbox_lost_resolver()) {
        *out = "the settings of the system's resolver were replaced";
    } else if (centre && confined_port != 0) {
        uint16_t now = centre_port(config);
        *out = now != 0 && now != confined_port ? "the centre is at another port now" : NULL;
    }
    return *out != NULL;
}
