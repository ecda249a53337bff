/* site_report: what the registry and the store know of sites, for `site list` and `site show`. */
#ifndef RINGSIDE_COLLECTOR_SITE_REPORT_H
#define RINGSIDE_COLLECTOR_SITE_REPORT_H

#include <stdint.h>

#include "collector/config.h"

/* `format` is table, json or csv. The store may be missing: then no site was ever seen. Exit codes for main. */
int site_report_list(const struct collector_config *config, const char *format, int64_t now_ms);
int site_report_show(const struct collector_config *config, const char *id, const char *format, int64_t now_ms);

#endif
