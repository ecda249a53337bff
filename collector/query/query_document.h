/* query_document: what the answers of this stage have in common when they become a document. */
#ifndef RINGSIDE_COLLECTOR_QUERY_QUERY_DOCUMENT_H
#define RINGSIDE_COLLECTOR_QUERY_QUERY_DOCUMENT_H

#include "collector/query/kpi_scope.h"
#include "platform/json/json.h"
#include "proto/measures.h"
#include "proto/report/query.h"

struct json *query_document_new(void); /* a map; ends with query_document_end() */

/* Hands the document out when `status` is 0 and all of it could be made, else frees it and sees that why->text says
 * something. Returns what it came to. */
int query_document_end(int status, struct json *document, struct json **out, struct query_why *why);

/* "scope": {"all": true}, {"group"} or {"site"} */
void query_document_scope(struct json *out, const struct kpi_scope *scope);

/* key: {"threshold_s", "method"}; returns it, borrowed. */
struct json *query_document_level(struct json *out, const char *key, const struct queue_settings *settings);

/* A whole number is written as one; NaN is null. */
void query_document_add(struct json *list, double value);
void query_document_put(struct json *map, const char *key, double value);

const char *query_document_step(enum query_grain grain); /* "interval", "hour", "day"; "whole" */

#endif
