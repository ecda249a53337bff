/* crc32c_internal: the processor's own CRC-32C instruction, where there is one. */
#ifndef RINGSIDE_PLATFORM_BASE_CRC32C_INTERNAL_H
#define RINGSIDE_PLATFORM_BASE_CRC32C_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool crc32c_machine_has(void); /* else crc32c_machine() must not be called */

/* As crc32c(), without the inversions before and after. */
uint32_t crc32c_machine(uint32_t crc, const uint8_t *at, size_t len);

#endif
