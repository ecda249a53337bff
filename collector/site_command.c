#include "collector/site_command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/config_table.h"
#include "collector/identity/identity.h"
#include "collector/options.h"
#include "collector/place.h"
#include "collector/site_report.h"
#include "collector/token_file.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/time/zone.h"
#include "platform/tls/secret.h"
#include "proto/limits.h"

struct site_wish {
    const char *id;
    const char *group; /* NULL: as it is */
    const char *zone;
    const char *token_file;
    const char *format;
    bool again;
    int64_t now_ms;
};

/* ---- what may be said ---- */

static int check_id(const char *id)
{
    return registry_name_valid(slice_str(id))
               ? EXIT_OK
               : options_usage(
                     "'%.70s' is no site id; allowed: 1 to 64 letters, digits, - _ ., a letter or digit first", id);
}

static int check_group(const char *group)
{
    return !group || !group[0] || registry_name_valid(slice_str(group))
               ? EXIT_OK
               : options_usage(
                     "--group '%.70s' is no name for a group; allowed: 1 to 64 letters, digits, - _ ., or \"\" "
                     "for none",
                     group);
}

static int check_zone(const char *name)
{
    const struct zone *zone = NULL;
    bool fine = !name || !name[0] || (config_shape_is_zone(name) && zone_find(name, &zone) == 0);
    return fine
               ? EXIT_OK
               : options_usage("--zone '%.70s' is no time zone of this machine; allowed: a name such as Europe/Madrid, "
                               "or \"\" for what the site says",
                               name);
}

static int check_wish(const struct site_wish *wish)
{
    int result = check_id(wish->id);
    result = result == EXIT_OK ? check_group(wish->group) : result;
    return result == EXIT_OK ? check_zone(wish->zone) : result;
}

static int registry_failed(const char *id, int status)
{
    switch (status) {
    case STATUS_NOT_FOUND: return options_failed("there is no site '%s'", id);
    case STATUS_DENIED: return options_failed("site %s is being removed", id);
    case STATUS_CORRUPT: return options_failed("site %s: its record in the registry is damaged", id);
    default: return options_failed("site %s: %s", id, status_str(status));
    }
}

/* ---- add ---- */

static void put_url(const struct collector_config *config, struct buf *out)
{
    char host[IDENTITY_HOST_MAX + 1];
    if (identity_first_host(config->data.identity_dir, host) != 0) {
        (void)snprintf(host, sizeof host, "%s", "COLLECTOR");
    }
    bool bracket = strchr(host, ':') != NULL;
    buf_printf(out, "coaps+tcp://%s%s%s", bracket ? "[" : "", host, bracket ? "]" : "");
    if (config->ingest.port != LIMITS_DEFAULT_PORT) {
        buf_printf(out, ":%u", config->ingest.port);
    }
}

static void tell_token(const struct collector_config *config, const struct site_wish *wish,
                       const struct registry_site *site, const char *token)
{
    char stamp[STAMP_MAX];
    struct buf url = BUF_INIT;
    put_url(config, &url);
    zone_format(site->token_expires_ms - site->token_expires_ms % 1000, stamp);
    (void)printf("Site %s is invited. The token works once, until %s:\n\n", site->id, stamp);
    if (wish->token_file) {
        (void)printf("    in %s\n\n", wish->token_file);
    } else {
        (void)printf("    %s\n\n", token);
    }
    (void)printf("At the site, as root%s:\n\n    ringside-agent join %s --site %s%s\n",
                 wish->token_file ? ", with that file brought there" : "; it asks for the token", buf_cstr(&url),
                 site->id, wish->token_file ? " --token-file FILE" : "");
    buf_deinit(&url);
}

static int invite(struct registry *registry, const struct collector_config *config, const struct site_wish *wish,
                  struct registry_site *site, char token[IDENTITY_TOKEN_MAX])
{
    uint8_t psk[REGISTRY_KEY_BYTES];
    int status = identity_token_make(token);
    if (status == 0) {
        status = identity_token_psk(slice_str(token), slice_str(wish->id), psk);
    }
    if (status != 0) {
        return options_failed("making a token: %s", status_str(status));
    }
    const struct registry_invitation invitation = {.id = wish->id,
                                                   .group = wish->group,
                                                   .zone = wish->zone,
                                                   .token_psk = psk,
                                                   .token_expires_ms = wish->now_ms + config->identity.token_life_ms,
                                                   .now_ms = wish->now_ms};
    status = registry_invite(registry, &invitation, wish->again, site);
    secret_wipe(psk, sizeof psk);
    if (status == STATUS_BUSY) {
        return options_failed("there is a site '%s' already; --again gives it a new token", wish->id);
    }
    return status == 0 ? EXIT_OK : registry_failed(wish->id, status);
}

/* A typing error must not make a second site. */
static int find_known(struct registry *registry, const struct site_wish *wish)
{
    struct registry_site site;
    int status = wish->again ? registry_find(registry, slice_str(wish->id), &site) : 0;
    return status == 0 ? EXIT_OK : registry_failed(wish->id, status);
}

static int add_site(const struct collector_config *config, const struct site_wish *wish)
{
    struct registry *registry = NULL;
    struct registry_site site = {.number = 0};
    char token[IDENTITY_TOKEN_MAX] = "";
    int fd = -1;
    int result = check_wish(wish);
    result = result == EXIT_OK ? token_file_open(wish->token_file, &fd) : result;
    result = result == EXIT_OK ? place_become_owner(config) : result;
    result = result == EXIT_OK ? place_open_registry(config, true, &registry) : result;
    result = result == EXIT_OK ? find_known(registry, wish) : result;
    result = result == EXIT_OK ? invite(registry, config, wish, &site, token) : result;
    if (result == EXIT_OK && fd >= 0) {
        result = token_file_write(fd, wish->token_file, token);
    }
    if (result == EXIT_OK) {
        tell_token(config, wish, &site, token);
    }
    secret_wipe(token, sizeof token);
    if (fd >= 0) {
        (void)close(fd);
    }
    registry_close(registry);
    return result;
}

/* ---- set, revoke, remove ---- */

static int set_site(const struct collector_config *config, const struct site_wish *wish)
{
    struct registry *registry = NULL;
    struct registry_site site;
    if (!wish->group && !wish->zone) {
        return options_usage("set what? --group or --zone");
    }
    int result = check_wish(wish);
    result = result == EXIT_OK ? place_become_owner(config) : result;
    result = result == EXIT_OK ? place_open_registry(config, true, &registry) : result;
    if (result == EXIT_OK) {
        const struct registry_invitation change = {
            .id = wish->id, .group = wish->group, .zone = wish->zone, .now_ms = wish->now_ms};
        int status = registry_invite(registry, &change, true, &site);
        result = status == 0 ? EXIT_OK : registry_failed(wish->id, status);
    }
    if (result == EXIT_OK) {
        (void)printf("Site %s: group %s, zone %s\n", site.id, site.group[0] ? site.group : "none",
                     site.zone[0] ? site.zone : "as its agent says");
    }
    registry_close(registry);
    return result;
}

static int end_site(const struct collector_config *config, const struct site_wish *wish, enum registry_state state)
{
    struct registry *registry = NULL;
    int result = check_id(wish->id);
    result = result == EXIT_OK ? place_become_owner(config) : result;
    result = result == EXIT_OK ? place_open_registry(config, true, &registry) : result;
    if (result == EXIT_OK) {
        int status = registry_set_state(registry, wish->id, state, wish->now_ms);
        result = status == 0 ? EXIT_OK : registry_failed(wish->id, status);
    }
    if (result == EXIT_OK) {
        (void)printf(state == REGISTRY_REVOKED
                         ? "Site %s is revoked: its certificate no longer counts, its numbers stay\n"
                         : "Site %s is removed: the collector deletes its numbers, now or when it runs next\n",
                     wish->id);
    }
    registry_close(registry);
    return result;
}

static int revoke_site(const struct collector_config *config, const struct site_wish *wish)
{
    return end_site(config, wish, REGISTRY_REVOKED);
}

static int remove_site(const struct collector_config *config, const struct site_wish *wish)
{
    return end_site(config, wish, REGISTRY_REMOVED);
}

/* ---- list, show ---- */

static int list_sites(const struct collector_config *config, const struct site_wish *wish)
{
    int result = place_become_owner(config);
    return result == EXIT_OK ? site_report_list(config, wish->format, wish->now_ms) : result;
}

static int show_site(const struct collector_config *config, const struct site_wish *wish)
{
    int result = check_id(wish->id);
    result = result == EXIT_OK ? place_become_owner(config) : result;
    return result == EXIT_OK ? site_report_show(config, wish->id, wish->format, wish->now_ms) : result;
}

/* ---- which of them ---- */

enum { TAKES_PLACE = 1, TAKES_TOKEN = 2, TAKES_FORMAT = 4, TAKES_ID = 8 };

static const struct verb {
    const char *name;
    int (*run)(const struct collector_config *config, const struct site_wish *wish);
    unsigned takes;
} verbs[] = {{"add", add_site, TAKES_ID | TAKES_PLACE | TAKES_TOKEN},
             {"set", set_site, TAKES_ID | TAKES_PLACE},
             {"list", list_sites, TAKES_FORMAT},
             {"show", show_site, TAKES_ID | TAKES_FORMAT},
             {"revoke", revoke_site, TAKES_ID},
             {"remove", remove_site, TAKES_ID}};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static size_t options_of(const struct verb *verb, struct site_wish *wish, struct options_spec specs[5])
{
    size_t count = 0;
    if (verb->takes & TAKES_PLACE) {
        specs[count++] = (struct options_spec){.name = "--group", .value = &wish->group};
        specs[count++] = (struct options_spec){.name = "--zone", .value = &wish->zone};
    }
    if (verb->takes & TAKES_TOKEN) {
        specs[count++] = (struct options_spec){.name = "--token-file", .value = &wish->token_file};
        specs[count++] = (struct options_spec){.name = "--again", .flag = &wish->again};
    }
    if (verb->takes & TAKES_FORMAT) {
        specs[count++] = (struct options_spec){.name = "--format", .value = &wish->format};
    }
    return count;
}

int site_command(const struct collector_config *config, int argc, char **argv)
{
    struct site_wish wish = {.format = "table", .now_ms = clock_wall_ms()};
    struct options_spec specs[5];
    if (argc < 2) {
        return options_usage("site what? add, set, list, show, revoke or remove");
    }
    const struct verb *verb = find_verb(argv[1]);
    if (!verb) {
        return options_usage("unknown command 'site %.40s'; there are add, set, list, show, revoke and remove",
                             argv[1]);
    }
    struct options_list id = {.items = &wish.id, .max = verb->takes & TAKES_ID ? 1 : 0};
    int result = options_parse(argc - 1, argv + 1, specs, options_of(verb, &wish, specs), &id);
    if (result == EXIT_OK && (verb->takes & TAKES_ID) && !wish.id) {
        return options_usage("site %s: which site? give its id", verb->name);
    }
    if (result == EXIT_OK && zone_set(config->zone) != 0) {
        return options_usage("centre.zone: '%.64s' is no time zone of this machine", config->zone);
    }
    return result == EXIT_OK ? verb->run(config, &wish) : result;
}
