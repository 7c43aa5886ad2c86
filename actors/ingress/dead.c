/*  Happy path: the groups come in order of destination; each is added to the row that it belongs to, with the facts of its first and
 *  its newest member; when all are added, the rows' two members are looked up for times and reason.  */

#include "ingress/dead.h"
#include "ingress/json.h"
#include "ingress/query.h"
#include "ingress/route.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  A command, by the fact that brought it there.
typedef struct {
    uint64_t fact; //  0: none yet
    hf_id_t id;    //  Which
} member_t;

typedef struct {
    char destination[65];   //  Empty where nobody groups by it
    uint32_t class;         //  NONE where nobody groups by it
    uint64_t group;         //  0 where nobody groups by reason
    char pattern[256];      //  Of the reason
    uint64_t count;         //  How many
    member_t first, newest; //  Of all of them
} row_t;

typedef struct {
    hf_store_t *store;     //  In a reading transaction
    hf_problem_t *problem; //  What the query got wrong
    bool by_destination;   //  As the query says
    bool by_class;         //  The same
    bool by_reason;        //  The same
    hf_state_t state;      //  Which are counted
    char destination[65];  //  Of this destination only; empty: all
    row_t *rows;           //  Found, HF_DEAD_ROWS_MAX at most
    size_t size;           //  How many
    bool complete;         //  Every group is in one of them
    uint64_t total;        //  All that there are
    int rc;                //  -1: the file cannot be read
    hf_error_t error;      //  Why
} dead_t;

//  ---- the query

static int s_take_dimension(dead_t *self, const char *word, size_t size) {
    if (size == 11 && memcmp(word, "destination", size) == 0) {
        self->by_destination = true;
    } else if (size == 5 && memcmp(word, "class", size) == 0) {
        self->by_class = true;
    } else if (size == 6 && memcmp(word, "reason", size) == 0) {
        self->by_destination = self->by_class = self->by_reason = true;
    } else {
        return hf_problem_set(self->problem, HF_PROBLEM_QUERY, 0,
                              "group= is one of destination, class and reason, or several with commas.");
    }
    return 0;
}

static int s_take_dimensions(dead_t *self, const char *value) {
    self->by_destination = self->by_class = false;
    for (;; value++) {
        size_t size = strcspn(value, ",");
        if (s_take_dimension(self, value, size)) {
            return -1;
        }
        value += size;
        if (!*value) {
            return 0;
        }
    }
}

static int s_take_pair(void *context, const char *name, const char *value) {
    dead_t *self = context;
    if (strcmp(name, "group") == 0) {
        return s_take_dimensions(self, value);
    }
    if (strcmp(name, "state") == 0) {
        self->state = hf_state_parse(value);
        return hf_state_is_held(self->state)
                   ? 0
                   : hf_problem_set(self->problem, HF_PROBLEM_QUERY, 0, "state= is dead or uncertain here.");
    }
    if (strcmp(name, "destination") == 0 && *value && strlen(value) < sizeof self->destination) {
        strcpy(self->destination, value);
        return 0;
    }
    return hf_problem_set(
        self->problem, HF_PROBLEM_QUERY, 0,
        "'%.64s' is no parameter here, or has no such value; there are group, state and destination.", name);
}

//  ---- rows

//  The groups come ordered by destination: a row that is wanted again is among the last few, unless nobody groups by it; then there are
//  few.
static row_t *s_row(dead_t *self, const char *destination, uint64_t number, const Hf__Group *group) {
    for (size_t i = self->size; !self->by_reason && i-- > 0 && self->size - i <= HF_CLASSES;) {
        row_t *row = &self->rows[i];
        if ((!self->by_destination || strcmp(row->destination, destination) == 0) &&
            (!self->by_class || row->class == group->class_)) {
            return row;
        }
    }
    if (self->size == HF_DEAD_ROWS_MAX) {
        self->complete = false;
        return NULL;
    }
    row_t *row = &self->rows[self->size++];
    *row = (row_t){.class = self->by_class ? group->class_ : HF_CLASS_NONE,
                   .group = self->by_reason ? number : 0};
    snprintf(row->destination, sizeof row->destination, "%s", self->by_destination ? destination : "");
    snprintf(row->pattern, sizeof row->pattern, "%s", *group->pattern ? group->pattern : "other reasons");
    return row;
}

static bool s_on_first(void *context, uint64_t fact, const hf_id_t *id) {
    *(member_t *)context = (member_t){fact, *id};
    return false;
}

static bool s_on_group(void *context, const char *destination, uint64_t number, const Hf__Group *group) {
    dead_t *self = context;
    member_t first = {0}, newest = {0};
    if (group->state != self->state) {
        return true;
    }
    self->total += group->n;
    row_t *row = s_row(self, destination, number, group);
    if (!row) {
        return true;
    }
    int found = hf_store_newest_dead(self->store, destination, number, &newest.fact, &newest.id,
                                     &self->error);
    if (found < 0 ||
        hf_store_walk_dead(self->store, destination, number, 0, s_on_first, &first, &self->error)) {
        self->rc = -1;
        return false;
    }
    row->count += group->n;
    row->first = !row->first.fact || first.fact < row->first.fact ? first : row->first;
    row->newest = newest.fact > row->newest.fact ? newest : row->newest;
    return true;
}

//  ---- the answer

//  NULL where the command cannot be read; the error says why.
static Hf__State *s_state(dead_t *self, const hf_id_t *id, hf_arena_t *arena) {
    Hf__State *state = NULL;
    int found = hf_store_state(self->store, id, arena, &state, &self->error);
    if (found == 0) {
        hf_error_set(&self->error, "dead: an entry has no command: the journal is damaged");
    }
    return found == 1 ? state : NULL;
}

static int s_render_row(dead_t *self, hf_json_t *json, const row_t *row, hf_arena_t *arena) {
    char group[HF_GROUP_TEXT];
    const Hf__State *first = s_state(self, &row->first.id, arena);
    const Hf__State *newest = first ? s_state(self, &row->newest.id, arena) : NULL;
    if (!newest) {
        return -1;
    }
    hf_json_object(json, NULL);
    if (self->by_destination) {
        hf_json_string(json, "destination", row->destination);
    }
    if (self->by_class) {
        hf_json_string(json, "class", hf_class_name((hf_class_t)row->class));
    }
    if (self->by_reason) {
        snprintf(group, sizeof group, "%016" PRIx64, row->group);
        hf_json_string(json, "reason", row->pattern);
        hf_json_string(json, "group", group);
    }
    hf_json_integer(json, "count", (int64_t)row->count);
    hf_json_time(json, "first_seen_at", first->since);
    hf_json_time(json, "last_seen_at", newest->since);
    hf_json_filled(json, "newest_reason", newest->reason);
    hf_json_id(json, "newest_id", &row->newest.id);
    hf_json_object_end(json);
    return 0;
}

static int s_render(dead_t *self, hf_buf_t *out) {
    int rc = 0;
    hf_json_t json = {.out = out};
    hf_arena_t *arena = hf_arena_new(4 << 10);
    hf_json_object(&json, NULL);
    hf_json_array(&json, "groups");
    for (size_t i = 0; i < self->size && !rc; i++) {
        rc = s_render_row(self, &json, &self->rows[i], arena);
        hf_arena_reset(arena);
    }
    hf_json_array_end(&json);
    hf_json_integer(&json, "total", (int64_t)self->total);
    hf_json_bool(&json, "complete", self->complete);
    hf_json_object_end(&json);
    hf_arena_destroy(&arena);
    return rc;
}

int hf_dead_groups(hf_store_t *store, const char *query, hf_buf_t *out, hf_problem_t *problem) {
    dead_t self = {.store = store,
                   .problem = problem,
                   .by_destination = true,
                   .by_class = true,
                   .state = HF_STATE_DEAD,
                   .complete = true};
    hf_problem_set(problem, HF_PROBLEM_QUERY, 0,
                   "The query's percent-encoding is broken, or a part of it is too long.");
    if (hf_query_walk(query, s_take_pair, &self)) {
        return -1;
    }
    if (hf_store_begin_read(store, &self.error)) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", self.error.text);
    }
    self.rows = hf_alloc(HF_DEAD_ROWS_MAX * sizeof *self.rows);
    const char *destination = *self.destination ? self.destination : NULL;
    int rc = hf_store_walk_groups(store, destination, s_on_group, &self, &self.error) || self.rc ||
             s_render(&self, out);
    hf_store_end_read(store);
    free(self.rows);
    return rc ? hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", self.error.text) : 0;
}
