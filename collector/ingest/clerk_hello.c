#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/log.h"
#include "platform/base/status.h"

enum { CHANGED = 204, BAD_REQUEST = 400, FORBIDDEN = 403, CONFLICT = 409, INTERNAL = 500, NOT_IMPLEMENTED = 501 };

/* A connection that said nothing for so long (three heartbeats) does not speak for its box any more. */
enum { ALIVE_MS = 90 * 1000, CLOCK_TOLERANCE_MS = 5 * 60 * 1000 };

void clerk_answer(struct desk_job *job, unsigned code, const char *text)
{
    job->code = code;
    buf_reset(&job->answer);
    buf_append_str(&job->answer, text);
}

static bool another_is_alive(const struct clerk *clerk, const struct clerk_site *site, const struct clerk_peer *peer)
{
    for (const struct clerk_peer *other = site->peers; other; other = other->next) {
        if (other != peer && other->epoch_number != 0 && clerk->now_ms - other->seen_ms < ALIVE_MS &&
            memcmp(other->epoch, peer->epoch, sizeof peer->epoch) != 0) {
            return true;
        }
    }
    return false;
}

/* A connection that broke may come back: its ledger still counts for as long as one that is silent. */
static bool another_left_just_now(const struct clerk *clerk, const struct clerk_site *site,
                                  const struct clerk_peer *peer)
{
    return site->left_ms != 0 && clerk->now_ms - site->left_ms < ALIVE_MS &&
           memcmp(site->left_epoch, peer->epoch, sizeof peer->epoch) != 0;
}

static int refuse_epoch(struct clerk *clerk, struct clerk_site *site, struct desk_job *job, enum clerk_event event,
                        const char *text)
{
    clerk_tell(clerk, site, event, "%s", text);
    clerk_answer(job, CONFLICT, text);
    return CLERK_REFUSED_JOB;
}

int clerk_settle_epoch(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job)
{
    bool newest = false;
    uint32_t number = 0;
    int found = store_epoch_find(clerk->store, site->number, peer->epoch, sizeof peer->epoch, &number, &newest);
    if (found < 0) {
        return found;
    }
    if (found == 0 && newest) {
        peer->epoch_number = number;
        peer->unsure = true;
        site->settled |= job->fresh;
        return 0;
    }
    if (another_is_alive(clerk, site, peer)) {
        return refuse_epoch(clerk, site, job, CLERK_TWO_BOXES,
                            "two boxes say that they are this site: another ledger is connected");
    }
    if (found == 0 && !job->fresh) {
        return refuse_epoch(clerk, site, job, CLERK_OLD_EPOCH,
                            "a ledger that was replaced by a newer one came back: a second box, or an old copy; join "
                            "again to make it the site's");
    }
    if (!job->fresh && another_left_just_now(clerk, site, peer)) {
        clerk_answer(job, CONFLICT, "another ledger spoke for this site just now: come again when it is silent");
        return CLERK_REFUSED_JOB;
    }
    int status = store_epoch_adopt(clerk->store, site->number, peer->epoch, &number);
    if (status == 0) {
        status = store_epoch_find(clerk->store, site->number, peer->epoch, sizeof peer->epoch, &number, &newest);
    }
    if (status != 0) {
        return status < 0 ? status : STATUS_CORRUPT;
    }
    peer->epoch_number = number;
    peer->unsure = true;
    if (number > 1) {
        clerk_tell(clerk, site, CLERK_NEW_EPOCH,
                   "its ledger was made anew: what it sends wins over what the old one sent");
    }
    site->settled |= job->fresh && newest;
    return 0;
}

/* An agent's process has a number of its own. One that comes back after another took over is a second process: a copy
 * of the box, since a process that ended does not return. */
static void look_at_instance(struct clerk *clerk, struct clerk_site *site, const uint8_t *instance)
{
    for (uint32_t i = 0; i < site->instance_count; i++) {
        if (memcmp(site->instances[i], instance, MESSAGE_INSTANCE_BYTES) == 0) {
            if (i > 0) {
                clerk_tell(clerk, site, CLERK_TWO_BOXES,
                           "two boxes say that they are this site and hold the same ledger: a copied disk?");
            }
            memmove(site->instances[1], site->instances[0], i * MESSAGE_INSTANCE_BYTES);
            memcpy(site->instances[0], instance, MESSAGE_INSTANCE_BYTES);
            return;
        }
    }
    uint32_t kept = site->instance_count < CLERK_INSTANCES ? site->instance_count : CLERK_INSTANCES - 1;
    memmove(site->instances[1], site->instances[0], kept * MESSAGE_INSTANCE_BYTES);
    memcpy(site->instances[0], instance, MESSAGE_INSTANCE_BYTES);
    site->instance_count = kept + 1;
}

static void close_older(struct clerk *clerk, const struct clerk_site *site, const struct clerk_peer *peer)
{
    for (const struct clerk_peer *other = site->peers; other; other = other->next) {
        if (other != peer) {
            desk_close(clerk->desk, other->session);
        }
    }
}

static void look_at_clock(struct clerk *clerk, struct clerk_site *site, int64_t site_ms)
{
    int64_t offset_ms = site_ms - clerk->wall_ms;
    site->contact.clock_offset_ms = offset_ms;
    if (offset_ms > CLOCK_TOLERANCE_MS || offset_ms < -CLOCK_TOLERANCE_MS) {
        clerk_tell(clerk, site, CLERK_CLOCK, "its clock is %" PRId64 " s %s ours",
                   (offset_ms < 0 ? -offset_ms : offset_ms) / 1000, offset_ms < 0 ? "behind" : "ahead of");
    }
}

static void note_contact(struct clerk *clerk, struct clerk_site *site, const struct message_hello *hello,
                         const struct desk_job *job)
{
    struct store_contact *contact = &site->contact;
    if (!contact->online && clerk_logs_presence(clerk, site)) {
        log_write(LOG_INFO, "ingest", "%s: site %s is here, agent %.*s", job->address, site->id,
                  (int)hello->agent_version.len, hello->agent_version.data);
    }
    contact->online = true;
    contact->connected_ms = clerk->wall_ms;
    contact->interval_s = hello->interval_s;
    memcpy(contact->epoch, hello->epoch, sizeof contact->epoch);
    (void)snprintf(contact->address, sizeof contact->address, "%s", job->address);
    (void)snprintf(contact->agent_version, sizeof contact->agent_version, "%.*s", (int)hello->agent_version.len,
                   hello->agent_version.data);
    (void)snprintf(contact->zone, sizeof contact->zone, "%.*s", (int)hello->zone.len, hello->zone.data);
    look_at_clock(clerk, site, hello->now_ms);
    site->written_ms = 0;
    members_tell_zone(clerk->members, site->number, contact->zone);
}

static int refuse_hello(struct clerk *clerk, struct clerk_site *site, struct desk_job *job, int status,
                        const struct message_hello *hello)
{
    char text[128];
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status == STATUS_VERSION) {
        (void)snprintf(text, sizeof text, "protocol %" PRIu32 " is not served here: %d to %d are", hello->protocol,
                       MESSAGE_PROTOCOL_OLDEST, MESSAGE_PROTOCOL);
        clerk_tell(clerk, site, CLERK_PROTOCOL, "%s", text);
        clerk_answer(job, NOT_IMPLEMENTED, text);
        return 0;
    }
    clerk_tell(clerk, site, CLERK_REFUSED, "a greeting that cannot be read: %s", status_str(status));
    clerk_answer(job, BAD_REQUEST, "the greeting cannot be read");
    return 0;
}

int clerk_hello(struct clerk *clerk, struct clerk_site *site, struct clerk_peer *peer, struct desk_job *job)
{
    struct message_hello hello = {0};
    struct admit_why why = {""};
    int status = message_hello_decode(clerk->arena, slice_make((const char *)job->payload, job->payload_len), &hello);
    if (status != 0) {
        return refuse_hello(clerk, site, job, status, &hello);
    }
    if (admit_site(hello.site, job->site_id, &why) != 0) {
        clerk_tell(clerk, site, CLERK_FOREIGN, "%s", why.text);
        clerk_answer(job, FORBIDDEN, why.text);
        job->close = true;
        return 0;
    }
    if (admit_hello(&hello, &why) != 0) {
        clerk_tell(clerk, site, CLERK_REFUSED, "%s", why.text);
        clerk_answer(job, BAD_REQUEST, why.text);
        return 0;
    }
    clerk_peer_unsettle(peer);
    peer->protocol = 0; /* until this one is taken */
    memcpy(peer->epoch, hello.epoch, sizeof peer->epoch);
    peer->interval_s = hello.interval_s;
    status = clerk_settle_epoch(clerk, site, peer, job);
    if (status != 0) {
        return status < 0 ? status : 0;
    }
    peer->protocol = hello.protocol < MESSAGE_PROTOCOL ? hello.protocol : MESSAGE_PROTOCOL;
    look_at_instance(clerk, site, hello.instance);
    close_older(clerk, site, peer);
    note_contact(clerk, site, &hello, job);
    struct message_hello_reply reply = {.protocol = peer->protocol,
                                        .now_ms = clerk->wall_ms,
                                        .payload_max = LIMITS_PAYLOAD_MAX,
                                        .collector_version = slice_str(RINGSIDE_VERSION)};
    const uint8_t *generation = store_generation(clerk->store);
    if (generation) {
        reply.has_store = true;
        memcpy(reply.store, generation, sizeof reply.store);
    }
    job->code = CHANGED;
    return message_hello_reply_encode(&reply, &job->answer);
}
