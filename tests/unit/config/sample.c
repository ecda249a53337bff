#include "tests/unit/config/sample.h"

#include <string.h>

#include "platform/base/status.h"

static int not_root(const char *text, struct buf *why)
{
    if (strcmp(text, "root") == 0) {
        buf_append_str(why, "\"root\" is reserved");
        return STATUS_INVALID;
    }
    return 0;
}

static int short_title(const char *text, struct buf *why)
{
    if (strlen(text) > 8) {
        buf_append_str(why, "is long");
        return STATUS_INVALID;
    }
    return 0;
}

static int made_here(struct buf *out)
{
    buf_append_str(out, "made-here");
    return 0;
}

static const char *color_at(size_t index)
{
    static const char *const colors[] = {"red", "green", "blue"};
    return index < 3 ? colors[index] : NULL;
}

static const char *const modes[] = {"fast", "exact", NULL};
static const char *const steps[] = {"1m", "60m", NULL};

static const struct config_option store_options[] = {
    {.name = "dir", .type = CONFIG_PATH, .default_text = "/var/lib/x", .help = "A place", .restart = true},
    {.name = "size_max",
     .type = CONFIG_BYTES,
     .default_text = "512MiB",
     .min = 16 << 20,
     .max = INT64_C(64) << 30,
     .help = "A size"},
    {.name = "share",
     .type = CONFIG_INT,
     .default_text = "20",
     .min = -5,
     .max = 50,
     .unit = "percent",
     .help = "A part"},
    {.name = "keep",
     .type = CONFIG_DURATION,
     .default_text = "90d",
     .min = 100,
     .max = INT64_C(86400000) * 400,
     .help = "Time"},
    {.name = "step", .type = CONFIG_DURATION, .default_text = "60m", .words = steps, .help = "One | of few"},
    {.name = "mode", .type = CONFIG_ENUM, .default_text = "fast", .words = modes, .help = "A word"},
    {.name = "color", .type = CONFIG_ENUM, .default_text = "green", .word_at = color_at, .help = "A word"},
    {.name = "on", .type = CONFIG_BOOL, .default_text = "yes", .help = "A switch"},
    {.name = "owner",
     .type = CONFIG_STRING,
     .default_text = "somebody",
     .min = 1,
     .max = 16,
     .validate = not_root,
     .help = "A name",
     .make_default = made_here},
    {.name = "tags", .type = CONFIG_STRINGS, .default_text = "first", .min = 1, .max = 16, .help = "Names"},
};

static const struct config_option line_options[] = {
    {.name = "label", .type = CONFIG_STRING, .default_text = "", .help = "Shown"},
    {.name = "limit", .type = CONFIG_DURATION, .default_text = "20s", .help = "Time"},
};

static const struct config_option feed_options[] = {
    {.name = "path", .type = CONFIG_PATH, .default_text = "/dev/null", .help = "Read"},
};

static const struct config_section sections[] = {
    {.name = "store", .help = "Storing", .options = store_options, .option_count = 10},
    {.name = "feed",
     .help = "Feeding",
     .options = feed_options,
     .option_count = 1,
     .titled = true,
     .title_help = "a name",
     .title_allowed = "up to 8 bytes",
     .title_validate = short_title,
     .default_title = "main"},
    {.name = "line",
     .help = "Lines",
     .options = line_options,
     .option_count = 2,
     .titled = true,
     .title_help = "a line",
     .base_title = "*"},
};

const struct config_table sample_table = {
    .title = "sample", .intro = "Words.", .path = "/etc/sample.conf", .sections = sections, .section_count = 3};

void sample_collect(void *lines, const char *line)
{
    buf_append_str(lines, line);
    buf_append_str(lines, "\n");
}

struct config *sample_read_bytes(struct slice bytes, struct buf *lines)
{
    struct config *config = NULL;
    (void)config_parse_buffer("t.conf", bytes, &sample_table, sample_collect, lines, &config);
    return config;
}

struct config *sample_read(const char *text, struct buf *lines)
{
    return sample_read_bytes(slice_str(text), lines);
}
