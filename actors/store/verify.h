/*  What the checks of a whole file share: one verification, telling what does not fit, reading, and counting. Nobody
 * else includes this; hf_store_verify (store_verify.c) runs them, table after table.  */

#ifndef HF_VERIFY_H
#define HF_VERIFY_H

#include "store/store_private.h"

//  Commands counted for one destination and state, or group.
typedef struct {
    char destination[HF_DESTINATION_MAX + 1]; //  Whose
    uint64_t number;                          //  hf_state_t, or the group
    uint64_t n;                               //  States seen
    bool recorded;                            //  A record in `counts`, `groups` was held against it
} hf_tally_t;

typedef struct {
    hf_tally_t *items; //  Sorted by destination and number
    size_t size;       //  How many
    size_t capacity;   //  Places
} hf_tallies_t;

//  The command whose history is being walked: its entries stand in one row.
typedef struct {
    bool any;          //  Whether there is one
    hf_id_t id;        //  Which
    uint32_t entries;  //  Seen
    uint32_t next;     //  Number of the next one, where none was left out
    uint32_t newest;   //  From this number on none may be left out
    uint32_t missing;  //  Left out since the newest attempt that was seen
    uint32_t attempts; //  Its number
} hf_verify_history_t;

typedef struct {
    hf_store_t *store;            //  In a reading transaction
    hf_arena_t *arena;            //  Of the record being looked at
    hf_on_problem_t *on_problem;  //  Told of each
    void *context;                //  Its own
    hf_table_t table;             //  Being walked
    const MDB_val *key;           //  Of the record being looked at
    int64_t problems;             //  Found
    hf_tallies_t tallies;         //  By destination and state
    hf_tallies_t groups;          //  By destination and group
    hf_tallies_t members;         //  Open commands by the job that retried them; its id stands as destination
    uint64_t jobs;                //  Records in `jobs`
    uint64_t progressed;          //  The same in `progress`
    uint64_t running;             //  Of these, running
    hf_verify_history_t history;  //  Being walked
    uint64_t oldest_fact;         //  Number of the oldest fact kept, 0: none
    uint64_t next_fact;           //  Number that the next fact in the walk must have, 0: any
    uint64_t newest_fact;         //  By the meta record
    uint64_t last_epoch;          //  The same
    uint64_t pages_used;          //  Pages that this transaction knows, 0: others wrote too fast to tell
    uint64_t newest_facts_wanted; //  States whose newest fact is still kept
    uint64_t newest_facts_found;  //  Facts that are their command's newest
    uint64_t probing_wanted;      //  States that are being called as a probe
    uint64_t probing_found;       //  Destinations that say so
    uint64_t gate_facts_wanted;   //  Destinations whose newest fact is still kept
    uint64_t gate_facts_found;    //  Facts that are their destination's newest
    uint64_t keyed_wanted;        //  States with a key
    uint64_t keyed_found;         //  Commands in `keys` that are there
    uint8_t chain[HF_CHAIN];      //  The ordered key whose turns are being walked
    bool chain_taken;             //  One of its commands has its turn
} hf_verify_t;

//  Looks at one record of the table being walked.
typedef void(hf_check_t)(hf_verify_t *self, const MDB_val *key, const MDB_val *value);

//  Tells of a problem: as it is, or of the record being looked at, or of two numbers in a table.
void hf_verify_tell(hf_verify_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hf_verify_problem(hf_verify_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hf_verify_tell_table(hf_verify_t *self, hf_table_t table, const char *what, uint64_t a, uint64_t b);

//  The message in a record, or NULL after having told.
void *hf_verify_read(hf_verify_t *self, const MDB_val *key, const MDB_val *value,
                     const ProtobufCMessageDescriptor *type);

bool hf_verify_same(const ProtobufCBinaryData *bytes, const void *data, size_t size);

//  The id in a key from that byte on.
hf_id_t hf_verify_id_at(const MDB_val *key, size_t at);

//  1 and the state, 0 after having told that there is none, -1 where it cannot be read (that is told elsewhere).
int hf_verify_find_state(hf_verify_t *self, const hf_id_t *id, Hf__State **state);

//  The place of that destination and number, made where add says so; else NULL where there is none.
hf_tally_t *hf_verify_tally(hf_tallies_t *self, const char *destination, uint64_t number, bool add);

//  verify_commands.c: each command with its state, its index entries, its keys.
void hf_verify_command(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_state(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_index(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_turn(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_key_run(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_keyed(hf_verify_t *self);
void hf_verify_dedupe(hf_verify_t *self, const MDB_val *key, const MDB_val *value);

//  verify_counts.c: what is kept about many commands; behind each walk, what it left over.
void hf_verify_count(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_tallies(hf_verify_t *self);
void hf_verify_group(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_grouped(hf_verify_t *self);
void hf_verify_job(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_progress(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_jobs(hf_verify_t *self);
void hf_verify_destination(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_destinations(hf_verify_t *self);

//  verify_facts.c: what has happened, as facts and as each command's history.
void hf_verify_run(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_newest_fact(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_facts_end(hf_verify_t *self);
void hf_verify_history(hf_verify_t *self, const MDB_val *key, const MDB_val *value);
void hf_verify_history_end(hf_verify_t *self);

#endif
