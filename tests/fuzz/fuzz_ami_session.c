/* The input is what an AMI server sends, with control bytes between for what else happens:
 * 1 the answer that is due, as a server gives it; 2, 3, 4 a second, twenty, five minutes pass; 5 the stream breaks;
 * 6 the ActionID that is asked with; 7 the next send fails; 8 the stream is made, if it is wanted. */
#include <stdbool.h>
#include <string.h>

#include "agent/source/ami_session.h"
#include "tests/fuzz/fuzz.h"

enum { ANSWER = 1, SECOND, TWENTY_SECONDS, MINUTES, BREAK, ID, SEND_FAILS, CONNECT, CONTROL_COUNT };

static const char secret[] = "Xq7-the-secret";

struct world {
    struct ami_session *session;
    int64_t now_ms;
    char action[64];
    char id[64];
    bool send_fails;
    bool in_snapshot;
    uint64_t begun;
    uint64_t ended;
    uint64_t downs;
};

static void copy_field(const char *bytes, size_t len, const char *name, char *to, size_t size)
{
    const char *at = memmem(bytes, len, name, strlen(name));
    FUZZ_CHECK(at);
    at += strlen(name);
    const char *end = memchr(at, '\r', len - (size_t)(at - bytes));
    FUZZ_CHECK(end && (size_t)(end - at) < size);
    memcpy(to, at, (size_t)(end - at));
    to[end - at] = 0;
}

static int on_send(void *ctx, struct slice bytes)
{
    struct world *world = ctx;
    const char *end = memmem(bytes.data, bytes.len, "\r\n\r\n", 4);
    FUZZ_CHECK(end && end + 4 == bytes.data + bytes.len); /* one action at a time, whatever the server said */
    copy_field(bytes.data, bytes.len, "Action: ", world->action, sizeof world->action);
    copy_field(bytes.data, bytes.len, "\r\nActionID: ", world->id, sizeof world->id);
    bool fails = world->send_fails;
    world->send_fails = false;
    return fails ? -2 : 0;
}

static int on_message(void *ctx, const struct ami_message *message, int64_t arrival_ms)
{
    const struct world *world = ctx;
    struct ami_session_facts facts;
    ami_session_facts(world->session, &facts);
    FUZZ_CHECK(arrival_ms == -world->now_ms && message->count > 0);
    FUZZ_CHECK(facts.logged_in_at_ms > 0);
    return slice_is(message->event, "FailHere") ? -9 : 0;
}

static int on_mark(void *ctx, enum ami_mark mark, int64_t arrival_ms)
{
    struct world *world = ctx;
    FUZZ_CHECK(arrival_ms == -world->now_ms);
    if (mark == AMI_MARK_SNAPSHOT_BEGIN) {
        world->begun++;
    } else if (mark == AMI_MARK_SNAPSHOT_END) {
        FUZZ_CHECK(world->in_snapshot);
        world->ended++;
    } else {
        world->downs++;
    }
    world->in_snapshot = mark == AMI_MARK_SNAPSHOT_BEGIN;
    return 0;
}

static bool on_wanted(void *ctx, struct slice event)
{
    (void)ctx;
    return event.len > 0 && event.data[0] != 'N';
}

static void fake_md5(struct slice bytes, uint8_t out[16])
{
    memset(out, (int)bytes.len, 16);
}

static void check_facts(struct world *world)
{
    struct ami_session_facts facts;
    ami_session_facts(world->session, &facts);
    FUZZ_CHECK(!memmem(&facts, sizeof facts, secret, strlen(secret)));
    FUZZ_CHECK(facts.state < AMI_STATE_COUNT);
    FUZZ_CHECK(facts.snapshots == world->ended && facts.downs == world->downs && world->ended <= world->begun);
    FUZZ_CHECK(facts.downs <= facts.connects && facts.connects <= facts.downs + 1);
    bool in = facts.state == AMI_SNAPSHOT || facts.state == AMI_RUNNING;
    FUZZ_CHECK(!in || facts.logged_in_at_ms > 0);
}

static void check_rc(struct world *world, int rc)
{
    struct ami_session_facts facts;
    ami_session_facts(world->session, &facts);
    bool down = facts.state == AMI_WAITING || facts.state == AMI_REFUSED;
    FUZZ_CHECK(rc == 0 || (rc == AMI_HANG_UP && (down || facts.state == AMI_CONNECTING)) || (rc == -9 && down));
}

static void say(struct world *world, const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    FUZZ_CHECK(copy);
    memcpy(copy, data, len);
    check_rc(world, ami_session_bytes(world->session, slice_make(copy, len), world->now_ms, -world->now_ms));
    free(copy);
}

static void say_text(struct world *world, const char *text)
{
    say(world, text, strlen(text));
}

static void answer(struct world *world)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s", world->action);
    char text[512];
    (void)snprintf(text, sizeof text,
                   "Response: Success\r\nActionID: %s\r\nChallenge: 17\r\nEvents: On\r\nAsteriskVersion: 22\r\n\r\n",
                   world->id);
    say_text(world, text);
    if (strcmp(name, "CoreShowChannels") == 0 || strncmp(name, "Queue", 5) == 0) {
        (void)snprintf(text, sizeof text, "Event: %sComplete\r\nActionID: %s\r\nEventList: Complete\r\n\r\n", name,
                       world->id);
        say_text(world, text);
    }
}

static void pass(struct world *world, int64_t ms)
{
    world->now_ms += ms;
    check_rc(world, ami_session_tick(world->session, world->now_ms, -world->now_ms));
}

static void control(struct world *world, uint8_t what)
{
    switch (what) {
    case ANSWER: answer(world); break;
    case SECOND: pass(world, 1000); break;
    case TWENTY_SECONDS: pass(world, 20000); break;
    case MINUTES: pass(world, 300000); break;
    case BREAK: ami_session_down(world->session, "broken", world->now_ms, -world->now_ms); break;
    case ID: say_text(world, world->id); break;
    case SEND_FAILS: world->send_fails = true; break;
    default:
        if (ami_session_wants_connect(world->session, world->now_ms)) {
            ami_session_up(world->session, world->now_ms);
        }
        break;
    }
    check_facts(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.now_ms = 1};
    struct ami_session_options options = {
        .user = "u",
        .secret = secret,
        .snapshot_ms = 60000,
        .retry_max_ms = 30000,
        .seed = size,
        .md5 = size % 2 ? fake_md5 : NULL,
        .send = on_send,
        .message = on_message,
        .mark = on_mark,
        .wanted = on_wanted,
        .ctx = &world,
    };
    FUZZ_CHECK(ami_session_new(&options, world.now_ms, &world.session) == 0);
    for (size_t at = 0; at < size;) {
        size_t len = 0;
        while (at + len < size && (data[at + len] == 0 || data[at + len] >= CONTROL_COUNT)) {
            len++;
        }
        if (len > 0) {
            say(&world, (const char *)data + at, len);
            at += len;
        } else {
            control(&world, data[at++]);
        }
    }
    check_facts(&world);
    ami_session_free(world.session);
    return 0;
}
