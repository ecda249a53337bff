#include "agent/source/queue_log.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "platform/base/status.h"

#define T 1795284531000 /* the time in front of most lines below */
#define NA EVENT_UNKNOWN

/* Exact-size heap memory, so that the sanitizer sees a read outside the line; freed by the next call. */
static int parse_bytes(const char *bytes, size_t len, struct call_event *out)
{
    static char *line;
    free(line);
    line = malloc(len ? len : 1);
    assert_non_null(line);
    memcpy(line, bytes, len);
    int status = queue_log_parse(slice_make(line, len), out);
    if (len == 0 || status != 0) {
        free(line);
        line = NULL;
    }
    return status;
}

static int parse(const char *text, struct call_event *out)
{
    return parse_bytes(text, strlen(text), out);
}

static int status_of(const char *text)
{
    struct call_event event;
    return parse(text, &event);
}

static void assert_slice(const char *line, const char *what, struct slice got, const char *want)
{
    if (!slice_is(got, want)) {
        fail_msg("%s\n%s is '%.*s', not '%s'", line, what, (int)got.len, got.data, want);
    }
}

static void assert_number(const char *line, const char *what, int64_t got, int64_t want)
{
    if (got != want) {
        fail_msg("%s\n%s is %lld, not %lld", line, what, (long long)got, (long long)want);
    }
}

struct expected {
    const char *params; /* verb and parameters */
    enum event_kind kind;
    int64_t wait_ms, talk_ms, ring_ms, position, original_position;
    const char *caller, *text;
};

static void assert_expected(const struct expected *want)
{
    char line[256];
    char verb[64];
    snprintf(line, sizeof line, "1795284531|1795284530.17|sales|Ana Souza|%s", want->params);
    snprintf(verb, sizeof verb, "%.*s", (int)strcspn(want->params, "|"), want->params);
    struct call_event event;
    assert_number(line, "the status", parse(line, &event), 0);
    assert_slice(line, "the kind", slice_str(event_kind_str(event.kind)), event_kind_str(want->kind));
    assert_number(line, "at_ms", event.at_ms, T);
    assert_slice(line, "the verb", event.verb, verb);
    assert_slice(line, "the call id", event.call_id, "1795284530.17");
    assert_slice(line, "the queue", event.queue, "sales");
    assert_slice(line, "the operator", event.operator_name, "Ana Souza");
    assert_slice(line, "the caller", event.caller, want->caller ? want->caller : "");
    assert_slice(line, "the text", event.text, want->text ? want->text : "");
    assert_number(line, "wait_ms", event.wait_ms, want->wait_ms);
    assert_number(line, "talk_ms", event.talk_ms, want->talk_ms);
    assert_number(line, "ring_ms", event.ring_ms, want->ring_ms);
    assert_number(line, "position", event.position, want->position);
    assert_number(line, "original_position", event.original_position, want->original_position);
}

static void assert_all(const struct expected *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_expected(&table[i]);
    }
}

static void calls_that_go_well(void **state)
{
    (void)state;
    static const struct expected table[] = {
        {"ENTERQUEUE||5552001|3", EVENT_ENTER, NA, NA, NA, 3, 3, "5552001", ""},
        {"ENTERQUEUE||5552001|3|John Smith", EVENT_ENTER, NA, NA, NA, 3, 3, "5552001", ""},
        {"ENTERQUEUE|||1|", EVENT_ENTER, NA, NA, NA, 1, 1, "", ""},
        {"ENTERQUEUE|http://crm/|+55119|12", EVENT_ENTER, NA, NA, NA, 12, 12, "+55119", ""},
        {"ENTERQUEUE||anonymous", EVENT_ENTER, NA, NA, NA, NA, NA, "anonymous", ""},
        {"ENTERQUEUE|", EVENT_ENTER, NA, NA, NA, NA, NA, "", ""},
        {"ENTERQUEUE", EVENT_ENTER, NA, NA, NA, NA, NA, "", ""},
        {"CONNECT|8|1795284528.16|2", EVENT_CONNECT, 8000, NA, 2000, NA, NA, "", ""},
        {"CONNECT|8|1795284528.16", EVENT_CONNECT, 8000, NA, NA, NA, NA, "", ""},
        {"CONNECT|8", EVENT_CONNECT, 8000, NA, NA, NA, NA, "", ""},
        {"CONNECT|", EVENT_CONNECT, NA, NA, NA, NA, NA, "", ""},
        {"CONNECT", EVENT_CONNECT, NA, NA, NA, NA, NA, "", ""},
        {"COMPLETEAGENT|7|120|2", EVENT_COMPLETE_OPERATOR, 7000, 120000, NA, NA, 2, "", ""},
        {"COMPLETECALLER|7|120|2", EVENT_COMPLETE_CALLER, 7000, 120000, NA, NA, 2, "", ""},
        {"COMPLETECALLER|7|120", EVENT_COMPLETE_CALLER, 7000, 120000, NA, NA, NA, "", ""},
        {"COMPLETECALLER|7", EVENT_COMPLETE_CALLER, 7000, NA, NA, NA, NA, "", ""},
        {"RINGNOANSWER|15000", EVENT_RING_NO_ANSWER, NA, NA, 15000, NA, NA, "", ""},
        {"RINGNOANSWER|0", EVENT_RING_NO_ANSWER, NA, NA, 0, NA, NA, "", ""},
        {"RINGNOANSWER|", EVENT_RING_NO_ANSWER, NA, NA, NA, NA, NA, "", ""},
        {"RINGCANCELED|4321", EVENT_RING_CANCELED, NA, NA, 4321, NA, NA, "", ""},
        {"AGENTDUMP|", EVENT_OPERATOR_DUMP, NA, NA, NA, NA, NA, "", ""},
        {"CALLERONHOLD|", EVENT_HOLD, NA, NA, NA, NA, NA, "", ""},
        {"CALLEROFFHOLD|12|PARK", EVENT_UNHOLD, NA, NA, NA, NA, NA, "", "12|PARK"},
    };
    assert_all(table, sizeof table / sizeof table[0]);
}

static void transfers_are_counted_from_the_right(void **state)
{
    (void)state;
    static const struct expected table[] = {
        {"BLINDTRANSFER|700|xfer|3|44|2", EVENT_TRANSFER_BLIND, 3000, 44000, NA, NA, 2, "", "700|xfer"},
        {"TRANSFER|700|xfer|3|44|2", EVENT_TRANSFER_BLIND, 3000, 44000, NA, NA, 2, "", "700|xfer"},
        {"TRANSFER|700|xfer|3|44", EVENT_TRANSFER_BLIND, 3000, 44000, NA, NA, NA, "", "700|xfer"},
        {"TRANSFER|700|xfer", EVENT_TRANSFER_BLIND, NA, NA, NA, NA, NA, "", "700|xfer"},
        {"TRANSFER|700", EVENT_TRANSFER_BLIND, NA, NA, NA, NA, NA, "", "700"},
        {"TRANSFER|", EVENT_TRANSFER_BLIND, NA, NA, NA, NA, NA, "", ""},
        {"TRANSFER", EVENT_TRANSFER_BLIND, NA, NA, NA, NA, NA, "", ""},
        {"ATTENDEDTRANSFER|BRIDGE|6b2c-1|3|44|2", EVENT_TRANSFER_ATTENDED, 3000, 44000, NA, NA, 2, "", "BRIDGE|6b2c-1"},
        {"ATTENDEDTRANSFER|APP|Queue|3|44|2", EVENT_TRANSFER_ATTENDED, 3000, 44000, NA, NA, 2, "", "APP|Queue"},
        {"ATTENDEDTRANSFER|LINK|SIP/1-a|SIP/2-b|3|44|2", EVENT_TRANSFER_ATTENDED, 3000, 44000, NA, NA, 2, "",
         "LINK|SIP/1-a|SIP/2-b"},
    };
    assert_all(table, sizeof table / sizeof table[0]);
}

static void calls_that_are_not_answered(void **state)
{
    (void)state;
    static const struct expected table[] = {
        {"ABANDON|1|4|36", EVENT_ABANDON, 36000, NA, NA, 1, 4, "", ""},
        {"ABANDON|1|4", EVENT_ABANDON, NA, NA, NA, 1, 4, "", ""},
        {"EXITWITHTIMEOUT|1|2|60", EVENT_EXIT_TIMEOUT, 60000, NA, NA, 1, 2, "", ""},
        {"EXITWITHTIMEOUT|1", EVENT_EXIT_TIMEOUT, NA, NA, NA, 1, NA, "", ""},
        {"EXITEMPTY|1|2|60", EVENT_EXIT_EMPTY, 60000, NA, NA, 1, 2, "", ""},
        {"EXITWITHKEY|9|1|2|60", EVENT_EXIT_KEY, 60000, NA, NA, 1, 2, "", "9"},
        {"EXITWITHKEY|*|1", EVENT_EXIT_KEY, NA, NA, NA, 1, NA, "", "*"},
        {"EXITWITHKEY", EVENT_EXIT_KEY, NA, NA, NA, NA, NA, "", ""},
        {"WITHDRAW|2|3|17|", EVENT_WITHDRAW, 17000, NA, NA, 2, 3, "", ""},
        {"WITHDRAW|2|3|17|call|back|later", EVENT_WITHDRAW, 17000, NA, NA, 2, 3, "", "call|back|later"},
        {"WITHDRAW|2|3|17", EVENT_WITHDRAW, 17000, NA, NA, 2, 3, "", ""},
        {"WITHDRAW|2", EVENT_WITHDRAW, NA, NA, NA, 2, NA, "", ""},
        {"FULL|", EVENT_BLOCKED, NA, NA, NA, NA, NA, "", "FULL"},
        {"JOINEMPTY|", EVENT_BLOCKED, NA, NA, NA, NA, NA, "", "JOINEMPTY"},
        {"CLOSED|", EVENT_BLOCKED, NA, NA, NA, NA, NA, "", "CLOSED"},
        {"DIVERT_CA_RATIO|", EVENT_BLOCKED, NA, NA, NA, NA, NA, "", "DIVERT_CA_RATIO"},
        {"DIVERT_HOLDTIME|12", EVENT_BLOCKED, NA, NA, NA, NA, NA, "", "DIVERT_HOLDTIME"},
    };
    assert_all(table, sizeof table / sizeof table[0]);
}

static void operators(void **state)
{
    (void)state;
    static const struct expected table[] = {
        {"ADDMEMBER|", EVENT_MEMBER_ADD, NA, NA, NA, NA, NA, "", ""},
        {"ADDMEMBER|PAUSED", EVENT_MEMBER_ADD, NA, NA, NA, NA, NA, "", "PAUSED"},
        {"REMOVEMEMBER|", EVENT_MEMBER_REMOVE, NA, NA, NA, NA, NA, "", ""},
        {"PAUSE|", EVENT_PAUSE, NA, NA, NA, NA, NA, "", ""},
        {"PAUSE", EVENT_PAUSE, NA, NA, NA, NA, NA, "", ""},
        {"PAUSE|Auto-Pause", EVENT_PAUSE, NA, NA, NA, NA, NA, "", "Auto-Pause"},
        {"PAUSE|a|b|c", EVENT_PAUSE, NA, NA, NA, NA, NA, "", "a|b|c"},
        {"PAUSE|CONNECT|1|2|3", EVENT_PAUSE, NA, NA, NA, NA, NA, "", "CONNECT|1|2|3"},
        {"UNPAUSE|wc|2", EVENT_UNPAUSE, NA, NA, NA, NA, NA, "", "wc|2"},
        {"PAUSEALL|lunch", EVENT_PAUSE_ALL, NA, NA, NA, NA, NA, "", "lunch"},
        {"UNPAUSEALL|", EVENT_UNPAUSE_ALL, NA, NA, NA, NA, NA, "", ""},
        {"AGENTLOGIN|SIP/101-00000001", EVENT_LOGIN, NA, NA, NA, NA, NA, "", "SIP/101-00000001"},
        {"AGENTLOGOFF|SIP/101-1|3600", EVENT_LOGOFF, NA, NA, NA, NA, NA, "", "SIP/101-1|3600"},
        {"AGENTCALLBACKLOGIN|101@phones", EVENT_LOGIN, NA, NA, NA, NA, NA, "", "101@phones"},
        {"AGENTCALLBACKLOGOFF|101@phones|3600|", EVENT_LOGOFF, NA, NA, NA, NA, NA, "", "101@phones|3600|"},
    };
    assert_all(table, sizeof table / sizeof table[0]);
}

static void the_box_and_notes(void **state)
{
    (void)state;
    static const struct expected table[] = {
        {"QUEUESTART|", EVENT_RESTART, NA, NA, NA, NA, NA, "", ""},
        {"CONFIGRELOAD|", EVENT_RELOAD, NA, NA, NA, NA, NA, "", ""},
        {"CONFIGRELOAD", EVENT_RELOAD, NA, NA, NA, NA, NA, "", ""},
        {"DID|5551000", EVENT_NOTE, NA, NA, NA, NA, NA, "", "5551000"},
        {"INFO|IVR|1|2", EVENT_NOTE, NA, NA, NA, NA, NA, "", "IVR|1|2"},
        {"CALLSTATUS|SALE", EVENT_NOTE, NA, NA, NA, NA, NA, "", "SALE"},
        {"OUTCALL|ANSWER|12|x", EVENT_NOTE, NA, NA, NA, NA, NA, "", "ANSWER|12|x"},
        {"PENALTY|5", EVENT_NOTE, NA, NA, NA, NA, NA, "", "5"},
        {"RINGINUSE|1", EVENT_NOTE, NA, NA, NA, NA, NA, "", "1"},
        {"SYSCOMPAT|", EVENT_NOTE, NA, NA, NA, NA, NA, "", ""},
        {"WRAPUPSTART|30", EVENT_NOTE, NA, NA, NA, NA, NA, "", "30"},
        {"SURVEY|5|very|good", EVENT_UNKNOWN_VERB, NA, NA, NA, NA, NA, "", "5|very|good"},
        {"SURVEY", EVENT_UNKNOWN_VERB, NA, NA, NA, NA, NA, "", ""},
        {"connect|1|2|3", EVENT_UNKNOWN_VERB, NA, NA, NA, NA, NA, "", "1|2|3"},
    };
    assert_all(table, sizeof table / sizeof table[0]);
}

static void numbers_of_all_kinds(void **state)
{
    (void)state;
    const int64_t most = INT64_MAX / 1000;
    const struct expected table[] = {
        {"COMPLETEAGENT|-3|-1|-2", EVENT_COMPLETE_OPERATOR, -3000, -1000, NA, NA, -2, "", ""},
        {"COMPLETEAGENT|||", EVENT_COMPLETE_OPERATOR, NA, NA, NA, NA, NA, "", ""},
        {"COMPLETEAGENT|x|1x|-", EVENT_COMPLETE_OPERATOR, NA, NA, NA, NA, NA, "", ""},
        {"COMPLETEAGENT| 1|+1|1.5", EVENT_COMPLETE_OPERATOR, NA, NA, NA, NA, NA, "", ""},
        {"COMPLETEAGENT|007|--1|0x1", EVENT_COMPLETE_OPERATOR, 7000, NA, NA, NA, NA, "", ""},
        {"COMPLETEAGENT|1|2|3|4|5", EVENT_COMPLETE_OPERATOR, 1000, 2000, NA, NA, 3, "", ""},
        {"COMPLETEAGENT|99999999999999999999|-99999999999999999999|9223372036854775808", EVENT_COMPLETE_OPERATOR,
         most * 1000, -most * 1000, NA, NA, most, "", ""},
        {"COMPLETEAGENT|4294967296|9223372036854775|9223372036854776", EVENT_COMPLETE_OPERATOR, 4294967296000,
         most * 1000, NA, NA, most, "", ""},
        {"RINGNOANSWER|-5000", EVENT_RING_NO_ANSWER, NA, NA, -5000, NA, NA, "", ""},
    };
    assert_all(table, sizeof table / sizeof table[0]);
}

static void words_for_nothing_become_empty(void **state)
{
    (void)state;
    static const char *const ids[] = {"NONE", "MANAGER", "CLI", "REALTIME", ""};
    struct call_event event;
    char line[128];
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        snprintf(line, sizeof line, "1795284531|%s|NONE|NONE|ADDMEMBER|", ids[i]);
        assert_int_equal(parse(line, &event), 0);
        assert_int_equal(event.call_id.len, 0);
        assert_int_equal(event.queue.len, 0);
        assert_int_equal(event.operator_name.len, 0);
    }
    const char *others = "1795284531|NONE1|MANAGER|none|ADDMEMBER|";
    assert_int_equal(parse(others, &event), 0);
    assert_slice(others, "the call id", event.call_id, "NONE1");
    assert_slice(others, "the queue", event.queue, "MANAGER");
    assert_slice(others, "the operator", event.operator_name, "none");
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_ms;
        int status;
    } table[] = {
        {"1795284531", T, 0},
        {"0", 0, 0},
        {"1795284531.123456", T + 123, 0},
        {"1795284531.9", T + 900, 0},
        {"1795284531.000999999", T, 0},
        {"253402300799", INT64_C(253402300799000), 0},
        {"253402300800", 0, STATUS_RANGE},
        {"99999999999999999999999999", 0, STATUS_RANGE},
        {"1795284531.", 0, STATUS_INVALID},
        {"1795284531.1234567890", 0, STATUS_INVALID},
        {"1795284531.12x", 0, STATUS_INVALID},
        {"1795284531 ", 0, STATUS_INVALID},
        {".5", 0, STATUS_INVALID},
        {"-1", 0, STATUS_INVALID},
        {"", 0, STATUS_INVALID},
        {"time", 0, STATUS_INVALID},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char line[128];
        struct call_event event;
        snprintf(line, sizeof line, "%s|NONE|NONE|NONE|QUEUESTART|", table[i].text);
        assert_number(line, "the status", parse(line, &event), table[i].status);
        if (table[i].status == 0) {
            assert_number(line, "at_ms", event.at_ms, table[i].at_ms);
        }
    }
}

static void lines_that_are_no_rows(void **state)
{
    (void)state;
    assert_int_equal(status_of(""), QUEUE_LOG_BLANK);
    assert_int_equal(status_of("\r"), QUEUE_LOG_BLANK);
    assert_int_equal(status_of("|"), STATUS_INVALID);
    assert_int_equal(status_of("||||"), STATUS_INVALID);
    assert_int_equal(status_of(" "), STATUS_INVALID);
    assert_int_equal(status_of("1795284531"), STATUS_INVALID);
    assert_int_equal(status_of("1795284531|a|q|x"), STATUS_INVALID);
    assert_int_equal(status_of("1795284531|a|q|x|"), STATUS_INVALID);
    assert_int_equal(status_of("1795284531|a|q|x||CONNECT|1"), STATUS_INVALID);
    assert_int_equal(status_of("\xef\xbb\xbf"
                               "1795284531|a|q|x|CONNECT|1"),
                     STATUS_INVALID);
    assert_int_equal(status_of("1795284531|a\rb|q|x|CONNECT|1"), STATUS_INVALID);
    assert_int_equal(status_of("1795284531|a|q\x1b[2J|x|CONNECT|1"), STATUS_INVALID);
    assert_int_equal(status_of("1795284531|a|q|x|CON\nNECT|1"), STATUS_INVALID);
    struct call_event event;
    assert_int_equal(parse_bytes("1795284531|a|q|\0|CONNECT|1", 26, &event), STATUS_INVALID);
    char *zeros = calloc(1, 4096); /* what a crash leaves behind at the end of a file */
    assert_non_null(zeros);
    assert_int_equal(parse_bytes(zeros, 4096, &event), STATUS_INVALID);
    free(zeros);
}

static void a_line_may_be_as_long_as_asterisks_buffer(void **state)
{
    (void)state;
    char line[QUEUE_LOG_LINE_MAX + 1];
    const struct slice front = slice_str("1795284531|a|q|x|PAUSE|");
    memset(line, 'r', sizeof line);
    memcpy(line, front.data, front.len);
    struct call_event event;
    assert_int_equal(parse_bytes(line, QUEUE_LOG_LINE_MAX, &event), 0);
    assert_int_equal(event.text.len, QUEUE_LOG_LINE_MAX - front.len);
    assert_int_equal(parse_bytes(line, QUEUE_LOG_LINE_MAX + 1, &event), STATUS_INVALID);
    memset(line + front.len, '|', sizeof line - front.len);
    assert_int_equal(parse_bytes(line, QUEUE_LOG_LINE_MAX, &event), 0);
    assert_int_equal(event.text.len, QUEUE_LOG_LINE_MAX - front.len);
}

static void out_is_written_on_success_only(void **state)
{
    (void)state;
    struct call_event event;
    struct call_event before;
    memset(&event, 0x5a, sizeof event);
    memcpy(&before, &event, sizeof event);
    assert_int_equal(queue_log_parse(slice_str(""), &event), QUEUE_LOG_BLANK);
    assert_int_equal(queue_log_parse(slice_str("x|a|q|x|CONNECT|1"), &event), STATUS_INVALID);
    assert_int_equal(queue_log_parse(slice_str("999999999999999|a|q|x|CONNECT|1"), &event), STATUS_RANGE);
    assert_memory_equal(&event, &before, sizeof event);
}

static void bytes_beyond_ascii_and_tabs_pass(void **state)
{
    (void)state;
    struct call_event event;
    const char *utf8 = "1795284531|1.2|Ventas Espa\xc3\xb1"
                       "a|Zo\xc3\xab \xf0\x9f\x99\x82|CONNECT|0|1.3|0\r";
    assert_int_equal(parse(utf8, &event), 0);
    assert_slice(utf8, "the queue", event.queue,
                 "Ventas Espa\xc3\xb1"
                 "a");
    assert_slice(utf8, "the operator", event.operator_name, "Zo\xc3\xab \xf0\x9f\x99\x82");
    assert_int_equal(event.ring_ms, 0); /* the carriage return is no part of it */
    const char *latin1 = "1795284531|1.2|q\t1|Zo\xeb|PAUSE|caf\xe9 \x01\r";
    assert_int_equal(parse(latin1, &event), 0);
    assert_slice(latin1, "the queue", event.queue, "q\t1");
    assert_slice(latin1, "the operator", event.operator_name, "Zo\xeb");
    assert_slice(latin1, "the text", event.text, "caf\xe9 \x01"); /* parameters may hold anything */
}

struct named {
    const char *rest; /* behind "time|id|queue|" */
    const char *operator_name;
    const char *verb;
    const char *text;
};

static void assert_named(const struct named *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char line[256];
        snprintf(line, sizeof line, "1795284531|pbx-01-1795285929.4|q1|%s", table[i].rest);
        struct call_event event;
        assert_number(line, "the status", parse(line, &event), 0);
        assert_slice(line, "the verb", event.verb, table[i].verb);
        assert_slice(line, "the operator", event.operator_name, table[i].operator_name);
        assert_slice(line, "the text", event.text, table[i].text);
    }
}

static void bars_in_an_operators_name_are_seen_through(void **state)
{
    (void)state;
    static const struct named table[] = {
        {"Pipe|Name|CONNECT|0|pbx-01-1795285929.6|0", "Pipe|Name", "CONNECT", ""},
        {"A|B|C|D|COMPLETEAGENT|0|2|1", "A|B|C|D", "COMPLETEAGENT", ""},
        {"|x|COMPLETECALLER|0|2|1", "|x", "COMPLETECALLER", ""},
        {"SIP|106|RINGNOANSWER|5000", "SIP|106", "RINGNOANSWER", ""},
        {"Pipe|Name|RINGCANCELED|5000", "Pipe|Name", "RINGCANCELED", ""},
        {"Pipe|Name|ABANDON|1|1|36", "Pipe|Name", "ABANDON", ""},
        {"Pipe|Name|AGENTDUMP|", "Pipe|Name", "AGENTDUMP", ""},
        {"Pipe|Name|BLINDTRANSFER|700|xfer|0|2|1", "Pipe|Name", "BLINDTRANSFER", "700|xfer"},
        {"Pipe|Name|ATTENDEDTRANSFER|LINK|a|b|0|2|1", "Pipe|Name", "ATTENDEDTRANSFER", "LINK|a|b"},
        {"Pipe|Name|ADDMEMBER|PAUSED", "Pipe|Name", "ADDMEMBER", "PAUSED"},
        {"Pipe|Name|REMOVEMEMBER|", "Pipe|Name", "REMOVEMEMBER", ""},
        {"Pipe|Name|PENALTY|5", "Pipe|Name", "PENALTY", "5"},
        {"Pipe|Name|PAUSE|a|b", "Pipe|Name", "PAUSE", "a|b"},
        {"Pipe|Name|UNPAUSEALL|", "Pipe|Name", "UNPAUSEALL", ""},
    };
    assert_named(table, sizeof table / sizeof table[0]);
}

/* A verb that we do not know stays one when nothing behind it has exactly the parameters of its own. */
static void unknown_verbs_are_not_mistaken_for_names(void **state)
{
    (void)state;
    static const struct named table[] = {
        {"Ana|SURVEY|CONNECT", "Ana", "SURVEY", "CONNECT"},
        {"Ana|SURVEY|CONNECT|1|x", "Ana", "SURVEY", "CONNECT|1|x"},
        {"Ana|SURVEY|CONNECT|one|x|2", "Ana", "SURVEY", "CONNECT|one|x|2"},
        {"Ana|SURVEY|COMPLETEAGENT|1|2|three", "Ana", "SURVEY", "COMPLETEAGENT|1|2|three"},
        {"Ana|SURVEY|PAUSE|lunch", "Ana", "SURVEY", "PAUSE|lunch"},
        {"Ana|SURVEY|ADDMEMBER|x", "Ana", "SURVEY", "ADDMEMBER|x"},
        {"Ana|SURVEY|RINGNOANSWER|", "Ana", "SURVEY", "RINGNOANSWER|"},
        {"Ana|SURVEY|BLINDTRANSFER|700|1|2|3", "Ana", "SURVEY", "BLINDTRANSFER|700|1|2|3"},
        {"Ana|Survey|ENTERQUEUE||5552001|1", "Ana", "Survey", "ENTERQUEUE||5552001|1"}, /* names no operator */
        {"Ana|Survey|EXITWITHTIMEOUT|1|1|60", "Ana", "Survey", "EXITWITHTIMEOUT|1|1|60"},
        {"Ana|Survey|FULL|", "Ana", "Survey", "FULL|"},
        {"b|NONE|ENTERQUEUE||5552001|1", "b", "NONE", "ENTERQUEUE||5552001|1"}, /* queue "q1|b": nobody can tell */
    };
    assert_named(table, sizeof table / sizeof table[0]);
}

/* Lines of real logs as they stand, from Asterisk 22.10. */
static void lines_of_the_captures(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum event_kind kind;
    } table[] = {
        {"1795285928|NONE|NONE|NONE|QUEUESTART|", EVENT_RESTART},
        {"1795285065|NONE|NONE|NONE|CONFIGRELOAD|", EVENT_RELOAD},
        {"1795285929|pbx-01-1795285929.4|q1|NONE|ENTERQUEUE||5552002|1|A_B Ltd", EVENT_ENTER},
        {"1795285933|pbx-01-1795285933.43|q1|NONE|ENTERQUEUE||5552008|1|tab\there", EVENT_ENTER},
        {"1795285929|pbx-01-1795285929.4|q1|Pipe|Name|CONNECT|0|pbx-01-1795285929.6|0", EVENT_CONNECT},
        {"1795285931|pbx-01-1795285929.4|q1|Pipe|Name|COMPLETEAGENT|0|2|1", EVENT_COMPLETE_OPERATOR},
        {"1795285948|my-id.with-dash_78|q1|NONE|ENTERQUEUE||5552078|1|Own Channel Id", EVENT_ENTER},
    };
    struct call_event event;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_number(table[i].line, "the status", parse(table[i].line, &event), 0);
        assert_number(table[i].line, "the kind", event.kind, table[i].kind);
    }
}

struct walk_counts {
    unsigned files;
    unsigned kinds[EVENT_KIND_COUNT];
};

static struct walk_counts walked; /* nftw() has no context */

static bool is_queue_log(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    size_t stem = strlen("queue_log");
    size_t suffix = strspn(name + (strncmp(name, "queue_log", stem) == 0 ? stem : 0), ".0123456789");
    return strncmp(name, "queue_log", stem) == 0 && name[stem + suffix] == 0;
}

static int walk_file(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)where;
    if (type != FTW_F || !is_queue_log(path)) {
        return 0;
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[QUEUE_LOG_LINE_MAX + 2];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        struct call_event event;
        assert_number(line, "the status", parse(line, &event), 0);
        walked.kinds[event.kind]++;
    }
    fclose(file);
    walked.files++;
    return 0;
}

/* Every line of every recorded log is a row, and the known verbs are all known. */
static void whole_captures(void **state)
{
    (void)state;
    memset(&walked, 0, sizeof walked);
    if (nftw(CAPTURES_DIR, walk_file, 8, FTW_PHYS) != 0 || walked.files == 0) {
        skip();
    }
    assert_true(walked.kinds[EVENT_ENTER] > 0);
    assert_true(walked.kinds[EVENT_CONNECT] > 0);
    assert_true(walked.kinds[EVENT_CONNECT] <= walked.kinds[EVENT_ENTER]);
    assert_true(walked.kinds[EVENT_UNKNOWN_VERB] <= 3); /* s40 writes SURVEY and NOTE by hand */
}

/* Noise must neither crash nor name bytes outside the line. */
static void noise(void **state)
{
    (void)state;
    static const char *const pieces[] = {"|",  "NONE", "CONNECT", "1795284531", "-",         "PAUSE",    "0",
                                         "\r", "x",    "",        "\t",         "RINGINUSE", "TRANSFER", "9999999999"};
    uint64_t seed = 1;
    for (int round = 0; round < 30000; round++) {
        char line[256];
        size_t len = 0;
        for (int i = 0; i < 20; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            struct slice piece = slice_str(i % 2 ? "|" : pieces[(seed >> 33) % (sizeof pieces / sizeof pieces[0])]);
            memcpy(line + len, piece.data, piece.len);
            len += piece.len;
        }
        struct slice input = slice_make(line, len);
        struct call_event event;
        if (queue_log_parse(input, &event) != 0) {
            continue;
        }
        const struct slice all[] = {event.verb,          event.call_id, event.queue,
                                    event.operator_name, event.caller,  event.text};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            assert_true(all[i].len == 0 || (all[i].data >= line && all[i].data + all[i].len <= line + len));
        }
        assert_true(event.verb.len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_go_well),
        cmocka_unit_test(transfers_are_counted_from_the_right),
        cmocka_unit_test(calls_that_are_not_answered),
        cmocka_unit_test(operators),
        cmocka_unit_test(the_box_and_notes),
        cmocka_unit_test(numbers_of_all_kinds),
        cmocka_unit_test(words_for_nothing_become_empty),
        cmocka_unit_test(times),
        cmocka_unit_test(lines_that_are_no_rows),
        cmocka_unit_test(a_line_may_be_as_long_as_asterisks_buffer),
        cmocka_unit_test(out_is_written_on_success_only),
        cmocka_unit_test(bytes_beyond_ascii_and_tabs_pass),
        cmocka_unit_test(bars_in_an_operators_name_are_seen_through),
        cmocka_unit_test(unknown_verbs_are_not_mistaken_for_names),
        cmocka_unit_test(lines_of_the_captures),
        cmocka_unit_test(whole_captures),
        cmocka_unit_test(noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
