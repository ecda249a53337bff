#include "tests/unit/status/server_desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct desk *served;

static int64_t desk_now_ms(void)
{
    return served->now_ms;
}

void server_desk_init(struct server_desk *it)
{
    *it = (struct server_desk){0};
    served = &it->desk;
    desk_init(&it->desk);
    desk_interval(&it->desk, 0, "2026-11-21T10:00:00+01:00", DESK_SALES, 10, 6, 2, 16);
    assert_int_equal(status_health_new(it->desk.now_ms - 5000, &it->health), 0);
}

void server_desk_start(struct server_desk *it, int64_t observe_min_ms, struct board *board, int64_t live_min_ms)
{
    const struct status_server_options options = {.host = "127.0.0.1",
                                                  .observe_min_ms = observe_min_ms,
                                                  .live_min_ms = live_min_ms,
                                                  .board = board,
                                                  .ledger_dir = "/var/lib/ringside",
                                                  .ledger = it->desk.ledger,
                                                  .health = it->health,
                                                  .now_ms = desk_now_ms};
    assert_int_equal(status_server_start(&options, &it->server), 0);
    (void)snprintf(it->url, sizeof it->url, "coap://127.0.0.1:%u", status_server_port(it->server));
}

void server_desk_deinit(struct server_desk *it)
{
    status_server_stop(it->server);
    status_health_free(it->health);
    desk_deinit(&it->desk);
}
