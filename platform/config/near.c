#include "platform/config/near.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { NAME_MAX_LEN = 40 };

/* Case and the choice of '-' or '_' are not what makes a name another one. */
static char fold(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c == '-' ? '_' : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
static size_t distance(struct slice a, struct slice b)
{
    uint8_t rows[3][NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = (uint8_t)j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        uint8_t *row = rows[i % 3];
        const uint8_t *above = rows[(i - 1) % 3];
        const uint8_t *two_above = rows[(i + 1) % 3];
        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t other = fold(a.data[i - 1]) != fold(b.data[j - 1]);
            size_t cost = least(least(row[j - 1] + 1U, above[j] + 1U), above[j - 1] + other);
            if (i > 1 && j > 1 && fold(a.data[i - 1]) == fold(b.data[j - 2]) &&
                fold(a.data[i - 2]) == fold(b.data[j - 1])) {
                cost = least(cost, two_above[j - 2] + 1U);
            }
            row[j] = (uint8_t)cost;
        }
    }
    return rows[a.len % 3][b.len];
}

struct config_near config_near_start(struct slice wanted)
{
    return (struct config_near){.wanted = wanted, .best = NULL, .distance = SIZE_MAX};
}

void config_near_offer(struct config_near *near, const char *name)
{
    struct slice known = slice_str(name);
    if (near->wanted.len == 0 || near->wanted.len > NAME_MAX_LEN || known.len > NAME_MAX_LEN) {
        return;
    }
    size_t limit = near->wanted.len < 4 ? 1 : near->wanted.len / 3 + 1;
    size_t found = distance(near->wanted, known);
    bool prefix = near->wanted.len >= 3 && known.len > near->wanted.len &&
                  memcmp(known.data, near->wanted.data, near->wanted.len) == 0;
    if (prefix) {
        found = least(found, 2);
        limit = limit < 2 ? 2 : limit;
    }
    if (found <= limit && found < near->distance) {
        near->best = name;
        near->distance = found;
    }
}
