#include "collector/site_report.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collector/options.h"
#include "collector/place.h"
#include "collector/query/site_document.h"
#include "collector/site_text.h"
#include "platform/base/status.h"
#include "proto/report/fields.h"

enum { DEFAULT_WIDTH = 80, JSON_INDENT = 2 };

enum site_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };

/* What a report reads from, open together. */
struct books {
    struct registry *registry;
    struct store *store;
    struct site_document from;
};

static int take_format(const char *name, enum site_format *out)
{
    static const char *const names[] = {"table", "json", "csv"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum site_format)i;
            return EXIT_OK;
        }
    }
    return options_usage("--format '%.40s' is not allowed; allowed: table, json, csv", name);
}

/* What can be told without the store is told. */
static void open_store(const struct collector_config *config, struct books *books)
{
    int status = store_open_readonly(config->data.store_dir, &books->store);
    if (status == 0) {
        status = store_view_begin(books->store, &books->from.view);
    }
    if (status != 0 && status != STATUS_NOT_FOUND) {
        (void)options_failed("the store %s: %s; when sites were seen cannot be told", config->data.store_dir,
                             status_str(status));
    }
}

static int open_books(const struct collector_config *config, int64_t now_ms, struct books *out)
{
    *out = (struct books){.from = {.now_ms = now_ms, .idle_ms = config->ingest.idle_timeout_ms}};
    int result = place_open_registry(config, false, &out->registry);
    if (result == EXIT_OK) {
        open_store(config, out);
    }
    return result;
}

static void close_books(struct books *books)
{
    if (books->from.view) {
        store_view_end(books->from.view);
    }
    store_close(books->store);
    registry_close(books->registry);
}

static size_t terminal_width(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
               ? size.ws_col
               : DEFAULT_WIDTH;
}

/* Takes the text. */
static int print(struct buf *text)
{
    bool fine = !text->failed && !json_build_failed();
    if (fine && text->len > 0 && fwrite(text->data, 1, text->len, stdout) != text->len) {
        fine = false;
    }
    buf_deinit(text);
    return fine ? EXIT_OK : options_failed("the output could not be made");
}

static int print_json(const struct json *document)
{
    struct buf text = BUF_INIT;
    (void)json_write(document, JSON_INDENT, &text);
    buf_append_str(&text, "\n");
    return print(&text);
}

/* ---- all sites ---- */

struct list_walk {
    const struct site_document *from;
    struct json *sites;
};

static int add_site(void *ctx, const struct registry_site *site)
{
    struct list_walk *walk = ctx;
    site_document_brief(walk->from, site, json_add_map(walk->sites));
    return 0;
}

static int print_list(const struct json *document, enum site_format format)
{
    struct buf text = BUF_INIT;
    if (format == FORMAT_JSON) {
        return print_json(document);
    }
    if (format == FORMAT_CSV) {
        site_text_csv_list(document, &text);
    } else {
        site_text_table(document, terminal_width(), &text);
    }
    return print(&text);
}

int site_report_list(const struct collector_config *config, const char *format_name, int64_t now_ms)
{
    struct books books;
    enum site_format format = FORMAT_TABLE;
    int result = take_format(format_name, &format);
    if (result != EXIT_OK) {
        return result;
    }
    result = open_books(config, now_ms, &books);
    if (result == EXIT_OK) {
        struct json *document = json_new_map();
        fields_time(document, "as_of", now_ms);
        struct list_walk walk = {&books.from, json_put_list(document, "sites")};
        int status = registry_each(books.registry, add_site, &walk);
        result = print_list(document, format);
        json_free(document);
        if (status != 0) {
            result = options_failed("the registry %s: %s; not every site is listed", config->data.registry_dir,
                                    status_str(status));
        }
    }
    close_books(&books);
    return result;
}

/* ---- one site ---- */

static int print_site(const struct json *document, enum site_format format)
{
    struct buf text = BUF_INIT;
    if (format == FORMAT_JSON) {
        return print_json(document);
    }
    if (format == FORMAT_CSV) {
        site_text_csv_site(document, &text);
    } else {
        site_text_page(document, &text);
    }
    return print(&text);
}

int site_report_show(const struct collector_config *config, const char *id, const char *format_name, int64_t now_ms)
{
    struct books books;
    struct registry_site site;
    enum site_format format = FORMAT_TABLE;
    int result = take_format(format_name, &format);
    if (result != EXIT_OK) {
        return result;
    }
    result = open_books(config, now_ms, &books);
    if (result == EXIT_OK) {
        int status = registry_find(books.registry, slice_str(id), &site);
        if (status == STATUS_NOT_FOUND) {
            result = options_failed("there is no site '%s'", id);
        } else if (status != 0) {
            result = options_failed("site %s: %s", id, status_str(status));
        }
    }
    if (result == EXIT_OK) {
        struct json *document = json_new_map();
        site_document_full(&books.from, &site, document);
        result = print_site(document, format);
        json_free(document);
    }
    close_books(&books);
    return result;
}
