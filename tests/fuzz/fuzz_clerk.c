/* The input is what two sites send to the collector's storing thread, message after message: each is
 *   kind and session (u8), length (u16, big-endian), payload
 * Kind 0 is a greeting, 1 a batch, 2 a live view, 3 the end of the session, 4 to 6 the same as 0 to 2 with a right
 * greeting before. Every message is answered with a code of the protocol, and what is stored passes the store's check.
 */
#include <string.h>

#include "platform/base/status.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/ingest/office.h"

enum { HEAD_BYTES = 3, MESSAGES_MAX = 24 };

static const char *const ids[] = {"madrid-01", "lisbon"};

static void take_line(void *ctx, const char *line)
{
    fprintf(stderr, "%s: %s\n", (const char *)ctx, line);
}

static void check_answer(const struct desk_job *answer)
{
    static const unsigned codes[] = {204, 400, 403, 409, 412, 413, 415, 422, 429, 500, 501, 503};
    bool known = answer->kind == DESK_GONE;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        known = known || answer->code == codes[i];
    }
    if (!known) {
        fprintf(stderr, "code %u\n", answer->code);
    }
    FUZZ_CHECK(known && !answer->answer.failed);
}

static void send_one(struct office *office, enum desk_kind kind, unsigned session, const uint8_t *data, size_t len)
{
    const struct buf payload = {.data = (uint8_t *)(uintptr_t)data, .len = len};
    uint32_t site = 1 + session % 2;
    struct desk_job *answer = NULL;
    struct desk_job *job = office_job(kind, site, ids[site - 1], 1 + session, &payload);
    if (kind == DESK_GONE) {
        FUZZ_CHECK(desk_hand_in(office->desk, job));
        office_round(office);
        struct desk_list answers = desk_collect(office->desk);
        desk_list_clear(&answers);
        return;
    }
    answer = office_ask(office, job);
    check_answer(answer);
    desk_job_free(answer);
}

static void greet(struct office *office, unsigned session)
{
    struct buf bytes = BUF_INIT;
    uint32_t site = 1 + session % 2;
    struct message_hello hello = office_hello_of(office, ids[site - 1], (uint8_t)site, (uint8_t)site);
    FUZZ_CHECK(message_hello_encode(&hello, &bytes) == 0);
    send_one(office, DESK_HELLO, session, bytes.data, bytes.len);
    buf_deinit(&bytes);
}

static size_t take_message(struct office *office, const uint8_t *data, size_t size)
{
    unsigned kind = data[0] % 7;
    unsigned session = (data[0] >> 3) % 4;
    size_t len = (size_t)data[1] << 8 | data[2];
    len = len < size - HEAD_BYTES ? len : size - HEAD_BYTES;
    if (kind >= 4) {
        greet(office, session);
        kind -= 4;
    }
    send_one(office, (enum desk_kind)kind, session, data + HEAD_BYTES, len);
    office->now_ms += 700;
    office->wall_ms += 700;
    return HEAD_BYTES + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct office office;
    office_open(&office);
    FUZZ_CHECK(office_add_site(&office, ids[0]) == 1 && office_add_site(&office, ids[1]) == 2);
    size_t at = 0;
    for (unsigned i = 0; i < MESSAGES_MAX && size - at > HEAD_BYTES; i++) {
        at += take_message(&office, data + at, size - at);
    }
    office.now_ms += 120000; /* hours and days follow */
    for (unsigned i = 0; i < 8; i++) {
        office_round(&office);
    }
    FUZZ_CHECK(store_check(office.store, take_line, "store") == 0);
    office_close(&office);
    return 0;
}
