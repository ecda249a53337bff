/* The platter's names: which are safe in their directories, and what became of names since. */
#include "tests/support/faults/platter.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static char *copy_of(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(faults_take(size), text, size);
}

void platter_drop_entry(struct platter_entry **entries, const char *name, const struct platter_node *node)
{
    for (struct platter_entry **at = entries; *at; at = &(*at)->next) {
        struct platter_entry *entry = *at;
        if (strcmp(entry->name, name) == 0 && (!node || entry->node == node)) {
            *at = entry->next;
            faults_give(entry->name);
            faults_give(entry);
            return;
        }
    }
}

void platter_set_entry(struct platter_entry **entries, const char *name, struct platter_node *node)
{
    platter_drop_entry(entries, name, NULL);
    struct platter_entry *entry = faults_take(sizeof *entry);
    entry->name = copy_of(name);
    entry->node = node;
    entry->next = *entries;
    *entries = entry;
}

void platter_apply_naming(struct platter_entry **from, struct platter_entry **to, const struct platter_naming *naming)
{
    if (naming->from) {
        platter_drop_entry(from, naming->from_name, naming->node);
    }
    if (naming->to) {
        platter_set_entry(to, naming->to_name, naming->node);
    }
}

/* The directory that holds this name, and the name in it. */
static struct platter_node *parent_of(const char *full, const char **name)
{
    char parent[PATH_MAX];
    (void)snprintf(parent, sizeof parent, "%s", full);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    *name = full + (slash - parent) + 1;
    return platter_node_at(parent);
}

void platter_name_change(struct platter_node *node, const char *from, const char *to)
{
    struct platter_naming *naming = faults_take(sizeof *naming);
    const char *name;
    naming->moment = platter.moments++;
    naming->node = node;
    if (from) {
        naming->from = parent_of(from, &name);
        naming->from_name = copy_of(name);
    }
    if (to) {
        naming->to = parent_of(to, &name);
        naming->to_name = copy_of(name);
    }
    if (platter.last) {
        platter.last->next = naming;
    } else {
        platter.first = naming;
    }
    platter.last = naming;
}

void platter_naming_free(struct platter_naming *naming)
{
    faults_give(naming->from_name);
    faults_give(naming->to_name);
    faults_give(naming);
}

/* A move between two directories is one step, safe with the one that the name came to. */
void platter_names_settle(const struct platter_node *directory)
{
    struct platter_naming **at = &platter.first;
    platter.last = NULL;
    while (*at) {
        struct platter_naming *naming = *at;
        if ((naming->to ? naming->to : naming->from) == directory) {
            platter_apply_naming(naming->from ? &naming->from->entries : NULL, naming->to ? &naming->to->entries : NULL,
                                 naming);
            *at = naming->next;
            platter_naming_free(naming);
        } else {
            platter.last = naming;
            at = &naming->next;
        }
    }
}

void platter_made_directory(const char *full)
{
    struct stat info;
    if (platter.records && fstatat(AT_FDCWD, full, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        platter_enter();
        platter_name_change(platter_node_add(&info), NULL, full);
        platter_leave();
    }
}

void platter_name_before(const char *full, const char *target, struct platter_step *step)
{
    struct stat info;
    *step = (struct platter_step){0};
    if (!platter.records) {
        return;
    }
    platter_enter();
    step->node = platter_node_at(full);
    bool last = target && fstatat(AT_FDCWD, target, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                (S_ISDIR(info.st_mode) || info.st_nlink == 1);
    step->replaced = last ? platter_node_of(&info) : NULL;
    platter_leave();
}

static void named(const struct platter_step *step, const char *from, const char *to)
{
    if (platter.records && step->node) {
        platter_enter();
        platter_name_change(step->node, from, to);
        if (step->replaced) {
            step->replaced->gone = true;
        }
        platter_leave();
    }
}

void platter_renamed(const struct platter_step *step, const char *from, const char *to)
{
    named(step, from, to);
}

void platter_linked(const struct platter_step *step, const char *to)
{
    named(step, NULL, to);
}

void platter_unlinked(const struct platter_step *step, const char *full)
{
    named(step, full, NULL);
}
