#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agent/join.h"
#include "platform/tls/secret.h"

enum { TOKEN_TEXT_MAX = 1024 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    interrupted = signal_number;
}

/* Up to the end of the line, or of the file. */
static int read_text(int fd, bool line, struct buf *out)
{
    while (out->len < TOKEN_TEXT_MAX) {
        char c = 0;
        ssize_t got = read(fd, &c, 1);
        if (got < 0) {
            return errno;
        }
        if (got == 0 || (line && c == '\n')) {
            return out->failed ? ENOMEM : 0;
        }
        buf_append(out, &c, 1);
    }
    return EFBIG;
}

/* Whatever happens, the terminal echoes again afterwards. */
static int ask(FILE *err, struct buf *out)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    enum { SIGNALS = sizeof signals / sizeof signals[0] };
    struct sigaction before[SIGNALS];
    const struct sigaction interrupt = {.sa_handler = on_interrupt};
    struct termios was;
    if (tcgetattr(STDIN_FILENO, &was) != 0) {
        return errno;
    }
    struct termios silent = was;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    interrupted = 0;
    for (size_t i = 0; i < SIGNALS; i++) {
        (void)sigaction(signals[i], &interrupt, &before[i]);
    }
    (void)fputs("Token (as `ringside-collector site add` printed it; it is not shown): ", err);
    (void)fflush(err);
    int error = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 ? read_text(STDIN_FILENO, true, out) : errno;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
    (void)fputs("\n", err);
    for (size_t i = 0; i < SIGNALS; i++) {
        (void)sigaction(signals[i], &before[i], NULL);
    }
    if (interrupted) {
        (void)raise((int)interrupted);
    }
    return error;
}

static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return errno;
    }
    int error = read_text(fd, false, out);
    (void)close(fd);
    return error;
}

int join_read_token(const char *path, FILE *err, struct buf *out)
{
    bool standard = !path || strcmp(path, "-") == 0;
    int error = !standard                            ? read_file(path, out)
                : !path && isatty(STDIN_FILENO) != 0 ? ask(err, out)
                                                     : read_text(STDIN_FILENO, false, out);
    if (error != 0) {
        (void)fprintf(err, "ringside-agent: join: no token: %s: %s\n", standard ? "standard input" : path,
                      error == EFBIG ? "too long for one" : strerror(error));
        return 1;
    }
    return 0;
}

void join_forget_token(struct buf *token)
{
    secret_wipe_buf(token);
}
