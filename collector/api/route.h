/* route: which endpoint a path leads to. */
#ifndef RINGSIDE_COLLECTOR_API_ROUTE_H
#define RINGSIDE_COLLECTOR_API_ROUTE_H

#include <stdbool.h>

#include "collector/api/endpoint.h"
#include "collector/api/question.h"

enum route_kind {
    ROUTE_ENDPOINT,
    ROUTE_METHOD, /* there is something, but not for this method */
    ROUTE_FILE,   /* the dashboard's, if anybody's */
    ROUTE_NOTHING
};

struct route {
    const struct endpoint *endpoint;
    struct slice rest;
    const char *allow; /* methods, as the header has them; of ROUTE_ENDPOINT and ROUTE_METHOD */
};

/* HEAD is GET. */
enum route_kind route_find(const struct question *question, const char *method, struct route *out);

#endif
