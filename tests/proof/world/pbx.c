#include "tests/proof/world/pbx.h"

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/base/buf.h"
#include "platform/base/grow.h"
#include "platform/file/gzip.h"

int64_t pbx_wall_ms(const struct pbx *pbx)
{
    return world_centre_wall_ms(pbx->world) + pbx->clock_ms;
}

static int64_t wall_s(const struct pbx *pbx)
{
    return pbx_wall_ms(pbx) / 1000;
}

void pbx_queue_name(uint32_t queue, char out[16])
{
    (void)snprintf(out, 16, "q%u", queue);
}

/* ---- the file ---- */

static void open_log(struct pbx *pbx)
{
    pbx->fd = open(pbx->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    assert(pbx->fd >= 0);
}

__attribute__((format(printf, 4, 5))) static void row(struct pbx *pbx, const char *id, int64_t queue,
                                                      const char *format, ...)
{
    char rest[160];
    char text[256];
    char name[16] = "NONE";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(rest, sizeof rest, format, args);
    va_end(args);
    if (queue >= 0) {
        pbx_queue_name((uint32_t)queue, name);
    }
    int len = snprintf(text, sizeof text, "%lld|%s|%s|%s\n", (long long)wall_s(pbx), id, name, rest);
    assert(write(pbx->fd, text, (size_t)len) == len);
    world_tell(pbx->world, "%s: %.*s", pbx->dir, len - 1, text);
    pbx->world->tally.rows++;
    pbx->grew(pbx->ctx);
}

static const char *rotated_name(const struct pbx *pbx, unsigned number, bool packed)
{
    static char names[4][WORLD_PATH_MAX + 40];
    static unsigned turn;
    char *name = names[turn++ % 4];
    (void)snprintf(name, sizeof names[0], "%s%c%u%s", pbx->path, pbx->dated ? '-' : '.',
                   pbx->dated ? 20260000 + pbx->rotated - number : number, packed ? ".gz" : "");
    return name;
}

/* Number 1 is the newest. */
static void make_way(struct pbx *pbx)
{
    for (unsigned i = pbx->rotated; i >= 1; i--) {
        if (!pbx->dated) {
            assert(rename(rotated_name(pbx, i, pbx->packed[i]), rotated_name(pbx, i + 1, pbx->packed[i])) == 0);
        }
        pbx->packed[i + 1] = pbx->packed[i];
    }
    pbx->rotated++;
    pbx->packed[1] = false;
}

static void read_whole(const char *path, struct buf *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *to = buf_grow(out, (size_t)st.st_size + 1);
    assert(to && read(fd, to, (size_t)st.st_size) == st.st_size);
    out->len = (size_t)st.st_size;
    (void)close(fd);
}

static void write_whole(const char *path, const struct buf *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    assert(fd >= 0 && write(fd, bytes->data, bytes->len) == (ssize_t)bytes->len);
    (void)close(fd);
}

static void reopen(void *ctx)
{
    struct pbx *pbx = ctx;
    (void)close(pbx->fd);
    open_log(pbx);
    if (!pbx->down) {
        row(pbx, "NONE", -1, "NONE|CONFIGRELOAD|");
    }
}

void pbx_rotate(struct pbx *pbx, enum pbx_rotation how)
{
    struct stat st;
    if (pbx->rotated >= PBX_ROTATED_MAX || pbx->reopen.armed || stat(pbx->path, &st) != 0 || st.st_size == 0) {
        return;
    }
    make_way(pbx);
    world_note(pbx->world, "rotated", how, pbx->rotated, st.st_size);
    if (how == PBX_COPY_TRUNCATE) {
        struct buf bytes = BUF_INIT;
        read_whole(pbx->path, &bytes);
        write_whole(rotated_name(pbx, 1, false), &bytes);
        assert(truncate(pbx->path, 0) == 0);
        buf_deinit(&bytes);
        return;
    }
    assert(rename(pbx->path, rotated_name(pbx, 1, false)) == 0);
    if (how == PBX_RENAME) {
        reopen(pbx);
    } else { /* rows go on into the renamed file until the PBX is told */
        world_arm(pbx->world, &pbx->reopen, pbx->world->now_ms + rng_between(&pbx->rng, 1, 8) * WORLD_SECOND);
    }
}

void pbx_pack(struct pbx *pbx)
{
    for (unsigned i = pbx->rotated; i >= 1; i--) {
        if (!pbx->packed[i] && !(i == 1 && pbx->reopen.armed)) {
            struct buf plain = BUF_INIT;
            struct buf packed = BUF_INIT;
            read_whole(rotated_name(pbx, i, false), &plain);
            assert(gzip_pack(buf_slice(&plain), 6, &packed) == 0);
            write_whole(rotated_name(pbx, i, true), &packed);
            assert(unlink(rotated_name(pbx, i, false)) == 0);
            pbx->packed[i] = true;
            buf_deinit(&plain);
            buf_deinit(&packed);
            world_note(pbx->world, "packed", i, 0, 0);
            return;
        }
    }
}

/* ---- who waits ---- */

static uint32_t *peak(struct pbx *pbx, uint32_t queue, size_t slot)
{
    return &pbx->peaks[queue * pbx->slots + slot];
}

static void raise_peak(struct pbx *pbx, uint32_t queue, size_t slot)
{
    uint32_t *at = peak(pbx, queue, slot);
    *at = *at < pbx->waiting[queue] ? pbx->waiting[queue] : *at;
}

static void count_waiting(struct pbx *pbx, uint32_t queue, int by)
{
    size_t slot = (size_t)((wall_s(pbx) - pbx->origin_s) / pbx->world->plan.interval_s);
    assert(slot < pbx->slots);
    for (size_t i = pbx->peak_at[queue]; i <= slot; i++) {
        raise_peak(pbx, queue, i); /* those who waited at its start */
    }
    pbx->peak_at[queue] = slot;
    pbx->waiting[queue] = (uint32_t)((int)pbx->waiting[queue] + by);
    raise_peak(pbx, queue, slot);
}

/* ---- calls ---- */

static void on_step(void *ctx);

static int64_t quick(const struct pbx *pbx, int64_t ms)
{
    return pbx->draining && ms > 5 * WORLD_SECOND ? 5 * WORLD_SECOND : ms;
}

static void arm_step(struct pbx_leg *leg, int64_t in_ms)
{
    world_arm(leg->pbx->world, &leg->step, leg->pbx->world->now_ms + quick(leg->pbx, in_ms));
}

static void plan_wait(struct pbx *pbx, struct pbx_leg *leg)
{
    unsigned dice = (unsigned)rng_below(&pbx->rng, 100);
    leg->will = dice < 62   ? PBX_ANSWERED
                : dice < 82 ? PBX_ABANDONED
                : dice < 90 ? PBX_TIMEOUT
                : dice < 95 ? PBX_EMPTY
                            : PBX_KEY;
    leg->will_ms = rng_chance(&pbx->rng, 5)                                  ? rng_between(&pbx->rng, 300, 5400) * 1000
                   : leg->will == PBX_ABANDONED && rng_chance(&pbx->rng, 40) ? rng_between(&pbx->rng, 0, 8000)
                                                                             : rng_between(&pbx->rng, 0, 150000);
    leg->rings_left = rng_chance(&pbx->rng, 25) ? (unsigned)rng_between(&pbx->rng, 1, PBX_RINGS_MAX) : 0;
    arm_step(leg, leg->will_ms / (leg->rings_left + 1));
}

static struct pbx_leg *enter(struct pbx *pbx, uint32_t queue, const char *id)
{
    struct pbx_leg **legs = grow_array((void *)pbx->legs, pbx->leg_count, &pbx->leg_cap, sizeof(struct pbx_leg *));
    struct pbx_leg *leg = world_zeroed(1, sizeof *leg);
    assert(legs);
    pbx->legs = legs;
    legs[pbx->leg_count++] = leg;
    *leg = (struct pbx_leg){.pbx = pbx, .queue = queue, .enter_s = wall_s(pbx), .left_s = -1, .end_s = -1};
    leg->step = (struct world_timer){.fire = on_step, .ctx = leg};
    (void)snprintf(leg->id, sizeof leg->id, "%s", id);
    leg->operator_number = (unsigned)rng_below(&pbx->rng, 6);
    row(pbx, id, queue, "NONE|ENTERQUEUE||55500%02u|1", (unsigned)rng_below(&pbx->rng, 100));
    count_waiting(pbx, queue, 1);
    pbx->queue_used[queue] = true;
    plan_wait(pbx, leg);
    pbx->world->tally.calls++;
    return leg;
}

static void on_arrival(void *ctx)
{
    struct pbx *pbx = ctx;
    char id[32];
    if (pbx->down || pbx->frozen || pbx->draining) {
        return;
    }
    (void)snprintf(id, sizeof id, "call-%u", ++pbx->next_call);
    (void)enter(pbx, (uint32_t)rng_below(&pbx->rng, pbx->world->plan.queue_count), id);
    int64_t pace_ms = pbx->world->plan.call_pace_ms;
    int64_t in_ms =
        rng_chance(&pbx->rng, 15) ? rng_between(&pbx->rng, 0, 2000) : rng_between(&pbx->rng, 0, 2 * pace_ms);
    world_arm(pbx->world, &pbx->arrival, pbx->world->now_ms + in_ms);
}

/* A row never counts before the leg that it belongs to. */
static int64_t not_before(int64_t at_s, int64_t start_s)
{
    return at_s > start_s ? at_s : start_s;
}

static void leave(struct pbx_leg *leg, enum pbx_outcome outcome)
{
    leg->outcome = outcome;
    leg->wait_s = wall_s(leg->pbx) - leg->enter_s;
    leg->left_s = not_before(wall_s(leg->pbx), leg->enter_s);
    count_waiting(leg->pbx, leg->queue, -1);
}

static void answer(struct pbx_leg *leg)
{
    struct pbx *pbx = leg->pbx;
    int64_t wait_s = wall_s(pbx) - leg->enter_s;
    leg->ring_s = wait_s > 0 ? rng_between(&pbx->rng, 0, wait_s < 9 ? wait_s : 9) : 0;
    row(pbx, leg->id, leg->queue, "op%u|CONNECT|%lld|ch-%u|%lld", leg->operator_number, (long long)wait_s,
        pbx->next_call, (long long)leg->ring_s);
    leave(leg, PBX_ANSWERED);
    arm_step(leg, rng_chance(&pbx->rng, 4) ? rng_between(&pbx->rng, 600, 7200) * 1000
                                           : rng_between(&pbx->rng, 0, 400) * 1000 + rng_between(&pbx->rng, 0, 999));
}

static void give_up(struct pbx_leg *leg, enum pbx_outcome outcome)
{
    static const char *const verbs[] = {[PBX_ABANDONED] = "ABANDON|1|1",
                                        [PBX_TIMEOUT] = "EXITWITHTIMEOUT|1|1",
                                        [PBX_EMPTY] = "EXITEMPTY|1|1",
                                        [PBX_KEY] = "EXITWITHKEY|9|1|1"};
    row(leg->pbx, leg->id, leg->queue, "NONE|%s|%lld", verbs[outcome], (long long)(wall_s(leg->pbx) - leg->enter_s));
    leave(leg, outcome);
}

/* The row of the answer tells when the conversation began. */
static int64_t answer_row_s(const struct pbx_leg *leg)
{
    return leg->enter_s + leg->wait_s;
}

static void end_talk(struct pbx_leg *leg, bool transfer)
{
    struct pbx *pbx = leg->pbx;
    leg->talk_s = wall_s(pbx) - answer_row_s(leg);
    leg->end_s = not_before(wall_s(pbx), leg->left_s);
    leg->went_by_transfer = transfer;
    if (!transfer) {
        row(pbx, leg->id, leg->queue, "op%u|COMPLETE%s|%lld|%lld|1", leg->operator_number,
            rng_chance(&pbx->rng, 50) ? "AGENT" : "CALLER", (long long)leg->wait_s, (long long)leg->talk_s);
        return;
    }
    row(pbx, leg->id, leg->queue, "op%u|BLINDTRANSFER|200|default|%lld|%lld|1", leg->operator_number,
        (long long)leg->wait_s, (long long)leg->talk_s);
    uint32_t next = (leg->queue + 1) % pbx->world->plan.queue_count;
    if (next != leg->queue && rng_chance(&pbx->rng, 50)) {
        enter(pbx, next, leg->id)->came_by_transfer = true;
    }
}

static void on_step(void *ctx)
{
    struct pbx_leg *leg = ctx;
    struct pbx *pbx = leg->pbx;
    if (pbx->frozen) {
        return; /* until pbx_drain() */
    }
    if (leg->outcome == PBX_ANSWERED) {
        end_talk(leg, !pbx->draining && rng_chance(&pbx->rng, 8));
    } else if (leg->rings_left > 0 && leg->rung_count < PBX_RINGS_MAX) {
        row(pbx, leg->id, leg->queue, "op%u|RINGNOANSWER|%d", leg->operator_number, 4000);
        leg->rung_s[leg->rung_count++] = wall_s(pbx); /* it belongs to no leg: its own time counts */
        leg->rings_left--;
        arm_step(leg, leg->will_ms / 3);
    } else if (leg->will == PBX_ANSWERED) {
        answer(leg);
    } else {
        give_up(leg, leg->will);
    }
}

static bool is_open(const struct pbx_leg *leg)
{
    return leg->outcome == PBX_WAITS || (leg->outcome == PBX_ANSWERED && leg->end_s < 0);
}

/* Whether something open began later than the clock shows now. */
static bool is_ahead(const struct pbx *pbx, int64_t at_s)
{
    for (size_t i = 0; i < pbx->leg_count; i++) {
        const struct pbx_leg *leg = pbx->legs[i];
        if (is_open(leg) && (leg->enter_s > at_s || leg->left_s > at_s)) {
            return true;
        }
    }
    return false;
}

/* ---- its life ---- */

static void lose(struct pbx_leg *leg)
{
    if (leg->outcome == PBX_WAITS) {
        leave(leg, PBX_LOST);
    } else {
        leg->end_s = not_before(wall_s(leg->pbx), leg->left_s);
        leg->lost_connected = true;
    }
}

static void on_restart(void *ctx)
{
    struct pbx *pbx = ctx;
    if (pbx->reopen.armed) { /* it opens its log anew by starting */
        world_disarm(&pbx->reopen);
        (void)close(pbx->fd);
        open_log(pbx);
    }
    pbx->down = false;
    row(pbx, "NONE", -1, "NONE|QUEUESTART|");
    for (size_t i = 0; i < pbx->leg_count; i++) {
        if (is_open(pbx->legs[i])) {
            lose(pbx->legs[i]);
        }
    }
    world_arm(pbx->world, &pbx->arrival, pbx->world->now_ms + rng_between(&pbx->rng, 1, 20) * WORLD_SECOND);
}

static void go_down(struct pbx *pbx, int64_t down_ms)
{
    pbx->down = true;
    for (size_t i = 0; i < pbx->leg_count; i++) {
        world_disarm(&pbx->legs[i]->step);
    }
    world_disarm(&pbx->arrival);
    world_arm(pbx->world, &pbx->restart, pbx->world->now_ms + down_ms);
}

void pbx_kill(struct pbx *pbx, int64_t down_ms)
{
    if (!pbx->down && !is_ahead(pbx, wall_s(pbx))) {
        go_down(pbx, down_ms);
    }
}

void pbx_stop(struct pbx *pbx, int64_t down_ms)
{
    if (pbx->down || is_ahead(pbx, wall_s(pbx))) {
        return;
    }
    size_t count = pbx->leg_count;
    for (size_t i = 0; i < count; i++) {
        struct pbx_leg *leg = pbx->legs[i];
        if (leg->outcome == PBX_WAITS) {
            give_up(leg, PBX_ABANDONED);
        } else if (is_open(leg)) {
            end_talk(leg, false);
        }
    }
    go_down(pbx, down_ms);
}

void pbx_reload(struct pbx *pbx)
{
    if (!pbx->down) {
        row(pbx, "NONE", -1, "NONE|CONFIGRELOAD|");
    }
}

bool pbx_step_clock(struct pbx *pbx, int64_t by_ms)
{
    if (pbx->down) {
        return false;
    }
    pbx->clock_ms += by_ms;
    pbx->stepped = true;
    return true;
}

void pbx_freeze(struct pbx *pbx)
{
    pbx->frozen = true;
}

void pbx_drain(struct pbx *pbx)
{
    pbx->frozen = false;
    pbx->draining = true;
    for (size_t i = 0; i < pbx->leg_count; i++) {
        if (is_open(pbx->legs[i])) {
            arm_step(pbx->legs[i], rng_between(&pbx->rng, 0, 4000));
        }
    }
}

int64_t pbx_newest_ms(const struct pbx *pbx)
{
    int64_t newest_s = 0;
    for (size_t i = 0; i < pbx->leg_count; i++) {
        const struct pbx_leg *leg = pbx->legs[i];
        newest_s = not_before(newest_s, leg->enter_s);
        newest_s = not_before(newest_s, leg->left_s);
        newest_s = not_before(newest_s, leg->end_s);
    }
    return newest_s * 1000;
}

void pbx_start(struct pbx *pbx)
{
    row(pbx, "NONE", -1, "NONE|QUEUESTART|");
    world_arm(pbx->world, &pbx->arrival, pbx->world->now_ms + rng_between(&pbx->rng, 0, pbx->world->plan.call_pace_ms));
}

void pbx_open(struct pbx *pbx, struct world *world, uint32_t number, const char *dir)
{
    const struct world_plan *plan = &world->plan;
    *pbx = (struct pbx){.world = world, .rng = world_rng(world, 100 + number), .fd = -1};
    (void)snprintf(pbx->dir, sizeof pbx->dir, "%s", dir);
    (void)snprintf(pbx->path, sizeof pbx->path, "%s/queue_log", dir);
    pbx->arrival = (struct world_timer){.fire = on_arrival, .ctx = pbx};
    pbx->restart = (struct world_timer){.fire = on_restart, .ctx = pbx};
    pbx->reopen = (struct world_timer){.fire = reopen, .ctx = pbx};
    pbx->dated = rng_chance(&pbx->rng, 50);
    pbx->clock_ms =
        rng_chance(&pbx->rng, 60) ? rng_between(&pbx->rng, -2000, 2000) : rng_between(&pbx->rng, -7200, 7200) * 1000;
    pbx->origin_s = (plan->start_wall_ms / 1000 / WORLD_DAY_S - 1) * WORLD_DAY_S;
    pbx->slots = (size_t)((plan->span_ms / 1000 + 3 * WORLD_DAY_S) / plan->interval_s);
    pbx->peaks = world_zeroed(pbx->slots * plan->queue_count, sizeof *pbx->peaks);
    open_log(pbx);
}

void pbx_close(struct pbx *pbx)
{
    if (pbx->fd >= 0) {
        (void)close(pbx->fd);
    }
    for (size_t i = 0; i < pbx->leg_count; i++) {
        free(pbx->legs[i]);
    }
    free((void *)pbx->legs);
    free(pbx->peaks);
}
