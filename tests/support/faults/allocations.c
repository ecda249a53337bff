/* Allocations: the doors to memory. Under a sanitizer its own allocator lies behind them, else that of the C library.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/faults/faults_internal.h"

#define SANITIZER __attribute__((weak))

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *block);
SANITIZER void *__interceptor_malloc(size_t bytes);
SANITIZER void *__interceptor_calloc(size_t count, size_t bytes);
SANITIZER void *__interceptor_realloc(void *block, size_t bytes);
SANITIZER void *__interceptor_memalign(size_t alignment, size_t bytes);
SANITIZER void __interceptor_free(void *block);

FAULTS_DOOR void *memalign(size_t alignment, size_t bytes);

static atomic_bool counting;
static atomic_long held;

static void *real_malloc(size_t bytes)
{
    return __interceptor_malloc ? __interceptor_malloc(bytes) : __libc_malloc(bytes);
}

static void *real_calloc(size_t count, size_t bytes)
{
    return __interceptor_calloc ? __interceptor_calloc(count, bytes) : __libc_calloc(count, bytes);
}

static void *real_realloc(void *block, size_t bytes)
{
    return __interceptor_realloc ? __interceptor_realloc(block, bytes) : __libc_realloc(block, bytes);
}

static void *real_memalign(size_t alignment, size_t bytes)
{
    return __interceptor_memalign ? __interceptor_memalign(alignment, bytes) : __libc_memalign(alignment, bytes);
}

static void real_free(void *block)
{
    if (__interceptor_free) {
        __interceptor_free(block);
    } else {
        __libc_free(block);
    }
}

void faults_allocations_on(void)
{
    atomic_store(&held, 0);
    atomic_store(&counting, true);
}

void faults_allocations_off(void)
{
    atomic_store(&counting, false);
}

int64_t faults_blocks_held(void)
{
    return __interceptor_malloc ? 0 : atomic_load(&held);
}

/* Whether this allocation is not to be had; errno says so. */
static bool refused(int *kind)
{
    int error = ENOMEM;
    *kind = atomic_load(&counting) ? faults_meet(FAULTS_ALLOCATE, &error) : FAULTS_PASS;
    if (*kind == FAULTS_FAIL) {
        errno = ENOMEM;
    }
    return *kind == FAULTS_FAIL;
}

static void *took(int kind, void *block)
{
    if (block && atomic_load(&counting)) {
        atomic_fetch_add(&held, 1);
    }
    if (kind == FAULTS_CUT_AFTER) {
        faults_die();
    }
    return block;
}

FAULTS_DOOR void *malloc(size_t bytes)
{
    int kind;
    return refused(&kind) ? NULL : took(kind, real_malloc(bytes));
}

FAULTS_DOOR void *calloc(size_t count, size_t bytes)
{
    int kind;
    return refused(&kind) ? NULL : took(kind, real_calloc(count, bytes));
}

FAULTS_DOOR void free(void *block)
{
    if (block && atomic_load(&counting)) {
        atomic_fetch_sub(&held, 1);
    }
    real_free(block);
}

FAULTS_DOOR void *realloc(void *block, size_t bytes)
{
    if (block && bytes == 0) {
        free(block);
        return NULL;
    }
    int kind;
    if (refused(&kind)) {
        return NULL;
    }
    void *moved = real_realloc(block, bytes);
    return block ? moved : took(kind, moved);
}

FAULTS_DOOR void *memalign(size_t alignment, size_t bytes)
{
    int kind;
    return refused(&kind) ? NULL : took(kind, real_memalign(alignment, bytes));
}

FAULTS_DOOR void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

FAULTS_DOOR int posix_memalign(void **out, size_t alignment, size_t bytes)
{
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    int before = errno;
    void *block = memalign(alignment, bytes);
    errno = before;
    if (!block) {
        return ENOMEM;
    }
    *out = block;
    return 0;
}

/* Of a watched file a shared mapping that is written to goes past all other doors. */
FAULTS_DOOR void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    int kind = FAULTS_PASS;
    if (flags & MAP_ANONYMOUS && refused(&kind)) {
        return MAP_FAILED;
    }
    long mapped = syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
    struct faults_file *file = flags & MAP_ANONYMOUS ? NULL : faults_file(fd);
    if (mapped != -1 && file && flags & MAP_SHARED && protection & PROT_WRITE) {
        platter_mapped(file, fd);
    }
    (void)faults_answer(kind, ENOMEM, 0);
    return (void *)(uintptr_t)mapped;
}

FAULTS_DOOR void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return mmap(at, bytes, protection, flags, fd, offset);
}

void *faults_take(size_t bytes)
{
    void *block = real_calloc(1, bytes > 0 ? bytes : 1);
    if (!block) {
        faults_die();
    }
    return block;
}

void faults_give(void *block)
{
    real_free(block);
}
