/* config_sources: what a source in the agent's file can be told: what is read, from where. */
#ifndef RINGSIDE_AGENT_CONFIG_SOURCES_H
#define RINGSIDE_AGENT_CONFIG_SOURCES_H

#include "platform/config/table.h"

enum { CONFIG_SOURCES_OPTIONS = 15 };
extern const struct config_option config_sources_options[CONFIG_SOURCES_OPTIONS];

#endif
