/*  The actors that follow the journal, as a simulation plays them: which there are, what each hears, and how
 *  its real core is made and ended. Stands for what their shells say about themselves.  */

#ifndef HF_PLAYER_H
#define HF_PLAYER_H

#include "link/core.h"

typedef struct {
    const char *name;         //  As a sender; a caller's is followed by its number: "call.0"
    const hf_core_ops_t *ops; //  What its core is driven by
    bool hears_facts;         //  Acknowledgements of its own and beats it hears in any case
    void *(*make)(const hf_core_setup_t *setup); //  A new life
    void (*end)(void *core);                     //  Its end
} hf_player_t;

//  By the sender's name, or NULL where nobody of that name follows the journal.
const hf_player_t *hf_player_find(const char *name);

//  Whether the sender of that name hears a publication that begins so (link/wire.h).
bool hf_player_hears(const hf_player_t *self, const char *name, const char *topic);

#endif
