/* memory: the heap of a daemon that lives for years. */
#ifndef RINGSIDE_PLATFORM_SERVICE_MEMORY_H
#define RINGSIDE_PLATFORM_SERVICE_MEMORY_H

/* Gives the kernel what was freed and the C library kept. Some ten microseconds a megabyte of heap. */
void memory_trim(void);

#endif
