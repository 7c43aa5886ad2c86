/*  What the files of the store share: the tables, a handle, records, entries. Nobody else includes this.  */

#ifndef HF_STORE_PRIVATE_H
#define HF_STORE_PRIVATE_H

#include "store/lmdb_key.h"
#include "store/store.h"

//  The tables, in the order of hf_store_table_name. X (NAME, name on disk).
#define HF_TABLE_LIST(X)                                                                                     \
    X(COMMANDS, "commands")                                                                                  \
    X(STATES, "states")                                                                                      \
    X(OPEN, "open")                                                                                          \
    X(TURNS, "turns")                                                                                        \
    X(DEAD, "dead")                                                                                          \
    X(GROUPS, "groups")                                                                                      \
    X(JOBS, "jobs")                                                                                          \
    X(PROGRESS, "progress")                                                                                  \
    X(HISTORY, "history")                                                                                    \
    X(FACTS, "facts")                                                                                        \
    X(DEDUPE, "dedupe")                                                                                      \
    X(KEYS, "keys")                                                                                          \
    X(EXPIRY, "expiry")                                                                                      \
    X(ENDED, "ended")                                                                                        \
    X(COUNTS, "counts")                                                                                      \
    X(DESTINATIONS, "destinations")                                                                          \
    X(META, "meta")

#define HF_TABLE_ENUM(name, word) TABLE_##name,
typedef enum { HF_TABLE_LIST(HF_TABLE_ENUM) TABLES } hf_table_t;

enum {
    HF_STORE_ENTRIES_MAX = 4, //  Index entries of one state: open, turns, dead, expiry or ended
    HF_KEYS_PER_RUN = 512,    //  Commands in one record of `keys`
};

typedef struct hf_delta hf_delta_t;

//  One command in `keys`.
typedef struct {
    uint32_t hash; //  hf_store_key_hash of its key
    hf_id_t id;    //  It
} hf_key_entry_t;

//  What handles on one environment share.
typedef struct {
    MDB_env *env;        //  The environment
    MDB_dbi dbi[TABLES]; //  Its tables
    int handles;         //  How many hf_store_t
    int reading;         //  How many of them are between begin_read and end_read
} hf_store_shared_t;

struct hf_store {
    hf_store_shared_t *shared; //  The environment
    MDB_txn *read;             //  The reading transaction, reset while nobody reads; NULL before the first
    MDB_txn *write;            //  The writing one, or NULL
    bool reading;              //  Between begin_read and end_read
    hf_buf_t scratch;          //  A record being packed
    hf_delta_t *deltas;        //  Changes of counts in this transaction, hashed
    unsigned deltas_used;      //  How many places are taken
    hf_key_entry_t *keys;      //  Commands with a key that this transaction accepted, HF_KEYS_PER_RUN at most
    size_t keys_size;          //  How many
};

//  One index entry that a state asks for.
typedef struct {
    hf_table_t table;   //  Where
    hf_store_key_t key; //  What
} hf_store_entry_t;

//  What LMDB said, as an error; HF_STORE_FULL or HF_STORE_FAILED.
int hf_store_error(hf_error_t *error, int rc, const char *what);

//  The transaction that lookups go through.
MDB_txn *hf_store_txn(hf_store_t *self);
int hf_store_cursor(hf_store_t *self, hf_table_t table, MDB_cursor **cursor, hf_error_t *error);

//  The message in a stored value, or NULL with the error set.
void *hf_store_unpack(hf_table_t table, const MDB_val *key, const MDB_val *value,
                      const ProtobufCMessageDescriptor *type, hf_arena_t *arena, hf_error_t *error);

//  All the index entries of a state: the one place that knows them.
unsigned hf_store_entries(const Hf__State *state, hf_store_entry_t entries[HF_STORE_ENTRIES_MAX]);
bool hf_store_has_entry(const hf_store_entry_t *entries, unsigned size, hf_table_t table, const void *key,
                        size_t key_size);

//  store_counts.c: by so many more are in that state; writes what was gathered (both: 0 or HF_STORE_…); an aborted transaction's is
//  forgotten.
int hf_store_add_count(hf_store_t *self, const char *destination, uint32_t state, int64_t by,
                       hf_error_t *error);
int hf_store_flush_counts(hf_store_t *self, hf_error_t *error);
void hf_store_forget_counts(hf_store_t *self);

//  store_keys.c: remembers a new command with a key, and writes what was remembered (both: 0 or HF_STORE_…).
int hf_store_add_key(hf_store_t *self, const char *key, const hf_id_t *id, hf_error_t *error);
int hf_store_flush_keys(hf_store_t *self, hf_error_t *error);
uint32_t hf_store_key_hash(const char *key);

//  store_dead.c: a held command's place in `dead`; takes a command from its group to its new one (either may have none).
hf_store_key_t hf_store_dead_key(const Hf__State *state);
int hf_store_move_group(hf_store_t *self, const Hf__State *before, const Hf__State *after, hf_error_t *error);

//  Whether a state's group, or the group that a record describes, can be that one.
bool hf_store_is_group_of(const Hf__State *state);
bool hf_store_is_group(uint64_t group, const Hf__Group *record);

//  Takes a key of `groups` apart; false where it is none.
bool hf_store_read_group_key(const MDB_val *key, const char **destination, uint64_t *group);

//  A record by its key: 1 found, 0 not there, -1 broken.
int hf_store_get_record(hf_store_t *self, hf_table_t table, const hf_store_key_t *key,
                        const ProtobufCMessageDescriptor *type, hf_arena_t *arena, void *message_p,
                        hf_error_t *error);

//  One record under a key of bytes.
int hf_store_put_record(hf_store_t *self, hf_table_t table, const hf_store_key_t *key,
                        const ProtobufCMessage *message, hf_error_t *error);
int hf_store_append_record(hf_store_t *self, hf_table_t table, const hf_store_key_t *key,
                           const ProtobufCMessage *message,
                           hf_error_t *error); //  The same where it most likely belongs behind all others
int hf_store_delete_record(hf_store_t *self, hf_table_t table, const hf_store_key_t *key, hf_error_t *error);

//  A key as people can read it: the id in it, a number, or its bytes.
enum { HF_STORE_TEXT = 129 };
void hf_store_describe(hf_table_t table, const MDB_val *key, char text[HF_STORE_TEXT]);

#endif
