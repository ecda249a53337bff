/* asset: the dashboard's files, part of the program. The table is made by collector/web/embed.py when the dashboard is
 * built. */
#ifndef RINGSIDE_COLLECTOR_API_ASSET_H
#define RINGSIDE_COLLECTOR_API_ASSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asset {
    const char *path; /* "/index.html" */
    const char *type; /* "text/html; charset=utf-8" */
    const char *etag; /* with its quotes */
    bool immutable;   /* its name changes with its content */
    const uint8_t *gzip;
    size_t gzip_len;
    size_t len; /* when unpacked */
};

extern const struct asset asset_table[]; /* by path */
extern const size_t asset_count;

/* The description of the interface (OpenAPI, JSON), not packed. */
extern const uint8_t asset_openapi[];
extern const size_t asset_openapi_len;

#endif
