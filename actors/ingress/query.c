#include "ingress/query.h"
#include "base/gate.h"
#include "ingress/header.h"
#include "ingress/route.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 16 << 10, CURSOR_TEXT = 23 };

static int s_unreadable(hf_problem_t *problem, const hf_error_t *error) {
    return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error->text);
}

//  ---- filters

typedef struct {
    hf_filter_t *filter;   //  Being filled in
    int64_t now;           //  What durations count back from
    hf_problem_t *problem; //  Why not
    bool in_query;         //  In a query string, where "+" is a space
    unsigned seen;         //  Bits of the filters that came already
} parse_t;

static int s_take_text(parse_t *parse, const char *name, const char *value, char *out, size_t out_size) {
    size_t size = strlen(value);
    if (size == 0 || size >= out_size) {
        return hf_problem_set(parse->problem, HF_PROBLEM_QUERY, 0, "%s= wants 1 to %zu bytes.", name,
                              out_size - 1);
    }
    memcpy(out, value, size + 1);
    return 0;
}

static int s_take_state(parse_t *parse, const char *value) {
    parse->filter->state = hf_state_parse(value);
    return parse->filter->state != HF_STATE_NONE
               ? 0
               : hf_problem_set(
                     parse->problem, HF_PROBLEM_QUERY, 0,
                     "state= is one of accepted, calling, waiting, uncertain, succeeded, dead, cancelled, "
                     "discarded, expired.");
}

static int s_take_class(parse_t *parse, const char *value) {
    parse->filter->class = hf_class_parse(value);
    return parse->filter->class != HF_CLASS_NONE
               ? 0
               : hf_problem_set(parse->problem, HF_PROBLEM_QUERY, 0,
                                "class= is one of succeeded, refused, failed, rejected, uncertain.");
}

//  An offset's "+" that was not encoded has come as a space; nothing else in a time is one.
static void s_restore_plus(char *text) {
    size_t size = strlen(text), offset = strlen("+01:00");
    if (size > offset && text[size - offset] == ' ') {
        text[size - offset] = '+';
    }
}

static int s_take_time(parse_t *parse, const char *name, const char *given, int64_t *ms) {
    char value[64];
    snprintf(value, sizeof value, "%s", strlen(given) < sizeof value ? given : "");
    if (parse->in_query) {
        s_restore_plus(value);
    }
    return hf_moment_parse(value, parse->now, true, ms) == 0
               ? 0
               : hf_problem_set(
                     parse->problem, HF_PROBLEM_QUERY, 0,
                     "%s= wants a time like 2026-07-24T10:00:00Z, or a duration back from now like 1h.",
                     name);
}

static int s_take_limit(parse_t *parse, const char *value) {
    char *end;
    long limit = strtol(value, &end, 10);
    if (!*value || *end || limit < 1 || limit > HF_LIMIT_MAX) {
        return hf_problem_set(parse->problem, HF_PROBLEM_QUERY, 0, "limit= wants a number from 1 to %d.",
                              HF_LIMIT_MAX);
    }
    parse->filter->limit = (int)limit;
    return 0;
}

static int s_take_group(parse_t *parse, const char *value) {
    char *end;
    parse->filter->group = strtoull(value, &end, 16);
    if (strlen(value) != HF_GROUP_TEXT - 1 || strspn(value, "0123456789abcdef") != HF_GROUP_TEXT - 1) {
        return hf_problem_set(parse->problem, HF_PROBLEM_QUERY, 0,
                              "group= wants the %d digits that GET /dead?group=reason gives.",
                              HF_GROUP_TEXT - 1);
    }
    return 0;
}

static int s_take_cursor(parse_t *parse, const char *value) {
    size_t size = 0;
    hf_filter_t *filter = parse->filter;
    if (sodium_base642bin(filter->cursor.bytes, HF_ID_SIZE, value, strlen(value), NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
        size != HF_ID_SIZE) {
        return hf_problem_set(parse->problem, HF_PROBLEM_QUERY, 0, "cursor= is none that \"next\" gave.");
    }
    filter->has_cursor = true;
    return 0;
}

//  Of two of a kind one would be ignored without a word.
static int s_take_once(parse_t *parse, const char *name) {
    static const char *const names[] = {"pipeline", "destination", "key",   "state",  "class",
                                        "since",    "until",       "limit", "cursor", "group"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            if (parse->seen & 1u << i) {
                return hf_problem_set(parse->problem, HF_PROBLEM_QUERY, 0,
                                      "%s= came more than once; give it one value.", name);
            }
            parse->seen |= 1u << i;
        }
    }
    return 0;
}

static int s_take_pair(void *context, const char *name, const char *value) {
    parse_t *parse = context;
    hf_filter_t *filter = parse->filter;
    if (s_take_once(parse, name)) {
        return -1;
    }
    if (strcmp(name, "pipeline") == 0) {
        return s_take_text(parse, name, value, filter->pipeline, sizeof filter->pipeline);
    } else if (strcmp(name, "destination") == 0) {
        return s_take_text(parse, name, value, filter->destination, sizeof filter->destination);
    } else if (strcmp(name, "key") == 0) {
        filter->has_key = true;
        return s_take_text(parse, name, value, filter->key, sizeof filter->key);
    } else if (strcmp(name, "state") == 0) {
        return s_take_state(parse, value);
    } else if (strcmp(name, "class") == 0) {
        return s_take_class(parse, value);
    } else if (strcmp(name, "since") == 0) {
        return s_take_time(parse, name, value, &filter->since);
    } else if (strcmp(name, "until") == 0) {
        return s_take_time(parse, name, value, &filter->until);
    } else if (strcmp(name, "limit") == 0) {
        return s_take_limit(parse, value);
    } else if (strcmp(name, "cursor") == 0) {
        return s_take_cursor(parse, value);
    } else if (strcmp(name, "group") == 0) {
        return s_take_group(parse, value);
    }
    return hf_problem_set(
        parse->problem, HF_PROBLEM_QUERY, 0,
        "'%.64s' is no filter; there are pipeline, destination, state, class, key, group, since, until, "
        "limit and cursor.",
        name);
}

int hf_filter_set(hf_filter_t *self, const char *name, const char *value, int64_t now,
                  hf_problem_t *problem) {
    parse_t parse = {.filter = self, .now = now, .problem = problem};
    return s_take_pair(&parse, name, value);
}

int hf_filter_parse(hf_filter_t *self, const char *query, int64_t now, hf_problem_t *problem) {
    parse_t parse = {.filter = self, .now = now, .problem = problem, .in_query = true};
    *self = (hf_filter_t){.limit = HF_LIMIT_DEFAULT};
    hf_problem_set(problem, HF_PROBLEM_QUERY, 0,
                   "The query's percent-encoding is broken, or a part of it is too long.");
    return hf_query_walk(query, s_take_pair, &parse);
}

bool hf_filter_takes_group(const hf_filter_t *self, uint64_t number, const Hf__Group *group) {
    return group->state == self->state &&
           (self->class == HF_CLASS_NONE || self->class == (hf_class_t)group->class_) &&
           (!self->group || self->group == number);
}

//  ---- what keeps a command from being called

//  Of one destination, looked up once for a run of its commands.
typedef struct {
    char destination[HF_NAME_MAX + 1]; //  Whose; "" of none yet
    hf_gate_t gate;                    //  What its record says
} gate_seen_t;

static bool s_waits(uint32_t state) {
    return state == HF_STATE_ACCEPTED || state == HF_STATE_DECIDING || state == HF_STATE_WAITING;
}

//  In a reading transaction. -1: the file cannot be read.
static int s_hold(hf_store_t *store, const Hf__State *state, int64_t now, hf_arena_t *arena,
                  gate_seen_t *seen, hf_held_t *held, hf_error_t *error) {
    *held = (hf_held_t){0};
    if (!s_waits(state->state)) {
        return 0;
    }
    if (strcmp(seen->destination, state->destination) != 0) {
        Hf__Destination *record = NULL;
        if (hf_store_destination(store, state->destination, arena, &record, error) < 0) {
            return -1;
        }
        seen->gate = hf_gate_read(record);
        snprintf(seen->destination, sizeof seen->destination, "%s", state->destination);
    }
    int64_t until = 0;
    hf_may_t may = hf_gate_may(&seen->gate, now, &until);
    if (may == HF_MAY_LATER || may == HF_MAY_NOT) {
        *held = (hf_held_t){hf_gate_reason(&seen->gate, now), may == HF_MAY_LATER ? until : 0};
    }
    return 0;
}

//  ---- many

//  One page being filled. A look begins with everything from `store` on anew.
struct hf_list {
    hf_filter_t filter;        //  What is wanted; each look moves its cursor on
    hf_buf_t text;             //  The page
    hf_json_t json;            //  Writes it
    int found;                 //  On the page
    bool more;                 //  Something is left behind the cursor
    bool walks;                //  Through all commands: no index is of any help
    hf_store_t *store;         //  In a reading transaction
    const hf_config_t *config; //  Labels
    hf_arena_t *arena;         //  One state at a time
    int scanned;               //  Looked at
    hf_id_t last;              //  The last one that was looked at
    bool parked;               //  There are parked commands among those that may be wanted
    int64_t now;               //  For what holds them
    gate_seen_t seen;          //  The destination of the last one
    int rc;                    //  -1: the file cannot be read
    hf_error_t error;          //  Why
};

static bool s_same_state(hf_state_t wanted, uint32_t state) {
    return hf_state_shown((hf_state_t)state) == wanted;
}

static bool s_is_wanted(const hf_filter_t *filter, const Hf__State *state) {
    return (!*filter->pipeline || strcmp(filter->pipeline, state->pipeline) == 0) &&
           (!*filter->destination || strcmp(filter->destination, state->destination) == 0) &&
           (!filter->has_key || strcmp(filter->key, state->key) == 0) &&
           (filter->state == HF_STATE_NONE || s_same_state(filter->state, state->state)) &&
           (filter->class == HF_CLASS_NONE || filter->class == (hf_class_t)state->class_) &&
           (!filter->group || filter->group == state->group);
}

//  By what an id says: it holds the time of acceptance. Walks go from new to old.
static bool s_is_too_new(const hf_filter_t *filter, const hf_id_t *id) {
    return (filter->has_cursor && memcmp(id->bytes, filter->cursor.bytes, HF_ID_SIZE) >= 0) ||
           (filter->until && hf_id_ms(id) >= filter->until);
}

static bool s_is_too_old(const hf_filter_t *filter, const hf_id_t *id) {
    return filter->since && hf_id_ms(id) < filter->since;
}

//  False ends the walk: the page is full, enough was looked at, or the file cannot be read.
static bool s_on_id(void *context, const hf_id_t *id) {
    hf_list_t *page = context;
    Hf__State *state = NULL;
    if (s_is_too_new(&page->filter, id)) {
        return true;
    }
    if (s_is_too_old(&page->filter, id)) {
        return false;
    }
    if (page->scanned == HF_SCAN_MAX) {
        page->more = true;
        return false;
    }
    int found = hf_store_state(page->store, id, page->arena, &state, &page->error);
    if (found < 0) {
        page->rc = -1;
        return false;
    }
    if (found && s_is_wanted(&page->filter, state)) {
        if (page->found == page->filter.limit) {
            page->more = true;
            return false;
        }
        hf_held_t held;
        if (s_hold(page->store, state, page->now, page->arena, &page->seen, &held, &page->error)) {
            page->rc = -1;
            return false;
        }
        hf_render_summary(&page->json, page->config, state, held);
        page->found++;
    }
    hf_arena_reset(page->arena);
    page->scanned++;
    page->last = *id;
    return true;
}

//  The phases of the index in which commands of that state stand; "" where they stand in none.
static const char *s_phases(hf_state_t state) {
    static const char accepted[] = {HF_PHASE_READY, 0}, waiting[] = {HF_PHASE_READY, HF_PHASE_DECIDING, 0},
                      calling[] = {HF_PHASE_CALLING, 0};
    switch (state) {
    case HF_STATE_ACCEPTED:
        return accepted;
    case HF_STATE_WAITING:
        return waiting;
    case HF_STATE_CALLING:
        return calling;
    default:
        return "";
    }
}

typedef struct {
    hf_list_t *page;          //  For whom
    hf_id_t ids[HF_SCAN_MAX]; //  From the index
    int size;                 //  How many
    bool whole;               //  All were taken
} few_t;

static bool s_add_few(few_t *few, const hf_id_t *id) {
    if (few->size == HF_SCAN_MAX) {
        few->whole = false;
        return false;
    }
    few->ids[few->size++] = *id;
    return true;
}

static bool s_on_few(void *context, const char *destination, int64_t due, const hf_id_t *id) {
    (void)destination;
    (void)due;
    return s_add_few(context, id);
}

static bool s_on_few_dead(void *context, uint64_t fact, const hf_id_t *id) {
    (void)fact;
    return s_add_few(context, id);
}

//  Members of the groups that the filter leaves. A group that does not fit is not even begun.
static bool s_on_few_group(void *context, const char *destination, uint64_t number, const Hf__Group *group) {
    few_t *few = context;
    hf_list_t *page = few->page;
    if (!hf_filter_takes_group(&page->filter, number, group)) {
        return true;
    }
    few->whole = few->whole && group->n <= (uint64_t)(HF_SCAN_MAX - few->size);
    if (few->whole &&
        hf_store_walk_dead(page->store, destination, number, 0, s_on_few_dead, few, &page->error)) {
        page->rc = -1;
    }
    return few->whole && !page->rc;
}

static int s_newer_first(const void *a, const void *b) {
    return memcmp(b, a, HF_ID_SIZE);
}

static void s_on_parked(void *context, const char *destination, hf_state_t state, uint64_t count) {
    hf_list_t *page = context;
    const char *wanted = page->filter.destination;
    if (state == HF_STATE_PARKED && count && (!*wanted || strcmp(wanted, destination) == 0)) {
        page->parked = true;
    }
}

//  Where few commands are in the wanted state, the index gives them at once, however many others there are.
//  False: it doesn't.
static bool s_list_few(hf_list_t *page) {
    const hf_filter_t *filter = &page->filter;
    const char *phase = s_phases(filter->state);
    const char *destination = *filter->destination ? filter->destination : NULL;
    if (filter->state == HF_STATE_ACCEPTED) { //  Parked ones are seen as accepted, and stand in no phase
        page->rc = hf_store_walk_counts(page->store, s_on_parked, page, &page->error);
    }
    if ((!*phase && !hf_state_is_held(filter->state)) || page->parked || page->rc) {
        return false;
    }
    few_t *few = hf_alloc(sizeof *few);
    few->page = page;
    few->whole = true;
    if (!*phase && hf_store_walk_groups(page->store, destination, s_on_few_group, few, &page->error)) {
        page->rc = -1;
    }
    for (; *phase && few->whole && !page->rc; phase++) {
        page->rc = hf_store_walk_open(page->store, (hf_phase_t)*phase, destination, 0, s_on_few, few,
                                      &page->error);
    }
    bool whole = few->whole;
    if (whole) {
        qsort(few->ids, (size_t)few->size, sizeof *few->ids, s_newer_first);
        for (int i = 0; i < few->size && s_on_id(page, &few->ids[i]); i++) {
        }
    }
    free(few);
    return whole;
}

static void s_list(hf_list_t *page) {
    const hf_filter_t *filter = &page->filter;
    hf_id_t from = hf_id_floor(filter->until);
    bool bounded = filter->until != 0;
    if (filter->has_cursor && (!bounded || memcmp(filter->cursor.bytes, from.bytes, HF_ID_SIZE) < 0)) {
        from = filter->cursor;
        bounded = true;
    }
    if (filter->has_key) {
        page->rc = hf_store_walk_key(page->store, filter->key, bounded ? &from : NULL, s_on_id, page,
                                     &page->error) ||
                   page->rc;
    } else if (page->walks || !s_list_few(page)) {
        page->walks = true;
        page->rc = hf_store_walk_newest(page->store, bounded ? &from : NULL, s_on_id, page, &page->error) ||
                   page->rc;
    }
}

hf_list_t *hf_list_new(const hf_filter_t *filter) {
    hf_list_t *self = hf_alloc(sizeof *self);
    self->filter = *filter;
    self->json.out = &self->text;
    hf_json_object(&self->json, NULL);
    hf_json_array(&self->json, "commands");
    return self;
}

void hf_list_destroy(hf_list_t **self_p) {
    assert(self_p);
    hf_list_t *self = *self_p;
    if (self) {
        hf_buf_free(&self->text);
        free(self);
        *self_p = NULL;
    }
}

static void s_begin_look(hf_list_t *self, hf_store_t *store, const hf_config_t *config, int64_t now) {
    self->store = store;
    self->config = config;
    self->now = now;
    self->more = self->parked = false;
    self->scanned = self->rc = 0;
    self->seen = (gate_seen_t){.destination = ""};
}

int hf_list_look(hf_list_t *self, hf_store_t *store, const hf_config_t *config, int64_t now,
                 hf_problem_t *problem) {
    s_begin_look(self, store, config, now);
    if (hf_store_begin_read(store, &self->error)) {
        return s_unreadable(problem, &self->error);
    }
    self->arena = hf_arena_new(ARENA);
    s_list(self);
    hf_store_end_read(store);
    hf_arena_destroy(&self->arena);
    if (self->scanned) {
        self->filter.cursor = self->last;
        self->filter.has_cursor = true;
    }
    return self->rc ? s_unreadable(problem, &self->error) : !self->more || self->found == self->filter.limit;
}

void hf_list_end(hf_list_t *self, hf_buf_t *out) {
    char text[CURSOR_TEXT];
    if (self->more) {
        sodium_bin2base64(text, sizeof text, self->filter.cursor.bytes, HF_ID_SIZE,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    }
    hf_json_array_end(&self->json);
    hf_json_string(&self->json, "next", self->more ? text : NULL);
    hf_json_object_end(&self->json);
    *out = self->text;
    self->text = (hf_buf_t){0};
}

//  ---- one

static int s_read_history(hf_store_t *store, const hf_id_t *id, hf_arena_t *arena, hf_command_view_t *view,
                          Hf__History **entries, hf_error_t *error) {
    uint32_t size = view->state->entries;
    view->entries = entries;
    for (uint32_t number = 0; number < size; number++) {
        if (number == HF_HISTORY_FIRST && size > HF_SHOWN_HISTORY_MAX) {
            number = size - (HF_SHOWN_HISTORY_MAX - HF_HISTORY_FIRST);
        }
        int found = hf_store_history(store, id, number, arena, &entries[view->entries_size], error);
        if (found < 0) {
            return -1;
        }
        view->entries_size += (size_t)found;
    }
    view->entries_left_out = size - view->entries_size;
    return 0;
}

//  Behind which one a parked command waits.
static int s_read_turn(hf_store_t *store, const Hf__State *state, hf_arena_t *arena, hf_command_view_t *view,
                       hf_error_t *error) {
    Hf__State *first = NULL;
    int found = hf_store_turn(store, state->pipeline, state->key, false, &view->waits_for, error);
    view->waits_for_any = found == 1;
    found = found == 1 ? hf_store_state(store, &view->waits_for, arena, &first, error) : found;
    view->waits_for_state = found == 1 ? (hf_state_t)first->state : HF_STATE_NONE;
    return found < 0 ? -1 : 0;
}

static int s_read_command(hf_store_t *store, const hf_id_t *id, bool whole, int64_t now, hf_arena_t *arena,
                          hf_command_view_t *view, Hf__History **entries, hf_error_t *error) {
    Hf__State *state = NULL;
    Hf__Command *command = NULL;
    int found = hf_store_state(store, id, arena, &state, error);
    if (found != 1) {
        return found;
    }
    view->state = state;
    gate_seen_t seen = {.destination = ""};
    if (s_hold(store, state, now, arena, &seen, &view->held, error)) {
        return -1;
    }
    if (!whole) {
        return 1;
    }
    if (hf_store_command(store, id, arena, &command, error) < 0) {
        return -1;
    }
    view->command = command;
    if (state->state == HF_STATE_PARKED) {
        if (s_read_turn(store, state, arena, view, error)) {
            return -1;
        }
    }
    return s_read_history(store, id, arena, view, entries, error) ? -1 : 1;
}

static int s_take_tell(void *context, const char *name, const char *value) {
    hf_tell_t *tell = context;
    if (strcmp(name, "responses") != 0) {
        return 0;
    }
    *tell = HF_TELL_RESPONSES;
    return strcmp(value, "whole") == 0 ? 0 : -1;
}

int hf_tell_parse(hf_tell_t *tell, const char *query, hf_problem_t *problem) {
    *tell = HF_TELL_WHOLE;
    hf_problem_set(problem, HF_PROBLEM_QUERY, 0, "responses= is whole, or left out.");
    return hf_query_walk(query, s_take_tell, tell);
}

int hf_query_command(hf_store_t *store, const hf_config_t *config, const hf_id_t *id, hf_tell_t tell,
                     int64_t now, hf_state_t *state, hf_buf_t *out, hf_problem_t *problem) {
    Hf__History *entries[HF_SHOWN_HISTORY_MAX];
    bool whole = tell != HF_TELL_SUMMARY;
    hf_command_view_t view = {.whole_responses = tell == HF_TELL_RESPONSES};
    hf_error_t error;
    hf_json_t json = {.out = out};
    char text[HF_ID_TEXT];
    if (hf_store_begin_read(store, &error)) {
        return s_unreadable(problem, &error);
    }
    hf_arena_t *arena = hf_arena_new(ARENA);
    int found = s_read_command(store, id, whole, now, arena, &view, entries, &error);
    hf_store_end_read(store);
    if (found == 1) {
        if (state) {
            *state = (hf_state_t)view.state->state;
        }
        if (whole) {
            hf_render_command(&json, config, &view);
        } else {
            hf_render_summary(&json, config, view.state, view.held);
        }
    }
    hf_arena_destroy(&arena);
    hf_id_format(id, text);
    return found == 1  ? 0
           : found < 0 ? s_unreadable(problem, &error)
                       : hf_problem_set(problem, HF_PROBLEM_NO_COMMAND, 0, "No command has the id %s.", text);
}

//  ---- destinations

//  How many commands are in each state.
typedef struct {
    uint64_t of[HF_STATES]; //  By state
} states_t;

//  What a page of destinations is made from.
typedef struct {
    hf_store_t *store;         //  In a reading transaction
    const hf_config_t *config; //  Destinations
    hf_traffic_t *traffic;     //  What they have been through
    int64_t now;               //  For what the time decides
} look_t;

typedef struct {
    const hf_config_t *config; //  Which destinations are configured
    states_t *states;          //  Of each of them
} destinations_t;

static void s_on_count(void *context, const char *destination, hf_state_t state, uint64_t count) {
    destinations_t *destinations = context;
    int number = hf_config_destination_number(destinations->config, destination);
    if (number >= 0 && state < HF_STATES) {
        destinations->states[number].of[state] = count;
    }
}

//  The head of a queue.
typedef struct {
    int64_t due; //  When it is, or was, due; 0: there is none
    hf_id_t id;  //  Which command
} head_t;

static hf_walk_t s_on_head(void *context, hf_queue_t queue, int64_t due, const hf_id_t *id) {
    (void)queue;
    head_t *head = context;
    if (!head->due || due < head->due) {
        *head = (head_t){due, *id};
    }
    return HF_WALK_END;
}

static void s_states(hf_json_t *json, const states_t *states) {
    hf_json_object(json, "commands");
    uint64_t shown[HF_STATES] = {0};
    for (hf_state_t state = HF_STATE_ACCEPTED; state < HF_STATES; state++) {
        shown[hf_state_shown(state)] += states->of[state];
    }
    for (hf_state_t state = HF_STATE_ACCEPTED; state < HF_STATES; state++) {
        if (hf_state_shown(state) == state) {
            hf_json_integer(json, hf_state_name(state), (int64_t)shown[state]);
        }
    }
    hf_json_object_end(json);
}

//  Open shows as half_open where a probe is under way, or may begin.
static const char *s_circuit(const Hf__Destination *record, int64_t now) {
    bool half = record->circuit == HF_CIRCUIT_OPEN && (record->probe.len || record->probe_at <= now);
    return half ? "half_open" : hf_circuit_name(record->circuit);
}

//  What is true of it beyond its settings.
static void s_gate(hf_json_t *json, const Hf__Destination *record, int64_t now) {
    bool closed = record->circuit == HF_CIRCUIT_CLOSED;
    hf_json_bool(json, "paused", record->paused);
    hf_json_time(json, "paused_at", record->paused_at);
    hf_json_filled(json, "paused_by", record->paused_by);
    hf_json_time(json, "blocked_until", record->blocked_until > now ? record->blocked_until : 0);
    hf_json_string(json, "circuit", s_circuit(record, now));
    hf_json_time(json, "circuit_since", record->circuit_since);
    hf_json_filled(json, "circuit_reason", closed ? "" : record->reason);
    hf_json_time(json, "next_probe_at", record->circuit == HF_CIRCUIT_OPEN ? record->probe_at : 0);
    hf_json_integer(json, "probes", record->probes);
}

//  The one that is due first, whatever its priority.
static int s_find_head(hf_store_t *store, const char *destination, head_t *head, hf_error_t *error) {
    int rc = 0;
    for (int priority = 0; priority < HF_PRIORITIES && !rc; priority++) {
        rc = hf_store_walk_ready(store, destination, priority, ~0u, s_on_head, head, error);
    }
    return rc;
}

//  How fast it is called, and how long that takes; null where it was not called lately.
static void s_traffic(hf_json_t *json, const look_t *look, const hf_destination_t *destination) {
    int number = hf_config_destination_number(look->config, destination->name);
    hf_traffic_view_t view = hf_traffic_view(look->traffic, number);
    hf_json_milli(json, "rate", (int64_t)(view.rate * 1000));
    hf_json_object(json, "latency");
    if (view.p50_us) {
        hf_json_milli(json, "p50_ms", view.p50_us);
        hf_json_milli(json, "p99_ms", view.p99_us);
    } else {
        hf_json_null(json, "p50_ms");
        hf_json_null(json, "p99_ms");
    }
    hf_json_object_end(json);
}

//  When the command at the head was accepted.
static int s_accepted_at(hf_store_t *store, const head_t *head, hf_arena_t *arena, int64_t *at,
                         hf_error_t *error) {
    Hf__State *state = NULL;
    int found = head->due ? hf_store_state(store, &head->id, arena, &state, error) : 0;
    *at = found == 1 ? state->accepted_at : 0;
    return found < 0 ? -1 : 0;
}

//  Of the url only what its author wrote: secrets are still their names there.
static int s_destination(hf_json_t *json, const look_t *look, const hf_destination_t *destination,
                         const states_t *states, hf_error_t *error) {
    hf_store_t *store = look->store;
    head_t head = {0};
    int64_t accepted_at;
    Hf__Destination none = HF__DESTINATION__INIT, *record = &none;
    uint64_t ready = states->of[HF_STATE_ACCEPTED] + states->of[HF_STATE_WAITING];
    hf_arena_t *arena = hf_arena_new(1024);
    if ((ready && s_find_head(store, destination->name, &head, error)) ||
        s_accepted_at(store, &head, arena, &accepted_at, error) ||
        hf_store_destination(store, destination->name, arena, &record, error) < 0) {
        hf_arena_destroy(&arena);
        return -1;
    }
    hf_json_object(json, NULL);
    hf_json_string(json, "name", destination->name);
    hf_json_string(json, "url", destination->url_shown);
    hf_json_string(json, "method", destination->method);
    hf_json_integer(json, "in_flight", (int64_t)states->of[HF_STATE_CALLING]);
    hf_json_integer(json, "concurrency", destination->concurrency);
    hf_json_integer(json, "queued",
                    (int64_t)(ready + states->of[HF_STATE_DECIDING] + states->of[HF_STATE_PARKED]));
    hf_json_integer(json, "parked", (int64_t)states->of[HF_STATE_PARKED]);
    hf_json_time(json, "oldest", accepted_at);
    hf_json_time(json, "oldest_due_at", head.due);
    s_gate(json, record, look->now);
    s_traffic(json, look, destination);
    if (destination->rate > 0) {
        hf_json_milli(json, "rate_per_second", (int64_t)(destination->rate * 1000));
    } else {
        hf_json_null(json, "rate_per_second");
    }
    s_states(json, states);
    hf_json_object_end(json);
    hf_arena_destroy(&arena);
    return 0;
}

static int s_one_destination(hf_json_t *json, const look_t *look, const hf_destination_t *destination,
                             hf_error_t *error) {
    states_t states = {{0}};
    for (hf_state_t state = HF_STATE_ACCEPTED; state < HF_STATES; state++) {
        states.of[state] = hf_store_count(look->store, destination->name, state);
    }
    return s_destination(json, look, destination, &states, error);
}

static int s_all_destinations(hf_json_t *json, const look_t *look, hf_error_t *error) {
    const hf_config_t *config = look->config;
    destinations_t destinations = {config, hf_alloc(config->destinations_size * sizeof(states_t))};
    int rc = hf_store_walk_counts(look->store, s_on_count, &destinations, error);
    hf_json_object(json, NULL);
    hf_json_array(json, "destinations");
    for (size_t i = 0; i < config->destinations_size && !rc; i++) {
        rc = s_destination(json, look, config->destinations[i], &destinations.states[i], error);
    }
    hf_json_array_end(json);
    hf_json_object_end(json);
    free(destinations.states);
    return rc;
}

int hf_query_destinations(hf_store_t *store, const hf_config_t *config, const char *name, int64_t now,
                          hf_buf_t *out, hf_problem_t *problem) {
    hf_error_t error;
    hf_json_t json = {.out = out};
    const hf_destination_t *destination = name ? hf_config_destination(config, name) : NULL;
    if (name && !destination) {
        return hf_problem_set(problem, HF_PROBLEM_NO_DESTINATION, 0, "No destination is named '%.64s'.",
                              name);
    }
    if (hf_store_begin_read(store, &error)) {
        return s_unreadable(problem, &error);
    }
    look_t look = {store, config, hf_traffic_new(config, now), now};
    int rc = hf_traffic_read(look.traffic, store, &error);
    rc = rc     ? rc
         : name ? s_one_destination(&json, &look, destination, &error)
                : s_all_destinations(&json, &look, &error);
    hf_traffic_destroy(&look.traffic);
    hf_store_end_read(store);
    return rc ? s_unreadable(problem, &error) : 0;
}
