/* crc32c: CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as in RFC 3720 appendix B.4. */
#ifndef RINGSIDE_PLATFORM_BASE_CRC32C_H
#define RINGSIDE_PLATFORM_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from `crc` (0 to begin): crc32c(crc32c(0, a), b) equals crc32c(0, ab). */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The same without the processor's own instruction, as on machines that have none. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
