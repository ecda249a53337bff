/* records: a fuzzer's input as records that a disk might hold: each is
 *   database (u8), key length (u8, modulo 24), payload length (u16, big-endian), key, payload
 * and is stored with a right version and CRC, so that what lies behind these is reached. */
#ifndef RINGSIDE_TESTS_FUZZ_RECORDS_H
#define RINGSIDE_TESTS_FUZZ_RECORDS_H

#include <stddef.h>
#include <stdint.h>

/* Puts them into the environment in `dir` (map_bytes as it was made with), into its databases by these names, in one
 * transaction. */
void records_put(const char *dir, uint64_t map_bytes, const char *const *databases, size_t database_count,
                 const uint8_t *data, size_t size);

#endif
