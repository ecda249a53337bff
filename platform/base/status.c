#include "platform/base/status.h"

const char *status_str(int status)
{
    if (status > 0) {
        return "outcome";
    }
    switch ((enum status)status) {
    case STATUS_OK: return "ok";
    case STATUS_NO_MEMORY: return "out of memory";
    case STATUS_IO: return "input/output error";
    case STATUS_FULL: return "no room left";
    case STATUS_CORRUPT: return "data is corrupt";
    case STATUS_INVALID: return "invalid input";
    case STATUS_RANGE: return "value out of range";
    case STATUS_NOT_FOUND: return "not found";
    case STATUS_DENIED: return "permission denied";
    case STATUS_BUSY: return "in use";
    case STATUS_VERSION: return "unsupported version";
    case STATUS_TRUNCATED: return "input ends too early";
    case STATUS_UNSUPPORTED: return "not supported here";
    case STATUS_LATE: return "took too long";
    }
    return "unknown status";
}
