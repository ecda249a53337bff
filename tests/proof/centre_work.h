/* centre_work: the collector as one process without network and without threads, by its own code: identity, registry,
 * store, clerk, alerts; and the sites that talk to it. Goes through the script of a model (centre_model.h), and on with
 * it after a restart. */
#ifndef RINGSIDE_TESTS_PROOF_CENTRE_WORK_H
#define RINGSIDE_TESTS_PROOF_CENTRE_WORK_H

#include "collector/alert/lookout_rounds.h"
#include "collector/identity/identity.h"
#include "collector/ingest/clerk.h"
#include "collector/registry/access.h"
#include "collector/store/store_write.h"
#include "tests/proof/centre_model.h"

struct work {
    struct model *model;
    char identity_dir[160];
    char registry_dir[160];
    char store_dir[160];
    char alerts_path[160];
    char token_path[MODEL_TOKENS][160];
    struct identity *identity;
    struct registry *registry;
    struct store *store;
    struct desk *desk;
    struct clerk *clerk;
    struct lookout *lookout;
    struct message_arena *arena;
    struct ingest_options options;
    bool gave_up; /* the clerk wants a new process */
};

enum { WORK_COMPLETE = 0, WORK_STOPPED = 1 /* a restart would be tried now; why: model->why */ };

/* Below `root`, which is there. `heal` (may be NULL) is called when something failed for the second time: room again on
 * a full disk. */
int work_run(struct model *model, const char *root, void (*heal)(void));

void work_name(struct work *work, struct model *model, const char *root); /* the paths alone */
int work_open(struct work *work);
void work_close(struct work *work);

enum { WORK_AGAIN = 1 };
/* One step: 0, WORK_AGAIN, or a failure, which is to be tried again too. */
int work_step(struct work *work, const struct model_step *step);

/* centre_talk.c: the sites' side. */
int talk_traffic(struct work *work, unsigned sites, unsigned changes, bool lose_answer);
int talk_deliver(struct work *work, unsigned sites); /* until nothing waits at them */
int talk_live(struct work *work, unsigned site, unsigned waiting, bool gap);
int talk_all_live(struct work *work);
int talk_settings(struct work *work, unsigned site);
int talk_epoch(struct work *work, unsigned site, unsigned changes);
int talk_hangup(struct work *work, unsigned site);
void talk_round(struct work *work, int64_t after_ms); /* what waits at the desk */

void work_key(unsigned site, unsigned key, uint8_t out[REGISTRY_KEY_BYTES]);
void work_psk(unsigned site, uint8_t out[REGISTRY_KEY_BYTES]);
void work_token(unsigned which, struct access_token *out);
const char *work_token_text(unsigned which);

#endif
