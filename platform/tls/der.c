#include "platform/tls/der.h"

void der_put(struct buf *out, uint8_t tag, struct slice content)
{
    uint8_t head[2 + sizeof(size_t)] = {tag};
    size_t used = 1;
    if (content.len < 0x80) {
        head[used++] = (uint8_t)content.len;
    } else {
        size_t octets = 1;
        while (octets < sizeof(size_t) && content.len >> (8 * octets) != 0) {
            octets++;
        }
        head[used++] = (uint8_t)(0x80 | octets);
        while (octets-- > 0) {
            head[used++] = (uint8_t)(content.len >> (8 * octets));
        }
    }
    buf_append(out, head, used);
    buf_append(out, content.data, content.len);
}
