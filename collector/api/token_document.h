/* token_document: the access tokens as a document, of which the command line and the HTTP interface make what they
 * show. What a token is known by is not in it.
 *
 *     {"as_of", "tokens": [{"name", "role", "created", "expires", "revoked", "valid"}]}
 *
 * In the order of their names. Never: null. */
#ifndef RINGSIDE_COLLECTOR_API_TOKEN_DOCUMENT_H
#define RINGSIDE_COLLECTOR_API_TOKEN_DOCUMENT_H

#include <stdint.h>

#include "collector/registry/access.h"
#include "platform/json/json.h"

/* As access_each(); what could be read is in it even where that failed. Returns owned; NULL: no memory. */
int token_document(struct registry *registry, int64_t now_ms, struct json **out);

#endif
