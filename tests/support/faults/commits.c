/* Commits: LMDB's, of transactions that write. Which those are, only their beginning tells. */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "tests/support/faults/faults_internal.h"

enum { WRITERS_MAX = 16, READ_ONLY = 0x20000, PANIC = -30795 }; /* MDB_RDONLY, MDB_PANIC */

struct MDB_env;
struct MDB_txn;

FAULTS_DOOR int mdb_txn_begin(struct MDB_env *env, struct MDB_txn *parent, unsigned flags, struct MDB_txn **out);
FAULTS_DOOR int mdb_txn_commit(struct MDB_txn *txn);
FAULTS_DOOR void mdb_txn_abort(struct MDB_txn *txn);
FAULTS_DOOR void mdb_env_close(struct MDB_env *env);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct MDB_txn *writers[WRITERS_MAX];
static struct MDB_env *dead; /* LMDB begins nothing more where it does not know whether a commit happened */

static void find(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        faults_die();
    }
    memcpy(function, &found, sizeof found);
}

/* Puts `txn` in the place of `held`; false when that is nowhere. */
static bool replace(const struct MDB_txn *held, struct MDB_txn *txn)
{
    bool found = false;
    (void)pthread_mutex_lock(&lock);
    for (int i = 0; i < WRITERS_MAX && !found; i++) {
        if (writers[i] == held) {
            writers[i] = txn;
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return found;
}

FAULTS_DOOR int mdb_txn_begin(struct MDB_env *env, struct MDB_txn *parent, unsigned flags, struct MDB_txn **out)
{
    static int (*real)(struct MDB_env *, struct MDB_txn *, unsigned, struct MDB_txn **);
    if (!real) {
        find("mdb_txn_begin", &real);
    }
    if (env == dead && env) {
        return PANIC;
    }
    int result = real(env, parent, flags, out);
    if (result == 0 && !(flags & READ_ONLY) && !replace(NULL, *out)) {
        faults_die();
    }
    return result;
}

FAULTS_DOOR void mdb_txn_abort(struct MDB_txn *txn)
{
    static void (*real)(struct MDB_txn *);
    if (!real) {
        find("mdb_txn_abort", &real);
    }
    if (txn) {
        (void)replace(txn, NULL);
    }
    real(txn);
}

FAULTS_DOOR int mdb_txn_commit(struct MDB_txn *txn)
{
    static int (*real)(struct MDB_txn *);
    if (!real) {
        find("mdb_txn_commit", &real);
    }
    int error = 0;
    bool writes = replace(txn, NULL);
    int kind = writes && faults_watching() ? faults_meet(FAULTS_COMMIT, &error) : FAULTS_PASS;
    if (kind == FAULTS_FAIL) {
        mdb_txn_abort(txn);
        return error;
    }
    if (kind == FAULTS_FAIL_AFTER) {
        static struct MDB_env *(*env_of)(struct MDB_txn *);
        find("mdb_txn_env", &env_of);
        dead = env_of(txn);
    }
    int result = real(txn);
    return faults_answer(kind, error, 0) == 0 ? result : error;
}

FAULTS_DOOR void mdb_env_close(struct MDB_env *env)
{
    static void (*real)(struct MDB_env *);
    if (!real) {
        find("mdb_env_close", &real);
    }
    if (env == dead) {
        dead = NULL;
    }
    real(env);
}
