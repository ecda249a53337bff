/* pbx: a telephony box: its clock, its calls, its queue log and what becomes of that file. It knows the truth: who
 * entered when and what became of him, which verdict counts by docs/kpis.md, without any code of the product. */
#ifndef RINGSIDE_TESTS_PROOF_WORLD_PBX_H
#define RINGSIDE_TESTS_PROOF_WORLD_PBX_H

#include "tests/proof/world/world.h"

enum pbx_outcome { PBX_WAITS, PBX_ANSWERED, PBX_ABANDONED, PBX_TIMEOUT, PBX_EMPTY, PBX_KEY, PBX_LOST };
enum { PBX_RINGS_MAX = 3, PBX_ROTATED_MAX = 40 };

/* A stay in a queue. Moments are those of the rows, by the box's clock; -1: not yet. */
struct pbx_leg {
    struct pbx *pbx;
    struct world_timer step;
    char id[32];
    uint32_t queue;
    unsigned operator_number;
    enum pbx_outcome outcome;
    int64_t enter_s;
    int64_t left_s; /* the queue, by whatever way */
    int64_t end_s;  /* of the conversation */
    int64_t wait_s; /* as the row says, which is what the clock showed */
    int64_t ring_s;
    int64_t talk_s;
    int64_t rung_s[PBX_RINGS_MAX]; /* and nobody picked up */
    unsigned rung_count;
    unsigned rings_left;
    enum pbx_outcome will;
    int64_t will_ms;
    bool came_by_transfer;
    bool went_by_transfer;
    bool lost_connected;
};

enum pbx_rotation { PBX_RENAME, PBX_RENAME_SLOWLY, PBX_COPY_TRUNCATE };

struct pbx {
    struct world *world;
    struct rng rng;
    char dir[WORLD_PATH_MAX];
    char path[WORLD_PATH_MAX + 16];
    int fd;
    int64_t clock_ms; /* its wall clock less the centre's */
    bool stepped;     /* the clock was set at least once */
    bool down;
    bool frozen;
    bool draining;
    bool dated; /* rotated files get a name for ever; else they move up by one each time */
    uint32_t next_call;
    struct world_timer arrival;
    struct world_timer restart;
    struct world_timer reopen; /* after its log was renamed */
    struct pbx_leg **legs;
    size_t leg_count;
    size_t leg_cap;
    unsigned rotated;
    bool packed[PBX_ROTATED_MAX + 2];  /* [number of the rotated file] */
    bool queue_used[WORLD_QUEUES_MAX]; /* since all healed, by a call that entered then */
    uint32_t waiting[WORLD_QUEUES_MAX];
    /* The most that waited at once, by queue and interval since `origin_s`, from row to row. */
    int64_t origin_s;
    size_t slots;
    uint32_t *peaks;
    size_t peak_at[WORLD_QUEUES_MAX];
    void (*grew)(void *ctx); /* a row was written */
    void *ctx;
};

void pbx_open(struct pbx *pbx, struct world *world, uint32_t number, const char *dir);
void pbx_close(struct pbx *pbx);
int64_t pbx_wall_ms(const struct pbx *pbx);
void pbx_queue_name(uint32_t queue, char out[16]);

void pbx_start(struct pbx *pbx);
void pbx_kill(struct pbx *pbx, int64_t down_ms); /* no row tells of it, but the one of the next start */
void pbx_stop(struct pbx *pbx, int64_t down_ms); /* rows end all calls */
void pbx_reload(struct pbx *pbx);
bool pbx_step_clock(struct pbx *pbx, int64_t by_ms); /* false: just now it would make nonsense of what is open */
void pbx_rotate(struct pbx *pbx, enum pbx_rotation how);
void pbx_pack(struct pbx *pbx);   /* the oldest rotated file that is not packed yet */
void pbx_freeze(struct pbx *pbx); /* nothing happens, calls stay as they are */
void pbx_drain(struct pbx *pbx);  /* nobody comes any more, and everybody leaves soon */

/* The newest moment that any row counted at; the clock may have been set back since. */
int64_t pbx_newest_ms(const struct pbx *pbx);

#endif
