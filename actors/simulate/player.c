#include "simulate/player.h"

#include "call/call_core.h"
#include "dispatch/dispatch_core.h"
#include "events/events_core.h"
#include "failure/failure_core.h"
#include "ingress/ingress_core.h"

#include <string.h>

//  The two ends of a player's table entry, over its core's own type.
#define S_PLAYER(name)                                                                                       \
    static void *s_make_##name(const hf_core_setup_t *setup) {                                               \
        return hf_##name##_new(setup);                                                                       \
    }                                                                                                        \
    static void s_end_##name(void *core) {                                                                   \
        hf_##name##_t *self = core;                                                                          \
        hf_##name##_destroy(&self);                                                                          \
    }

S_PLAYER(ingress)
S_PLAYER(dispatch)
S_PLAYER(failure)
S_PLAYER(events)
S_PLAYER(call)

static const hf_player_t s_players[] = {
    {"ingress", &hf_ingress_ops, true, s_make_ingress, s_end_ingress},
    {"dispatch", &hf_dispatch_ops, true, s_make_dispatch, s_end_dispatch},
    {"failure", &hf_failure_ops, true, s_make_failure, s_end_failure},
    {"events", &hf_events_ops, true, s_make_events, s_end_events},
    {"call.", &hf_call_ops, false, s_make_call, s_end_call},
};

const hf_player_t *hf_player_find(const char *name) {
    for (size_t i = 0; i < sizeof s_players / sizeof *s_players; i++) {
        size_t size = strlen(s_players[i].name);
        bool whole = s_players[i].name[size - 1] != '.';
        if (strncmp(name, s_players[i].name, size) == 0 && (!whole || !name[size])) {
            return &s_players[i];
        }
    }
    return NULL;
}

bool hf_player_hears(const hf_player_t *self, const char *name, const char *topic) {
    switch (topic[0]) {
    case 'F':
        return self->hears_facts;
    case 'B':
        return true;
    default:
        return strcmp(topic + 2, name) == 0;
    }
}
