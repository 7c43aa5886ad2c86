/*  From ids to what is known of them: open addressing, linear probing, a quarter of the places free. Values are pointers that the
 *  owner frees.  */

#ifndef HF_ID_MAP_H
#define HF_ID_MAP_H

#include "base/id.h"

#include <stddef.h>

typedef struct hf_id_map hf_id_map_t;

hf_id_map_t *hf_id_map_new(void);
void hf_id_map_destroy(hf_id_map_t **self_p); //  The values stay the owner's

//  The value, or NULL.
void *hf_id_map_get(const hf_id_map_t *self, const hf_id_t *id);

//  Sets the value (not NULL); whatever stood there is forgotten.
void hf_id_map_put(hf_id_map_t *self, const hf_id_t *id, void *value);

//  Takes the value out, or NULL.
void *hf_id_map_remove(hf_id_map_t *self, const hf_id_t *id);

size_t hf_id_map_size(const hf_id_map_t *self);

//  Every value in no order: start with *place = 0, until NULL. No put or remove in between.
void *hf_id_map_next(const hf_id_map_t *self, size_t *place);

#endif
