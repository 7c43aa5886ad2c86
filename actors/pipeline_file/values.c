#include "pipeline_file/values.h"
#include "base/units.h"
#include "pipeline_file/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    S_LABEL_MAX = 128, //  Bytes of a label: it stands in tables
    S_SUGGESTIONS_MAX =
        200, //  Destinations that are guessed for "did you mean": each guess looks at all of them
};

void hf_zpl_set_duration(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                         void *place) {
    int64_t value;
    char min[32], max[32];
    hf_duration_format(field->min, min);
    hf_duration_format(field->max, max);
    if (hf_duration_parse(text, &value)) {
        hf_zpl_wrong(spot, "is '%s', which is no duration; write it like " HF_DURATION_EXAMPLE,
                     HF_ZPL_SHOWN(spot->item->value));
    } else if (value < field->min || value > field->max) {
        hf_zpl_wrong(spot, "is '%s'; it must be between %s and %s", HF_ZPL_SHOWN(spot->item->value), min,
                     max);
    } else {
        *(int64_t *)place = value;
    }
}

void hf_zpl_set_size(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    size_t value;
    char min[32], max[32];
    hf_size_format((size_t)field->min, min);
    hf_size_format((size_t)field->max, max);
    if (hf_size_parse(text, &value)) {
        hf_zpl_wrong(spot, "is '%s', which is no size; write it like " HF_SIZE_EXAMPLE,
                     HF_ZPL_SHOWN(spot->item->value));
    } else if (value < (size_t)field->min || value > (size_t)field->max) {
        hf_zpl_wrong(spot, "is '%s'; it must be between %s and %s", HF_ZPL_SHOWN(spot->item->value), min,
                     max);
    } else {
        *(size_t *)place = value;
    }
}

int hf_zpl_count(const char *text) {
    size_t size = strspn(text, "0123456789");
    return size > 0 && size <= 6 && !text[size] ? atoi(text) : -1;
}

void hf_zpl_set_count(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    int value = hf_zpl_count(text);
    if (value < field->min || value > field->max) {
        hf_zpl_wrong(spot, "is '%s'; it must be a whole number between %d and %d",
                     HF_ZPL_SHOWN(spot->item->value), (int)field->min, (int)field->max);
    } else {
        *(int *)place = value;
    }
}

void hf_zpl_set_percent(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                        void *place) {
    size_t size = strlen(text);
    char digits[8] = "";
    if (size > 1 && size < sizeof digits && text[size - 1] == '%') {
        memcpy(digits, text, size - 1);
    }
    int value = hf_zpl_count(digits);
    if (value < field->min || value > field->max) {
        hf_zpl_wrong(spot, "is '%s'; it must be a share between %d%% and %d%%, like 50%%",
                     HF_ZPL_SHOWN(spot->item->value), (int)field->min, (int)field->max);
    } else {
        *(int *)place = value;
    }
}

void hf_zpl_set_rate(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    double value;
    if (hf_rate_parse(text, &value)) {
        hf_zpl_wrong(spot,
                     "is '%s', which is no rate; write it like " HF_RATE_EXAMPLE
                     ", or leave it out for no limit",
                     HF_ZPL_SHOWN(spot->item->value));
    } else if (value * 86400 < (double)field->min || value > (double)field->max) {
        hf_zpl_wrong(spot, "is '%s'; it must be between %d/d and %d/s", HF_ZPL_SHOWN(spot->item->value),
                     (int)field->min, (int)field->max);
    } else {
        *(double *)place = value;
    }
}

void hf_zpl_set_factor(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                       void *place) {
    size_t whole = strspn(text, "0123456789");
    size_t rest = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    bool well = whole > 0 && whole <= 3 && rest <= 3 && !text[whole + rest + (rest > 0)];
    double value = 0, worth = 1;
    for (const char *digit = text; well && *digit; digit++) {
        worth = *digit == '.' || digit > text + whole ? worth * (*digit == '.' ? 1 : 0.1) : worth;
        value = *digit == '.'          ? value
                : digit < text + whole ? value * 10 + (*digit - '0')
                                       : value + worth * (*digit - '0');
    }
    if (!well || value < (double)field->min || value > (double)field->max) {
        hf_zpl_wrong(spot, "is '%s'; it must be a number between %d and %d, like 2 or 1.5",
                     HF_ZPL_SHOWN(spot->item->value), (int)field->min, (int)field->max);
    } else {
        *(double *)place = value;
    }
}

int hf_zpl_choice(const hf_zpl_spot_t *spot, const char *text, const char *const *words, size_t size) {
    char all[HF_ZPL_WHERE_MAX] = "";
    for (size_t number = 0; number < size; number++) {
        if (strcmp(words[number], text) == 0) {
            return (int)number;
        }
        const char *before = number == 0 ? "" : number + 1 < size ? ", " : " or ";
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", before, words[number]);
    }
    hf_zpl_wrong(spot, "is '%s'; it must be %s", HF_ZPL_SHOWN(spot->item->value), all);
    return -1;
}

void hf_zpl_set_on_uncertain(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                             void *place) {
    (void)field;
    static const char *const words[] = {[HF_ON_UNCERTAIN_RETRY] = "retry", [HF_ON_UNCERTAIN_HOLD] = "hold"};
    int number = hf_zpl_choice(spot, text, words, HF_ZPL_SIZE(words));
    if (number >= 0) {
        *(hf_on_uncertain_t *)place = (hf_on_uncertain_t)number;
    }
}

void hf_zpl_set_jitter(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                       void *place) {
    (void)field;
    static const char *const words[] = {[HF_JITTER_FULL] = "full", [HF_JITTER_NONE] = "none"};
    int number = hf_zpl_choice(spot, text, words, HF_ZPL_SIZE(words));
    if (number >= 0) {
        *(hf_jitter_t *)place = (hf_jitter_t)number;
    }
}

void hf_zpl_set_on_dead(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                        void *place) {
    (void)field;
    static const char *const words[] = {[HF_ON_DEAD_BLOCK] = "block", [HF_ON_DEAD_SKIP] = "skip"};
    int number = hf_zpl_choice(spot, text, words, HF_ZPL_SIZE(words));
    if (number >= 0) {
        *(hf_behind_dead_t *)place = (hf_behind_dead_t)number;
    }
}

void hf_zpl_set_flag(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    (void)field;
    static const char *const words[] = {"0", "1"};
    int number = hf_zpl_choice(spot, text, words, HF_ZPL_SIZE(words));
    if (number >= 0) {
        *(bool *)place = number == 1;
    }
}

void hf_zpl_set_reject(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                       void *place) {
    (void)field;
    hf_status_set_t set;
    hf_error_t error;
    if (hf_status_set_parse(&set, text, &error)) {
        hf_zpl_wrong(spot, "is '%s': %s", HF_ZPL_SHOWN(spot->item->value),
                     strstr(spot->item->value, "${") ? "no rule like \"400-499 !408 !425 !429\""
                                                     : error.text);
        return;
    }
    for (int status = 100; status < 300; status++) {
        if (hf_status_set_has(&set, status)) {
            hf_zpl_wrong(spot, "holds %d; 1xx and 2xx answers are no failures, so they cannot be rejected",
                         status);
            return;
        }
    }
    *(hf_status_set_t *)place = set;
}

hf_template_t *hf_zpl_template(const hf_zpl_spot_t *spot, const char *text) {
    hf_error_t error;
    hf_template_t *template = hf_template_new(text, &error);
    if (!template) {
        hf_zpl_wrong(spot, "is no template: %s", error.text);
    }
    return template;
}

void hf_zpl_set_key(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    (void)field;
    if (strlen(text) > HF_KEY_MAX) {
        hf_zpl_wrong(spot, "is longer than %d bytes", HF_KEY_MAX);
        return;
    }
    hf_template_t *template = hf_zpl_template(spot, text);
    if (template) {
        hf_template_destroy(place);
        *(hf_template_t **)place = template;
    }
}

void hf_zpl_set_label(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    if (strlen(text) > S_LABEL_MAX || strchr(text, '\t') || text[strspn(text, " ")] == 0) {
        hf_zpl_wrong(spot, "must be 1 to %d bytes, not only spaces, and no TAB", S_LABEL_MAX);
        return;
    }
    hf_pipeline_set_label(place, (hf_state_t)field->min, text);
}

//  The known destination nearest to that name, while there is patience for looking.
static const char *s_nearest_destination(hf_zpl_reader_t *self, const char *name) {
    if (self->suggestions >= S_SUGGESTIONS_MAX) {
        return NULL;
    }
    self->suggestions++;
    size_t size = self->config->destinations_size;
    if (!self->known) {
        self->known = hf_alloc(size * sizeof *self->known);
        for (size_t number = 0; number < size; number++) {
            self->known[number] = self->config->destinations[number]->name;
        }
    }
    return hf_nearest(name, self->known, size);
}

void hf_zpl_set_destination(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                            void *place) {
    (void)field;
    const hf_destination_t *destination = hf_config_destination(spot->reader->config, text);
    if (destination) {
        *(const hf_destination_t **)place = destination;
        return;
    }
    const char *nearest = s_nearest_destination(spot->reader, text);
    hf_zpl_report(spot->reader, spot->block->source, spot->item->line,
                  "unknown destination '%s' in %s; %s%s%s", HF_ZPL_SHOWN(text), spot->where,
                  nearest ? "did you mean '" : "no file has a block 'destination = ",
                  nearest ? nearest : HF_ZPL_SHOWN(text), nearest ? "'?" : "'");
}
