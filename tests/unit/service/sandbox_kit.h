/* sandbox_kit: a place with files and listeners of which the sandbox lets some through, and attempts made there. Each
 * is made by a child that has entered the sandbox, and by one that has not: what the sandbox refuses must be possible
 * without it, or the refusal would say nothing. */
#ifndef RINGSIDE_TESTS_UNIT_SERVICE_SANDBOX_KIT_H
#define RINGSIDE_TESTS_UNIT_SERVICE_SANDBOX_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/service/sandbox.h"
#include "tests/support/temp_dir.h"

enum { KIT_UNTOLD = 250, KIT_NOT_ENTERED = 251 };

struct kit_place {
    struct temp_dir dir; /* "own" (may be written), "read" (may be read), "other", each with a file "file" */
    struct sandbox_options options;
    struct sandbox_path paths[2];
    char own[400];
    char read[400];
    uint16_t open_port;  /* somebody listens; the sandbox lets it through */
    uint16_t other_port; /* somebody listens; it does not */
    int listeners[2];
    struct sandbox_facts kernel; /* what it has */
};

extern struct kit_place kit_place;

int kit_setup(void **state);
int kit_teardown(void **state);

const char *kit_in(const char *where); /* its path in the place; one static buffer */
bool kit_has_files(void);              /* false, and said: this kernel has no Landlock */

/* ---- attempts ---- */

/* 0: done; else errno. Nothing of it may outlive the child. */
typedef int (*kit_attempt_fn)(void);

int kit_outcome(bool done);
int kit_read_other(void); /* an attempt */

/* The child's exit status; -signal when it was killed. */
int kit_in_child(kit_attempt_fn attempt, bool confined);

void kit_assert_refused(kit_attempt_fn attempt, int error);
void kit_assert_works(kit_attempt_fn attempt);

/* Some things even root is refused here without a sandbox, as in a container: that it is killed says enough. */
void kit_assert_kills(kit_attempt_fn attempt);

#endif
