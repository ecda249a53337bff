#include "agent/source/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const all[] = {
    "ABANDON",
    "ADDMEMBER",
    "AGENTCALLBACKLOGIN",
    "AGENTCALLBACKLOGOFF",
    "AGENTDUMP",
    "AGENTLOGIN",
    "AGENTLOGOFF",
    "ATTENDEDTRANSFER",
    "BLINDTRANSFER",
    "CALLEROFFHOLD",
    "CALLERONHOLD",
    "CALLSTATUS",
    "CLOSED",
    "COMPLETEAGENT",
    "COMPLETECALLER",
    "CONFIGRELOAD",
    "CONNECT",
    "DID",
    "DIVERT_CA_RATIO",
    "DIVERT_HOLDTIME",
    "ENTERQUEUE",
    "EXITEMPTY",
    "EXITWITHKEY",
    "EXITWITHTIMEOUT",
    "FULL",
    "INFO",
    "JOINEMPTY",
    "OUTCALL",
    "PAUSE",
    "PAUSEALL",
    "PENALTY",
    "QUEUESTART",
    "REMOVEMEMBER",
    "RINGCANCELED",
    "RINGINUSE",
    "RINGNOANSWER",
    "SYSCOMPAT",
    "TRANSFER",
    "UNPAUSE",
    "UNPAUSEALL",
    "WITHDRAW",
    "WRAPUPSTART",
};

static void every_verb_is_found_under_its_own_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct verb *verb = verb_find(slice_str(all[i]));
        if (!verb) {
            fail_msg("%s is not found", all[i]);
            return; /* never; the analyzer does not know */
        }
        assert_string_equal(verb->name, all[i]);
        assert_int_equal(verb->length, strlen(all[i]));
        assert_true(verb->kind > EVENT_NONE && verb->kind < EVENT_UNKNOWN_VERB);
    }
}

/* Every event can come from a verb, but for the two that are none's and those that only a live source tells. */
static void every_kind_has_a_verb(void **state)
{
    (void)state;
    bool seen[EVENT_KIND_COUNT] = {[EVENT_NONE] = true, [EVENT_UNKNOWN_VERB] = true, [EVENT_LEAVE] = true,
                                   [EVENT_RING] = true, [EVENT_LOST] = true,         [EVENT_MEMBER_STATE] = true};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct verb *verb = verb_find(slice_str(all[i]));
        if (verb) {
            seen[verb->kind] = true;
        }
    }
    for (int i = 0; i < EVENT_KIND_COUNT; i++) {
        if (!seen[i]) {
            fail_msg("no verb means %s", event_kind_str((enum event_kind)i));
        }
    }
}

static void neighbours_are_not_found(void **state)
{
    (void)state;
    static const char *const none[] = {"",         "C",         "CONNECT ", "CONNEC",
                                       "CONNECTT", "connect",   "CONNEXT",  "PAUSEALLX",
                                       "UNPAUSES", "ENTERQEUE", "NONE",     "A-VERB-OF-TWENTY-SIX-LETTERS"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_null(verb_find(slice_str(none[i])));
    }
    assert_null(verb_find(slice_make("\0\0\0\0", 4)));
    /* One letter off in any place, and each single byte. */
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char name[20] = "";
        size_t len = strlen(all[i]);
        for (size_t at = 0; at < len; at++) {
            memcpy(name, all[i], len);
            name[at] = '#';
            assert_null(verb_find(slice_make(name, len)));
        }
    }
    for (int byte = 0; byte < 256; byte++) {
        char one = (char)byte;
        assert_null(verb_find(slice_make(&one, 1)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_is_found_under_its_own_name),
        cmocka_unit_test(every_kind_has_a_verb),
        cmocka_unit_test(neighbours_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
