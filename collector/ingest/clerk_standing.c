#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/clerk_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

/* ---- queues ---- */

/* Where the queue is, or would be. */
static size_t place_of(const struct clerk_site *site, uint32_t number)
{
    size_t low = 0;
    size_t high = site->live_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (site->live[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_idle(const struct message_live_queue *told)
{
    return told->waiting == 0 && told->talking == 0 && told->held < 0 && told->logged_in < 0 && told->ready < 0 &&
           told->paused < 0 && told->on_call < 0;
}

static void drop_at(struct clerk_site *site, size_t at)
{
    site->live_count--;
    memmove(&site->live[at], &site->live[at + 1], (site->live_count - at) * sizeof *site->live);
}

static int insert_at(struct clerk_site *site, size_t at, uint32_t number)
{
    struct clerk_live_queue *live = grow_array(site->live, site->live_count, &site->live_cap, sizeof *live);
    if (!live) {
        return STATUS_NO_MEMORY;
    }
    site->live = live;
    memmove(&live[at + 1], &live[at], (site->live_count - at) * sizeof *live);
    live[at] = (struct clerk_live_queue){.number = number};
    site->live_count++;
    return 0;
}

/* What was told of a queue replaces what was told of it before; an idle one is not kept. */
static int take_queue(struct clerk_site *site, const struct clerk_peer *peer, const struct message_live_queue *told)
{
    size_t at = place_of(site, told->queue);
    bool held = at < site->live_count && site->live[at].number == told->queue;
    if (is_idle(told) || (!held && site->live_count >= STORE_LIVE_QUEUES_MAX)) {
        if (held) {
            drop_at(site, at);
        }
        return 0;
    }
    int status = held ? 0 : insert_at(site, at, told->queue);
    if (status != 0) {
        return status;
    }
    struct store_live_queue *to = &site->live[at].told;
    uint32_t queue = clerk_queue_of(peer, told->queue);
    bool of_callers = told->queue != 0;
    *to = (struct store_live_queue){.queue = queue ? queue : to->queue, /* it may have been named before */
                                    .waiting = of_callers ? told->waiting : 0,
                                    .talking = of_callers ? told->talking : 0,
                                    .oldest_enter_ms = of_callers ? told->oldest_enter_ms : 0,
                                    .held = of_callers ? told->held : -1,
                                    .logged_in = told->logged_in,
                                    .ready = told->ready,
                                    .paused = told->paused,
                                    .on_call = told->on_call};
    return 0;
}

static uint32_t sum_u32(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void add_up(struct clerk_site *site)
{
    struct store_contact *contact = &site->contact;
    contact->waiting = 0;
    contact->talking = 0;
    contact->oldest_enter_ms = 0;
    for (size_t i = 0; i < site->live_count; i++) {
        const struct store_live_queue *queue = &site->live[i].told;
        contact->waiting = sum_u32(contact->waiting, queue->waiting);
        contact->talking = sum_u32(contact->talking, queue->talking);
        if (queue->waiting > 0 &&
            (contact->oldest_enter_ms == 0 || queue->oldest_enter_ms < contact->oldest_enter_ms)) {
            contact->oldest_enter_ms = queue->oldest_enter_ms;
        }
    }
}

int clerk_take_standing(struct clerk *clerk, struct clerk_site *site, const struct clerk_peer *peer,
                        const struct message_live *told)
{
    if (!told->all && told->live_count == 0) {
        return 0;
    }
    site->live_count = told->all ? 0 : site->live_count;
    site->live_changed = true;
    for (size_t i = 0; i < told->live_count; i++) {
        int status = take_queue(site, peer, &told->live[i]);
        if (status != 0) {
            return status;
        }
    }
    site->contact.live_ms = clerk->wall_ms;
    add_up(site);
    return 0;
}

/* ---- operators ---- */

static int by_name(const void *key, const void *item)
{
    const struct slice *name = key;
    const struct store_live_operator *who = item;
    struct slice other = slice_str(who->name);
    int order = memcmp(name->data, other.data, name->len < other.len ? name->len : other.len);
    return order != 0 ? order : (name->len > other.len) - (name->len < other.len);
}

static size_t place_of_operator(const struct clerk_people *people, struct slice name)
{
    size_t low = 0;
    size_t high = people->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_name(&name, &people->items[middle]) > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* NULL: out of memory. */
static struct store_live_operator *insert_operator(struct clerk_people *people, size_t at)
{
    struct store_live_operator *items = grow_array(people->items, people->count, &people->cap, sizeof *items);
    if (!items) {
        return NULL;
    }
    people->items = items;
    memmove(&items[at + 1], &items[at], (people->count - at) * sizeof *items);
    people->count++;
    return &items[at];
}

static void copy_text(char to[LIMITS_OPERATOR_TEXT_MAX + 1], struct slice from)
{
    if (from.len > 0) {
        memcpy(to, from.data, from.len);
    }
    to[from.len] = '\0';
}

static int take_operator(struct clerk_people *people, const struct clerk_peer *peer,
                         const struct message_live_operator *told, struct admit_why *why)
{
    size_t at = place_of_operator(people, told->name);
    bool held = at < people->count && by_name(&told->name, &people->items[at]) == 0;
    if (told->state == SHIFT_OFF) {
        if (held) {
            people->count--;
            memmove(&people->items[at], &people->items[at + 1], (people->count - at) * sizeof *people->items);
        }
        return 0;
    }
    if (!held && people->count >= LIMITS_OPERATORS_MAX) {
        (void)snprintf(why->text, sizeof why->text, "more than %d operators", LIMITS_OPERATORS_MAX);
        return CLERK_REFUSED_JOB;
    }
    struct store_live_operator *to = held ? &people->items[at] : insert_operator(people, at);
    if (!to) {
        return STATUS_NO_MEMORY;
    }
    copy_text(to->name, told->name);
    copy_text(to->reason, told->reason);
    to->state = told->state;
    to->since_ms = told->since_ms;
    to->queue = clerk_queue_of(peer, told->queue);
    return 0;
}

static void forget_people(struct clerk_site *site)
{
    site->people.count = 0;
    site->people.more = 0;
    site->people.known = false;
    site->people_changed = true;
}

int clerk_take_people(struct clerk *clerk, struct clerk_site *site, const struct clerk_peer *peer,
                      const struct message_live *told)
{
    struct clerk_people *people = &site->people;
    if (told->all || told->operators_all || told->operators_unknown) {
        forget_people(site);
    }
    people->known |= told->operators_all;
    if (!people->known || (told->operator_count == 0 && told->operators_more == 0)) {
        return 0;
    }
    site->people_changed = true;
    people->more = told->operators_more > 0 ? told->operators_more - 1 : people->more;
    for (size_t i = 0; i < told->operator_count; i++) {
        struct admit_why why;
        int status = admit_operator(&told->operators[i], &why);
        status = status != 0 ? CLERK_REFUSED_JOB : take_operator(people, peer, &told->operators[i], &why);
        if (status < 0) {
            return status;
        }
        if (status > 0) {
            site->contact.refused++;
            clerk_tell(clerk, site, CLERK_REFUSED, "an operator was left out: %s", why.text);
        }
    }
    return 0;
}

/* ---- both ---- */

void clerk_forget_standing(struct clerk_site *site)
{
    struct store_contact *contact = &site->contact;
    if (contact->live_ms == 0) {
        return;
    }
    contact->live_ms = 0;
    contact->live_seen_ms = 0;
    contact->waiting = 0;
    contact->talking = 0;
    contact->oldest_enter_ms = 0;
    site->live_count = 0;
    site->live_changed = true;
    forget_people(site);
}

static int write_queues(struct clerk *clerk, const struct clerk_site *site)
{
    size_t count = 0;
    if (site->contact.live_ms == 0) {
        return store_put_live(clerk->store, site->number, NULL, 0);
    }
    if (clerk->standing_cap <= site->live_count) {
        struct store_live_queue *room = realloc(clerk->standing, (site->live_count + 16) * sizeof *room);
        if (!room) {
            return STATUS_NO_MEMORY;
        }
        clerk->standing = room;
        clerk->standing_cap = site->live_count + 16;
    }
    for (size_t i = 0; i < site->live_count; i++) {
        const struct clerk_live_queue *queue = &site->live[i];
        if (queue->number == 0 || queue->told.queue != 0) {
            clerk->standing[count++] = queue->told;
        }
    }
    return store_put_live(clerk->store, site->number, clerk->standing, count);
}

static int write_people(struct clerk *clerk, const struct clerk_site *site)
{
    static const struct store_live_operator nobody;
    const struct clerk_people *people = &site->people;
    const struct store_live_operator *items = people->count > 0 ? people->items : &nobody;
    return store_put_operators(clerk->store, site->number, people->known ? items : NULL, people->count, people->more);
}

int clerk_write_standing(struct clerk *clerk, struct clerk_site *site)
{
    int status = site->live_changed ? write_queues(clerk, site) : 0;
    return status == 0 && site->people_changed ? write_people(clerk, site) : status;
}

void clerk_standing_written(struct clerk_site *site)
{
    site->live_changed = false;
    site->people_changed = false;
}

void clerk_free_standing(struct clerk_site *site)
{
    free(site->live);
    free(site->people.items);
}
