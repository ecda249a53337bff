#include "platform/config/shape.h"

#include <string.h>

#include "platform/base/num.h"
#include "platform/base/status.h"

int config_shape_refuse(struct buf *why, const char *text, const char *what)
{
    buf_printf(why, "\"%.60s\" %s", text, what);
    return STATUS_INVALID;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool config_shape_made_of(const char *text, const char *signs, size_t max)
{
    size_t len = 0;
    for (; text[len]; len++) {
        if (!is_alnum(text[len]) && !strchr(signs, text[len])) {
            return false;
        }
    }
    return len >= 1 && len <= max;
}

bool config_shape_is_zone(const char *text)
{
    return config_shape_made_of(text, "_-+/", 64) && text[0] != '/' && text[strlen(text) - 1] != '/' &&
           !strstr(text, "//");
}

bool config_shape_split_address(const char *text, char host[CONFIG_SHAPE_HOST_MAX + 1], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    bool brackets = text[0] == '[';
    if (!colon || (brackets && (colon == text || colon[-1] != ']')) ||
        (!brackets && memchr(text, ':', (size_t)(colon - text)))) {
        return false;
    }
    const char *begin = text + brackets;
    size_t len = (size_t)(colon - begin) - brackets;
    uint64_t number;
    if (len == 0 || len > CONFIG_SHAPE_HOST_MAX || num_parse_u64(slice_str(colon + 1), &number) != 0 || number == 0 ||
        number > UINT16_MAX) {
        return false;
    }
    memcpy(host, begin, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return true;
}

int config_shape_zone(const char *text, struct buf *why)
{
    return config_shape_is_zone(text) ? 0 : config_shape_refuse(why, text, "is not the name of a time zone");
}

int config_shape_user(const char *text, struct buf *why)
{
    bool fine = text[0] == '\0' || (text[0] != '-' && config_shape_made_of(text, "-_.", 32));
    return fine ? 0 : config_shape_refuse(why, text, "is not a user name");
}

int config_shape_optional_path(const char *text, struct buf *why)
{
    return text[0] == '\0' || text[0] == '/' ? 0 : config_shape_refuse(why, text, "is not an absolute path");
}
