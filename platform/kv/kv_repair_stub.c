/* temporary */
#include "platform/kv/kv_salvage.h"

#include "platform/base/status.h"

__attribute__((weak)) int kv_look_over(const char *dir, const struct kv_look *look, struct kv_damage *out)
{
    (void)dir;
    (void)look;
    (void)out;
    return 0;
}

__attribute__((weak)) int kv_salvage(const char *dir, const struct kv_look *look, const char *path, uint64_t map_bytes,
                                     struct kv_damage *out)
{
    (void)dir;
    (void)look;
    (void)path;
    (void)map_bytes;
    (void)out;
    return STATUS_CORRUPT;
}
