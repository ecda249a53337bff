/* The families that every client library has of its process, by the same names. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "collector/api/metrics_internal.h"
#include "collector/api/metrics_line.h"

enum { STAT_BYTES = 2048, FIELD_UTIME = 14, FIELD_STIME = 15, FIELD_START = 22, FIELD_VIRTUAL = 23, FIELD_PAGES = 24 };

static size_t read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(text, 1, size - 1, file) : 0;
    text[len] = '\0';
    if (file) {
        (void)fclose(file);
    }
    return len;
}

/* proc(5): fields are counted from 1; the second is a name in parentheses that may hold anything. */
static int64_t stat_field(const char *stat, int field)
{
    const char *at = strrchr(stat, ')');
    for (int i = 2; at && i < field; i++) {
        at = strchr(at + 1, ' ');
    }
    return at ? strtoll(at, NULL, 10) : 0;
}

/* Where /proc/stat may not be seen (ProcSubset=pid of the unit), by the clocks: then to the second, so that it hardly
 * moves from one scrape to the next. */
static int64_t boot_by_clocks_s(void)
{
    struct timespec wall;
    struct timespec since_boot;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return wall.tv_sec - since_boot.tv_sec - (wall.tv_nsec < since_boot.tv_nsec);
}

static int64_t boot_s(void)
{
    char text[64];
    long long booted_s = 0;
    FILE *file = fopen("/proc/stat", "re");
    while (file && booted_s == 0 && fgets(text, sizeof text, file)) {
        booted_s = strncmp(text, "btime ", 6) == 0 ? strtoll(text + 6, NULL, 10) : 0;
    }
    if (file) {
        (void)fclose(file);
    }
    return booted_s != 0 ? booted_s : boot_by_clocks_s();
}

static int64_t count_files(void)
{
    int64_t count = -1; /* the directory's own */
    DIR *dir = opendir("/proc/self/fd");
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        count += entry->d_name[0] != '.';
    }
    if (dir) {
        (void)closedir(dir);
    }
    return count;
}

static void put_files(struct buf *out)
{
    struct rlimit limit;
    int64_t files = count_files();
    if (files >= 0) {
        metrics_line_single(out, "process_open_fds", "gauge", "File descriptors open now.", files);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT64_MAX) {
        metrics_line_single(out, "process_max_fds", "gauge", "File descriptors that may be open.",
                            (int64_t)limit.rlim_cur);
    }
}

void metrics_process_text(struct buf *out)
{
    char stat[STAT_BYTES];
    int64_t ticks = sysconf(_SC_CLK_TCK);
    if (read_text("/proc/self/stat", stat, sizeof stat) > 0 && ticks > 0) {
        int64_t used = stat_field(stat, FIELD_UTIME) + stat_field(stat, FIELD_STIME);
        metrics_line_single_seconds(out, "process_cpu_seconds_total", "counter", "Processor time used.",
                                    used * 1000 / ticks);
        metrics_line_single(out, "process_resident_memory_bytes", "gauge", "Memory in use.",
                            stat_field(stat, FIELD_PAGES) * sysconf(_SC_PAGESIZE));
        metrics_line_single(out, "process_virtual_memory_bytes", "gauge",
                            "Address space in use, mapped files included.", stat_field(stat, FIELD_VIRTUAL));
        metrics_line_single_seconds(out, "process_start_time_seconds", "gauge", "When the process started.",
                                    boot_s() * 1000 + stat_field(stat, FIELD_START) * 1000 / ticks);
    }
    put_files(out);
}
