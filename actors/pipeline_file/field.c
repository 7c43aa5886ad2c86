#include "pipeline_file/field.h"
#include "pipeline_file/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hf_zpl_wrong(const hf_zpl_spot_t *spot, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *message = hf_zpl_vformat(format, args);
    va_end(args);
    hf_zpl_report(spot->reader, spot->block->source, spot->item->line, "'%s' in %s %s",
                  HF_ZPL_SHOWN(spot->item->name), spot->where, message);
    free(message);
}

const hf_zpl_field_t *hf_zpl_field(const hf_zpl_field_t *fields, size_t size, const char *name) {
    for (size_t number = 0; number < size; number++) {
        if (strcmp(fields[number].name, name) == 0) {
            return fields + number;
        }
    }
    return NULL;
}

//  The block among fields that knows this name, for a line that slipped out of it.
static const char *s_field_below(const hf_zpl_field_t *fields, size_t size, const char *name) {
    for (size_t number = 0; number < size; number++) {
        if (fields[number].fields && hf_zpl_field(fields[number].fields, fields[number].fields_size, name)) {
            return fields[number].name;
        }
    }
    return NULL;
}

static void s_unknown(const hf_zpl_spot_t *spot, const hf_zpl_field_t *fields, size_t size) {
    const char *known[HF_ZPL_FIELDS_MAX];
    char all[256] = "";
    for (size_t number = 0; number < size; number++) {
        known[number] = fields[number].name;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", number ? ", " : "", known[number]);
    }
    const char *name = spot->item->name;
    const char *below = s_field_below(fields, size, name);
    const char *nearest = below ? NULL : hf_nearest(name, known, size);
    hf_zpl_report(spot->reader, spot->block->source, spot->item->line, "unknown name '%s' in %s; %s%s%s",
                  HF_ZPL_SHOWN(name), spot->where,
                  below     ? "it belongs below '"
                  : nearest ? "did you mean '"
                            : "known are ",
                  below     ? below
                  : nearest ? nearest
                            : all,
                  below     ? "', four spaces further in"
                  : nearest ? "'?"
                            : "");
}

//  Fills the value's secrets in and hands it to its setter.
static void s_value(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, void *target) {
    const hf_zpl_item_t *item = spot->item;
    if (!item->given || !item->value[0]) {
        hf_zpl_wrong(spot, "has no value; write '%s = …'", field->name);
        return;
    }
    if (field->shown && strstr(item->value, "${")) {
        hf_zpl_wrong(spot, "cannot hold a secret (${…}): people see it");
        return;
    }
    hf_error_t error;
    const char *folder = spot->reader->sources[spot->block->source].folder;
    char *text = hf_zpl_secret_fill(item->value, folder, field->in_template,
                                    spot->reader->outside->secret_read, &error);
    if (text) {
        field->set(spot, field, text, (char *)target + field->at);
    } else {
        hf_zpl_wrong(spot, "cannot be filled in: %s", error.text);
    }
    free(text);
}

static void s_known(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, size_t place, void *target) {
    size_t behind = hf_zpl_block_behind(spot->block, place);
    if (field->fields) {
        if (spot->item->given) {
            hf_zpl_wrong(spot, "takes no value; its names stand below it, four spaces further in");
        }
        char where[HF_ZPL_WHERE_MAX];
        snprintf(where, sizeof where, "%s of %s", field->name, spot->where);
        hf_zpl_spot_t below = *spot;
        below.where = where;
        hf_zpl_fields_read(&below, place, field->fields, field->fields_size, target);
        return;
    }
    if (!spot->item->broken) {
        s_value(spot, field, target);
    }
    if (behind > place + 1) {
        hf_zpl_report(spot->reader, spot->block->source, spot->item[1].line,
                      "'%s' stands below '%s', which takes no names below it; mend the indentation",
                      HF_ZPL_SHOWN(spot->item[1].name), field->name);
    }
}

void hf_zpl_fields_read(const hf_zpl_spot_t *above, size_t place, const hf_zpl_field_t *fields, size_t size,
                        void *target) {
    const hf_zpl_block_t *block = above->block;
    size_t end = hf_zpl_block_behind(block, place), first[HF_ZPL_FIELDS_MAX] = {0};
    for (size_t next = place + 1; next < end; next = hf_zpl_block_behind(block, next)) {
        hf_zpl_spot_t spot = *above;
        spot.item = block->items + next;
        const hf_zpl_field_t *field = hf_zpl_field(fields, size, spot.item->name);
        size_t *first_line = field ? &first[field - fields] : NULL;
        if (!field) {
            s_unknown(&spot, fields, size);
        } else if (*first_line && !field->repeated) {
            hf_zpl_report(spot.reader, block->source, spot.item->line,
                          "'%s' stands twice in %s; first in line %zu", field->name, spot.where, *first_line);
        } else {
            *first_line = spot.item->line;
            s_known(&spot, field, next, target);
        }
    }
}
