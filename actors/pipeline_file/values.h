/*  Setters of numbers, words, and names: one for each kind of value.  */

#ifndef HF_PIPELINE_FILE_VALUES_H
#define HF_PIPELINE_FILE_VALUES_H

#include "pipeline_file/field.h"

hf_zpl_setter_t hf_zpl_set_duration, hf_zpl_set_size, hf_zpl_set_count, hf_zpl_set_percent, hf_zpl_set_rate,
    hf_zpl_set_factor, hf_zpl_set_on_uncertain, hf_zpl_set_jitter, hf_zpl_set_on_dead, hf_zpl_set_flag,
    hf_zpl_set_reject, hf_zpl_set_key, hf_zpl_set_label, hf_zpl_set_destination;

//  Digits only, at most six (every bound is smaller), or -1.
int hf_zpl_count(const char *text);

//  The number of text among words, or -1 with a message that names them.
int hf_zpl_choice(const hf_zpl_spot_t *spot, const char *text, const char *const *words, size_t size);

//  The field's name of an open '{', not its text, is all that its messages repeat. NULL with a message; the caller destroys it.
hf_template_t *hf_zpl_template(const hf_zpl_spot_t *spot, const char *text);

#endif
