/* status: the one return convention of the whole tree.
 *
 * 0 is success. A negative value is a failure that the caller passes on unchanged (or handles by name).
 * A positive value is an outcome that the called function documents (END, AGAIN, DUPLICATE, ...).
 * Foreign error codes (errno, LMDB, libuv, mbedTLS) become one of these at the border, once. */
#ifndef RINGSIDE_PLATFORM_BASE_STATUS_H
#define RINGSIDE_PLATFORM_BASE_STATUS_H

enum status {
    STATUS_OK = 0,
    STATUS_NO_MEMORY = -1,    /* an allocation failed */
    STATUS_IO = -2,           /* the operating system refused to read or write */
    STATUS_FULL = -3,         /* map, disk or a declared limit is full */
    STATUS_CORRUPT = -4,      /* stored bytes fail their check */
    STATUS_INVALID = -5,      /* input from outside does not have the documented shape */
    STATUS_RANGE = -6,        /* a value is outside what is allowed */
    STATUS_NOT_FOUND = -7,    /* no such thing */
    STATUS_DENIED = -8,       /* permission or identity */
    STATUS_BUSY = -9,         /* somebody else holds it */
    STATUS_VERSION = -10,     /* written by a version that this one does not read */
    STATUS_TRUNCATED = -11,   /* input ends too early */
    STATUS_UNSUPPORTED = -12, /* not built in, or not available on this machine */
    STATUS_LATE = -13         /* the time given for it was not enough */
};

/* A short English text without full stop, for any value; never NULL. */
const char *status_str(int status);

#endif
