/*  The verbs of the command line: one table that says for each what it is called, takes and does. Parsing,
 * --help, the hints for what was mistyped, and the man page's list (a test holds it against this one) all
 * come from that table.  */

#ifndef HF_VERBS_H
#define HF_VERBS_H

#include "base/pipeline.h"

#include <stdbool.h>
#include <stddef.h>

//  What the program ends with, as CONTRACT says.
enum {
    HF_EXIT_DONE = 0,    //  Done
    HF_EXIT_FAILED = 1,  //  Failed; one line on stderr said what, and what to do
    HF_EXIT_USAGE = 2,   //  Wrong usage; the same
    HF_EXIT_NO_NODE = 3, //  No node is running at that address
};

enum { HF_OPTIONS_MAX = 20 }; //  Options of one verb, besides --help

//  One option of a verb.
typedef struct {
    const char *name;  //  Long name, without the dashes
    const char *value; //  What its value is called in help; NULL: it takes none
    const char *help;  //  A line or two for help
} hf_option_t;

typedef struct hf_args hf_args_t;

//  One verb. Texts of more than one line have their own line ends.
typedef struct {
    const char *name;                  //  What is typed
    const char *usage;                 //  What follows the name
    const char *summary;               //  One line
    const char *about;                 //  What else one should know, or NULL
    const hf_option_t *options;        //  The last one has no name
    const char *example;               //  Commands to type, one a line
    int least;                         //  Words at least that are no options …
    int most;                          //  … and at most; -1: any number
    const char *missing;               //  What is missing where there are fewer
    int (*run)(const hf_args_t *args); //  Does it; returns an exit status
} hf_verb_t;

//  What was typed behind a verb, checked against its table entry.
struct hf_args {
    const hf_verb_t *verb; //  Whose
    const char
        *values[HF_OPTIONS_MAX]; //  By number of the option; NULL: not given; "" for one without a value
    char **words;                //  What is no option, in order
    int words_size;              //  How many
};

//  All of them, in the order that help shows them in; the last one has no name.
extern const hf_verb_t hf_verbs[];

//  By name, or NULL.
const hf_verb_t *hf_verbs_find(const char *name);

//  The name nearest to word, or NULL.
const char *hf_verbs_nearest(const char *word);

//  Runs what argv says, argv[0] being the program's name. Returns the exit status.
int hf_verbs_run(int argc, char **argv);

//  An option's value, "" where it takes none, NULL where it was not given. Asserts that the verb has that
//  option.
const char *hf_args_value(const hf_args_t *self, const char *name);
bool hf_args_has(const hf_args_t *self, const char *name);
bool hf_args_takes(const hf_args_t *self, const char *name); //  Whether the verb has that option

//  The same for whole numbers from least to most; other text is wrong usage, which it says. number keeps its
//  value where the option was not given. Returns an exit status.
int hf_args_number(const hf_args_t *self, const char *name, long long least, long long most,
                   long long *number);

//  Says on stderr, in one line, what failed; returns HF_EXIT_FAILED.
int hf_say_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

//  Says on stderr what was typed wrongly, and where it is explained; returns HF_EXIT_USAGE.
int hf_say_usage(const hf_args_t *args, const char *format, ...) __attribute__((format(printf, 2, 3)));

//  Where state lives: --state, else HOLDFAST_STATE, else ./.holdfast.
const char *hf_args_state_dir(const hf_args_t *self);

//  Reads pipeline files as pipeline_file/ does, and says on stderr what is wrong with them; then NULL.
hf_config_t *hf_read_pipelines(const char *const *paths, size_t paths_size);

//  What each does. Two files that need a word on their own: up.c (up, check, actor) and decide.c (retry,
//  discard, cancel, resolve, pause, resume).
int hf_verb_up(const hf_args_t *args);
int hf_verb_check(const hf_args_t *args);
int hf_verb_actor(const hf_args_t *args);
int hf_verb_send(const hf_args_t *args);
int hf_verb_show(const hf_args_t *args);
int hf_verb_list(const hf_args_t *args);
int hf_verb_watch(const hf_args_t *args);
int hf_verb_retry(const hf_args_t *args);
int hf_verb_discard(const hf_args_t *args);
int hf_verb_dead(const hf_args_t *args);
int hf_verb_jobs(const hf_args_t *args);
int hf_verb_job(const hf_args_t *args);
int hf_verb_cancel(const hf_args_t *args);
int hf_verb_resolve(const hf_args_t *args);
int hf_verb_pause(const hf_args_t *args);
int hf_verb_resume(const hf_args_t *args);
int hf_verb_ps(const hf_args_t *args);
int hf_verb_journal(const hf_args_t *args);
int hf_verb_simulate(const hf_args_t *args);
int hf_verb_help(const hf_args_t *args);

#endif
