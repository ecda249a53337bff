#include <stdlib.h>

#include "collector/ingest/door_internal.h"
#include "platform/base/status.h"
#include "platform/time/clock.h"
#include "platform/tls/secret.h"

enum { FORBIDDEN = 403 };
enum {
    LOOK_MS = 60 * 1000,   /* time alone ends rights too */
    JOIN_MS = 60 * 1000,   /* longer than joining takes */
    STRANGER_MS = 5 * 1000 /* for one that may do nothing to ask for something, and to be told why not */
};

/* What a session may do at the least. */
static enum door_resource least(const struct door_session *session)
{
    return session->kind == DOOR_JOINING ? DOOR_CRTS : DOOR_REENROLL;
}

static void enlist(struct door *door, struct door_session *session)
{
    session->next = door->sessions;
    if (door->sessions) {
        door->sessions->prev = session;
    }
    door->sessions = session;
}

static void delist(struct door *door, struct door_session *session)
{
    *(session->prev ? &session->prev->next : &door->sessions) = session->next;
    if (session->next) {
        session->next->prev = session->prev;
    }
}

static void charge(struct door_account *account, struct door_session *session)
{
    session->prev_same = account->last;
    *(account->last ? &account->last->next_same : &account->first) = session;
    account->last = session;
    account->session_count++;
}

static void discharge(struct door_account *account, struct door_session *session)
{
    *(session->prev_same ? &session->prev_same->next_same : &account->first) = session->next_same;
    *(session->next_same ? &session->next_same->prev_same : &account->last) = session->prev_same;
    account->session_count--;
}

/* Strangers are not charged to the site that they name, for they would push out its own sessions. */
void door_admit_session(struct door *door, struct door_session *session)
{
    struct door_why why;
    session->opened_at_ms = clock_monotonic_ms();
    enlist(door, session);
    unsigned code = door_rights(door, session, least(session), clock_wall_ms(), &why);
    if (code == 0 && door_account(door, session->site.number)) {
        session->charged = session->site.number;
    } else {
        door_doom(session, STRANGER_MS);
    }
    struct door_account *account = &door->accounts[session->charged];
    uint32_t max = session->charged ? DOOR_SITE_SESSIONS : DOOR_OTHER_SESSIONS;
    charge(account, session);
    if (account->session_count > max) { /* those before it are being closed */
        struct door_session *oldest = account->first;
        for (uint32_t over = account->session_count - max; over > 1 && oldest->next_same; over--) {
            oldest = oldest->next_same;
        }
        hub_close(door->hub, oldest->number);
    }
}

void door_tell_clerk(struct door *door, struct door_session *session)
{
    uint32_t number = session->site.number;
    if (session->clerk_site != 0 && session->clerk_site != number) { /* removed, and added again as another site */
        struct desk_job *gone = calloc(1, sizeof *gone);
        if (gone) {
            *gone = (struct desk_job){.kind = DESK_GONE, .session = session->number, .site = session->clerk_site};
            (void)desk_hand_in(door->desk, gone);
        }
    }
    session->clerk_site = number;
}

void door_drop_session(struct door *door, struct door_session *session)
{
    delist(door, session);
    discharge(&door->accounts[session->charged], session);
    if (session->clerk_site != 0) {
        session->gone->kind = DESK_GONE;
        session->gone->session = session->number;
        session->gone->site = session->clerk_site;
        (void)desk_hand_in(door->desk, session->gone);
    } else {
        desk_job_free(session->gone);
    }
    secret_wipe(session, sizeof *session);
    free(session);
}

void door_doom(struct door_session *session, int64_t linger_ms)
{
    int64_t at_ms = clock_monotonic_ms() + linger_ms;
    if (session->doomed_at_ms == 0 || at_ms < session->doomed_at_ms) {
        session->doomed_at_ms = at_ms;
    }
}

/* Sessions whose site was revoked, removed or joined anew end at once, whether they ask for something or not. */
void door_look_over(struct door *door, bool all, int64_t now_ms)
{
    if (all || now_ms - door->looked_at_ms >= LOOK_MS) {
        door->looked_at_ms = now_ms;
        all = true;
    }
    struct door_session *next;
    for (struct door_session *session = door->sessions; session; session = next) {
        next = session->next;
        struct door_why why;
        bool joining = session->kind == DOOR_JOINING;
        if ((session->doomed_at_ms != 0 && now_ms >= session->doomed_at_ms) ||
            (joining && now_ms - session->opened_at_ms >= JOIN_MS)) {
            hub_close(door->hub, session->number);
        } else if (all && session->doomed_at_ms == 0 && !joining &&
                   door_rights(door, session, least(session), clock_wall_ms(), &why) == FORBIDDEN) {
            door_note(door, session->address, session->site_id, why.text);
            hub_close(door->hub, session->number);
        }
    }
}
