/* fake_resolve: stands in for the loop's lookups by the linker's --wrap, for the addresses that no test machine has. */
#ifndef RINGSIDE_TESTS_UNIT_NET_FAKE_RESOLVE_H
#define RINGSIDE_TESTS_UNIT_NET_FAKE_RESOLVE_H

/* What the next lookups find, space between: "127.0.0.2 127.0.0.1". "" : they never come back. */
void fake_resolve_set(const char *addresses);

#endif
