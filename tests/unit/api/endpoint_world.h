/* endpoint_world: a small centre over a real store and registry, and questions to its endpoints as the server puts
 * them: three sites, two of them in the group north, with two queues each and two days of calls. */
#ifndef RINGSIDE_TESTS_UNIT_API_ENDPOINT_WORLD_H
#define RINGSIDE_TESTS_UNIT_API_ENDPOINT_WORLD_H

#include "collector/api/endpoint.h"
#include "platform/json/json.h"

#define WORLD_NOW_MS INT64_C(1795284900000) /* 2026-11-21T18:15:00Z, 19:15 in Madrid */

/* For cmocka, a whole group. */
int world_setup(void **state);
int world_teardown(void **state);

struct api_options *world_options(void);
struct store *world_store(void);

/* Who asks from now on: ACCESS_VIEW at first; 0: nobody. */
void world_as(int role);
void world_body(const char *text); /* of the next question */
void world_deadline(int64_t monotonic_ms);

/* "/api/v1/kpi?by=site&from=today", nothing percent-encoded. Returns the code. */
int world_ask(const char *method, const char *target);
int world_get(const char *target);

/* The answer to the last question. */
const struct endpoint_answer *world_answer(void);
const struct json *world_document(void); /* NULL: no JSON */
const char *world_text(void);
const char *world_what(void); /* of an error */
int64_t world_int(const char *path);

/* Asks and looks whether it is refused like this. */
void world_refused(const char *target, int code, const char *where, const char *what);

#endif
