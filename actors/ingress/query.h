/*  Questions that are answered from the journal's file: one command, many, what is dead, the destinations.
 * Each opens one reading transaction and looks at a bounded number of records; a list goes on with the next look, what else is left
 * is said ("complete": false).  */

#ifndef HF_QUERY_H
#define HF_QUERY_H

#include "ingress/problem.h"
#include "ingress/render.h"
#include "ingress/traffic.h"
#include "store/store.h"

enum {
    HF_LIMIT_DEFAULT = 50, //  Commands of a page
    HF_LIMIT_MAX = 1000,   //  The same, at most
    HF_GROUP_TEXT = 17,    //  Bytes of a group's number as text, with a NUL
    HF_SCAN_MAX = 2048,    //  Records that one look takes in: about 3 ms in which nobody else is served
};

//  Which commands are wanted.
typedef struct {
    char pipeline[65];    //  Empty: any
    char destination[65]; //  Empty: any
    char key[257];        //  What it is about, exactly; has_key says whether it counts
    bool has_key;         //  key= was given
    hf_state_t state;     //  NONE: any. WAITING stands for DECIDING, too
    hf_class_t class;     //  NONE: any
    uint64_t group;       //  Of a dead or uncertain one; 0: any
    int64_t since;        //  Accepted at or after; 0: any
    int64_t until;        //  Accepted before; 0: any
    int limit;            //  Commands on a page
    bool has_cursor;      //  cursor= was given
    hf_id_t cursor;       //  The last one that was looked at
} hf_filter_t;

//  Reads a query string. -1: what it says is unknown or wrong, see the problem. now: what a duration in since
//  or until counts back from.
int hf_filter_parse(hf_filter_t *self, const char *query, int64_t now, hf_problem_t *problem);

//  Sets one filter by its name. -1 as above.
int hf_filter_set(hf_filter_t *self, const char *name, const char *value, int64_t now, hf_problem_t *problem);

//  {"commands":[…],"next":…}, newest first, filled by as many looks as it takes. Between two of them nothing of the file is held:
//  what changes meanwhile is seen as it is when its turn comes, and nothing comes twice.
typedef struct hf_list hf_list_t;
hf_list_t *hf_list_new(const hf_filter_t *filter);
void hf_list_destroy(hf_list_t **self_p);

//  Looks at HF_SCAN_MAX commands more. 1: the page is full, or nothing is left; 0: look again; -1 with the problem set. now: for what
//  holds them.
int hf_list_look(hf_list_t *self, hf_store_t *store, const hf_config_t *config, int64_t now,
                 hf_problem_t *problem);

//  The page as far as it was filled, after one look at least; the list is spent. Where something is left, "next" goes on from there.
void hf_list_end(hf_list_t *self, hf_buf_t *out);

//  How much of one command is told.
typedef enum {
    HF_TELL_SUMMARY, //  What a list shows of it
    HF_TELL_WHOLE, //  With its body, its history, and attempts' answers: the newest 256 KiB, and how others begin
    HF_TELL_RESPONSES //  The same, with each attempt's answer as it was kept: up to 64 KiB each
} hf_tell_t;

//  What the query string of one command's page asks for: responses=whole. -1 with the problem set.
int hf_tell_parse(hf_tell_t *tell, const char *query, hf_problem_t *problem);

//  One command. -1 with the problem set. state, may be NULL: gets its state. now: for what holds it.
int hf_query_command(hf_store_t *store, const hf_config_t *config, const hf_id_t *id, hf_tell_t tell,
                     int64_t now, hf_state_t *state, hf_buf_t *out, hf_problem_t *problem);

//  {"destinations":[…]}, or the one of that name. now: for what the time decides.
int hf_query_destinations(hf_store_t *store, const hf_config_t *config, const char *name, int64_t now,
                          hf_buf_t *out, hf_problem_t *problem);

//  Whether a group of held commands may have some that the filter wants, by the group's state, class and number; destination is
//  the caller's to look at.
bool hf_filter_takes_group(const hf_filter_t *self, uint64_t number, const Hf__Group *group);

#endif
