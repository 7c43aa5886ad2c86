/*  Events publishes every fact outward as a CloudEvent (version 1.0, structured JSON), with the fact's number. While nobody
 *  listens, nothing is read and nothing made; whoever begins to listen hears what happens from then on.  */

#ifndef HF_EVENTS_CORE_H
#define HF_EVENTS_CORE_H

#include "link/core.h"

typedef struct hf_events hf_events_t;

hf_events_t *hf_events_new(const hf_core_setup_t *setup);
void hf_events_destroy(hf_events_t **self_p);
extern const hf_core_ops_t hf_events_ops;

//  Whether anybody listens; the shell says so. At first, nobody does.
void hf_events_set_heard(hf_events_t *self, bool heard);

#endif
