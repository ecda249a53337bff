/* notify: tells the service manager how the daemon is (systemd's notification protocol). Without a manager that
 * listens (NOTIFY_SOCKET not set) every call does nothing and succeeds. Not thread safe. */
#ifndef RINGSIDE_PLATFORM_SERVICE_NOTIFY_H
#define RINGSIDE_PLATFORM_SERVICE_NOTIFY_H

#include <stdint.h>

struct notify;

/* Takes the address from the environment and removes it there, so that no child inherits it. Open it before giving up
 * rights. Returns owned. 0, STATUS_INVALID (an address that is none), STATUS_IO, STATUS_NO_MEMORY. */
int notify_open(struct notify **out);
void notify_close(struct notify *notify); /* NULL is fine */

/* Each sends one datagram and never blocks: 0, STATUS_BUSY (the manager's queue is full; the next one will do),
 * STATUS_IO. `status` is one line for `systemctl status`, cut at its first line feed; NULL for none. */
int notify_ready(struct notify *notify, const char *status);
int notify_reloading(struct notify *notify); /* follow with notify_ready() when the reload is over */
int notify_status(struct notify *notify, const char *status);
int notify_stopping(struct notify *notify, const char *status);
int notify_watchdog(struct notify *notify);

/* How often notify_watchdog() is to be called: half of what the manager asks of this process; 0: not at all. */
int64_t notify_watchdog_ms(const struct notify *notify);

#endif
