#include "tests/unit/kv/no_links.h"

#include <errno.h>

bool no_links;

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);

int __wrap_link(const char *from, const char *to)
{
    errno = EPERM;
    return no_links ? -1 : __real_link(from, to);
}
