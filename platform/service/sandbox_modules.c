/* What glibc loads only when it is needed. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "platform/service/sandbox_internal.h"

enum { LINE_MAX_BYTES = 512 };

/* Stays loaded: there is no dlclose(). One that is not installed is not there for the resolver either. */
static void load(const char *name)
{
    (void)dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

static void load_service(const char *service)
{
    char name[64];
    int len = snprintf(name, sizeof name, "libnss_%s.so.2", service);
    if (len > 0 && (size_t)len < sizeof name && !strchr(service, '/')) {
        load(name);
    }
}

/* These read files and ask servers; whatever else there is may ask a daemon of this machine. */
static bool asks_nobody_here(const char *service)
{
    return strcmp(service, "files") == 0 || strcmp(service, "dns") == 0 || strcmp(service, "myhostname") == 0;
}

/* "hosts: files mdns4_minimal [NOTFOUND=return] dns # as nsswitch.conf(5) has it". True: one of them may ask a daemon
 * of this machine. */
static bool load_services(char *line)
{
    char *rest = NULL;
    line[strcspn(line, "#\n")] = '\0';
    char *word = strtok_r(line, " \t", &rest);
    if (!word || strcmp(word, "hosts:") != 0) {
        return false;
    }
    bool action = false;
    bool local = false;
    while ((word = strtok_r(NULL, " \t", &rest)) != NULL) {
        action = action || word[0] == '[';
        if (!action) {
            load_service(word);
            local = local || !asks_nobody_here(word);
        }
        action = action && !strchr(word, ']');
    }
    return local;
}

bool sandbox_load_modules(void)
{
    bool local = false;
    char line[LINE_MAX_BYTES];
    FILE *file = fopen("/etc/nsswitch.conf", "re");
    while (file && fgets(line, sizeof line, file)) {
        local = load_services(line) || local;
    }
    if (file) {
        (void)fclose(file);
    }
    load("libnss_files.so.2");
    load("libnss_dns.so.2");
    load("libgcc_s.so.1"); /* pthread_exit() and pthread_cancel() unwind with it */
    return local;
}
