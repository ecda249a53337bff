#include "tests/proof/site_join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/credentials/credentials.h"
#include "platform/base/status.h"
#include "tests/support/faults/faults.h"

#define SITE "branch-07"
#define URL "coaps+tcp://centre.example.org:7000"

enum { DAY = 86400 };
static const int64_t now_s = INT64_C(1795000000);
static const int64_t ends_s[3] = {0, INT64_C(1795000000) + 300 * DAY, INT64_C(1795000000) + 400 * DAY}; /* by stage */

void site_join_set_up(struct site_join *join, const char *root)
{
    (void)snprintf(join->dir, sizeof join->dir, "%s/credentials", root);
    small_ca_make(&join->ca, now_s - 10 * DAY, now_s + 3650 * DAY);
    join->outside = mmap(NULL, sizeof *join->outside, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (join->outside == MAP_FAILED) {
        abort();
    }
}

void site_join_tear_down(struct site_join *join)
{
    small_ca_free(&join->ca);
}

/* The stage of what lies there; 0 when nothing does; or a failure. */
static int stage_of(const struct site_join *join, struct credentials_why *why)
{
    struct credentials *credentials = NULL;
    int status = credentials_open(join->dir, &credentials, why);
    if (status != 0) {
        return status == STATUS_NOT_FOUND ? 0 : status;
    }
    int64_t end_s = credentials_facts(credentials)->not_after_s;
    credentials_close(credentials);
    return end_s == ends_s[1] ? 1 : end_s == ends_s[2] ? 2 : STATUS_INVALID;
}

/* The CA is not of the process under test: it works in one of its own, whose memory is always there. */
static void issue(struct site_join *join, int stage, const struct buf *request)
{
    struct site_join_outside *outside = join->outside;
    outside->certificate_len = 0;
    pid_t child = fork();
    if (child == 0) {
        struct buf certificate = BUF_INIT;
        faults_allocations_off();
        faults_disarm();
        small_ca_site(&join->ca, buf_slice(request), SITE, now_s - 60, ends_s[stage], &certificate);
        memcpy(outside->certificate, certificate.data, certificate.len);
        outside->certificate_len = certificate.len;
        _exit(0);
    }
    while (child > 0 && waitpid(child, NULL, 0) != child) {
    }
    if (outside->certificate_len == 0) {
        abort();
    }
}

static int finish(struct site_join *join, int stage, struct credentials_renewal *renewal, const struct buf *request)
{
    struct credentials_why why = {""};
    issue(join, stage, request);
    struct slice certificate = slice_make((const char *)join->outside->certificate, join->outside->certificate_len);
    int status = stage == 1 ? credentials_join_finish(renewal, buf_slice(&join->ca.der), certificate, URL, now_s, &why)
                            : credentials_renewal_finish(renewal, certificate, now_s, &why);
    if (status == 0) {
        join->outside->stage_told = (unsigned)stage;
    }
    return status;
}

static int go_to(struct site_join *join, int stage)
{
    struct credentials_why why = {""};
    struct credentials *credentials = NULL;
    struct credentials_renewal *renewal = NULL;
    struct buf request = BUF_INIT;
    int status = stage == 1 ? credentials_join_begin(join->dir, SITE, &renewal, &request)
                            : credentials_open(join->dir, &credentials, &why);
    if (status == 0 && stage == 2) {
        status = credentials_renewal_begin(credentials, &renewal, &request);
    }
    if (status == 0) {
        status = finish(join, stage, renewal, &request);
    }
    credentials_renewal_free(renewal);
    credentials_close(credentials);
    buf_deinit(&request);
    return status;
}

int site_join_run(struct site_join *join, unsigned lives)
{
    int stage = 0;
    for (unsigned i = 0; i < 2 * lives && stage < 2; i++) {
        struct credentials_why why = {""};
        stage = stage_of(join, &why);
        if (stage >= 0 && stage < 2) {
            int status = go_to(join, stage + 1);
            stage = status == 0 ? stage + 1 : status < 0 ? status : STATUS_INVALID;
        }
    }
    return stage == 2 ? 0 : stage < 0 ? stage : STATUS_BUSY;
}

bool site_join_is_whole(const struct site_join *join, struct site_why *why)
{
    struct credentials_why reason = {""};
    int stage = stage_of(join, &reason);
    if (stage < 0) {
        (void)snprintf(why->text, sizeof why->text, "credentials cannot be opened: %s: %s", status_str(stage),
                       reason.text);
    } else if ((unsigned)stage < join->outside->stage_told) {
        (void)snprintf(why->text, sizeof why->text, "credentials of stage %u were told to be there, those of %d are",
                       join->outside->stage_told, stage);
    }
    return stage >= 0 && (unsigned)stage >= join->outside->stage_told;
}
