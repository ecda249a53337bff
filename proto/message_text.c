#include <string.h>

#include "platform/base/status.h"
#include "platform/base/utf8.h"
#include "proto/message_internal.h"

char *message_text_put(struct message_text *room, struct slice text)
{
    size_t len = 0;
    while (text.len > 0) {
        size_t used = 0;
        bool valid = true;
        bool good = utf8_next(text, &used, &valid) != 0 && valid;
        if (len + used > MESSAGE_TEXT_MAX) {
            break;
        }
        if (good) {
            memcpy(room->text + len, text.data, used);
            len += used;
        } else {
            room->text[len++] = '?';
        }
        text = slice_make(text.data + used, text.len - used);
    }
    room->text[len] = '\0';
    return room->text;
}

int message_text_get(const char *text, struct slice *out)
{
    *out = slice_str(text);
    return utf8_valid(*out) ? 0 : STATUS_INVALID;
}

ProtobufCBinaryData message_bytes_put(const void *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)data};
}

int message_bytes_get(ProtobufCBinaryData bytes, uint8_t *out, size_t len)
{
    if (bytes.len != len) {
        return STATUS_INVALID;
    }
    memcpy(out, bytes.data, len);
    return 0;
}

int message_i64_get(uint64_t value, int64_t *out)
{
    *out = (int64_t)(value & INT64_MAX);
    return value > INT64_MAX ? STATUS_INVALID : 0;
}
