/* no_links: a disk on which a file cannot have two names. The test is linked with --wrap=link. */
#ifndef RINGSIDE_TESTS_UNIT_KV_NO_LINKS_H
#define RINGSIDE_TESTS_UNIT_KV_NO_LINKS_H

#include <stdbool.h>

extern bool no_links; /* as long as it is set */

#endif
