#include "platform/config/table.h"

const struct config_section *config_table_section(const struct config_table *table, struct slice name)
{
    for (size_t i = 0; i < table->section_count; i++) {
        if (slice_is(name, table->sections[i].name)) {
            return &table->sections[i];
        }
    }
    return NULL;
}

const struct config_option *config_section_option(const struct config_section *section, struct slice name)
{
    for (size_t i = 0; i < section->option_count; i++) {
        if (slice_is(name, section->options[i].name)) {
            return &section->options[i];
        }
    }
    return NULL;
}

const char *config_option_word(const struct config_option *option, size_t index)
{
    if (option->word_at) {
        return option->word_at(index);
    }
    return option->words ? option->words[index] : NULL;
}
