/* wiping: libcurl's memory. What it sends goes through buffers of its own, tokens too; whatever it gives back is
 * wiped first. */
#ifndef RINGSIDE_COLLECTOR_ALERT_WIPING_H
#define RINGSIDE_COLLECTOR_ALERT_WIPING_H

#include <stddef.h>

void *wiping_malloc(size_t size);
void *wiping_calloc(size_t count, size_t size);
void *wiping_realloc(void *memory, size_t size);
char *wiping_strdup(const char *text);
void wiping_free(void *memory); /* NULL is fine */

#endif
