#include "agent/status/kept.h"

bool kept_take(const struct kept *kept, const struct buf *question, struct kept_moment moment, int64_t now_ms,
               struct buf *body)
{
    bool whole = kept->body.len > 0 && !kept->body.failed && !kept->question.failed;
    if (!whole || now_ms - kept->made_ms > KEPT_MS || kept->moment.changes != moment.changes ||
        kept->moment.commits != moment.commits || !slice_equal(buf_slice(&kept->question), buf_slice(question))) {
        return false;
    }
    buf_append(body, kept->body.data, kept->body.len);
    return !body->failed;
}

void kept_put(struct kept *kept, const struct buf *question, struct kept_moment moment, int64_t now_ms,
              const struct buf *body)
{
    buf_reset(&kept->question);
    buf_append(&kept->question, question->data, question->len);
    buf_reset(&kept->body);
    buf_append(&kept->body, body->data, body->len);
    kept->moment = moment;
    kept->made_ms = now_ms;
}

void kept_deinit(struct kept *kept)
{
    buf_deinit(&kept->question);
    buf_deinit(&kept->body);
}
