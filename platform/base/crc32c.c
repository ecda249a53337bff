#include "platform/base/crc32c.h"

#include "platform/base/crc32c_internal.h"

/* Slicing by eight: tables[k][b] is the CRC of byte b followed by k zero bytes. Filled before main() so that no
 * thread ever sees them half made. */
static uint32_t crc32c_tables[8][256];
static bool crc32c_by_machine;

__attribute__((constructor)) static void crc32c_init(void)
{
    crc32c_by_machine = crc32c_machine_has();
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
        }
        crc32c_tables[0][b] = crc;
    }
    for (uint32_t b = 0; b < 256; b++) {
        for (int k = 1; k < 8; k++) {
            uint32_t previous = crc32c_tables[k - 1][b];
            crc32c_tables[k][b] = previous >> 8 ^ crc32c_tables[0][previous & 0xff];
        }
    }
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *at = data;
    crc = ~crc;
    for (; len >= 8; len -= 8, at += 8) {
        uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        crc = crc32c_tables[7][low & 0xff] ^ crc32c_tables[6][low >> 8 & 0xff] ^ crc32c_tables[5][low >> 16 & 0xff] ^
              crc32c_tables[4][low >> 24] ^ crc32c_tables[3][at[4]] ^ crc32c_tables[2][at[5]] ^
              crc32c_tables[1][at[6]] ^ crc32c_tables[0][at[7]];
    }
    for (; len > 0; len--, at++) {
        crc = crc >> 8 ^ crc32c_tables[0][(crc ^ *at) & 0xff];
    }
    return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    return crc32c_by_machine ? ~crc32c_machine(~crc, data, len) : crc32c_portable(crc, data, len);
}
