#include "crash/ledger.h"
#include "base/id_map.h"
#include "store/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { VIOLATIONS_TOLD = 20 }; //  More lines would hide the first

//  One command, as seen from outside.
typedef struct {
    hf_id_t id; //  Its id
    uint64_t
        hash; //  XXH3-64 of the body that was acknowledged; 0 for one that nobody holds an acknowledgement for
    uint32_t acks;  //  Acknowledgements with this id
    uint32_t calls; //  Calls that the third party logged
    uint32_t right; //  Of these, with the acknowledged body, answered 200
    uint64_t body;  //  Hash of the body that the third party saw
} entry_t;

typedef struct {
    ledger_t *ledger;  //  What is counted
    hf_id_map_t *ids;  //  entry_t by id
    hf_store_t *store; //  The journal's file
    hf_arena_t *arena; //  Of one record
} check_t;

static void s_tell(check_t *self, const hf_id_t *id, const char *what) {
    char text[HF_ID_TEXT];
    hf_id_format(id, text);
    if (self->ledger->violations++ < VIOLATIONS_TOLD) {
        fprintf(stderr, "crash: %s: %s\n", text, what);
    }
}

static entry_t *s_entry(check_t *self, const char *text) {
    hf_id_t id;
    if (!hf_id_parse(&id, text)) {
        return NULL;
    }
    entry_t *entry = hf_id_map_get(self->ids, &id);
    if (!entry) {
        entry = hf_alloc(sizeof *entry);
        entry->id = id;
        hf_id_map_put(self->ids, &id, entry);
    }
    return entry;
}

//  A killed program may leave its last line half written: what has not all its fields is passed over.
static bool s_read_acks(check_t *self, const char *path) {
    FILE *in = fopen(path, "r");
    char line[1024], id[64], key[300];
    uint64_t hash;
    unsigned tries;
    while (in && fgets(line, sizeof line, in)) {
        entry_t *entry = sscanf(line, "%63s %" SCNx64 " %299s %u", id, &hash, key, &tries) == 4
                             ? s_entry(self, id)
                             : NULL;
        if (!entry) {
            continue;
        }
        entry->hash = hash;
        self->ledger->acknowledged++;
        self->ledger->replays += tries > 1;
        if (entry->acks++) {
            s_tell(self, &entry->id, "two requests with different keys got one id");
        }
    }
    return in && fclose(in) == 0;
}

static bool s_read_log(check_t *self, const char *path) {
    FILE *in = fopen(path, "r");
    char line[4096], outcome[16], key[64], attempt[16];
    int64_t at;
    uint64_t hash;
    while (in && fgets(line, sizeof line, in)) {
        int fields = sscanf(line, "%" SCNd64 " %15s %63s %15s %" SCNx64, &at, outcome, key, attempt, &hash);
        entry_t *entry = fields == 5 ? s_entry(self, key) : NULL;
        if (entry) {
            self->ledger->calls++;
            self->ledger->duplicates += entry->calls > 0;
            entry->calls++;
            entry->right += strcmp(outcome, "200") == 0 && (!entry->hash || hash == entry->hash);
            entry->body = hash;
        }
    }
    return in && fclose(in) == 0;
}

static uint32_t s_uncertain_attempts(check_t *self, const Hf__State *state, const hf_id_t *id) {
    uint32_t uncertain = 0;
    for (uint32_t number = 0; number < state->entries; number++) {
        Hf__History *entry = NULL;
        if (hf_store_history(self->store, id, number, self->arena, &entry, NULL) == 1 &&
            entry->entry_case == HF__HISTORY__ENTRY_ATTEMPT) {
            uncertain += entry->attempt->class_ == HF_CLASS_UNCERTAIN;
        }
    }
    return uncertain;
}

static void s_check_entry(check_t *self, entry_t *entry) {
    Hf__State *state = NULL;
    Hf__Command *command = NULL;
    hf_error_t error = {{0}};
    if (hf_store_state(self->store, &entry->id, self->arena, &state, &error) != 1 ||
        hf_store_command(self->store, &entry->id, self->arena, &command, &error) != 1) {
        s_tell(self, &entry->id, *error.text ? error.text : "called or acknowledged, but not in the journal");
        return;
    }
    uint32_t uncertain = s_uncertain_attempts(self, state, &entry->id);
    uint64_t hash = XXH3_64bits(command->body.data, command->body.len);
    self->ledger->uncertain += uncertain;
    if (state->state != HF_STATE_SUCCEEDED) {
        s_tell(self, &entry->id, hf_state_name(state->state));
    }
    if (entry->acks && hash != entry->hash) {
        s_tell(self, &entry->id, "the journal holds another body than was acknowledged");
    }
    if (!entry->right || entry->body != hash) {
        s_tell(self, &entry->id, "the third party never saw its body, or another one");
    }
    if (entry->calls > state->attempt || entry->calls > 1 + uncertain) {
        s_tell(self, &entry->id, "called more often than its recorded attempts allow");
    }
}

typedef struct {
    hf_id_map_t *keys; //  Commands by the hash of their Idempotency-Key
    check_t *check;    //  Where violations go
} keys_t;

static bool s_on_id(void *context, const hf_id_t *id) {
    keys_t *keys = context;
    Hf__Command *command = NULL;
    hf_id_t key;
    hf_arena_reset(keys->check->arena);
    if (hf_store_command(keys->check->store, id, keys->check->arena, &command, NULL) != 1) {
        s_tell(keys->check, id, "a state without its command");
    } else if (hf_id_from(&key, command->idempotency.data, command->idempotency.len)) {
        if (hf_id_map_get(keys->keys, &key)) {
            s_tell(keys->check, id, "a second command under one Idempotency-Key");
        }
        hf_id_map_put(keys->keys, &key, keys);
    }
    return true;
}

static bool s_check_all(check_t *self) {
    hf_error_t error;
    if (hf_store_begin_read(self->store, &error)) {
        fprintf(stderr, "crash: %s\n", error.text);
        return false;
    }
    size_t place = 0;
    for (entry_t *entry; (entry = hf_id_map_next(self->ids, &place));) {
        hf_arena_reset(self->arena);
        s_check_entry(self, entry);
    }
    keys_t keys = {hf_id_map_new(), self};
    bool walked = hf_store_walk_newest(self->store, NULL, s_on_id, &keys, &error) == 0;
    hf_id_map_destroy(&keys.keys);
    hf_store_end_read(self->store);
    return walked;
}

//  ---- order

//  One ordered key.
typedef struct {
    uint64_t order; //  Of the command that was called last
} turn_t;

//  Waits from acceptance to the first call.
typedef struct {
    int64_t *ms; //  Each
    size_t size; //  How many
} waits_t;

typedef struct {
    check_t *check;     //  Where violations go
    hf_id_map_t *turns; //  turn_t by the hash of the key
    long hot;           //  Number of the hot key's newest call, -1: none yet
    waits_t waits[2];   //  Of the others, and of the hot ones
} order_t;

static void s_add_wait(waits_t *self, int64_t ms) {
    if ((self->size & (self->size - 1)) == 0) {
        self->ms = realloc(self->ms, (self->size ? 2 * self->size : 1) * sizeof *self->ms);
        assert(self->ms && "out of memory");
    }
    self->ms[self->size++] = ms;
}

static int s_compare_ms(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int64_t s_p99(waits_t *self) {
    qsort(self->ms, self->size, sizeof *self->ms, s_compare_ms);
    int64_t p99 = self->size ? self->ms[self->size * 99 / 100] : 0;
    free(self->ms);
    return p99;
}

//  The hot key's numbers must go up one by one; the same again is a repeated call.
static void s_check_hot(order_t *self, const hf_id_t *id, const char *path) {
    long number = strtol(path + strlen("/do/hot/"), NULL, 10);
    if (number != self->hot && number != self->hot + 1) {
        s_tell(self->check, id, "the hot key's calls do not follow each other");
    }
    self->hot = number;
    self->check->ledger->hot++;
}

static void s_check_call(order_t *self, int64_t at, const hf_id_t *id, const char *path) {
    Hf__State *state = NULL;
    hf_arena_reset(self->check->arena);
    if (hf_store_state(self->check->store, id, self->check->arena, &state, NULL) != 1 || !state->order) {
        s_tell(self->check, id, "called, and it has no place in the order of its key");
        return;
    }
    XXH128_hash_t hash = XXH3_128bits(state->key, strlen(state->key));
    hf_id_t key;
    memcpy(key.bytes, &hash, sizeof key.bytes);
    turn_t *turn = hf_id_map_get(self->turns, &key);
    if (!turn) {
        turn = hf_alloc(sizeof *turn);
        hf_id_map_put(self->turns, &key, turn);
    }
    if (state->order < turn->order) {
        s_tell(self->check, id, "called after one of its key that was accepted later");
    }
    bool hot = strncmp(path, "/do/hot/", 8) == 0;
    if (state->order > turn->order) {
        s_add_wait(&self->waits[hot], at - state->accepted_at);
    }
    turn->order = state->order;
    self->check->ledger->ordered++;
    if (hot) {
        s_check_hot(self, id, path);
    }
}

//  The stand-in's log once more, line by line: what it says is the order in which the calls came.
static bool s_check_order(check_t *check, const char *path, long hot) {
    order_t self = {.check = check, .turns = hf_id_map_new(), .hot = -1};
    FILE *in = fopen(path, "r");
    char line[4096], id_text[64], where[2048];
    int64_t at;
    hf_id_t id;
    hf_error_t error;
    bool done = in && hf_store_begin_read(check->store, &error) == 0;
    while (done && fgets(line, sizeof line, in)) {
        int fields = sscanf(line, "%" SCNd64 " %*s %63s %*s %*s %*s %2047s", &at, id_text, where);
        if (fields == 3 && hf_id_parse(&id, id_text)) {
            s_check_call(&self, at, &id, where);
        }
    }
    if (done) {
        hf_store_end_read(check->store);
        fclose(in);
    }
    if (self.hot != hot - 1) {
        fprintf(stderr, "crash: the hot key came to %ld, not to %ld\n", self.hot, hot - 1);
        check->ledger->violations++;
    }
    check->ledger->others_p99_ms = s_p99(&self.waits[0]);
    check->ledger->hot_p99_ms = s_p99(&self.waits[1]);
    size_t place = 0;
    for (turn_t *turn; (turn = hf_id_map_next(self.turns, &place));) {
        free(turn);
    }
    hf_id_map_destroy(&self.turns);
    return done;
}

bool ledger_check(ledger_t *self, const char *acks, const char *log, const char *state_dir, long hot) {
    char dir[4200];
    hf_error_t error;
    hf_store_options_t options = {.map = (size_t)64 << 30};
    check_t check = {.ledger = self, .ids = hf_id_map_new(), .arena = hf_arena_new(64 << 10)};
    *self = (ledger_t){0};
    snprintf(dir, sizeof dir, "%s/journal", state_dir);
    check.store = hf_store_open(dir, &options, &error);
    bool done = check.store && s_read_acks(&check, acks) && s_read_log(&check, log) && s_check_all(&check) &&
                (hot == 0 || s_check_order(&check, log, hot));
    if (!check.store) {
        fprintf(stderr, "crash: %s\n", error.text);
    }
    size_t place = 0;
    for (entry_t *entry; (entry = hf_id_map_next(check.ids, &place));) {
        free(entry);
    }
    hf_id_map_destroy(&check.ids);
    hf_arena_destroy(&check.arena);
    hf_store_close(&check.store);
    return done;
}
