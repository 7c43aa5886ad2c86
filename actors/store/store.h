/*  The journal's file: tables in one LMDB environment, their keys, and a checksum on every record. Everybody reads through
 *  this; only the journal writes.
 *
 *  table     key                                    value        what it is for
 *  --------  -------------------------------------  -----------  ----------------------------------------------
 *  commands  id                                     Command      what was accepted
 *  states    id                                     State        what has become of it
 *  open      phase · destination NUL · due · id     -            what dispatch, failure and people walk
 *            (phase ready: a byte before due, twice 9 less the priority, one more for a retry: within a priority, first
 *            attempts and retries are two queues)
 *  turns     hash of pipeline and key · 0 has its   -            ordered keys: whose turn it is, and who is parked,
 *            turn, 1 is parked · order · id                      in the order of acceptance
 *  dead      destination NUL · group · fact · id    -            dead and uncertain ones, by group and time (store_dead.c)
 *  groups    destination NUL · group                Group        how many there are of each group
 *  jobs      id                                     Job          decisions over many of them at once (store_jobs.c)
 *  progress  id                                     JobProgress  how far each is
 *  history   id · entry number                      History      attempts and decisions, in order: the first and the
 *                                                                newest ones, between them replaced bodies
 *  facts     number of the first one                FactRun      what happened, in order
 *  dedupe    hash of pipeline and Idempotency-Key   Dedupe       the command that a key made
 *  keys      id of the first one                    KeyRun       search by key
 *  expiry    deadline · id                          -            open commands with a deadline of their own
 *  ended     time of the end · id                   -            what leaves after `keep`
 *  counts    destination NUL · state                Count        how many are in each state
 *  destinations  name                               Destination  what is true of a destination beyond its settings
 *  meta      "meta", "sender:NAME"                  Meta, Sender
 *
 *  Numbers in keys are big-endian, so that LMDB's order is theirs. A value is eight bytes of XXH3-64 (over the packed message,
 *  seeded with the XXH3-64 of the key, so that a record in another's place is found too), then the packed message.
 *
 *  A handle has at most one transaction at a time: reading (hf_store_begin_read) or writing (hf_store_begin_write). Nothing holds
 *  one over a wait: a stale reader makes the file grow. Lookups return 1 found, 0 not there, -1 broken, with the error set.  */

#ifndef HF_STORE_H
#define HF_STORE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "base/lifecycle.h"
#include "records.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HF_STORE_FORMAT = 1,    //  Version of keys and records; another one is refused
    HF_STORE_READERS = 512, //  Processes and handles that may read at once
    HF_FACTS_PER_RUN = 64,  //  Facts in one record
    HF_HISTORY_FIRST = 8,   //  Entries of one command's history that are always kept: how it began;
    HF_HISTORY_NEWEST =
        56, //  and how it stands. With answers of 64 KiB both are 4 MiB. Between them only replaced bodies are
            //  kept: people made those, and the first is the original
    HF_GROUPS_MAX = 256, //  Groups of one destination: further reasons go to one group for each class, so
                         //  that reasons that never come twice make no table of their own
};

//  Phases of the table `open`: where a command waits for someone. The letters are on disk.
typedef enum {
    HF_PHASE_READY = 'r',     //  accepted or waiting; due: not before
    HF_PHASE_CALLING = 'c',   //  due: when the attempt started
    HF_PHASE_DECIDING = 'd',  //  due: when it failed
    HF_PHASE_UNCERTAIN = 'u', //  due: since when
} hf_phase_t;

//  The two queues of what is ready in one priority. They are apart because retries may have to wait for their budget, however many they
//  are: what waits must not stand in front of what need not, nor be read to be passed over.
typedef enum {
    HF_QUEUE_FIRST, //  The first attempt of a round, or one that cost it none of its attempts
    HF_QUEUE_RETRY, //  Its round has had an attempt before
    HF_QUEUES,
} hf_queue_t;

typedef struct hf_store hf_store_t;

//  Where it stands, or would, when it is ready. One that is accepted is always in the first.
hf_queue_t hf_state_queue(const Hf__State *state);

//  Whether it is the one of its ordered key whose turn it is: none of the others is called meanwhile.
bool hf_state_has_turn(const Hf__State *state);

//  Opens the environment in folder dir for reading, or, as the only writer, for writing (then it is created where missing).
//  A reader of a journal that does not exist yet gets an error that ends in "No such file or directory"; it may try again.
//  Readers give the journal's limit as map, or 0: what the file itself names; a file that outgrows the map is mapped anew at the
//  next hf_store_begin_read. The writer gives what the file may take now, and changes it with hf_store_set_map.
//  volatile_: no fsync at all, for the simulator's memory-backed folder only.
typedef struct {
    bool writer;    //  Creates tables; only the journal does
    bool volatile_; //  Nothing is synced
    size_t map;     //  Bytes of address space; for the writer also the most that the file may take
} hf_store_options_t;

hf_store_t *hf_store_open(const char *dir, const hf_store_options_t *options, hf_error_t *error);

//  Another handle on the same environment, for a second reader in one process (LMDB allows one environment a process).
hf_store_t *hf_store_share(hf_store_t *self);
void hf_store_close(hf_store_t **self_p);

//  ---- reading

int hf_store_begin_read(hf_store_t *self, hf_error_t *error);
void hf_store_end_read(hf_store_t *self);

//  Messages live in the arena until its reset.
int hf_store_meta(hf_store_t *self, hf_arena_t *arena, Hf__Meta **meta, hf_error_t *error);
int hf_store_command(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__Command **command,
                     hf_error_t *error);
int hf_store_state(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__State **state,
                   hf_error_t *error);
int hf_store_history(hf_store_t *self, const hf_id_t *id, uint32_t number, hf_arena_t *arena,
                     Hf__History **entry, hf_error_t *error);
int hf_store_dedupe(hf_store_t *self, const uint8_t hash[16], hf_arena_t *arena, Hf__Dedupe **dedupe,
                    hf_error_t *error);
int hf_store_sender(hf_store_t *self, const char *name, hf_arena_t *arena, Hf__Sender **sender,
                    hf_error_t *error);

//  How many commands of that destination are in that state.
uint64_t hf_store_count(hf_store_t *self, const char *destination, hf_state_t state);

//  Number of the newest fact, 0: none.
uint64_t hf_store_newest_fact(hf_store_t *self);

//  Facts from a number on, in order, until on_fact returns false or none is left. Returns the number after the last one seen,
//  0 where `from` is no longer kept (the oldest kept one is larger), -1 on a broken record.
typedef bool(hf_on_fact_t)(void *context, const Hf__Fact *fact);
int64_t hf_store_facts(hf_store_t *self, uint64_t from, hf_arena_t *arena, hf_on_fact_t *on_fact,
                       void *context, hf_error_t *error);

//  The newest facts, at most so many: of those that are kept. 0, or -1 on a broken record.
int hf_store_newest_facts(hf_store_t *self, uint64_t most, hf_arena_t *arena, hf_on_fact_t *on_fact,
                          void *context, hf_error_t *error);

//  One fact by its number.
int hf_store_fact(hf_store_t *self, uint64_t number, hf_arena_t *arena, Hf__Fact **fact, hf_error_t *error);

//  Walks commands of one phase and destination in order of due time, from (due, id) on, until on_open returns false. The
//  callback may look things up, not write. Returns 0, -1 on error. destination NULL: all, in order of their names. Phase ready: the most
//  urgent first, and from_due is 0.
typedef bool(hf_on_open_t)(void *context, const char *destination, int64_t due, const hf_id_t *id);
int hf_store_walk_open(hf_store_t *self, hf_phase_t phase, const char *destination, int64_t from_due,
                       hf_on_open_t *on_open, void *context, hf_error_t *error);

//  The same over what is ready for one destination in one priority, through those of its queues whose bits (1 << queue) are set, as if
//  they were one in order of due time. LEAVE: no more from that queue. A queue that is not asked for costs nothing.
typedef enum { HF_WALK_ON, HF_WALK_LEAVE, HF_WALK_END } hf_walk_t;
typedef hf_walk_t(hf_on_ready_t)(void *context, hf_queue_t queue, int64_t due, const hf_id_t *id);
int hf_store_walk_ready(hf_store_t *self, const char *destination, int priority, unsigned queues,
                        hf_on_ready_t *on_ready, void *context, hf_error_t *error);

//  Of an ordered key: who has its turn, or, where parked says so, who comes next. 1 and *id, 0 nobody, -1.
int hf_store_turn(hf_store_t *self, const char *pipeline, const char *key, bool parked, hf_id_t *id,
                  hf_error_t *error);

//  ---- the dead, and the uncertain: whatever waits for a person

//  The group that a command would belong to (its destination, state, class, answer and reason). Groups up to HF_GROUP_OTHER_MAX take
//  what came when HF_GROUPS_MAX others were there. Returns 0 and the group, else -1.
enum { HF_GROUP_OTHER_MAX = 16 };
int hf_store_choose_group(hf_store_t *self, const Hf__State *state, uint64_t *group, hf_error_t *error);

//  One group; and all of one destination, or (NULL) of all, in the order of their keys, until on_group returns false.
int hf_store_group(hf_store_t *self, const char *destination, uint64_t group, hf_arena_t *arena,
                   Hf__Group **record, hf_error_t *error);
typedef bool(hf_on_group_t)(void *context, const char *destination, uint64_t group, const Hf__Group *record);
int hf_store_walk_groups(hf_store_t *self, const char *destination, hf_on_group_t *on_group, void *context,
                         hf_error_t *error);

//  The same from group `from` of destination from_destination ("": the first) on.
int hf_store_walk_groups_from(hf_store_t *self, const char *destination, const char *from_destination,
                              uint64_t from, hf_on_group_t *on_group, void *context, hf_error_t *error);

//  The members of one group in the order of the facts that brought them there, from fact `from` on, until on_dead returns false.
typedef bool(hf_on_dead_t)(void *context, uint64_t fact, const hf_id_t *id);
int hf_store_walk_dead(hf_store_t *self, const char *destination, uint64_t group, uint64_t from,
                       hf_on_dead_t *on_dead, void *context, hf_error_t *error);

//  The newest member of a group: 1, 0 there is none, -1.
int hf_store_newest_dead(hf_store_t *self, const char *destination, uint64_t group, uint64_t *fact,
                         hf_id_t *id, hf_error_t *error);

//  ---- jobs

int hf_store_job(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__Job **job, hf_error_t *error);
int hf_store_progress(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__JobProgress **progress,
                      hf_error_t *error);

//  Every job, the newest first, until on_job returns false. What it gets lives until it returns.
typedef bool(hf_on_job_t)(void *context, const Hf__Job *job, const Hf__JobProgress *progress);
int hf_store_walk_jobs(hf_store_t *self, hf_on_job_t *on_job, void *context, hf_error_t *error);

//  Walks ids of all commands from the newest at or below `from` downwards (NULL: the newest), until on_id returns false.
typedef bool(hf_on_id_t)(void *context, const hf_id_t *id);
int hf_store_walk_newest(hf_store_t *self, const hf_id_t *from, hf_on_id_t *on_id, void *context,
                         hf_error_t *error);

//  The same over the commands that may have that key (a hash: the caller looks). Commands that are gone may be among them.
int hf_store_walk_key(hf_store_t *self, const char *key, const hf_id_t *from, hf_on_id_t *on_id,
                      void *context, hf_error_t *error);

//  Open commands with an own deadline, or ended ones with their time of end, from the earliest on.
typedef bool(hf_on_time_t)(void *context, int64_t at, const hf_id_t *id);
int hf_store_walk_expiry(hf_store_t *self, hf_on_time_t *on_time, void *context, hf_error_t *error);
int hf_store_walk_ended(hf_store_t *self, hf_on_time_t *on_time, void *context, hf_error_t *error);

//  Every count that is kept, in order of destination.
typedef void(hf_on_count_t)(void *context, const char *destination, hf_state_t state, uint64_t count);
int hf_store_walk_counts(hf_store_t *self, hf_on_count_t *on_count, void *context, hf_error_t *error);

//  What is true of a destination beyond its settings; 0: nothing ever happened to it.
int hf_store_destination(hf_store_t *self, const char *name, hf_arena_t *arena, Hf__Destination **destination,
                         hf_error_t *error);

//  Whether there is any record of a destination at all: costs no look-up.
bool hf_store_has_destinations(hf_store_t *self);

//  Every record of a destination, in order of names. The message lives until the callback returns.
typedef void(hf_on_destination_t)(void *context, const Hf__Destination *destination);
int hf_store_walk_destinations(hf_store_t *self, hf_on_destination_t *on_destination, void *context,
                               hf_error_t *error);

//  Reads every record of every table and checks it: checksum, message, key. Every index entry is held against its record and
//  every record against its index entries; history, facts and counts against the states; pages against the tables. One reading
//  transaction, on a live file too; memory grows with destinations only. Calls on_problem for each thing found wrong; returns how
//  many, or -1 where the walk itself failed. Damage in LMDB's own pages may end the process: let a child do it.
typedef void(hf_on_problem_t)(void *context, const char *problem);
int64_t hf_store_verify(hf_store_t *self, hf_on_problem_t *on_problem, void *context, hf_error_t *error);

//  A consistent compacted copy into an existing empty folder, while others write. It is not synced. Pages that are freed meanwhile
//  are not used again before it ends.
int hf_store_backup(hf_store_t *self, const char *dir, hf_error_t *error);

//  ---- sizes

typedef struct {
    uint64_t page_size;   //  Bytes
    uint64_t pages_used;  //  Pages up to the highest that was ever used
    uint64_t pages_free;  //  Of these, free to be used again
    uint64_t pages_held;  //  Of these, not to be used by the next transaction yet
    uint64_t map_bytes;   //  The most the file may take now
    uint64_t readers;     //  Reader slots taken
    uint64_t entries[32]; //  Entries of each table, in the order of hf_store_table_name
    uint64_t bytes[32];   //  Bytes of its pages
} hf_store_stat_t;

int hf_store_stat(hf_store_t *self, hf_store_stat_t *stat, hf_error_t *error);
const char *hf_store_table_name(unsigned number); //  NULL behind the last

//  ---- writing (the journal only)

//  What a write can come to besides 0.
enum {
    HF_STORE_FAILED = -1, //  Final: abort, say why, end the process
    HF_STORE_FULL =
        -2, //  No room under the present map: abort; the transaction may be tried again with a larger map
};

//  Where a transaction failed, these return the code above; a transaction that saw one can only be aborted.
int hf_store_begin_write(hf_store_t *self, hf_error_t *error);
int hf_store_commit(hf_store_t *self, hf_error_t *error);
void hf_store_abort(hf_store_t *self);

int hf_store_put_meta(hf_store_t *self, const Hf__Meta *meta, hf_error_t *error);
int hf_store_put_sender(hf_store_t *self, const Hf__Sender *sender, hf_error_t *error);
int hf_store_put_command(hf_store_t *self, const Hf__Command *command, hf_error_t *error);
int hf_store_put_history(hf_store_t *self, const hf_id_t *id, uint32_t number, const Hf__History *entry,
                         hf_error_t *error);
int hf_store_delete_history(hf_store_t *self, const hf_id_t *id, uint32_t number, hf_error_t *error);
int hf_store_put_facts(hf_store_t *self, const Hf__FactRun *run, hf_error_t *error);
int hf_store_put_dedupe(hf_store_t *self, const uint8_t hash[16], const Hf__Dedupe *dedupe,
                        hf_error_t *error);

int hf_store_put_destination(hf_store_t *self, const Hf__Destination *destination, hf_error_t *error);

//  Writes the state and moves the command in every index that follows from it (open, dead, groups, keys, expiry, ended, counts). before: the state
//  that stands there, NULL for a new command.
int hf_store_put_state(hf_store_t *self, const Hf__State *before, const Hf__State *after, hf_error_t *error);

int hf_store_put_job(hf_store_t *self, const Hf__Job *job, hf_error_t *error);
int hf_store_put_progress(hf_store_t *self, const Hf__JobProgress *progress, hf_error_t *error);
int hf_store_remove_job(hf_store_t *self, const hf_id_t *id, hf_error_t *error);

//  Takes a command out of every table. Its facts stay until their time.
int hf_store_remove(hf_store_t *self, const Hf__State *state, const Hf__Command *command, hf_error_t *error);

//  Removes runs of facts that all are older than that time, at most `most` runs; returns how many, or a code above.
int hf_store_trim_facts(hf_store_t *self, int64_t older_than, unsigned most, hf_arena_t *arena,
                        hf_error_t *error);

//  Removes records of `keys` whose commands all were accepted before that time and are gone: looks for `most` commands, or those of
//  one record more, behind place, and moves it on (all zeroes: at the beginning, where it goes behind the last such record). Returns how
//  many records were removed, or a code above.
int hf_store_trim_keys(hf_store_t *self, int64_t accepted_before, hf_id_t *place, unsigned most,
                       hf_arena_t *arena, hf_error_t *error);

//  Sets how large the file may grow, while nobody in this process has a transaction. What is in use already stays allowed: LMDB
//  rounds up to that silently. Free pages below are used as before.
int hf_store_set_map(hf_store_t *self, size_t bytes, hf_error_t *error);

//  Forgets readers whose process is gone: what one of them was reading when it was killed is kept from being used again until then.
//  Returns how many there were.
int hf_store_clear_readers(hf_store_t *self);

#endif
