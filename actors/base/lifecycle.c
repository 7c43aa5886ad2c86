#include "base/lifecycle.h"

#include <string.h>

#define S(name) HF_STATE_##name
#define E(name) HF_EVENT_##name

//  The one table. A missing entry is HF_STATE_NONE: that cannot happen to a command in that state.
static const hf_state_t s_next[HF_STATES][HF_EVENTS] = {
    [S(NONE)] = {[E(SUBMIT)] = S(ACCEPTED), [E(PARK)] = S(PARKED)},
    [S(PARKED)] = {[E(RELEASE)] = S(ACCEPTED), [E(CANCEL)] = S(CANCELLED), [E(EXPIRE)] = S(EXPIRED)},
    [S(ACCEPTED)] = {[E(START)] = S(CALLING),
                     [E(CANCEL)] = S(CANCELLED),
                     [E(EXPIRE)] = S(EXPIRED),
                     [E(GIVE_UP)] = S(DEAD)},
    [S(CALLING)] = {[E(SUCCEED)] = S(SUCCEEDED), [E(FAIL)] = S(DECIDING)},
    [S(DECIDING)] = {[E(RETRY_AT)] = S(WAITING),
                     [E(HOLD)] = S(UNCERTAIN),
                     [E(GIVE_UP)] = S(DEAD),
                     [E(EXPIRE)] = S(EXPIRED),
                     [E(CANCEL)] = S(CANCELLED)},
    [S(WAITING)] = {[E(START)] = S(CALLING),
                    [E(HOLD)] = S(UNCERTAIN),
                    [E(CANCEL)] = S(CANCELLED),
                    [E(EXPIRE)] = S(EXPIRED),
                    [E(GIVE_UP)] = S(DEAD)},
    [S(UNCERTAIN)] = {[E(RETRY)] = S(ACCEPTED),
                      [E(PARK)] = S(PARKED),
                      [E(DISCARD)] = S(DISCARDED),
                      [E(RESOLVE)] = S(SUCCEEDED)},
    [S(DEAD)] = {[E(RETRY)] = S(ACCEPTED),
                 [E(PARK)] = S(PARKED),
                 [E(DISCARD)] = S(DISCARDED),
                 [E(RESOLVE)] = S(SUCCEEDED)},
};

hf_state_t hf_lifecycle_next(hf_state_t state, hf_event_t event) {
    if ((unsigned)state >= HF_STATES || (unsigned)event >= HF_EVENTS) {
        return HF_STATE_NONE;
    }
    return s_next[state][event];
}

bool hf_state_is_final(hf_state_t state) {
    return state == S(SUCCEEDED) || state == S(CANCELLED) || state == S(DISCARDED) || state == S(EXPIRED);
}

bool hf_state_is_open(hf_state_t state) {
    return state == S(ACCEPTED) || state == S(CALLING) || state == S(DECIDING) || state == S(WAITING) ||
           state == S(PARKED);
}

hf_state_t hf_state_shown(hf_state_t state) {
    return state == S(DECIDING) ? S(WAITING) : state == S(PARKED) ? S(ACCEPTED) : state;
}

int hf_priority(int urgency) {
    int priority = HF_PRIORITY_USUAL + urgency;
    return priority < 0 ? 0 : priority >= HF_PRIORITIES ? HF_PRIORITIES - 1 : priority;
}

bool hf_state_is_held(hf_state_t state) {
    return state == S(DEAD) || state == S(UNCERTAIN);
}

#define WORD_STATE(name, word) [HF_STATE_##name] = (word),
#define WORD_EVENT(name, word) [HF_EVENT_##name] = (word),
#define WORD_CLASS(name, word) [HF_CLASS_##name] = (word),
static const char *const s_states[] = {HF_STATE_LIST(WORD_STATE)};
static const char *const s_events[] = {HF_EVENT_LIST(WORD_EVENT)};
static const char *const s_classes[] = {HF_CLASS_LIST(WORD_CLASS)};

static const char *s_word(const char *const *words, unsigned size, unsigned number) {
    return number < size ? words[number] : "none";
}

const char *hf_state_name(hf_state_t state) {
    return s_word(s_states, HF_STATES, state);
}

const char *hf_event_name(hf_event_t event) {
    return s_word(s_events, HF_EVENTS, event);
}

const char *hf_class_name(hf_class_t class) {
    return s_word(s_classes, HF_CLASSES, class);
}

hf_state_t hf_state_parse(const char *word) {
    for (unsigned number = 1; number < HF_STATES; number++) {
        if (strcmp(s_states[number], word) == 0) {
            return hf_state_shown((hf_state_t)number);
        }
    }
    return HF_STATE_NONE;
}

hf_class_t hf_class_parse(const char *word) {
    for (unsigned number = 1; number < HF_CLASSES; number++) {
        if (strcmp(s_classes[number], word) == 0) {
            return (hf_class_t)number;
        }
    }
    return HF_CLASS_NONE;
}
