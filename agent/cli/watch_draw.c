#include "agent/cli/watch_draw.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define NCURSES_NOMACROS 1
#include <ncurses.h>
#include <term.h>

#include "agent/cli/watch_view.h"
#include "platform/base/status.h"

enum { ESCAPE_MS = 25, PAIR_GOOD = 1, PAIR_WARN, PAIR_BAD, PAIR_FAINT, GREY = 8, RESTORE_MAX = 256 };

static struct {
    SCREEN *screen;
    struct termios before;
    bool has_before;
    char restore[RESTORE_MAX]; /* what brings the terminal back, for a handler that may only write */
    size_t restore_len;
    attr_t attributes[WATCH_ROLE_COUNT];
    short pairs[WATCH_ROLE_COUNT];
} drawing;

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* May be called from a signal handler: tcsetattr() and write() only. */
static void restore_terminal(int number)
{
    ssize_t written = write(STDOUT_FILENO, drawing.restore, drawing.restore_len);
    (void)written;
    if (drawing.has_before) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &drawing.before);
    }
    (void)raise(number); /* SA_RESETHAND: now it kills */
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_handler = restore_terminal, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        (void)sigaction(faults[i], &action, NULL);
    }
}

/* A capability without its waiting times ("$<2>"), which only matter to terminals on slow wires. */
static void remember(const char *name)
{
    const char *text = tigetstr(name);
    if (!text || text == (const char *)-1) {
        return;
    }
    for (; *text && drawing.restore_len < sizeof drawing.restore; text++) {
        if (text[0] == '$' && text[1] == '<') {
            text += strcspn(text, ">");
            if (!*text) {
                return;
            }
        } else {
            drawing.restore[drawing.restore_len++] = *text;
        }
    }
}

static void remember_terminal(void)
{
    drawing.restore_len = 0;
    remember("sgr0");
    remember("cnorm");
    remember("rmkx");
    remember("rmcup");
    catch_faults();
}

static void set_role(enum watch_role role, attr_t attributes, short pair)
{
    drawing.attributes[role] = attributes;
    drawing.pairs[role] = pair;
}

/* Without colour the marks in the text say it, and these let the eye find them. */
static void choose_monochrome(void)
{
    set_role(WATCH_PLAIN, A_NORMAL, 0);
    set_role(WATCH_FAINT, A_DIM, 0);
    set_role(WATCH_STRONG, A_BOLD, 0);
    set_role(WATCH_HEAD, A_UNDERLINE, 0);
    set_role(WATCH_BAR, A_REVERSE, 0);
    set_role(WATCH_GOOD, A_NORMAL, 0);
    set_role(WATCH_WARN, A_BOLD, 0);
    set_role(WATCH_BAD, A_BOLD | A_UNDERLINE, 0);
}

static void choose_colours(void)
{
    if (start_color() != OK || COLOR_PAIRS < 5) {
        return;
    }
    short ground = use_default_colors() == OK ? -1 : COLOR_BLACK;
    (void)init_pair(PAIR_GOOD, COLOR_GREEN, ground);
    (void)init_pair(PAIR_WARN, COLOR_YELLOW, ground);
    (void)init_pair(PAIR_BAD, COLOR_RED, ground);
    set_role(WATCH_GOOD, A_NORMAL, PAIR_GOOD);
    set_role(WATCH_WARN, A_BOLD, PAIR_WARN);
    set_role(WATCH_BAD, A_BOLD, PAIR_BAD);
    if (COLORS > GREY && init_pair(PAIR_FAINT, GREY, ground) == OK) {
        set_role(WATCH_FAINT, A_NORMAL, PAIR_FAINT);
    }
}

/* With less there is no full screen to speak of. */
static bool can_do_enough(void)
{
    int error;
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK) {
        return false;
    }
    const char *move_to = tigetstr("cup");
    const char *wipe = tigetstr("clear");
    bool enough = move_to && move_to != (const char *)-1 && wipe && wipe != (const char *)-1;
    (void)del_curterm(cur_term);
    return enough;
}

int watch_draw_start(bool colour)
{
    (void)setlocale(LC_CTYPE, "");
    if (!can_do_enough()) {
        return STATUS_UNSUPPORTED;
    }
    drawing.has_before = tcgetattr(STDIN_FILENO, &drawing.before) == 0;
    drawing.screen = newterm(NULL, stdout, stdin);
    if (!drawing.screen) {
        return STATUS_UNSUPPORTED;
    }
    remember_terminal();
    (void)cbreak();
    (void)noecho();
    (void)nonl();
    (void)keypad(stdscr, TRUE);
    (void)nodelay(stdscr, TRUE);
    (void)set_escdelay(ESCAPE_MS);
    (void)curs_set(0);
    choose_monochrome();
    if (colour && has_colors()) {
        choose_colours();
    }
    return 0;
}

void watch_draw_end(void)
{
    if (!drawing.screen) {
        return;
    }
    (void)endwin();
    delscreen(drawing.screen);
    drawing.screen = NULL;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        (void)signal(faults[i], SIG_DFL);
    }
}

bool watch_draw_utf8(void)
{
    wchar_t character = 0;
    mbstate_t state = {0};
    return mbrtowc(&character, "\xC3\xA9", 2, &state) == 2 && character == 0xE9;
}

void watch_draw_size(size_t *width, size_t *height)
{
    int wide = getmaxx(stdscr);
    int high = getmaxy(stdscr);
    *width = wide > 0 ? (size_t)wide : 1;
    *height = high > 0 ? (size_t)high : 1;
}

static void draw_cell(const struct watch_cell *cell, int x, int y)
{
    wchar_t text[WATCH_MARKS_MAX + 2] = {(wchar_t)cell->code};
    for (size_t i = 0; i < WATCH_MARKS_MAX; i++) {
        text[i + 1] = (wchar_t)cell->marks[i];
    }
    attr_t attributes = drawing.attributes[cell->role] ^ (cell->selected ? A_REVERSE : A_NORMAL);
    cchar_t character;
    if (setcchar(&character, text, attributes, drawing.pairs[cell->role], NULL) == OK) {
        (void)mvadd_wch(y, x, &character);
    }
}

void watch_draw_show(const struct watch_grid *grid)
{
    (void)erase();
    for (size_t y = 0; y < grid->height; y++) {
        for (size_t x = 0; x < grid->width; x++) {
            const struct watch_cell *cell = watch_grid_at(grid, x, y);
            bool blank = cell->code == ' ' && !cell->selected && drawing.attributes[cell->role] == A_NORMAL;
            if (cell->code != 0 && !blank) {
                draw_cell(cell, (int)x, (int)y);
            }
        }
    }
    (void)refresh();
}

int watch_draw_key(void)
{
    int key = getch();
    switch (key) {
    case ERR: return WATCH_DRAW_NO_KEY;
    case KEY_RESIZE: return WATCH_DRAW_RESIZED;
    case KEY_UP: return WATCH_KEY_UP;
    case KEY_DOWN: return WATCH_KEY_DOWN;
    case KEY_PPAGE: return WATCH_KEY_PAGE_UP;
    case KEY_NPAGE: return WATCH_KEY_PAGE_DOWN;
    case KEY_HOME: return WATCH_KEY_HOME;
    case KEY_END: return WATCH_KEY_END;
    case KEY_ENTER: return WATCH_KEY_ENTER;
    case KEY_BACKSPACE:
    case KEY_LEFT: return WATCH_KEY_BACK;
    case KEY_RIGHT: return WATCH_KEY_ENTER;
    default: return key < 128 ? key : 0;
    }
}
