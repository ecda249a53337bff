/* watch_kit: documents and pictures for the tests of the watch. */
#ifndef RINGSIDE_TESTS_UNIT_CLI_WATCH_KIT_H
#define RINGSIDE_TESTS_UNIT_CLI_WATCH_KIT_H

#include "agent/cli/watch_layout.h"

struct buf watch_kit_file(const char *name); /* of this directory; owned */

/* live.json, or the text given; owned. */
struct watch_model *watch_kit_model(void);
struct watch_model *watch_kit_parse(const char *text);

struct watch_picture watch_kit_picture(const struct watch_model *model);

/* The picture as text; with `roles`, behind it the same with a letter for what each cell is. */
struct buf watch_kit_draw(const struct watch_picture *picture, struct watch_view *view, size_t width, size_t height,
                          bool utf8, bool roles);

#endif
