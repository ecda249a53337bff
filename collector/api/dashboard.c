#include "collector/api/dashboard.h"

#include <stdlib.h>
#include <string.h>

#include "platform/base/status.h"
#include "platform/file/gzip.h"

struct dashboard {
    struct buf *plain; /* by asset; empty: not asked for yet */
};

int dashboard_new(struct dashboard **out)
{
    struct dashboard *dashboard = calloc(1, sizeof *dashboard);
    struct buf *plain = calloc(asset_count + 1, sizeof *plain);
    if (!dashboard || !plain) {
        free(dashboard);
        free(plain);
        return STATUS_NO_MEMORY;
    }
    dashboard->plain = plain;
    *out = dashboard;
    return 0;
}

void dashboard_free(struct dashboard *dashboard)
{
    if (dashboard) {
        for (size_t i = 0; i < asset_count; i++) {
            buf_deinit(&dashboard->plain[i]);
        }
        free(dashboard->plain);
        free(dashboard);
    }
}

static const struct asset *dashboard_asset(struct slice path)
{
    for (size_t i = 0; i < asset_count; i++) {
        if (slice_is(path, asset_table[i].path)) {
            return &asset_table[i];
        }
    }
    return NULL;
}

const struct asset *dashboard_find(struct slice raw_path)
{
    const struct asset *found = dashboard_asset(raw_path);
    if (found) {
        return found;
    }
    size_t begin = raw_path.len;
    while (begin > 0 && raw_path.data[begin - 1] != '/') {
        if (raw_path.data[begin - 1] == '.') {
            return NULL;
        }
        begin--;
    }
    return dashboard_asset(slice_str("/index.html"));
}

int dashboard_plain(struct dashboard *dashboard, const struct asset *asset, struct slice *out)
{
    struct buf *plain = &dashboard->plain[asset - asset_table];
    if (plain->len == 0 && asset->len > 0) {
        int status = gzip_unpack(slice_make((const char *)asset->gzip, asset->gzip_len), asset->len, plain);
        if (status != 0) {
            return status;
        }
    }
    *out = buf_slice(plain);
    return 0;
}
