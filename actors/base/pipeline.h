/*  What users wrote in their pipeline files, checked and resolved: node settings, destinations, pipelines.
 *
 *  A value: pipeline_file/ reads files into it, cores only look things up in it. Pure functions on
 * templates live here too. CONTRACT words ("destination", "retry", "label" …) are the field names.  */

#ifndef HF_PIPELINE_H
#define HF_PIPELINE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/lifecycle.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HF_NAME_MAX = 64, //  Characters in a pipeline's or a destination's name: it stands in index keys
    HF_KEY_MAX = 256, //  Bytes in a command's key: it is stored with every fact
    HF_DESTINATIONS_MAX = 16384, //  Destinations of one node
    HF_PIPELINES_MAX = 16384,    //  Pipelines of one node
    HF_CALLERS_MAX = 64,         //  Call processes of one node
    HF_HEADERS_MAX = 64,         //  Headers of a destination: what common servers take
};

//  A text with {name} holes, cut at its holes once, so that rendering is a walk.
typedef struct hf_template hf_template_t;

//  Cuts text; error says what is wrong with it ("'{' is not closed").
hf_template_t *hf_template_new(const char *text, hf_error_t *error);
void hf_template_destroy(hf_template_t **self_p);

//  A destination's `probe` may name the command beside fields of its body: this is the hole for its id.
#define HF_TEMPLATE_ID "holdfast.id"

//  Whether it has no hole at all, so that no body needs to be parsed for it.
bool hf_template_is_plain(const hf_template_t *self);

//  Whether it has a hole beside that for the command's id.
bool hf_template_takes_fields(const hf_template_t *self);

//  The name in its hole of that number, from 0; NULL where it has fewer.
const char *hf_template_hole(const hf_template_t *self, size_t number);

//  Appends the text with its holes filled from the top-level fields of body (NULL: the body is no JSON
//  object): strings as they are, numbers and booleans as JSON writes them. url: percent-encodes what goes
//  into a hole (RFC 3986 unreserved characters stay). Returns -1 where a field is missing, null, an object or
//  an array, with a sentence that names it. A url's hole takes no empty text either, and none that would make
//  a path segment "." or "..": the call would go elsewhere than the pipeline's author meant. On failure out
//  is as it was.
int hf_template_render(const hf_template_t *self, const json_t *body, bool url, hf_buf_t *out,
                       hf_error_t *error);

//  Reads a body for templates, NULL among them aside: a JSON value of any kind, of which only what their holes
//  name is certain to be there. The caller releases it with json_decref. NULL: it is no JSON, and error says
//  why.
json_t *hf_template_load(const hf_template_t *const *templates, size_t templates_size, const void *body,
                         size_t size, json_error_t *error);

//  Which answers (HTTP status) a rule like "400-499 !408 !425 !429" holds: one bit for each status 0..999.
//  Read from left to right; "!" takes out; "none" alone holds nothing.
typedef struct {
    uint64_t bits[16]; //  Bit status % 64 of word status / 64
} hf_status_set_t;

int hf_status_set_parse(hf_status_set_t *self, const char *text, hf_error_t *error);
bool hf_status_set_has(const hf_status_set_t *self, int status);

typedef enum { HF_ON_UNCERTAIN_RETRY, HF_ON_UNCERTAIN_HOLD } hf_on_uncertain_t;
typedef enum { HF_JITTER_FULL, HF_JITTER_NONE } hf_jitter_t;
typedef enum { HF_ON_DEAD_BLOCK, HF_ON_DEAD_SKIP } hf_behind_dead_t;

typedef struct {
    char *name;                     //  As written, [A-Za-z0-9._-]{1,64}
    hf_template_t *url;             //  Where to call, secrets filled in: not for logs or pages
    char *url_shown;                //  The same as written, secrets still ${…}: this is what may be shown
    char *method;                   //  POST, PUT, PATCH, DELETE or GET
    char **headers;                 //  "Name: value", secrets filled in; NULL-terminated
    int64_t connect_timeout_ms;     //  DNS, TCP and TLS together
    int64_t timeout_ms;             //  The whole attempt
    int concurrency;                //  Calls in flight at most
    double rate;                    //  Calls a second, 0: no limit
    hf_status_set_t reject;         //  Answers that no retry will mend
    hf_on_uncertain_t on_uncertain; //  What follows an attempt of unknown outcome
    hf_template_t *probe;           //  Where to ask (GET) what became of it first, or NULL: nowhere
    int circuit_failures_percent;   //  Opens at this share of failures …
    int circuit_of;                 //  … among the last so many attempts; 0: no circuit
    int64_t circuit_cooldown_ms;    //  How long it stays open before a probe
    int64_t circuit_ramp_ms;        //  After an outage: how long the rate climbs …
    int circuit_surge_percent;      //  … up to this share of what it was before
    bool adaptive;                  //  The limit in use adapts below `concurrency`
    int retry_budget_percent;       //  Failing retries at most, of all calls; 100: no budget
} hf_destination_t;

typedef struct {
    char *name;                          //  As written, [A-Za-z0-9._-]{1,64}
    const hf_destination_t *destination; //  Where its commands go; owned by the configuration
    hf_template_t *key;                  //  What a command is about, or NULL
    bool ordered;                        //  One at a time and in order for each key
    hf_behind_dead_t on_dead;            //  Ordered: what a dead or uncertain command means for its key
    int priority;                        //  0 to 9, the most urgent: of commands that name none themselves
    int retry_immediate;                 //  Attempts at once, before the first delay
    int64_t retry_delay_ms;              //  The first delay
    double retry_factor;                 //  What each further delay is multiplied by, >= 1
    int64_t retry_cap_ms;                //  No delay is longer
    hf_jitter_t retry_jitter;            //  full: evenly from 0 to the delay (AWS: "full jitter")
    int64_t retry_deadline_ms;           //  From acceptance (or the retry that a person asked for)
    int retry_attempts;                  //  0: as many as fit before the deadline
    char **labels;    //  What people see for each state, NULL: its name; NULL: no label at all
    bool label_given; //  Whether there is any label
} hf_pipeline_t;

typedef struct hf_config hf_config_t;

//  The whole: node settings are plain fields, the rest is looked up by name (hashed) or walked by number.
struct hf_config {
    char *http;                      //  "HOST:PORT", port 0: the system picks
    char *token;                     //  What clients must show as Bearer, or NULL: no token is asked for
    int callers;                     //  Call processes
    size_t body_limit;               //  Bytes of a submission's body at most
    size_t unacked_limit;            //  Bytes received and not yet durable at most
    size_t journal_limit;            //  Bytes of the journal at most
    int64_t keep_ms;                 //  How long finished commands stay
    hf_destination_t **destinations; //  In the files' order
    size_t destinations_size;        //  How many
    hf_pipeline_t **pipelines;       //  In the files' order
    size_t pipelines_size;           //  How many
    void *index;                     //  By name; private to pipeline.c
};

//  An empty configuration with the contract's defaults for node; destroy gives back everything below it.
hf_config_t *hf_config_new(void);
void hf_config_destroy(hf_config_t **self_p);

//  Adds one (takes ownership); -1 where that name is there already or there are too many (HF_DESTINATIONS_MAX
//  …): then it stays the caller's. A pipeline's destination must have been added.
int hf_config_add_destination(hf_config_t *self, hf_destination_t *destination);
int hf_config_add_pipeline(hf_config_t *self, hf_pipeline_t *pipeline);

//  A destination or pipeline with the contract's defaults, its strings still NULL; destroy accepts half-built
//  ones.
hf_destination_t *hf_destination_new(const char *name);
hf_pipeline_t *hf_pipeline_new(const char *name);
void hf_destination_destroy(hf_destination_t **self_p);
void hf_pipeline_destroy(hf_pipeline_t **self_p);

//  By name, or NULL. The number is the place in the array above (stable while the configuration lives), or
//  -1.
const hf_destination_t *hf_config_destination(const hf_config_t *self, const char *name);
const hf_pipeline_t *hf_config_pipeline(const hf_config_t *self, const char *name);
int hf_config_destination_number(const hf_config_t *self, const char *name);
int hf_config_pipeline_number(const hf_config_t *self, const char *name);

//  Appends what a command with this body is about: the pipeline's key, filled in (nothing where it has none).
//  Returns -1 where the body lacks what the key names, or the key is longer than HF_KEY_MAX.
int hf_pipeline_key_render(const hf_pipeline_t *self, const json_t *body, hf_buf_t *out, hf_error_t *error);

//  Whether text may be a pipeline's or a destination's name: [A-Za-z0-9._-]{1,64}, and not "." or "..".
bool hf_name_is_valid(const char *text);

//  Gives that state a label, in place of the one it has. The text is copied.
void hf_pipeline_set_label(hf_pipeline_t *self, hf_state_t state, const char *text);

//  What people see for this state: the pipeline's label, or the state's name. Pipeline may be NULL (no longer
//  configured).
const char *hf_pipeline_label(const hf_pipeline_t *self, hf_state_t state);

//  The known name nearest to word, or NULL. For "did you mean". Counted is what was added, left out, changed
//  or swapped with its neighbour (Damerau-Levenshtein, "optimal string alignment"), case aside; at most a
//  third of the longer one.
const char *hf_nearest(const char *word, const char *const *known, size_t known_size);

#endif
