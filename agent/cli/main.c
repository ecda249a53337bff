#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "platform/time/clock.h"

enum { WIDTH_MIN = 60, WIDTH_DEFAULT = 80, WIDTH_MAX = 200 };

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return WIDTH_DEFAULT;
    }
    return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
}

int main(int argc, char **argv)
{
    const char *no_colour = getenv("NO_COLOR");
    bool terminal = isatty(STDOUT_FILENO) == 1;
    (void)signal(SIGPIPE, SIG_IGN);
    const struct cli_world world = {
        .out = stdout,
        .err = stderr,
        .agent = getenv("RINGSIDE_AGENT"),
        .width = terminal_width(),
        .colour = terminal && !(no_colour && *no_colour),
        .terminal = terminal && isatty(STDIN_FILENO) == 1,
        .now_ms = clock_wall_ms(),
    };
    return cli_run(argc, argv, &world);
}
