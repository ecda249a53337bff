#include "tests/bench/series_files.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 4096, LABELS = 160 };

const int series_bounds_s[SERIES_BUCKETS - 1] = {5, 10, 20, 30, 60, 120, 300};

struct family {
    const char *name;
    const char *type;
    const char *suffix;
    size_t offset; /* of the value in a change */
};

#define MEMBER(member) offsetof(struct series_change, member)
static const struct family families[] = {{"queue_entered", "counter", "_total", MEMBER(entered)},
                                         {"queue_answered", "counter", "_total", MEMBER(answered)},
                                         {"queue_abandoned", "counter", "_total", MEMBER(abandoned)},
                                         {"queue_talk_seconds", "counter", "_total", MEMBER(talk_s)},
                                         {"queue_wait_seconds", "histogram", "_bucket", MEMBER(buckets)},
                                         {"queue_wait_seconds", NULL, "_sum", MEMBER(wait_s)},
                                         {"queue_wait_seconds", NULL, "_count", MEMBER(buckets[SERIES_BUCKETS - 1])}};
enum { FAMILIES = sizeof families / sizeof families[0] };

struct writer {
    const struct series_plan *plan;
    FILE *open_metrics;
    FILE *json;
    uint64_t series;
};

void series_change_wait(struct series_change *change, int64_t wait_s)
{
    change->wait_s += (uint32_t)wait_s;
    for (int i = 0; i < SERIES_BUCKETS; i++) {
        change->buckets[i] += i == SERIES_BUCKETS - 1 || wait_s <= series_bounds_s[i];
    }
}

static uint32_t value_of(const struct writer *writer, uint32_t step, uint32_t queue_of_all, size_t offset)
{
    const struct series_plan *plan = writer->plan;
    uint16_t chosen = plan->chosen[(size_t)step * plan->sites * plan->queues + queue_of_all];
    uint32_t value = 0;
    if (chosen != SERIES_NONE) {
        memcpy(&value, (const char *)&plan->changes[chosen] + offset, sizeof value);
    }
    return value;
}

/* `le` is the bound of a bucket, or NULL. A sample stands at the end of its step. */
static void write_series(struct writer *writer, const struct family *family, uint32_t queue_of_all, const char *le,
                         size_t offset)
{
    const struct series_plan *plan = writer->plan;
    char labels[LABELS];
    uint64_t total = 0;
    uint32_t site = queue_of_all / plan->queues + 1;
    uint32_t queue = queue_of_all % plan->queues + 1;
    (void)snprintf(labels, sizeof labels, "site=\"fleet-%05" PRIu32 "\",queue=\"queue-%02" PRIu32 "\"%s%s%s", site,
                   queue, le ? ",le=\"" : "", le ? le : "", le ? "\"" : "");
    (void)fprintf(writer->json,
                  "{\"metric\":{\"__name__\":\"%s%s\",\"site\":\"fleet-%05" PRIu32 "\",\"queue\":\"queue-%02" PRIu32
                  "\"%s%s%s},\"values\":[",
                  family->name, family->suffix, site, queue, le ? ",\"le\":\"" : "", le ? le : "", le ? "\"" : "");
    for (uint32_t step = 0; step < plan->steps; step++) {
        total += value_of(writer, step, queue_of_all, offset);
        (void)fprintf(writer->open_metrics, "%s%s{%s} %" PRIu64 " %" PRId64 "\n", family->name, family->suffix, labels,
                      total, plan->from_s + (int64_t)(step + 1) * plan->step_s);
        (void)fprintf(writer->json, "%s%" PRIu64, step ? "," : "", total);
    }
    (void)fputs("],\"timestamps\":[", writer->json);
    for (uint32_t step = 0; step < plan->steps; step++) {
        (void)fprintf(writer->json, "%s%" PRId64, step ? "," : "",
                      (plan->from_s + (int64_t)(step + 1) * plan->step_s) * 1000);
    }
    (void)fputs("]}\n", writer->json);
    writer->series++;
}

static void write_queue(struct writer *writer, const struct family *family, uint32_t queue_of_all)
{
    if (family->offset != MEMBER(buckets)) {
        write_series(writer, family, queue_of_all, NULL, family->offset);
        return;
    }
    for (int i = 0; i < SERIES_BUCKETS; i++) {
        char le[16] = "+Inf";
        if (i < SERIES_BUCKETS - 1) {
            (void)snprintf(le, sizeof le, "%d.0", series_bounds_s[i]);
        }
        write_series(writer, family, queue_of_all, le, family->offset + (size_t)i * sizeof(uint32_t));
    }
}

static void write_all(struct writer *writer)
{
    for (int i = 0; i < FAMILIES; i++) {
        if (families[i].type) {
            (void)fprintf(writer->open_metrics, "# TYPE %s %s\n", families[i].name, families[i].type);
        }
        for (uint32_t queue = 0; queue < writer->plan->sites * writer->plan->queues; queue++) {
            write_queue(writer, &families[i], queue);
        }
    }
    (void)fputs("# EOF\n", writer->open_metrics);
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return fopen(path, "we");
}

uint64_t series_files_write(const struct series_plan *plan, const char *dir)
{
    struct writer writer = {
        .plan = plan, .open_metrics = open_in(dir, "series.om"), .json = open_in(dir, "series.jsonl")};
    bool ok = writer.open_metrics && writer.json;
    if (ok) {
        write_all(&writer);
    }
    ok = (!writer.open_metrics || fclose(writer.open_metrics) == 0) && ok;
    ok = (!writer.json || fclose(writer.json) == 0) && ok;
    return ok ? writer.series : 0;
}
