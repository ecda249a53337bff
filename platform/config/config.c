#include "platform/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/base/status.h"
#include "platform/config/config_internal.h"
#include "platform/config/message.h"
#include "platform/config/read.h"
#include "platform/config/scan.h"

static void item_deinit(struct config_item *item)
{
    for (size_t i = 0; item->slots && i < item->section->option_count; i++) {
        config_value_deinit(&item->slots[i].value);
    }
    free(item->slots);
    free(item->title);
}

void config_free(struct config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->item_count; i++) {
        item_deinit(&config->items[i]);
    }
    free(config->items);
    free(config);
}

/* Takes nothing: the title is copied. NULL: out of memory. */
static struct config_item *add_item(struct config *config, const struct config_section *section, const char *title,
                                    int line)
{
    struct config_item *items = realloc(config->items, (config->item_count + 1) * sizeof *items);
    if (!items) {
        return NULL;
    }
    config->items = items;
    struct config_item *item = &items[config->item_count];
    *item = (struct config_item){.section = section, .line = line};
    item->slots = calloc(section->option_count ? section->option_count : 1, sizeof *item->slots);
    item->title = title ? strdup(title) : NULL;
    if (!item->slots || (title && !item->title)) {
        item_deinit(item);
        return NULL;
    }
    config->item_count++;
    return item;
}

static struct config_item *find_item(const struct config *config, const struct config_section *section,
                                     const char *title)
{
    for (size_t i = 0; i < config->item_count; i++) {
        struct config_item *item = &config->items[i];
        if (item->section == section && (!title || strcmp(item->title, title) == 0)) {
            return item;
        }
    }
    return NULL;
}

static size_t option_index(const struct config_section *section, const char *name)
{
    const struct config_option *option = config_section_option(section, slice_str(name));
    if (!option) {
        abort();
    }
    return (size_t)(option - section->options);
}

/* ---- filling from the file ---- */

struct filling {
    struct config *config;
    struct config_report *report;
    size_t index; /* of the section being read */
};

static int report_value(struct config_report *report, int line, const struct config_item *item,
                        const struct config_option *option, struct buf *why)
{
    char where[CONFIG_WHERE_MAX];
    struct buf allowed = BUF_INIT;
    config_where(item->section, item->title, option, where);
    config_value_allowed(option, &allowed);
    config_report_at(report, line, "%s: %s; allowed: %s", where, buf_cstr(why), buf_cstr(&allowed));
    buf_deinit(&allowed);
    return STATUS_INVALID;
}

static int take_value(void *ctx, const char *name, const char *text, int line)
{
    struct filling *filling = ctx;
    struct config_item *item = &filling->config->items[filling->index];
    size_t index = option_index(item->section, name);
    struct config_slot *slot = &item->slots[index];
    const struct config_option *option = &item->section->options[index];
    struct buf why = BUF_INIT;
    int status = text ? config_value_parse(option, text, &slot->value, &why) : 0;
    slot->origin = CONFIG_SET;
    slot->line = line;
    if (status == STATUS_INVALID || status == STATUS_RANGE) {
        report_value(filling->report, line, item, option, &why);
        status = 0; /* counted; the reading goes on for the other defects */
    }
    buf_deinit(&why);
    return status;
}

static int take_section_end(void *ctx, const char *section)
{
    struct filling *filling = ctx;
    (void)section;
    filling->index++;
    return 0;
}

static int fill_from(struct config *config, const struct config_scan *scan, const char *text,
                     struct config_report *report)
{
    for (size_t i = 0; i < scan->mark_count; i++) {
        const struct config_mark *mark = &scan->marks[i];
        if (!add_item(config, mark->section, mark->title, mark->line)) {
            return STATUS_NO_MEMORY;
        }
    }
    struct filling filling = {.config = config, .report = report};
    struct config_reader reader = {take_value, take_section_end, &filling};
    return config_read(config->table, text, &reader, report);
}

/* ---- defaults ---- */

static int fill_default(struct config_item *item, size_t index, struct config_report *report)
{
    const struct config_option *option = &item->section->options[index];
    struct config_value *value = &item->slots[index].value;
    struct buf text = BUF_INIT;
    struct buf why = BUF_INIT;
    int status = 0;
    if (option->make_default) {
        status = option->make_default(&text);
    } else {
        buf_append_str(&text, option->default_text);
    }
    bool empty_list = option->type == CONFIG_STRINGS && text.len == 0;
    if (status == 0 && !empty_list) {
        status = config_value_parse(option, buf_cstr(&text), value, &why);
    }
    if (status == STATUS_INVALID || status == STATUS_RANGE) {
        /* only make_default can get here: constant defaults are right by test */
        report_value(report, item->line, item, option, &why);
        status = 0;
    }
    buf_deinit(&text);
    buf_deinit(&why);
    return status;
}

static int fill_item(struct config_item *item, const struct config_item *base, struct config_report *report)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < item->section->option_count; i++) {
        struct config_slot *slot = &item->slots[i];
        if (slot->origin == CONFIG_SET) {
            continue;
        }
        if (base && base != item && base->slots[i].origin == CONFIG_SET) {
            status = config_value_copy(&base->slots[i].value, &slot->value);
            slot->origin = CONFIG_LENT;
        } else {
            status = fill_default(item, i, report);
        }
    }
    return status;
}

/* Sections that the file need not have. */
static int add_missing(struct config *config)
{
    for (size_t i = 0; i < config->table->section_count; i++) {
        const struct config_section *section = &config->table->sections[i];
        const char *title = section->base_title;
        if (section->titled && !title) {
            title = find_item(config, section, NULL) ? NULL : section->default_title;
        }
        bool needed = section->titled ? title && !find_item(config, section, title) : !find_item(config, section, NULL);
        if (needed && !add_item(config, section, title, 0)) {
            return STATUS_NO_MEMORY;
        }
    }
    return 0;
}

static int fill_defaults(struct config *config, struct config_report *report)
{
    int status = add_missing(config);
    for (size_t i = 0; status == 0 && i < config->item_count; i++) {
        struct config_item *item = &config->items[i];
        const char *base = item->section->base_title;
        status = fill_item(item, base ? find_item(config, item->section, base) : NULL, report);
    }
    return status;
}

/* ---- reading ---- */

static int parse(struct slice bytes, const struct config_table *table, struct config_report *report,
                 struct config *config)
{
    struct config_scan scan;
    int status = config_scan(table, bytes, report, &scan);
    if (status == 0) {
        const char *text = buf_cstr(&scan.text);
        status = scan.text.failed ? STATUS_NO_MEMORY : fill_from(config, &scan, text, report);
    }
    if (status == 0) {
        status = fill_defaults(config, report);
    }
    config_scan_deinit(&scan);
    return status == 0 && report->errors > 0 ? STATUS_INVALID : status;
}

static int parse_reporting(struct slice bytes, const struct config_table *table, struct config_report *report,
                           struct config **out)
{
    struct config *config = calloc(1, sizeof *config);
    if (!config) {
        return STATUS_NO_MEMORY;
    }
    config->table = table;
    report->held = true;
    int status = parse(bytes, table, report, config);
    config_report_flush(report);
    if (status != 0) {
        config_free(config);
        return status;
    }
    *out = config;
    return 0;
}

int config_parse_buffer(const char *name, struct slice bytes, const struct config_table *table, config_report_fn report,
                        void *ctx, struct config **out)
{
    struct config_report to = {.fn = report, .ctx = ctx, .file = name};
    return parse_reporting(bytes, table, &to, out);
}

/* One byte more than allowed is enough to know that a file is too large. */
static int read_bytes(int fd, struct buf *bytes)
{
    while (bytes->len <= CONFIG_FILE_MAX) {
        char chunk[8192];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return STATUS_IO;
        }
        if (got == 0) {
            break;
        }
        buf_append(bytes, chunk, (size_t)got);
    }
    return bytes->failed ? STATUS_NO_MEMORY : 0;
}

static int load_open(int fd, const struct config_table *table, struct config_report *report, struct config **out)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return config_report_at(report, 0, "cannot be read: %s; allowed: a readable file", strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        return config_report_at(report, 0, "is a directory; allowed: a file");
    }
    struct buf bytes = BUF_INIT;
    int status = read_bytes(fd, &bytes);
    if (status == STATUS_IO) {
        status = config_report_at(report, 0, "cannot be read: %s; allowed: a readable file", strerror(errno));
    } else if (status == 0) {
        status = parse_reporting(buf_slice(&bytes), table, report, out);
    }
    buf_deinit(&bytes);
    return status;
}

int config_load(const char *path, const struct config_table *table, config_report_fn report, void *ctx,
                struct config **out)
{
    struct config_report to = {.fn = report, .ctx = ctx, .file = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT) {
        return STATUS_NOT_FOUND;
    }
    if (fd < 0) {
        return config_report_at(&to, 0, "cannot be opened: %s; allowed: a file that this user may read",
                                strerror(errno));
    }
    int status = load_open(fd, table, &to, out);
    (void)close(fd);
    return status;
}

/* ---- asking ---- */

static const struct config_section *known_section(const struct config *config, const char *name)
{
    const struct config_section *section = config_table_section(config->table, slice_str(name));
    if (!section) {
        abort();
    }
    return section;
}

const struct config_item *config_section(const struct config *config, const char *section)
{
    return find_item(config, known_section(config, section), NULL);
}

size_t config_count(const struct config *config, const char *section)
{
    const struct config_section *wanted = known_section(config, section);
    size_t count = 0;
    for (size_t i = 0; i < config->item_count; i++) {
        count += config->items[i].section == wanted;
    }
    return count;
}

const struct config_item *config_titled(const struct config *config, const char *section, size_t index)
{
    const struct config_section *wanted = known_section(config, section);
    for (size_t i = 0; i < config->item_count; i++) {
        if (config->items[i].section == wanted && index-- == 0) {
            return &config->items[i];
        }
    }
    return NULL;
}

const char *config_title(const struct config_item *item)
{
    return item->title;
}

int config_line(const struct config_item *item)
{
    return item->line;
}

static const struct config_slot *slot_of(const struct config_item *item, const char *option)
{
    return &item->slots[option_index(item->section, option)];
}

const char *config_text(const struct config_item *item, const char *option)
{
    return slot_of(item, option)->value.text;
}

int64_t config_number(const struct config_item *item, const char *option)
{
    return slot_of(item, option)->value.number;
}

bool config_yes(const struct config_item *item, const char *option)
{
    return slot_of(item, option)->value.number != 0;
}

size_t config_list_count(const struct config_item *item, const char *option)
{
    return slot_of(item, option)->value.item_count;
}

const char *config_list_text(const struct config_item *item, const char *option, size_t index)
{
    const struct config_value *value = &slot_of(item, option)->value;
    return index < value->item_count ? value->items[index] : NULL;
}

int config_option_line(const struct config_item *item, const char *option)
{
    return slot_of(item, option)->line;
}

bool config_option_applies(const struct config_item *item, const struct config_option *option)
{
    if (!option->of_type) {
        return true;
    }
    const struct config_option *type = config_section_option(item->section, slice_str("type"));
    const char *word = type ? config_option_word(type, (size_t)config_number(item, "type")) : NULL;
    return word && strcmp(word, option->of_type) == 0;
}

void config_check_types(const struct config *config, struct config_report *report)
{
    for (size_t i = 0; i < config->item_count; i++) {
        const struct config_item *item = &config->items[i];
        for (size_t j = 0; j < item->section->option_count; j++) {
            const struct config_option *option = &item->section->options[j];
            if (item->slots[j].line != 0 && !config_option_applies(item, option)) {
                char where[CONFIG_WHERE_MAX];
                config_where(item->section, item->title, option, where);
                (void)config_report_at(report, item->slots[j].line, "%s: belongs to a %s of type %s only", where,
                                       item->section->name, option->of_type);
            }
        }
    }
}
