/* quiet: what a test puts where the daemon logs or gives up. */
#ifndef RINGSIDE_TESTS_UNIT_INGEST_QUIET_H
#define RINGSIDE_TESTS_UNIT_INGEST_QUIET_H

#include "platform/base/log.h"

void quiet_line(void *ctx, enum log_level level, const char *text);
void quiet_failure(void *ctx, int status);

#endif
