#include "collector/api/bucket.h"

enum { BUCKET_RETRY_MAX_S = 3600 };

static struct bucket *bucket_find(struct bucket_table *table, uint64_t key, int64_t now_ms)
{
    struct bucket *set = table->slots[key % BUCKET_SETS];
    struct bucket *oldest = &set[0];
    for (int i = 0; i < BUCKET_WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        bool older = oldest->key != 0 && set[i].at_ms < oldest->at_ms;
        if (set[i].key == 0 || older) {
            oldest = &set[i];
        }
    }
    *oldest = (struct bucket){.key = key, .left = table->burst, .at_ms = now_ms};
    return oldest;
}

bool bucket_ask(struct bucket_table *table, uint64_t key, int64_t monotonic_ms, bool take, int *retry_s)
{
    if (table->per_s <= 0) {
        return true;
    }
    struct bucket *bucket = bucket_find(table, key ? key : 1, monotonic_ms);
    if (monotonic_ms > bucket->at_ms) {
        double left = bucket->left + (double)(monotonic_ms - bucket->at_ms) / 1000.0 * table->per_s;
        bucket->left = left < table->burst ? left : table->burst;
        bucket->at_ms = monotonic_ms;
    }
    if (bucket->left >= 1) {
        bucket->left -= take ? 1 : 0;
        return true;
    }
    double wait_s = (1 - bucket->left) / table->per_s;
    int whole_s = wait_s < BUCKET_RETRY_MAX_S ? (int)wait_s : BUCKET_RETRY_MAX_S;
    *retry_s = whole_s + (wait_s > whole_s && whole_s < BUCKET_RETRY_MAX_S);
    return false;
}
