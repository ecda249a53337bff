/* message: the sentences that more than one place needs, each with what is allowed. */
#ifndef RINGSIDE_PLATFORM_CONFIG_MESSAGE_H
#define RINGSIDE_PLATFORM_CONFIG_MESSAGE_H

#include "platform/config/lex.h"
#include "platform/config/report.h"
#include "platform/config/table.h"

/* How messages name an option: `ledger.dir`, `queue "sales".service_level`. title is NULL for plain sections. */
enum { CONFIG_WHERE_MAX = 192 };
void config_where(const struct config_section *section, const char *title, const struct config_option *option,
                  char out[CONFIG_WHERE_MAX]);

/* A token that is no name of an option or section here, with the nearest one that is. */
void config_message_unknown_option(struct config_report *report, const struct config_token *token,
                                   const struct config_section *section);
void config_message_unknown_section(struct config_report *report, const struct config_token *token,
                                    const struct config_table *table);

/* A token that cannot stand where it does, or that cannot be read at all. */
void config_message_misplaced(struct config_report *report, const struct config_token *token, const char *where,
                              const char *allowed);

#endif
