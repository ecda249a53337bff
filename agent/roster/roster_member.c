#include <stdlib.h>
#include <string.h>

#include "agent/roster/roster_internal.h"
#include "platform/base/grow.h"
#include "platform/base/status.h"

/* The queues an operator is a member of, under each interface, and what of that is told as spans. */

static bool is_gone(enum event_device device)
{
    return device == EVENT_DEVICE_INVALID || device == EVENT_DEVICE_UNAVAILABLE;
}

static bool is_used(enum event_device device)
{
    return device == EVENT_DEVICE_IN_USE || device == EVENT_DEVICE_BUSY || device == EVENT_DEVICE_RINGING ||
           device == EVENT_DEVICE_RING_IN_USE || device == EVENT_DEVICE_ON_HOLD;
}

static int compare_member(const struct roster_member *member, uint32_t queue, struct slice interface)
{
    if (member->queue != queue) {
        return member->queue < queue ? -1 : 1;
    }
    size_t len = member->interface.len < interface.len ? member->interface.len : interface.len;
    int order = len > 0 ? memcmp(member->interface.data, interface.data, len) : 0;
    return order != 0 ? order : (member->interface.len > interface.len) - (member->interface.len < interface.len);
}

/* Where the member is, or belongs. */
static size_t member_place(const struct person *person, uint32_t queue, struct slice interface)
{
    size_t low = 0;
    size_t high = person->member_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare_member(&person->members[mid], queue, interface) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static size_t post_place(const struct person *person, uint32_t queue)
{
    size_t low = 0;
    size_t high = person->post_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (person->posts[mid].queue < queue) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static int tell(struct roster *roster, const struct person *person, enum roster_span_kind kind, uint32_t queue,
                int64_t *from_ms, int64_t to_ms)
{
    if (to_ms <= *from_ms) {
        return 0;
    }
    struct roster_span span = {
        .kind = kind, .operator_id = person->id, .queue = queue, .from_ms = *from_ms, .to_ms = to_ms};
    int status = roster->options.span(roster->options.ctx, &span);
    if (status == 0) {
        *from_ms = to_ms;
    }
    return status;
}

static bool is_paused(const struct post *post)
{
    return post->members > 0 && post->paused == post->members;
}

static int tell_post(struct roster *roster, const struct person *person, struct post *post, int64_t to_ms)
{
    int status = tell(roster, person, ROSTER_LOGGED_IN, post->queue, &post->logged_in_from_ms, to_ms);
    if (status == 0 && is_paused(post)) {
        status = tell(roster, person, ROSTER_PAUSED, post->queue, &post->paused_from_ms, to_ms);
    }
    return status;
}

int members_tell(struct roster *roster, struct person *person, int64_t to_ms)
{
    int status = 0;
    for (size_t i = 0; i < person->post_count && status == 0; i++) {
        status = tell_post(roster, person, &person->posts[i], to_ms);
    }
    return status;
}

static int make_post(struct person *person, uint32_t queue, int64_t at_ms, struct post **out)
{
    size_t place = post_place(person, queue);
    if (place == person->post_count || person->posts[place].queue != queue) {
        struct post *posts = grow_array(person->posts, person->post_count, &person->post_cap, sizeof *posts);
        if (!posts) {
            return STATUS_NO_MEMORY;
        }
        person->posts = posts;
        memmove(posts + place + 1, posts + place, (person->post_count - place) * sizeof *posts);
        posts[place] = (struct post){.queue = queue, .logged_in_from_ms = at_ms, .paused_from_ms = at_ms};
        person->post_count++;
    }
    *out = &person->posts[place];
    return 0;
}

/* So many members more or less, and of them paused. What ends by that is told. */
static int change_post(struct roster *roster, const struct person *person, struct post *post, int members, int paused,
                       int64_t at_ms)
{
    struct post after = *post;
    after.members = (uint32_t)((int)post->members + members);
    after.paused = (uint32_t)((int)post->paused + paused);
    int status = 0;
    if (is_paused(post) && !is_paused(&after)) {
        status = tell(roster, person, ROSTER_PAUSED, post->queue, &after.paused_from_ms, at_ms);
    } else if (!is_paused(post) && is_paused(&after)) {
        after.paused_from_ms = at_ms;
    }
    if (status == 0 && after.members == 0) {
        status = tell(roster, person, ROSTER_LOGGED_IN, post->queue, &after.logged_in_from_ms, at_ms);
    }
    if (status == 0) {
        *post = after;
    }
    return status;
}

static void drop_post(struct person *person, struct post *post)
{
    size_t place = (size_t)(post - person->posts);
    person->post_count--;
    memmove(post, post + 1, (person->post_count - place) * sizeof *post);
}

/* Takes the member's device and pause out of the sums (-1), or into them (1). */
static void account(struct person *person, size_t place, size_t sign)
{
    enum event_device device = person->standings[place].device;
    person->gone_count += is_gone(device) ? sign : 0;
    person->used_count += is_used(device) ? sign : 0;
    person->paused_count += person->members[place].paused ? sign : 0;
}

static int reserve_member(struct person *person)
{
    struct roster_member *members =
        grow_array(person->members, person->member_count, &person->member_cap, sizeof *members);
    if (!members) {
        return STATUS_NO_MEMORY;
    }
    person->members = members;
    struct standing *standings =
        grow_array(person->standings, person->member_count, &person->standing_cap, sizeof *standings);
    if (!standings) {
        return STATUS_NO_MEMORY;
    }
    person->standings = standings;
    return 0;
}

static int add_member(struct roster *roster, struct person *person, size_t place, uint32_t queue,
                      struct slice interface, int64_t at_ms)
{
    struct post *post;
    int status = reserve_member(person);
    char *copy = status == 0 ? malloc(interface.len + 1) : NULL;
    status = copy ? make_post(person, queue, at_ms, &post) : STATUS_NO_MEMORY;
    if (status == 0) {
        status = change_post(roster, person, post, 1, 0, at_ms);
    }
    if (status != 0) {
        free(copy);
        return status;
    }
    if (interface.len > 0) {
        memcpy(copy, interface.data, interface.len);
    }
    size_t behind = person->member_count - place;
    memmove(person->members + place + 1, person->members + place, behind * sizeof *person->members);
    memmove(person->standings + place + 1, person->standings + place, behind * sizeof *person->standings);
    person->members[place] = (struct roster_member){.queue = queue, .interface = slice_make(copy, interface.len)};
    person->standings[place] = (struct standing){.device = EVENT_DEVICE_UNKNOWN, .wrap_up_ms = -1};
    person->member_count++;
    person->changed = true;
    return 0;
}

/* The reason of the pause that came last: a pause is later than all before, and when one ends it may have been that. */
static void set_pause(struct roster *roster, struct person *person, size_t place, bool paused, uint32_t reason)
{
    struct roster_member *member = &person->members[place];
    struct standing *standing = &person->standings[place];
    if (member->paused == paused && standing->reason == reason) {
        return;
    }
    member->paused = paused;
    standing->reason = reason;
    standing->pause_order = roster->next_pause++;
    person->reason = reason;
    person->reason_known = paused;
    person->changed = true;
}

static int apply(struct roster *roster, struct person *person, size_t place, const struct call_event *event,
                 int64_t at_ms)
{
    const struct event_member *told = event->member;
    struct roster_member *member = &person->members[place];
    struct standing *standing = &person->standings[place];
    if (member->paused != told->paused) {
        struct post *post = &person->posts[post_place(person, member->queue)];
        int status = change_post(roster, person, post, 0, told->paused ? 1 : -1, at_ms);
        if (status != 0) {
            return status;
        }
    }
    bool has_reason = told->paused && event->text.len > 0;
    uint32_t reason = has_reason ? intern_put(roster->options.reasons, event->text) : 0;
    account(person, place, (size_t)-1);
    set_pause(roster, person, place, told->paused, reason);
    standing->device = told->device;
    standing->wrap_up_ms = told->wrap_up_ms;
    account(person, place, 1);
    if (member->login_ms != told->login_ms) {
        member->login_ms = told->login_ms;
        person->changed = true;
    }
    return 0;
}

int members_put(struct roster *roster, struct person *person, const struct call_event *event, uint32_t queue,
                int64_t at_ms)
{
    size_t place = member_place(person, queue, event->interface);
    bool known = place < person->member_count && compare_member(&person->members[place], queue, event->interface) == 0;
    int status = known ? 0 : add_member(roster, person, place, queue, event->interface, at_ms);
    return status == 0 ? apply(roster, person, place, event, at_ms) : status;
}

static int remove_member(struct roster *roster, struct person *person, size_t place, int64_t at_ms)
{
    struct roster_member *member = &person->members[place];
    struct post *post = &person->posts[post_place(person, member->queue)];
    int status = change_post(roster, person, post, -1, member->paused ? -1 : 0, at_ms);
    if (status != 0) {
        return status;
    }
    if (post->members == 0) {
        drop_post(person, post);
    }
    account(person, place, (size_t)-1);
    free((void *)(uintptr_t)member->interface.data);
    person->member_count--;
    size_t behind = person->member_count - place;
    memmove(member, member + 1, behind * sizeof *member);
    memmove(person->standings + place, person->standings + place + 1, behind * sizeof *person->standings);
    person->reason_known = false;
    person->changed = true;
    return 0;
}

int members_remove(struct roster *roster, struct person *person, uint32_t queue, struct slice interface, int64_t at_ms)
{
    size_t first = member_place(person, queue, slice_make("", 0));
    size_t end = first;
    while (end < person->member_count && person->members[end].queue == queue) {
        end++;
    }
    size_t place = member_place(person, queue, interface);
    if (place < end && compare_member(&person->members[place], queue, interface) == 0) {
        return remove_member(roster, person, place, at_ms);
    }
    int status = 0;
    if (interface.len == 0 || end - first == 1) { /* all of the queue; or the one whose interface was told otherwise */
        while (end > first && status == 0) {
            status = remove_member(roster, person, --end, at_ms);
        }
    }
    return status;
}

void members_forget(struct person *person)
{
    for (size_t i = 0; i < person->member_count; i++) {
        free((void *)(uintptr_t)person->members[i].interface.data);
    }
    person->member_count = 0;
    person->post_count = 0;
    person->paused_count = 0;
    person->gone_count = 0;
    person->used_count = 0;
    person->reason_known = false;
}

uint32_t members_reason(struct person *person)
{
    if (!person->reason_known) {
        uint64_t latest = 0;
        person->reason = 0;
        for (size_t i = 0; i < person->member_count; i++) {
            if (person->members[i].paused && person->standings[i].pause_order >= latest) {
                latest = person->standings[i].pause_order;
                person->reason = person->standings[i].reason;
            }
        }
        person->reason_known = true;
    }
    return person->reason;
}

int64_t members_wrap_up_ms(const struct person *person, uint32_t queue)
{
    int64_t wrap_up_ms = -1;
    for (size_t i = member_place(person, queue, slice_make("", 0));
         i < person->member_count && person->members[i].queue == queue; i++) {
        int64_t told_ms = person->standings[i].wrap_up_ms;
        wrap_up_ms = told_ms > wrap_up_ms ? told_ms : wrap_up_ms;
    }
    return wrap_up_ms;
}

int64_t members_login_ms(const struct person *person)
{
    int64_t earliest_ms = 0;
    for (size_t i = 0; i < person->member_count; i++) {
        int64_t login_ms = person->members[i].login_ms;
        if (login_ms > 0 && (earliest_ms == 0 || login_ms < earliest_ms)) {
            earliest_ms = login_ms;
        }
    }
    return earliest_ms;
}
