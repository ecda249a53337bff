#include "agent/source/verb.h"

#include "platform/base/hash.h"

/* A slot for every verb by four things that are at hand: first, middle and last letter, and the length. The factors
 * were searched for; two verbs in one slot would not compile (-Woverride-init). */
enum { SLOTS = 128 };
#define SLOT(first, middle, last, length)                                                                              \
    (((unsigned)(first) + 17U * (unsigned)(middle) + 20U * (unsigned)(last) + 4U * (unsigned)(length)) % SLOTS)

#define VERB(first, middle, last, name, kind, shape, operator_named)                                                   \
    [SLOT(first, middle, last, sizeof(name) - 1)] = {name, sizeof(name) - 1, EVENT_##kind, VERB_##shape, operator_named}

/* clang-format off */
static const struct verb verbs[SLOTS] = {
    VERB('A', 'N', 'N', "ABANDON", ABANDON, LEAVE, 1),
    VERB('A', 'E', 'R', "ADDMEMBER", MEMBER_ADD, MEMBER, 1),
    VERB('A', 'B', 'N', "AGENTCALLBACKLOGIN", LOGIN, TEXT, 1),
    VERB('A', 'B', 'F', "AGENTCALLBACKLOGOFF", LOGOFF, TEXT, 1),
    VERB('A', 'T', 'P', "AGENTDUMP", OPERATOR_DUMP, EMPTY, 1),
    VERB('A', 'L', 'N', "AGENTLOGIN", LOGIN, TEXT, 1),
    VERB('A', 'L', 'F', "AGENTLOGOFF", LOGOFF, TEXT, 1),
    VERB('A', 'T', 'R', "ATTENDEDTRANSFER", TRANSFER_ATTENDED, TRANSFER, 1),
    VERB('B', 'R', 'R', "BLINDTRANSFER", TRANSFER_BLIND, TRANSFER, 1),
    VERB('C', 'O', 'D', "CALLEROFFHOLD", UNHOLD, TEXT, 1),
    VERB('C', 'O', 'D', "CALLERONHOLD", HOLD, TEXT, 1),
    VERB('C', 'T', 'S', "CALLSTATUS", NOTE, TEXT, 0),
    VERB('C', 'S', 'D', "CLOSED", BLOCKED, SELF, 0),
    VERB('C', 'T', 'T', "COMPLETEAGENT", COMPLETE_OPERATOR, COMPLETE, 1),
    VERB('C', 'E', 'R', "COMPLETECALLER", COMPLETE_CALLER, COMPLETE, 1),
    VERB('C', 'R', 'D', "CONFIGRELOAD", RELOAD, TEXT, 0),
    VERB('C', 'N', 'T', "CONNECT", CONNECT, CONNECT, 1),
    VERB('D', 'I', 'D', "DID", NOTE, TEXT, 0),
    VERB('D', 'C', 'O', "DIVERT_CA_RATIO", BLOCKED, SELF, 0),
    VERB('D', 'H', 'E', "DIVERT_HOLDTIME", BLOCKED, SELF, 0),
    VERB('E', 'Q', 'E', "ENTERQUEUE", ENTER, ENTER, 0),
    VERB('E', 'E', 'Y', "EXITEMPTY", EXIT_EMPTY, LEAVE, 0),
    VERB('E', 'I', 'Y', "EXITWITHKEY", EXIT_KEY, LEAVE_BY_KEY, 0),
    VERB('E', 'H', 'T', "EXITWITHTIMEOUT", EXIT_TIMEOUT, LEAVE, 0),
    VERB('F', 'L', 'L', "FULL", BLOCKED, SELF, 0),
    VERB('I', 'F', 'O', "INFO", NOTE, TEXT, 0),
    VERB('J', 'E', 'Y', "JOINEMPTY", BLOCKED, SELF, 0),
    VERB('O', 'C', 'L', "OUTCALL", NOTE, TEXT, 0),
    VERB('P', 'U', 'E', "PAUSE", PAUSE, REASON, 1),
    VERB('P', 'E', 'L', "PAUSEALL", PAUSE_ALL, REASON, 1),
    VERB('P', 'A', 'Y', "PENALTY", NOTE, NUMBER, 1),
    VERB('Q', 'S', 'T', "QUEUESTART", RESTART, TEXT, 0),
    VERB('R', 'M', 'R', "REMOVEMEMBER", MEMBER_REMOVE, EMPTY, 1),
    VERB('R', 'N', 'D', "RINGCANCELED", RING_CANCELED, RING, 1),
    VERB('R', 'I', 'E', "RINGINUSE", NOTE, NUMBER, 1),
    VERB('R', 'A', 'R', "RINGNOANSWER", RING_NO_ANSWER, RING, 1),
    VERB('S', 'O', 'T', "SYSCOMPAT", NOTE, EMPTY, 1),
    VERB('T', 'S', 'R', "TRANSFER", TRANSFER_BLIND, TRANSFER, 1),
    VERB('U', 'A', 'E', "UNPAUSE", UNPAUSE, REASON, 1),
    VERB('U', 'S', 'L', "UNPAUSEALL", UNPAUSE_ALL, REASON, 1),
    VERB('W', 'D', 'W', "WITHDRAW", WITHDRAW, WITHDRAW, 0),
    VERB('W', 'P', 'T', "WRAPUPSTART", NOTE, TEXT, 0),
};
/* clang-format on */

const struct verb *verb_find(struct slice name)
{
    if (name.len == 0 || name.len >= sizeof verbs[0].name) {
        return NULL;
    }
    const uint8_t *letters = (const uint8_t *)name.data;
    const struct verb *verb = &verbs[SLOT(letters[0], letters[name.len / 2], letters[name.len - 1], name.len)];
    return verb->length == name.len && hash_same(verb->name, name.data, name.len) ? verb : NULL;
}
