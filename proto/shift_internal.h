/* shift_internal: what shift's files share. */
#ifndef RINGSIDE_PROTO_SHIFT_INTERNAL_H
#define RINGSIDE_PROTO_SHIFT_INTERNAL_H

#include "proto/shift.h"

/* What is kept of a queue beside the times logged in and paused, in the order of the stored mask's bits: append only.
 */
enum { SHIFT_FIELD_COUNT = 7 };
struct shift_field {
    size_t offset;
    bool is_count;
};
extern const struct shift_field shift_fields[SHIFT_FIELD_COUNT];

uint64_t shift_field(const struct shift_queue *queue, const struct shift_field *field);
void shift_set_field(struct shift_queue *queue, const struct shift_field *field, uint64_t value);

/* Entries that say something: what was only looked up and left at zero does not count. */
bool shift_queue_is_zero(const struct shift_queue *queue);
size_t shift_used_reasons(const struct shift *shift);
size_t shift_used_queues(const struct shift *shift);

#endif
