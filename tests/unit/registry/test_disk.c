/* A change of which one write fails: it can be made again at once, or the registry says that it has to be opened
 * again; nothing in between. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/base/status.h"
#include "tests/support/faults/faults.h"
#include "tests/unit/registry/kit.h"

enum { WRITES_MAX = 50 };

static int invite_with_fault(const char *id, uint64_t number, bool *fired)
{
    struct registry_site site;
    faults_watch(kit_dir());
    faults_arm(FAULTS_WRITE, number, FAULTS_FAIL, EIO, false);
    int status = kit_invite(id, NULL, 1, false, &site);
    *fired = faults_fired();
    faults_watch(NULL);
    return status;
}

static void it_is_changed_again_or_dead(void **state)
{
    (void)state;
    struct registry_site site;
    char id[16];
    int deaths = 0;
    int failures = 0;
    bool fired = true;
    for (int number = 1; fired; number++) {
        assert_true(number < WRITES_MAX);
        (void)snprintf(id, sizeof id, "s%d", number);
        int status = invite_with_fault(id, (uint64_t)number, &fired);
        assert_int_equal(status, fired ? STATUS_IO : 0);
        failures += fired;
        if (registry_is_dead(kit_registry())) {
            deaths++;
            assert_true(registry_find(kit_registry(), slice_str("s1"), &site) < 0);
            assert_true(kit_invite(id, NULL, 1, false, &site) < 0);
            kit_close();
            kit_open();
        }
        assert_false(registry_is_dead(kit_registry()));
        assert_int_equal(registry_find(kit_registry(), slice_str(id), &site), fired ? STATUS_NOT_FOUND : 0);
        if (fired) {
            assert_int_equal(kit_invite(id, NULL, 1, false, &site), 0);
        }
        assert_string_equal(kit_site("s1").id, "s1");
    }
    assert_int_equal(deaths, 1); /* the meta page's write alone */
    assert_true(failures > deaths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_changed_again_or_dead, kit_setup, kit_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
