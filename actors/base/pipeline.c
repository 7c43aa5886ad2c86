#include "base/pipeline.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    S_HOLE_MAX = 128,    //  Bytes in a field's name between braces
    S_NEAREST_MAX = 64,  //  Bytes in a word that is compared for "did you mean": HF_NAME_MAX
    S_SHOWN_MAX = 60,    //  Bytes of a user's text that a sentence repeats
    S_STATUS_END = 1000, //  One more than the last HTTP status
};

//  --------------------------------------------------------------------------------------------------------
//  The configuration: two arrays, and a hash table of names over each.

//  A place in a hash table: open addressing, the next free one is taken. At most half of the places are
//  taken.
typedef struct {
    uint64_t hash;    //  XXH3 of the name
    const char *name; //  Owned by what it names; NULL: free
    size_t number;    //  Place in the configuration's array
} slot_t;

typedef struct {
    slot_t *slots;   //  As many as capacity, a power of two
    size_t capacity; //  0 before the first name
    size_t size;     //  How many are taken
} table_t;

typedef struct {
    table_t destinations; //  Names of hf_config_t.destinations
    table_t pipelines;    //  Names of hf_config_t.pipelines
} index_t;

static slot_t *s_slot(const table_t *self, const char *name, uint64_t hash) {
    size_t place = hash & (self->capacity - 1);
    while (self->slots[place].name &&
           (self->slots[place].hash != hash || strcmp(self->slots[place].name, name) != 0)) {
        place = (place + 1) & (self->capacity - 1);
    }
    return self->slots + place;
}

//  The number of that name, or -1.
static int s_table_find(const table_t *self, const char *name) {
    if (!name || self->capacity == 0) {
        return -1;
    }
    const slot_t *slot = s_slot(self, name, XXH3_64bits(name, strlen(name)));
    return slot->name ? (int)slot->number : -1;
}

static void s_table_grow(table_t *self) {
    table_t old = *self;
    self->capacity = old.capacity ? old.capacity * 2 : 16;
    self->slots = hf_alloc(self->capacity * sizeof *self->slots);
    for (size_t place = 0; place < old.capacity; place++) {
        if (old.slots[place].name) {
            *s_slot(self, old.slots[place].name, old.slots[place].hash) = old.slots[place];
        }
    }
    free(old.slots);
}

static void s_table_add(table_t *self, const char *name) {
    if (self->size * 2 >= self->capacity) {
        s_table_grow(self);
    }
    uint64_t hash = XXH3_64bits(name, strlen(name));
    *s_slot(self, name, hash) = (slot_t){.hash = hash, .name = name, .number = self->size};
    self->size++;
}

//  The array with room for one more: it doubles at each power of two.
static void *s_room(void *array, size_t size) {
    if ((size & (size - 1)) == 0) {
        array = realloc(array, (size ? size * 2 : 1) * sizeof(void *));
        assert(array && "out of memory");
    }
    return array;
}

hf_config_t *hf_config_new(void) {
    hf_config_t *self = hf_alloc(sizeof *self);
    self->http = hf_strdup("127.0.0.1:4653");
    self->callers = 1;
    self->body_limit = (size_t)1 << 20;
    self->unacked_limit = (size_t)64 << 20;
    self->journal_limit = (size_t)64 << 30;
    self->keep_ms = INT64_C(7) * 24 * 60 * 60 * 1000;
    self->index = hf_alloc(sizeof(index_t));
    return self;
}

void hf_config_destroy(hf_config_t **self_p) {
    assert(self_p);
    if (!*self_p) {
        return;
    }
    hf_config_t *self = *self_p;
    for (size_t number = 0; number < self->pipelines_size; number++) {
        hf_pipeline_destroy(&self->pipelines[number]);
    }
    for (size_t number = 0; number < self->destinations_size; number++) {
        hf_destination_destroy(&self->destinations[number]);
    }
    index_t *index = self->index;
    if (index) {
        free(index->destinations.slots);
        free(index->pipelines.slots);
        free(index);
    }
    free(self->destinations);
    free(self->pipelines);
    free(self->http);
    free(self->token);
    free(self);
    *self_p = NULL;
}

int hf_config_add_destination(hf_config_t *self, hf_destination_t *destination) {
    assert(destination->name);
    index_t *index = self->index;
    if (self->destinations_size >= HF_DESTINATIONS_MAX ||
        s_table_find(&index->destinations, destination->name) >= 0) {
        return -1;
    }
    self->destinations = s_room(self->destinations, self->destinations_size);
    self->destinations[self->destinations_size] = destination;
    self->destinations_size++;
    s_table_add(&index->destinations, destination->name);
    return 0;
}

int hf_config_add_pipeline(hf_config_t *self, hf_pipeline_t *pipeline) {
    assert(pipeline->name);
    assert(!pipeline->destination ||
           hf_config_destination(self, pipeline->destination->name) == pipeline->destination);
    index_t *index = self->index;
    if (self->pipelines_size >= HF_PIPELINES_MAX || s_table_find(&index->pipelines, pipeline->name) >= 0) {
        return -1;
    }
    self->pipelines = s_room(self->pipelines, self->pipelines_size);
    self->pipelines[self->pipelines_size] = pipeline;
    self->pipelines_size++;
    s_table_add(&index->pipelines, pipeline->name);
    return 0;
}

int hf_config_destination_number(const hf_config_t *self, const char *name) {
    const index_t *index = self->index;
    return s_table_find(&index->destinations, name);
}

int hf_config_pipeline_number(const hf_config_t *self, const char *name) {
    const index_t *index = self->index;
    return s_table_find(&index->pipelines, name);
}

const hf_destination_t *hf_config_destination(const hf_config_t *self, const char *name) {
    int number = hf_config_destination_number(self, name);
    return number < 0 ? NULL : self->destinations[number];
}

const hf_pipeline_t *hf_config_pipeline(const hf_config_t *self, const char *name) {
    int number = hf_config_pipeline_number(self, name);
    return number < 0 ? NULL : self->pipelines[number];
}

//  --------------------------------------------------------------------------------------------------------
//  Destinations and pipelines.

hf_destination_t *hf_destination_new(const char *name) {
    hf_destination_t *self = hf_alloc(sizeof *self);
    self->name = hf_strdup(name);
    self->method = hf_strdup("POST");
    self->headers = hf_alloc(sizeof *self->headers);
    self->connect_timeout_ms = 3 * 1000;
    self->timeout_ms = 30 * 1000;
    self->concurrency = 64;
    int rc = hf_status_set_parse(&self->reject, "400-499 !408 !425 !429", NULL);
    assert(rc == 0);
    self->on_uncertain = HF_ON_UNCERTAIN_RETRY;
    self->circuit_failures_percent = 50;
    self->circuit_cooldown_ms = 30 * 1000;
    self->circuit_ramp_ms = 10 * 1000;
    self->circuit_surge_percent = 140;
    self->adaptive = true;
    self->retry_budget_percent = 20;
    return self;
}

void hf_destination_destroy(hf_destination_t **self_p) {
    assert(self_p);
    if (!*self_p) {
        return;
    }
    hf_destination_t *self = *self_p;
    hf_template_destroy(&self->url);
    hf_template_destroy(&self->probe);
    for (char **header = self->headers; header && *header; header++) {
        free(*header);
    }
    free(self->headers);
    free(self->url_shown);
    free(self->method);
    free(self->name);
    free(self);
    *self_p = NULL;
}

hf_pipeline_t *hf_pipeline_new(const char *name) {
    hf_pipeline_t *self = hf_alloc(sizeof *self);
    self->name = hf_strdup(name);
    self->priority = HF_PRIORITY_USUAL;
    self->retry_immediate = 1;
    self->retry_delay_ms = 1000;
    self->retry_factor = 2;
    self->retry_cap_ms = INT64_C(15) * 60 * 1000;
    self->retry_jitter = HF_JITTER_FULL;
    self->retry_deadline_ms = INT64_C(24) * 60 * 60 * 1000;
    return self;
}

void hf_pipeline_destroy(hf_pipeline_t **self_p) {
    assert(self_p);
    if (!*self_p) {
        return;
    }
    hf_pipeline_t *self = *self_p;
    hf_template_destroy(&self->key);
    for (size_t state = 0; self->labels && state < HF_STATES; state++) {
        free(self->labels[state]);
    }
    free(self->labels);
    free(self->name);
    free(self);
    *self_p = NULL;
}

void hf_pipeline_set_label(hf_pipeline_t *self, hf_state_t state, const char *text) {
    assert((unsigned)state < HF_STATES);
    if (!self->labels) { //  Most have none, and there may be many pipelines
        self->labels = hf_alloc(HF_STATES * sizeof *self->labels);
    }
    free(self->labels[state]);
    self->labels[state] = hf_strdup(text);
    self->label_given = true;
}

//  It goes by the label of the state that people see it as.
const char *hf_pipeline_label(const hf_pipeline_t *self, hf_state_t state) {
    if (self && self->labels && (unsigned)state < HF_STATES && self->labels[hf_state_shown(state)]) {
        return self->labels[hf_state_shown(state)];
    }
    return hf_state_name(state);
}

int hf_pipeline_key_render(const hf_pipeline_t *self, const json_t *body, hf_buf_t *out, hf_error_t *error) {
    if (!self->key) {
        return 0;
    }
    size_t before = out->size;
    if (hf_template_render(self->key, body, false, out, error)) {
        return -1;
    }
    size_t size = out->size - before;
    if (size > HF_KEY_MAX) {
        out->size = before;
        out->data[before] = 0;
        return hf_error_set(error, "the key is %zu bytes long; at most %d are kept", size, HF_KEY_MAX);
    }
    return 0;
}

bool hf_name_is_valid(const char *text) {
    size_t size = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return size > 0 && size <= HF_NAME_MAX && text[size] == 0 && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0;
}

//  --------------------------------------------------------------------------------------------------------
//  Templates.

typedef struct {
    char *text;  //  Literal text, or the field's name
    size_t size; //  Its bytes
    bool hole;   //  Which of the two
} piece_t;

struct hf_template {
    piece_t *pieces; //  From left to right
    size_t size;     //  How many
    bool plain;      //  No hole among them
};

static void s_piece_add(hf_template_t *self, const char *text, size_t size, bool hole) {
    if (size == 0) {
        return;
    }
    self->pieces = realloc(self->pieces, (self->size + 1) * sizeof *self->pieces);
    assert(self->pieces && "out of memory");
    self->pieces[self->size] = (piece_t){.text = hf_memdup(text, size), .size = size, .hole = hole};
    self->size++;
    self->plain = self->plain && !hole;
}

//  Cuts off the hole that text begins with; returns what follows, or NULL. The sentences repeat nothing of
//  the text but a field's name: it may hold secrets.
static const char *s_hole_cut(hf_template_t *self, const char *text, hf_error_t *error) {
    size_t size = strcspn(text + 1, "{}");
    if (text[0] == '}') {
        hf_error_set(error, "'}' closes no '{'");
    } else if (text[1 + size] != '}') {
        hf_error_set(error, "'{' is not closed");
    } else if (size == 0) {
        hf_error_set(error, "'{}' names no field; write {name}");
    } else if (size > S_HOLE_MAX) {
        hf_error_set(error, "the field's name in a '{…}' is longer than %d bytes", S_HOLE_MAX);
    } else {
        s_piece_add(self, text + 1, size, true);
        return text + 1 + size + 1;
    }
    return NULL;
}

hf_template_t *hf_template_new(const char *text, hf_error_t *error) {
    hf_template_t *self = hf_alloc(sizeof *self);
    self->plain = true;
    while (text && *text) {
        size_t literal = strcspn(text, "{}");
        s_piece_add(self, text, literal, false);
        text = text[literal] ? s_hole_cut(self, text + literal, error) : text + literal;
    }
    if (!text) {
        hf_template_destroy(&self);
    }
    return self;
}

void hf_template_destroy(hf_template_t **self_p) {
    assert(self_p);
    if (*self_p) {
        for (size_t number = 0; number < (*self_p)->size; number++) {
            free((*self_p)->pieces[number].text);
        }
        free((*self_p)->pieces);
        free(*self_p);
        *self_p = NULL;
    }
}

bool hf_template_is_plain(const hf_template_t *self) {
    return self->plain;
}

const char *hf_template_hole(const hf_template_t *self, size_t number) {
    for (size_t i = 0; i < self->size; i++) {
        if (self->pieces[i].hole && number-- == 0) {
            return self->pieces[i].text;
        }
    }
    return NULL;
}

bool hf_template_takes_fields(const hf_template_t *self) {
    for (size_t number = 0; number < self->size; number++) {
        if (self->pieces[number].hole && strcmp(self->pieces[number].text, HF_TEMPLATE_ID) != 0) {
            return true;
        }
    }
    return false;
}

//  RFC 3986, 2.3: unreserved characters stay, the others become %XX.
static void s_add_encoded(hf_buf_t *out, const char *text, size_t size) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t place = 0; place < size; place++) {
        unsigned char c = (unsigned char)text[place];
        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
            c == '.' || c == '_' || c == '~') {
            hf_buf_add(out, &c, 1);
        } else {
            char code[3] = {'%', hex[c >> 4], hex[c & 15]};
            hf_buf_add(out, code, sizeof code);
        }
    }
}

static void s_add(hf_buf_t *out, const char *text, size_t size, bool url) {
    if (url) {
        s_add_encoded(out, text, size);
    } else {
        hf_buf_add(out, text, size);
    }
}

//  A number or boolean as JSON writes it; a real with as few digits as give the same number back.
static void s_add_scalar(hf_buf_t *out, const json_t *value, bool url) {
    char text[64];
    size_t size = 0;
    for (size_t digits = 15; digits <= 17; digits++) {
        size = json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
        assert(size > 0 && size <= sizeof text);
        json_t *again = json_is_real(value) ? json_loadb(text, size, JSON_DECODE_ANY, NULL) : NULL;
        bool same = !json_is_real(value) || json_equal(value, again);
        json_decref(again);
        if (same) {
            break;
        }
    }
    s_add(out, text, size, url);
}

static int s_hole_render(const piece_t *piece, const json_t *body, bool url, hf_buf_t *out,
                         hf_error_t *error) {
    const json_t *value = json_object_getn(body, piece->text, piece->size);
    if (!body || !json_is_object(body)) {
        return hf_error_set(error, "the body is no JSON object, so it has no field '%s'", piece->text);
    }
    if (!value) {
        return hf_error_set(error, "the body has no field '%s'", piece->text);
    }
    if (json_is_null(value) || json_is_object(value) || json_is_array(value)) {
        return hf_error_set(error, "the body's field '%s' is %s; it must be a string, a number or a boolean",
                            piece->text,
                            json_is_null(value)    ? "null"
                            : json_is_array(value) ? "an array"
                                                   : "an object");
    }
    if (!json_is_string(value)) {
        s_add_scalar(out, value, url);
    } else if (url && json_string_length(value) == 0) {
        return hf_error_set(error, "the body's field '%s' is empty; it stands in a url", piece->text);
    } else {
        s_add(out, json_string_value(value), json_string_length(value), url);
    }
    return 0;
}

//  Whether a segment of the url's path is "." or "..": RFC 3986, 5.2.4 has clients remove it, with the one
//  before.
static bool s_has_dot_segment(const char *url) {
    const char *end = url + strcspn(url, "?#");
    while (url < end) {
        size_t size = strcspn(url, "/?#");
        if ((size == 1 && url[0] == '.') || (size == 2 && url[0] == '.' && url[1] == '.')) {
            return true;
        }
        url += size + 1;
    }
    return false;
}

static int s_render(const hf_template_t *self, const json_t *body, bool url, hf_buf_t *out,
                    hf_error_t *error) {
    size_t before = out->size;
    for (size_t number = 0; number < self->size; number++) {
        const piece_t *piece = self->pieces + number;
        if (!piece->hole) {
            hf_buf_add(out, piece->text, piece->size);
        } else if (s_hole_render(piece, body, url, out, error)) {
            return -1;
        }
    }
    if (url && !self->plain && s_has_dot_segment((const char *)out->data + before)) {
        return hf_error_set(error, "the body's fields would make a '.' or '..' step in the url's path");
    }
    return 0;
}

int hf_template_render(const hf_template_t *self, const json_t *body, bool url, hf_buf_t *out,
                       hf_error_t *error) {
    size_t before = out->size;
    int rc = s_render(self, body, url, out, error);
    if (rc && out->data) {
        out->size = before;
        out->data[before] = 0;
    }
    return rc;
}

//  Adds what the holes name; how many there are then, or more than HF_FIELDS_MAX where they do not fit.
static size_t s_fields(const hf_template_t *self, hf_field_t *fields, size_t size) {
    for (size_t number = 0; self && number < self->size; number++) {
        const piece_t *piece = self->pieces + number;
        if (piece->hole && size >= HF_FIELDS_MAX) {
            return HF_FIELDS_MAX + 1;
        }
        if (piece->hole) {
            fields[size++] = (hf_field_t){.name = piece->text, .name_size = piece->size};
        }
    }
    return size;
}

json_t *hf_template_load(const hf_template_t *const *templates, size_t templates_size, const void *body,
                         size_t size, json_error_t *error) {
    hf_field_t fields[HF_FIELDS_MAX];
    size_t fields_size = 0;
    for (size_t i = 0; i < templates_size && fields_size <= HF_FIELDS_MAX; i++) {
        fields_size = s_fields(templates[i], fields, fields_size);
    }
    return fields_size > HF_FIELDS_MAX ? json_loadb(size ? body : "", size, JSON_DECODE_ANY, error)
                                       : hf_fields_load(body, size, fields, fields_size, error);
}

//  --------------------------------------------------------------------------------------------------------
//  Status sets.

//  Three digits, 100 to 999; returns what follows, or NULL.
static const char *s_status(const char *text, int *status) {
    int value = 0;
    for (int place = 0; place < 3; place++) {
        if (text[place] < '0' || text[place] > '9') {
            return NULL;
        }
        value = value * 10 + (text[place] - '0');
    }
    *status = value;
    return value >= 100 ? text + 3 : NULL;
}

//  One "404", "400-499", "!404" or "!400-499"; returns what follows, or NULL.
static const char *s_status_rule(hf_status_set_t *self, const char *text) {
    bool out = *text == '!';
    int first, last;
    text = s_status(text + out, &first);
    last = text ? first : 0;
    if (text && *text == '-') {
        text = s_status(text + 1, &last);
    }
    if (!text || (*text && *text != ' ') || last < first) {
        return NULL;
    }
    for (int status = first; status <= last; status++) {
        uint64_t bit = UINT64_C(1) << (status % 64);
        self->bits[status / 64] = out ? self->bits[status / 64] & ~bit : self->bits[status / 64] | bit;
    }
    return text;
}

int hf_status_set_parse(hf_status_set_t *self, const char *text, hf_error_t *error) {
    hf_status_set_t set = {0};
    const char *rest = text + strspn(text, " ");
    if (!*rest) {
        return hf_error_set(error, "names no status; write it like \"400-499 !408 !425 !429\", or none");
    }
    while (*rest && strcmp(text, "none") != 0) {
        const char *rule = rest;
        rest = s_status_rule(&set, rule);
        if (!rest) {
            int size = (int)strcspn(rule, " ");
            return hf_error_set(
                error, "'%.*s' is no status (100 to 999) or range; write it like \"400-499 !408 !425 !429\"",
                size < S_SHOWN_MAX ? size : S_SHOWN_MAX, rule);
        }
        rest += strspn(rest, " ");
    }
    *self = set;
    return 0;
}

bool hf_status_set_has(const hf_status_set_t *self, int status) {
    return status >= 0 && status < S_STATUS_END && (self->bits[status / 64] >> (status % 64) & 1);
}

//  --------------------------------------------------------------------------------------------------------
//  "Did you mean".

static char s_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t s_min(size_t a, size_t b) {
    return a < b ? a : b;
}

//  Optimal string alignment distance (Levenshtein and swapped neighbours), over three rows of the usual
//  table. Both are at most S_NEAREST_MAX long.
static size_t s_distance(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t rows[3][S_NEAREST_MAX + 1];
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            bool same = s_lower(a[i - 1]) == s_lower(b[j - 1]);
            row[j] = s_min(above[j - 1] + !same, s_min(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && s_lower(a[i - 1]) == s_lower(b[j - 2]) &&
                s_lower(a[i - 2]) == s_lower(b[j - 1])) {
                row[j] = s_min(row[j], rows[(i + 1) % 3][j - 2] + 1);
            }
        }
    }
    return rows[a_size % 3][b_size];
}

//  How many slips a word of that length may have: a third of it, and one in two letters.
static size_t s_slips(size_t size) {
    return size == 2 ? 1 : size / 3;
}

const char *hf_nearest(const char *word, const char *const *known, size_t known_size) {
    const char *nearest = NULL;
    size_t word_size = strlen(word), best = SIZE_MAX;
    for (size_t number = 0; number < known_size && word_size <= S_NEAREST_MAX; number++) {
        size_t size = strlen(known[number]);
        size_t longer = size > word_size ? size : word_size;
        size_t apart = longer - s_min(size, word_size);
        if (size > S_NEAREST_MAX || apart > s_slips(longer) || apart >= best) {
            continue;
        }
        size_t distance = s_distance(word, word_size, known[number], size);
        if (distance <= s_slips(longer) && distance < best) {
            best = distance;
            nearest = known[number];
        }
    }
    return nearest;
}
