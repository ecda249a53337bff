/* endpoint_reply: answers as they are given back: documents, and failures as codes of HTTP. */
#ifndef RINGSIDE_COLLECTOR_API_ENDPOINT_REPLY_H
#define RINGSIDE_COLLECTOR_API_ENDPOINT_REPLY_H

#include <stdint.h>

#include "collector/api/endpoint.h"
#include "platform/json/json.h"
#include "proto/report/query.h"

#define ENDPOINT_JSON "application/json"
#define ENDPOINT_CSV "text/csv; charset=utf-8"
#define ENDPOINT_PLAIN "text/plain; charset=utf-8"

/* What is about now, and the rest: so long it may be given again. */
enum { ENDPOINT_FRESH_NOW_MS = 2000, ENDPOINT_STALE_NOW_MS = 3000 };

/* The centre's zone is in force on this thread, until zone_use(NULL). */
void endpoint_reply_use_zone(const struct endpoint_request *request);

/* Makes the answer with the centre's zone in force on this thread, for whatever has no zone of its own. */
void endpoint_reply_in_zone(const struct endpoint_request *request, struct endpoint_answer *out,
                            void (*answer)(const struct endpoint_request *request, struct endpoint_answer *out));

/* Takes the document. */
void endpoint_reply_json(struct endpoint_answer *out, struct json *document);
void endpoint_reply_now(struct endpoint_answer *out, struct json *document); /* with the times of what is about now */

/* Of a status: what asks for something else says why (why may be NULL or empty); what is wrong here is told to the log,
 * now and then, and to nobody else. `where` may be NULL; it is only told of what is not found or not allowed. */
void endpoint_reply_failure(const struct endpoint_request *request, struct endpoint_answer *out, int status,
                            const char *where, const struct query_why *why);

#endif
