#include "collector/init_command.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/config_table.h"
#include "collector/identity/identity.h"
#include "collector/options.h"
#include "collector/place.h"
#include "collector/store/store_write.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"

enum { HOSTS_MAX = 32 };

struct init_wish {
    const char *hosts[HOSTS_MAX];
    size_t host_count;
    bool again;
    char short_name[COLLECTOR_HOST_MAX + 1];
    char full_name[COLLECTOR_HOST_MAX + 1];
};

static struct identity_options identity_options_of(const struct collector_config *config)
{
    return (struct identity_options){.dir = config->data.identity_dir,
                                     .site_life_s = config->identity.site_life_ms / 1000,
                                     .collector_life_s = config->identity.collector_life_ms / 1000,
                                     .ca_life_s = config->identity.ca_life_ms / 1000,
                                     .grace_s = config->identity.grace_ms / 1000};
}

/* ---- the names of this machine ---- */

static void find_full_name(struct init_wish *wish)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    struct addrinfo *found = NULL;
    if (getaddrinfo(wish->short_name, NULL, &hints, &found) != 0) {
        return;
    }
    if (found->ai_canonname && strlen(found->ai_canonname) < sizeof wish->full_name) {
        (void)snprintf(wish->full_name, sizeof wish->full_name, "%s", found->ai_canonname);
    }
    freeaddrinfo(found);
}

/* The full name first: it is what sites elsewhere can use. */
static void add_own_names(struct init_wish *wish)
{
    if (gethostname(wish->short_name, sizeof wish->short_name - 1) != 0) {
        wish->short_name[0] = '\0';
        return;
    }
    find_full_name(wish);
    if (strchr(wish->full_name, '.') && strcmp(wish->full_name, wish->short_name) != 0 &&
        collector_config_host_valid(wish->full_name)) {
        wish->hosts[wish->host_count++] = wish->full_name;
    }
    if (collector_config_host_valid(wish->short_name)) {
        wish->hosts[wish->host_count++] = wish->short_name;
    }
}

static int choose_hosts(const struct collector_config *config, struct init_wish *wish)
{
    for (size_t i = 0; i < wish->host_count; i++) {
        if (!collector_config_host_valid(wish->hosts[i])) {
            return options_usage("--host '%.60s' is neither a host name nor an address", wish->hosts[i]);
        }
    }
    bool given = wish->host_count > 0;
    for (size_t i = 0; !given && i < config->ingest.host_count && i < HOSTS_MAX; i++) {
        wish->hosts[wish->host_count++] = config->ingest.hosts[i];
    }
    if (wish->host_count == 0) {
        add_own_names(wish);
    }
    return wish->host_count > 0 ? EXIT_OK
                                : options_usage("this machine has no name for a certificate: give one with --host");
}

/* ---- making ---- */

static int make_registry(const struct collector_config *config)
{
    int status = registry_create(config->data.registry_dir);
    return status == 0 || status == STATUS_BUSY ? EXIT_OK
                                                : place_failed("the registry", config->data.registry_dir, status);
}

static int make_store(const struct collector_config *config)
{
    const struct store_options options = {.dir = config->data.store_dir,
                                          .limit_bytes = config->store.size_max_bytes,
                                          .intervals_keep_ms = config->store.intervals_keep_ms,
                                          .cells_keep_ms = config->store.cells_keep_ms,
                                          .now_ms = clock_wall_ms()};
    struct store *store = NULL;
    int status = store_open_writer(&options, &store);
    store_close(store);
    return status == 0 || status == STATUS_BUSY ? EXIT_OK : place_failed("the store", config->data.store_dir, status);
}

static int make_identity(const struct collector_config *config, const struct init_wish *wish)
{
    struct identity_options options = identity_options_of(config);
    int status = identity_create(&options, wish->hosts, wish->host_count, clock_wall_ms() / 1000);
    if (status == STATUS_BUSY) {
        return options_failed("%s holds a CA already; --again gives the collector a new certificate by it",
                              options.dir);
    }
    return status == 0 ? EXIT_OK : options_failed("making the CA in %s: %s", options.dir, status_str(status));
}

static int renew_identity(const struct collector_config *config, const struct init_wish *wish)
{
    struct identity_options options = identity_options_of(config);
    struct identity *identity = NULL;
    int status = identity_open(&options, &identity);
    if (status == 0) {
        status = identity_reissue(identity, wish->hosts, wish->host_count, clock_wall_ms() / 1000);
    }
    identity_close(identity);
    return status == 0 ? EXIT_OK : place_failed("the identity", options.dir, status);
}

static void tell(const struct collector_config *config, const struct init_wish *wish)
{
    (void)printf(wish->again ? "A new certificate for" : "A CA and a certificate for");
    for (size_t i = 0; i < wish->host_count; i++) {
        (void)printf("%s %s", i > 0 ? "," : "", wish->hosts[i]);
    }
    (void)printf(" in %s\n", config->data.identity_dir);
    if (!wish->again) {
        (void)printf("Next: ringside-collector site add ID\n");
    }
}

int init_command(const struct collector_config *config, int argc, char **argv)
{
    struct init_wish wish = {.host_count = 0};
    struct options_list hosts = {.items = wish.hosts, .max = HOSTS_MAX};
    struct options_list none = {.max = 0};
    const struct options_spec specs[] = {{.name = "--host", .list = &hosts}, {.name = "--again", .flag = &wish.again}};
    int result = options_parse(argc, argv, specs, sizeof specs / sizeof specs[0], &none);
    wish.host_count = hosts.count;
    if (result == EXIT_OK) {
        result = choose_hosts(config, &wish);
    }
    if (result == EXIT_OK && !wish.again) {
        result = place_make(config);
    }
    if (result == EXIT_OK) {
        result = place_become_owner(config);
    }
    if (result == EXIT_OK && wish.again) {
        result = renew_identity(config, &wish);
    } else if (result == EXIT_OK) {
        result = make_registry(config);
        result = result == EXIT_OK ? make_store(config) : result;
        result = result == EXIT_OK ? make_identity(config, &wish) : result;
    }
    if (result == EXIT_OK) {
        tell(config, &wish);
    }
    return result;
}
