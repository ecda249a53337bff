#include "platform/service/sandbox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "platform/base/status.h"
#include "platform/service/sandbox_internal.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

bool sandbox_suits_build(void)
{
    return !SANITIZED;
}

void sandbox_say(struct buf *why, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_printf(why, "%s%s", why->len > 0 ? "; " : "", text);
}

/* Files first: afterwards the filter of calls does not let Landlock be asked any more. */
int sandbox_enter(const struct sandbox_options *options, struct sandbox_facts *out, struct buf *why)
{
    *out = (struct sandbox_facts){0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        sandbox_say(why, "the kernel refused no_new_privs: %s", strerror(errno));
        return STATUS_IO;
    }
    bool local = sandbox_load_modules();
    int files = sandbox_files_enter(options, out, why);
    int calls = sandbox_calls_enter(options, local, out, why);
    return files != 0 ? files : calls;
}

void sandbox_describe(const struct sandbox_facts *facts, struct buf *out)
{
    if (!facts->seccomp && !facts->files) {
        buf_append_str(out, "nothing");
        return;
    }
    if (facts->seccomp) {
        buf_append_str(out, "system calls");
    }
    if (facts->files) {
        buf_printf(out, "%sfiles (Landlock %u)", facts->seccomp ? ", " : "", facts->landlock);
    }
    if (facts->ports) {
        buf_append_str(out, ", TCP ports");
    }
}

void sandbox_foresee(struct sandbox_facts *out)
{
    *out = (struct sandbox_facts){0};
    if (sandbox_suits_build()) {
        out->seccomp = sandbox_calls_known();
        out->landlock = sandbox_files_version();
        out->files = out->landlock >= 1;
        out->ports = out->landlock >= SANDBOX_KNOWS_PORTS;
    }
}

bool sandbox_foretell(struct buf *out)
{
    struct sandbox_facts facts;
    sandbox_foresee(&facts);
    buf_printf(out, "system calls %s, files %s", facts.seccomp ? "yes" : "no", facts.files ? "yes" : "no");
    if (facts.files) {
        buf_printf(out, " (Landlock %u)", facts.landlock);
    }
    buf_printf(out, ", TCP ports %s", facts.ports ? "yes" : "no");
    if (!sandbox_suits_build()) {
        buf_append_str(out, ": built with sanitizers, which trace their own process");
    }
    return facts.seccomp && facts.files;
}

int sandbox_confine(bool required, const struct sandbox_options *options, struct sandbox_facts *out, struct buf *line)
{
    struct buf why = BUF_INIT;
    int status = 0;
    *out = (struct sandbox_facts){0};
    if (sandbox_suits_build()) {
        status = sandbox_enter(options, out, &why);
    } else {
        sandbox_say(&why, "built with sanitizers, which trace their own process");
    }
    bool whole = status == 0 && out->seccomp && out->files;
    buf_append_str(line, "confined: ");
    sandbox_describe(out, line);
    if (why.len > 0) {
        buf_printf(line, " (%s)", buf_cstr(&why));
    }
    buf_deinit(&why);
    if (whole) {
        return 0;
    }
    return !required ? SANDBOX_LESS : status != 0 ? status : STATUS_UNSUPPORTED;
}
