#include <stdlib.h>
#include <string.h>

#include "agent/roster/roster_internal.h"
#include "platform/base/hash.h"
#include "platform/base/status.h"

/* Calls at operators' phones, found by call id, and listed at each operator. */

enum { FIRST_BUCKETS = 64 };

static uint64_t hash_of(struct slice call_id)
{
    return hash_bytes(call_id.data, call_id.len, 0);
}

/* Each list is split in two, which keep its order. */
static int grow(struct roster *roster)
{
    size_t before = roster->bucket_count;
    size_t count = before ? before * 2 : FIRST_BUCKETS;
    struct engagement **buckets = calloc(count, sizeof(struct engagement *));
    if (!buckets) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < before; i++) {
        struct engagement **ends[2] = {&buckets[i], &buckets[i + before]};
        for (struct engagement *at = roster->buckets[i]; at; at = at->next_of_bucket) {
            struct engagement ***end = &ends[(at->hash & before) != 0];
            **end = at;
            *end = &at->next_of_bucket;
        }
        *ends[0] = NULL;
        *ends[1] = NULL;
    }
    free((void *)roster->buckets);
    roster->buckets = buckets;
    roster->bucket_count = count;
    return 0;
}

static void drop_oldest(struct roster *roster, struct person *person)
{
    struct engagement *oldest = person->engagements;
    while (oldest->next) {
        oldest = oldest->next;
    }
    engagement_drop(roster, oldest);
}

int engagement_add(struct roster *roster, struct person *person, struct slice call_id, uint32_t queue, bool talking,
                   bool dormant)
{
    if (roster->engagement_count >= roster->bucket_count && grow(roster) != 0) {
        return STATUS_NO_MEMORY;
    }
    struct engagement *added = malloc(sizeof *added + call_id.len);
    if (!added) {
        return STATUS_NO_MEMORY;
    }
    if (person->engagement_count >= PERSON_ENGAGEMENTS_MAX) {
        drop_oldest(roster, person);
    }
    uint64_t hash = hash_of(call_id);
    struct engagement **bucket = &roster->buckets[hash & (roster->bucket_count - 1)];
    *added = (struct engagement){.next_of_bucket = *bucket,
                                 .next = person->engagements,
                                 .person = person,
                                 .hash = hash,
                                 .queue = queue,
                                 .talking = talking,
                                 .dormant = dormant,
                                 .call_id_len = call_id.len};
    memcpy(added->call_id, call_id.data, call_id.len);
    *bucket = added;
    person->engagements = added;
    person->engagement_count++;
    roster->engagement_count++;
    return 0;
}

static bool is_of(const struct engagement *engagement, uint64_t hash, struct slice call_id)
{
    return engagement->hash == hash && engagement->call_id_len == call_id.len &&
           memcmp(engagement->call_id, call_id.data, call_id.len) == 0;
}

struct engagement *engagement_next(const struct roster *roster, struct slice call_id, const struct engagement *after)
{
    if (roster->bucket_count == 0) {
        return NULL;
    }
    uint64_t hash = hash_of(call_id);
    struct engagement *at = after ? after->next_of_bucket : roster->buckets[hash & (roster->bucket_count - 1)];
    while (at && !is_of(at, hash, call_id)) {
        at = at->next_of_bucket;
    }
    return at;
}

struct engagement *engagement_find(const struct roster *roster, const struct person *person, struct slice call_id,
                                   uint32_t queue, bool talking)
{
    struct engagement *found = NULL;
    for (struct engagement *at = engagement_next(roster, call_id, NULL); at;
         at = engagement_next(roster, call_id, at)) {
        if (at->talking != talking || (person && at->person != person)) {
            continue;
        }
        if (at->queue == queue) {
            return at;
        }
        found = found ? found : at;
    }
    return found;
}

static void unlink_from_bucket(struct roster *roster, struct engagement *engagement)
{
    struct engagement **link = &roster->buckets[engagement->hash & (roster->bucket_count - 1)];
    while (*link != engagement) {
        link = &(*link)->next_of_bucket;
    }
    *link = engagement->next_of_bucket;
}

void engagement_drop(struct roster *roster, struct engagement *engagement)
{
    struct person *person = engagement->person;
    struct engagement **link = &person->engagements;
    while (*link != engagement) {
        link = &(*link)->next;
    }
    *link = engagement->next;
    unlink_from_bucket(roster, engagement);
    if (person->stand.call == engagement) {
        person->stand.call = NULL;
        person->changed = true;
    }
    person->engagement_count--;
    roster->engagement_count--;
    free(engagement);
}
