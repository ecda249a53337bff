/* Every recording of a real Asterisk: what ami_calls makes of its AMI stream against the queue_log of the same run. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/source/ami_recordings.h"

static unsigned check_folder(const char *folder)
{
    struct heard heard;
    heard_init(&heard);
    recording_replay(&heard, folder, "ami");
    heard_pass(&heard, RECORDING_END_MS);
    unsigned open = heard_held(&heard).calls;
    struct heard rows = {0};
    recording_log(&rows, folder, heard.now_ms - RECORDING_END_MS);
    unsigned wrong = recording_compare(folder, &heard, &rows, NULL);
    wrong += recording_is_killed(folder) ? 0 : recording_check_rings(folder, &heard);
    if (open != (recording_is_killed(folder) ? 3 : 0)) {
        printf("%s: %u calls left open\n", folder, open);
        wrong++;
    }
    free(rows.events);
    heard_deinit(&heard);
    return wrong;
}

static int is_folder(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !strchr(entry->d_name, '.');
}

static void recordings_say_what_their_logs_say(void **state)
{
    (void)state;
    struct dirent **folders;
    int count = scandir(CAPTURES_DIR, &folders, is_folder, alphasort);
    assert_true(count > 40);
    unsigned wrong = 0;
    for (int i = 0; i < count; i++) {
        wrong += check_folder(folders[i]->d_name);
        free(folders[i]);
    }
    free(folders);
    assert_int_equal(wrong, 0);
}

static void a_pbx_that_was_killed_starts_again(void **state)
{
    (void)state;
    struct heard heard;
    heard_init(&heard);
    recording_replay(&heard, "s24_kill9", "ami");
    assert_int_equal(heard_held(&heard).calls, 3);
    heard_mark(&heard, AMI_MARK_DOWN);
    ami_frame_reset(heard.frame);
    heard.count = 0;
    recording_replay(&heard, "s24_kill9", "ami-after-restart");
    assert_int_equal(heard.events[0].kind, EVENT_RESTART);
    heard_pass(&heard, RECORDING_END_MS);
    assert_int_equal(heard_held(&heard).calls, 0);
    for (size_t i = 1; i < heard.count; i++) {
        assert_int_not_equal(heard.events[i].kind, EVENT_LOST);
        assert_int_not_equal(heard.events[i].kind, EVENT_RESTART);
    }
    heard_deinit(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recordings_say_what_their_logs_say),
        cmocka_unit_test(a_pbx_that_was_killed_starts_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
