/* recording: the AMI stream of a real Asterisk, as it was received. CAPTURES_DIR holds a folder for each. */
#ifndef RINGSIDE_TESTS_UNIT_SOURCE_RECORDING_H
#define RINGSIDE_TESTS_UNIT_SOURCE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/base/buf.h"
#include "platform/base/slice.h"

/* Pieces as they were received, with the time of arrival. */
struct recording {
    struct buf bytes;
    struct buf index;
    size_t at;
};

bool recording_open(struct recording *recording, const char *folder, const char *name); /* false: there is none */
void recording_close(struct recording *recording);
bool recording_next(struct recording *recording, struct slice *piece, int64_t *at_ms);

/* Any file of a folder, unpacked; added to *out. */
bool recording_read(const char *folder, const char *name, struct buf *out);

#endif
