#include "collector/alert/look.h"

#include <stdio.h>
#include <sys/statvfs.h>

#include "platform/base/status.h"

static int note_site(void *ctx, const struct registry_site *site)
{
    return site->state == REGISTRY_JOINED ? figures_add_site(ctx, site) : 0;
}

enum kind { KIND_NOW, KIND_WINDOW, KIND_UNBALANCED, KIND_DISK };

static enum kind kind_of(const struct alert_rule *rule)
{
    return rule->metric == ALERT_UNBALANCED ? KIND_UNBALANCED
           : rule->metric == ALERT_DISK     ? KIND_DISK
           : rule->window_ms > 0            ? KIND_WINDOW
                                            : KIND_NOW;
}

static void set_unknown(struct figures *figures, enum kind kind, int64_t window_ms)
{
    for (size_t i = 0; i < figures->rule_count; i++) {
        const struct alert_rule *rule = &figures->rules[i];
        if (kind_of(rule) == kind && rule->window_ms == window_ms) {
            figures->unknown[i] = true;
        }
    }
}

static bool is_first(const struct figures *figures, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (kind_of(&figures->rules[i]) == kind_of(&figures->rules[at]) &&
            figures->rules[i].window_ms == figures->rules[at].window_ms) {
            return false;
        }
    }
    return true;
}

/* The fuller of the store and of the disk it is on: either being full stops it. */
static int look_disk(struct look *look)
{
    struct figures *figures = look->figures;
    struct store_view *view;
    struct store_facts facts;
    struct statvfs disk;
    int status = store_view_begin(look->options->store, &view);
    if (status != 0) {
        return status;
    }
    status = store_view_facts(view, &facts);
    store_view_end(view);
    if (status == 0 && statvfs(look->options->data_dir, &disk) != 0) {
        status = STATUS_IO;
    }
    if (status != 0) {
        return status;
    }
    double share = facts.limit_bytes ? (double)facts.used_bytes / (double)facts.limit_bytes : 0;
    double taken = (double)(disk.f_blocks - disk.f_bfree);
    double room = taken + (double)disk.f_bavail;
    share = room > 0 && taken / room > share ? taken / room : share;
    for (uint32_t i = 0; status == 0 && i < figures->rule_count; i++) {
        if (kind_of(&figures->rules[i]) == KIND_DISK) {
            status = figures_add(figures, &(struct figure){.rule = i, .value = share});
        }
    }
    return status;
}

static int look_kind(struct look *look, enum kind kind, int64_t window_ms, struct query_why *why)
{
    switch (kind) {
    case KIND_NOW: return 0; /* done already */
    case KIND_WINDOW: return look_window(look, window_ms, why);
    case KIND_UNBALANCED: return look_unbalanced(look, window_ms);
    case KIND_DISK: return look_disk(look);
    }
    return STATUS_INVALID;
}

int look_gather(struct look *look, char *why, size_t why_size)
{
    struct figures *figures = look->figures;
    why[0] = '\0';
    int status = registry_each(look->options->registry, note_site, figures);
    if (status != 0 && status != STATUS_CORRUPT) {
        (void)snprintf(why, why_size, "the sites cannot be read: %s", status_str(status));
        for (size_t i = 0; i < figures->rule_count; i++) {
            figures->unknown[i] = true;
        }
        return status == STATUS_NO_MEMORY ? status : 0;
    }
    /* First and in any case: it tells who is there at all. */
    status = look_now(look);
    if (status != 0) {
        set_unknown(figures, KIND_NOW, 0);
        (void)snprintf(why, why_size, "%s", status_str(status));
    }
    for (size_t i = 0; i < figures->rule_count; i++) {
        const struct alert_rule *rule = &figures->rules[i];
        struct query_why what = {.text = ""};
        status = is_first(figures, i) ? look_kind(look, kind_of(rule), rule->window_ms, &what) : 0;
        if (status != 0) {
            set_unknown(figures, kind_of(rule), rule->window_ms);
            (void)snprintf(why, why_size, "%s", what.text[0] ? what.text : status_str(status));
        }
    }
    return 0;
}
