/* dashboard: the files of the browser's part, as they lie in the program: packed, and unpacked for clients that ask for
 * that. For one thread. */
#ifndef RINGSIDE_COLLECTOR_API_DASHBOARD_H
#define RINGSIDE_COLLECTOR_API_DASHBOARD_H

#include <stdbool.h>

#include "collector/api/asset.h"
#include "platform/base/buf.h"
#include "platform/base/slice.h"

struct dashboard;

int dashboard_new(struct dashboard **out);
void dashboard_free(struct dashboard *dashboard); /* NULL is fine */

/* The file of this path; the page itself for "/" and for paths that lead into it: whose last part has no dot. NULL:
 * there is none. */
const struct asset *dashboard_find(struct slice raw_path);

/* Its plain bytes, unpacked once. STATUS_CORRUPT, STATUS_NO_MEMORY. */
int dashboard_plain(struct dashboard *dashboard, const struct asset *asset, struct slice *out);

#endif
