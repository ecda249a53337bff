#include "tests/proof/site_life.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/config.h"
#include "platform/base/buf.h"
#include "platform/base/status.h"

enum {
    COMMIT_TRIES = 5, /* as the daemon's keeper does */
    ROOM_TRIES = 8,
    ROOM_PART = 16,
    READS_MAX = 1000,
    IDLE_ROUNDS = 4,
    GRACE_MS = 1000,
    ACKS_A_BATCH = 20,
    TENDS_MAX = 50,
};

struct life {
    struct site *site;
    struct pipeline *pipeline;
    struct follow *follow;
    int64_t steady_ms;                    /* monotonic */
    struct ledger_ack late[ACKS_A_BATCH]; /* answers that arrive only after the next commit */
    size_t late_count;
};

struct site_outside *site_outside_new(void)
{
    void *memory = mmap(NULL, sizeof(struct site_outside), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

struct agent_config *site_config(const char *ledger, const char *log, uint64_t map_bytes)
{
    char text[1024];
    struct agent_config *config = NULL;
    (void)snprintf(text, sizeof text,
                   "site { id = \"s\" zone = UTC }\n"
                   "ledger { dir = \"%s\" interval = 5m legs_keep = 30d intervals_keep = 30d caller_numbers = keep }\n"
                   "source \"log\" { path = \"%s\" }\n",
                   ledger, log);
    if (agent_config_parse("site.conf", slice_str(text), NULL, NULL, &config) != 0) {
        abort();
    }
    config->ledger.size_max_bytes = map_bytes; /* less than a file may ask for: each page of it costs time here */
    return config;
}

/* ---- the PBX: not of the process under test, so it writes past the doors ---- */

static void pbx_write(const char *path, const char *text)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    size_t len = strlen(text);
    if (fd < 0 || syscall(SYS_write, fd, text, len) != (long)len) {
        abort();
    }
    (void)syscall(SYS_close, fd);
}

static void pbx_rotate(const struct site *site)
{
    char old[SITE_PATH_MAX + 8];
    (void)snprintf(old, sizeof old, "%s.1", site->log);
    if (syscall(SYS_renameat2, AT_FDCWD, site->log, AT_FDCWD, old, 0) != 0) {
        abort();
    }
    site->outside->rotations++;
}

/* Writes up to line `end`, each line once in all lives. */
static void pbx_goes_on(struct site *site, uint64_t end)
{
    struct site_outside *outside = site->outside;
    char text[160];
    while (outside->lines_written < end) {
        if (outside->lines_written == site->rotate_at && site->rotate_at > 0 && outside->rotations == 0) {
            pbx_rotate(site);
        }
        (void)snprintf(text, sizeof text, "%s\n", site->input->lines[outside->lines_written].text);
        pbx_write(site->log, text);
        outside->lines_written++;
    }
    site->now_ms = site->input->lines[outside->lines_written - 1].at_s * 1000;
}

/* ---- the agent ---- */

static int begin(struct life *life)
{
    const struct site *site = life->site;
    const struct pipeline_options options = {.config = site->config, .now_ms = site->now_ms};
    int status = pipeline_open(&options, &life->pipeline);
    if (status != 0) {
        return status;
    }
    const struct follow_options follow_options = {
        .path = site->log, .drain_grace_ms = GRACE_MS, .rotated_at_start = true, .chunk_bytes = 4096};
    struct follow_position position;
    bool resumed = pipeline_resume(life->pipeline, &position);
    return follow_open(&follow_options, resumed ? &position : NULL, life->steady_ms, &life->follow);
}

static void end(struct life *life)
{
    follow_close(life->follow);
    pipeline_close(life->pipeline);
    life->follow = NULL;
    life->pipeline = NULL;
}

static int read_on(struct life *life)
{
    int idle = 0;
    int failure = 0;
    for (int reads = 0; idle < IDLE_ROUNDS; reads++) {
        struct follow_chunk chunk;
        if (reads == READS_MAX) {
            return failure != 0 ? failure : STATUS_BUSY;
        }
        int status = follow_read(life->follow, life->steady_ms, &chunk);
        if (status == 0) {
            status = pipeline_take(life->pipeline, "log", &chunk, life->site->now_ms);
            if (status != 0) {
                return status;
            }
            continue;
        }
        failure = status < 0 ? status : failure; /* it may be asked again later */
        idle++;
        life->steady_ms += GRACE_MS;
    }
    return 0;
}

static void tell_outside(const struct life *life)
{
    struct site_outside *outside = life->site->outside;
    struct ledger_view *view = NULL;
    struct ledger_facts facts;
    if (ledger_view_begin(pipeline_ledger(life->pipeline), &view) != 0) {
        return;
    }
    if (ledger_view_facts(view, &facts) == 0) {
        outside->commits_told = facts.commits;
        outside->lines_told = facts.quality[QUALITY_LINES];
    }
    ledger_view_end(view);
}

/* As the daemon's keeper: room is made by giving up history; what fails is tried again, and given up after a while. */
static int commit(struct life *life)
{
    int status = 0;
    int room = 0;
    for (int failed = 0; failed < COMMIT_TRIES;) {
        status = pipeline_commit(life->pipeline, life->site->now_ms);
        if (status == 0) {
            tell_outside(life);
            return 0;
        }
        struct ledger *ledger = pipeline_ledger(life->pipeline);
        bool made = status == STATUS_FULL && room++ < ROOM_TRIES &&
                    ledger_shed(ledger, life->site->config->ledger.size_max_bytes / ROOM_PART) == 0;
        failed += !made;
    }
    return status;
}

/* ---- the collector ---- */

struct batch {
    struct life *life;
    struct ledger_view *view;
    struct ledger_ack acks[ACKS_A_BATCH];
    size_t count;
    unsigned step;
};

static struct site_held *held_at(struct site_outside *outside, int64_t start_s, const char *queue)
{
    for (uint64_t i = 0; i < outside->held_count; i++) {
        if (outside->held[i].start_s == start_s && strcmp(outside->held[i].queue, queue) == 0) {
            return &outside->held[i];
        }
    }
    if (outside->held_count == SITE_CENTRE_MAX) {
        abort();
    }
    struct site_held *held = &outside->held[outside->held_count];
    *held = (struct site_held){.start_s = start_s};
    (void)snprintf(held->queue, sizeof held->queue, "%s", queue);
    outside->held_count++;
    return held;
}

/* It holds what it is sent before its answer arrives. One in a while it refuses, or says that it has a newer one. */
static int receive(void *ctx, const struct ledger_dirty *item)
{
    struct batch *batch = ctx;
    const struct ledger_interval *interval = &item->interval;
    struct buf bytes = BUF_INIT;
    char queue[8];
    if (batch->count == ACKS_A_BATCH || !interval->summary) {
        return 1;
    }
    struct slice name = ledger_view_name(batch->view, LEDGER_QUEUE, interval->queue);
    (void)snprintf(queue, sizeof queue, "%.*s", (int)name.len, name.data);
    summary_encode(interval->summary, &bytes);
    if (bytes.failed || bytes.len > SITE_SUMMARY_MAX) {
        buf_deinit(&bytes);
        return STATUS_NO_MEMORY;
    }
    struct ledger_ack *ack = &batch->acks[batch->count++];
    *ack = (struct ledger_ack){
        .kind = LEDGER_ACKED, .start_s = interval->start_s, .queue = interval->queue, .revision = interval->revision};
    struct site_held *held = held_at(batch->life->site->outside, interval->start_s, queue);
    held->revision = interval->revision;
    held->refused = batch->step == 4 && batch->count == 3;
    held->len = (uint32_t)bytes.len;
    memcpy(held->bytes, bytes.data, bytes.len);
    if (held->refused) {
        ack->kind = LEDGER_REFUSED_ACK;
        (void)snprintf(ack->reason, sizeof ack->reason, "not balanced");
    } else if (batch->step == 5 && batch->count == 2) {
        ack->kind = LEDGER_SURPASSED;
        ack->held_revision = interval->revision + 3;
    }
    buf_deinit(&bytes);
    return 0;
}

/* What waits is sent, and the answers are taken in. *count: how many. */
static int sync_some(struct life *life, unsigned step, size_t *count)
{
    struct batch batch = {.life = life, .step = step};
    struct ledger *ledger = pipeline_ledger(life->pipeline);
    *count = 0;
    int status = life->late_count > 0 ? ledger_acknowledge(ledger, life->late, life->late_count) : 0;
    life->late_count = 0;
    if (status == 0) {
        status = ledger_view_begin(ledger, &batch.view);
    }
    if (status != 0) {
        return status;
    }
    status = ledger_view_dirty(batch.view, INT64_MAX, 0, receive, &batch, NULL);
    ledger_view_end(batch.view);
    if (status < 0) {
        return status;
    }
    *count = batch.count;
    if (step % 2 == 1) {
        memcpy(life->late, batch.acks, batch.count * sizeof batch.acks[0]);
        life->late_count = batch.count;
        return 0;
    }
    return batch.count > 0 ? ledger_acknowledge(ledger, batch.acks, batch.count) : 0;
}

static int tend(struct life *life)
{
    bool more = true;
    int status = 0;
    for (int i = 0; more && status == 0 && i < TENDS_MAX; i++) {
        status = ledger_tend(pipeline_ledger(life->pipeline), life->site->now_ms, &more);
    }
    return status;
}

static bool is_caught_up(const struct life *life)
{
    return follow_state(life->follow) == FOLLOW_READING && follow_lag_bytes(life->follow) == 0;
}

static int take_step(struct life *life, unsigned step)
{
    struct site *site = life->site;
    size_t sent;
    pbx_goes_on(site, site->input->line_count * step / SITE_STEPS);
    int status = read_on(life);
    if (status == 0 && is_caught_up(life)) {
        status = pipeline_tick(life->pipeline, site->now_ms);
    }
    if (status == 0) {
        status = commit(life);
    }
    if (status == 0 && step > 1) { /* what fails of these is tried again later, as the daemon does */
        (void)sync_some(life, step, &sent);
        (void)tend(life);
    }
    return status;
}

static int all_of_it(struct life *life)
{
    struct site_outside *outside = life->site->outside;
    uint64_t lines = life->site->input->line_count;
    int status = begin(life);
    if (status == 0) { /* before the PBX goes on: it begins where the log ends now */
        status = read_on(life);
    }
    unsigned first = (unsigned)(outside->lines_written * SITE_STEPS / lines);
    for (unsigned step = first > 0 ? first : 1; step <= SITE_STEPS && status == 0; step++) {
        status = take_step(life, step);
    }
    return status == 0 && !is_caught_up(life) ? STATUS_BUSY : status;
}

int site_run(struct site *site, unsigned lives)
{
    int status = STATUS_BUSY;
    if (site->outside->lines_written == 0) {
        pbx_goes_on(site, 1);
    }
    site->now_ms = site->input->lines[site->outside->lines_written - 1].at_s * 1000;
    for (unsigned i = 0; i < lives && status != 0; i++) {
        struct life life = {.site = site, .steady_ms = 1000};
        status = all_of_it(&life);
        end(&life);
    }
    return status;
}

int site_send_all(struct site *site)
{
    struct life life = {.site = site, .steady_ms = 1000};
    size_t sent = 1;
    int status = begin(&life);
    for (int i = 0; status == 0 && sent > 0 && i < TENDS_MAX; i++) {
        status = sync_some(&life, 0, &sent);
    }
    end(&life);
    return status != 0 || sent == 0 ? status : STATUS_BUSY;
}
