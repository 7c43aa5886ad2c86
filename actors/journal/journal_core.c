/*  Happy path: messages wait; a commit begins a transaction, applies each message's proposals in order,
 * writes the facts and the meta record, commits, and only then puts acknowledgements and facts into the
 * outbox.
 *
 *  Failures: a message of an old life, or meant for another journal, is dropped; a gap in a sender's numbers
 * is answered with where to begin again; no room aborts the transaction and leaves everything waiting; any
 * other failed write is final.
 *
 *  Invariants: (1) nothing of a batch is in the outbox before its commit returned; (2) facts are numbered
 * without gaps over all lives; (3) an epoch is given once; (4) a proposal counts only under its sender's
 * newest epoch and this journal's, and once: how far each sender's numbers have been applied is written with
 * the batch.  */

#include "journal/journal_core.h"
#include "journal/apply_proposal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIM_EVERY_MS = 1000,    //  How often what is finished is looked for
    TRIM_MOST = 4096,        //  Commands that one commit removes at most
    KEYS_LOOKED = 8,         //  Commands looked for in records of keys, for each that may leave
    FACTS_PER_MESSAGE = 512, //  Facts in one publication: some 100 KB
    FULL_FACTS_MS = 3600000, //  Facts stay no longer than this where there is no room: what they tell is in
                             //  the states, too
    NONCE = 16,              //  Bytes of a nonce
    EARLIER = 8,             //  Lives of a sender whose late hellos are recognised
    SENDER_NAME = 64,        //  Bytes of a sender's name
    TAKE_MOST = 1 << 17,     //  Proposals in a commit: more than a batch holds
};

typedef struct {
    uint8_t *data; //  A message as it came
    size_t size;   //  Its bytes
} pending_t;

typedef struct {
    char name[65];                    //  Who
    uint64_t epoch;                   //  Its newest life, 0: free place
    uint8_t nonce[NONCE];             //  The hello that began it
    uint8_t earlier[EARLIER * NONCE]; //  Those of the lives before, the newest last
    size_t earlier_size;              //  Bytes of them
    uint64_t next;                    //  Number expected next
    bool heard;                       //  It has said hello to this life of the journal
    bool changed;                     //  Its record must be written
} sender_t;

//  What a commit will publish for one message.
typedef struct {
    sender_t *sender; //  To whom
    Hf__Ack ack;      //  What
    bool rest;        //  Some of it was left for the next commit
} answer_t;

struct hf_journal {
    hf_store_t *store;                    //  Open for writing; not owned
    hf_arena_t *arena;                    //  Of the batch being applied
    hf_outbox_t outbox;                   //  What is durable and wants to be known
    pending_t *pending;                   //  Messages that wait for the commit
    size_t pending_size;                  //  How many
    size_t pending_bytes;                 //  Their bytes
    answer_t *answers;                    //  One place for each pending message
    sender_t senders[HF_JOURNAL_SENDERS]; //  Known senders
    uint64_t epoch;                       //  This life
    uint64_t last_epoch;                  //  The newest epoch given to anyone
    uint64_t next_fact;                   //  Number of the next fact
    int64_t created_at;                   //  Of the file
    char *created_by;                     //  Version that created it
    int64_t keep_ms;                      //  How long what is finished stays
    char *full_reason;                    //  Why new commands are refused, or NULL
    bool hold_starts;                     //  One attempt at a time
    size_t trimmed;                       //  Commands and runs of facts removed in this batch
    hf_id_t keys_place;                   //  Where in the table `keys` to look on for what is gone
    bool trim_more;                       //  Finished commands are known to wait for removal
    size_t most;                          //  Proposals, and what leaves of each kind, that one commit takes
    size_t taken;                         //  How many this one took
    bool touch;                           //  The next commit writes, whether or not something changed
    bool beat_now;                        //  A beat is due whatever the time
    int64_t beat_at;                      //  When the next beat is due
    int64_t trim_at;                      //  When to look for finished commands next
    hf_journal_counters_t counters;       //  For people
};

//  ---- a new life

static int s_write_meta(hf_journal_t *self, uint64_t last_epoch, uint64_t next_fact, hf_error_t *error) {
    Hf__Meta meta = HF__META__INIT;
    meta.format = HF_STORE_FORMAT;
    meta.epoch = last_epoch;
    meta.next_fact = next_fact;
    meta.created_at = self->created_at;
    meta.version = self->created_by;
    return hf_store_put_meta(self->store, &meta, error);
}

static int s_load_meta(hf_journal_t *self, int64_t now, hf_error_t *error) {
    Hf__Meta *meta = NULL;
    int found = hf_store_meta(self->store, self->arena, &meta, error);
    if (found < 0) {
        return -1;
    }
    if (found && meta->format != HF_STORE_FORMAT) {
        return hf_error_set(error, "the journal is of format %u, this Holdfast %s reads format %u",
                            meta->format, HOLDFAST_VERSION, HF_STORE_FORMAT);
    }
    self->last_epoch = found ? meta->epoch : 0;
    self->next_fact = found ? meta->next_fact : 1;
    self->created_at = found ? meta->created_at : now;
    self->created_by = hf_strdup(found ? meta->version : HOLDFAST_VERSION);
    if (self->next_fact == 0) {
        return hf_error_set(error, "the journal's own record is damaged: run holdfast journal verify");
    }
    self->epoch = ++self->last_epoch;
    return s_write_meta(self, self->last_epoch, self->next_fact, error);
}

hf_journal_t *hf_journal_new(hf_store_t *store, const hf_journal_options_t *options, int64_t now,
                             hf_error_t *error) {
    hf_journal_t *self = hf_alloc(sizeof *self);
    self->store = store;
    self->arena = hf_arena_new(1 << 20);
    self->pending = hf_alloc(HF_JOURNAL_BATCH_MESSAGES * sizeof *self->pending);
    self->answers = hf_alloc(HF_JOURNAL_BATCH_MESSAGES * sizeof *self->answers);
    self->keep_ms = options->keep_ms;
    self->most = TAKE_MOST;
    if (hf_store_begin_write(store, error) || s_load_meta(self, now, error) ||
        hf_store_commit(store, error)) {
        hf_store_abort(store);
        hf_journal_destroy(&self);
        return NULL;
    }
    self->beat_now = true;
    return self;
}

//  The first `size` of what waits.
static void s_drop_pending(hf_journal_t *self, size_t size) {
    for (size_t i = 0; i < size; i++) {
        self->pending_bytes -= self->pending[i].size;
        free(self->pending[i].data);
    }
    self->pending_size -= size;
    memmove(self->pending, self->pending + size, self->pending_size * sizeof *self->pending);
}

void hf_journal_destroy(hf_journal_t **self_p) {
    assert(self_p);
    hf_journal_t *self = *self_p;
    if (self) {
        s_drop_pending(self, self->pending_size);
        hf_outbox_free(&self->outbox);
        hf_arena_destroy(&self->arena);
        free(self->pending);
        free(self->answers);
        free(self->created_by);
        free(self->full_reason);
        free(self);
        *self_p = NULL;
    }
}

//  ---- taking messages in

void hf_journal_receive(hf_journal_t *self, const void *data, size_t size) {
    assert(self->pending_size < HF_JOURNAL_BATCH_MESSAGES);
    self->pending[self->pending_size++] = (pending_t){(uint8_t *)hf_memdup(data, size), size};
    self->pending_bytes += size;
}

bool hf_journal_is_laden(const hf_journal_t *self) {
    return self->pending_size >= HF_JOURNAL_BATCH_MESSAGES || self->pending_bytes >= HF_JOURNAL_BATCH_BYTES;
}

bool hf_journal_has_work(const hf_journal_t *self) {
    return self->pending_size > 0 || self->trim_more;
}

//  ---- senders

static sender_t *s_find_sender(hf_journal_t *self, const char *name) {
    for (unsigned i = 0; i < HF_JOURNAL_SENDERS; i++) {
        if (self->senders[i].epoch && strcmp(self->senders[i].name, name) == 0) {
            return &self->senders[i];
        }
    }
    return NULL;
}

static sender_t *s_free_place(hf_journal_t *self) {
    for (unsigned i = 0; i < HF_JOURNAL_SENDERS; i++) {
        if (!self->senders[i].epoch) {
            return &self->senders[i];
        }
    }
    return NULL;
}

//  The sender as this journal knows it, or as the file does; NULL: none, or no place left. rc:
//  HF_STORE_FAILED where reading fails.
static sender_t *s_sender(hf_journal_t *self, const char *name, int *rc, hf_error_t *error) {
    sender_t *sender = s_find_sender(self, name);
    Hf__Sender *stored = NULL;
    if (sender || !*name || strlen(name) > SENDER_NAME) {
        return sender;
    }
    int found = hf_store_sender(self->store, name, self->arena, &stored, error);
    sender = found == 1 ? s_free_place(self) : NULL;
    *rc = found < 0 ? found : 0;
    if (!sender) {
        return NULL;
    }
    strcpy(sender->name, name);
    sender->epoch = stored->epoch;
    sender->next = stored->applied + 1;
    if (stored->nonce.len == NONCE) {
        memcpy(sender->nonce, stored->nonce.data, NONCE);
    }
    if (stored->earlier.len && stored->earlier.len <= sizeof sender->earlier) {
        memcpy(sender->earlier, stored->earlier.data, stored->earlier.len);
        sender->earlier_size = stored->earlier.len - stored->earlier.len % NONCE;
    }
    return sender;
}

static bool s_is_earlier(const sender_t *sender, const uint8_t *nonce) {
    for (size_t at = 0; at < sender->earlier_size; at += NONCE) {
        if (memcmp(sender->earlier + at, nonce, NONCE) == 0) {
            return true;
        }
    }
    return false;
}

//  The life that was is over: its nonce moves to the earlier ones.
static void s_begin_life(hf_journal_t *self, sender_t *sender, const uint8_t *nonce) {
    if (sender->epoch) {
        if (sender->earlier_size == sizeof sender->earlier) {
            memmove(sender->earlier, sender->earlier + NONCE, sizeof sender->earlier - NONCE);
            sender->earlier_size -= NONCE;
        }
        memcpy(sender->earlier + sender->earlier_size, sender->nonce, NONCE);
        sender->earlier_size += NONCE;
    }
    memcpy(sender->nonce, nonce, NONCE);
    sender->epoch = ++self->last_epoch;
    sender->next = 1;
    sender->changed = true;
    self->beat_now = true;
}

//  Gives a new life its epoch, once for each nonce. A hello of a life that was replaced is answered with
//  epoch 0.
static int s_welcome(hf_journal_t *self, const char *name, const Hf__Hello *hello, answer_t *answer,
                     hf_error_t *error) {
    int rc = 0;
    if (hello->nonce.len != NONCE || !*name || strlen(name) > SENDER_NAME) {
        self->counters.foreign++;
        return 0;
    }
    sender_t *sender = s_sender(self, name, &rc, error);
    if (rc) {
        return rc;
    }
    if (!sender) {
        sender = s_free_place(self);
        if (!sender) {
            self->counters.foreign++;
            return 0; //  More names than any node has: not one of ours
        }
        strcpy(sender->name, name);
    }
    answer->sender = sender;
    answer->ack.nonce = hello->nonce;
    if (sender->epoch && s_is_earlier(sender, hello->nonce.data)) {
        self->counters.outdated++;
        return 0;
    }
    if (!sender->epoch || memcmp(sender->nonce, hello->nonce.data, NONCE) != 0) {
        s_begin_life(self, sender, hello->nonce.data);
    }
    sender->heard = true;
    answer->ack.sender_epoch = sender->epoch;
    return 0;
}

//  ---- applying

//  Whether the run may be applied now; else the answer says where to begin again, or nobody is answered.
static bool s_is_in_order(hf_journal_t *self, sender_t *sender, const Hf__Proposals *message,
                          answer_t *answer) {
    if (!sender || !sender->heard || message->sender_epoch != sender->epoch ||
        message->journal_epoch != self->epoch || !message->first || !message->n_proposals ||
        message->first > UINT64_MAX / 2) {
        self->counters.outdated++;
        return false;
    }
    answer->sender = sender;
    answer->ack.sender_epoch = sender->epoch;
    uint64_t expected = sender->next > message->unacked ? sender->next : message->unacked;
    if (message->first > expected) {
        answer->ack.resend_from = expected;
        return false;
    }
    return true;
}

static int s_apply_one(hf_journal_t *self, hf_batch_t *batch, const ProtobufCBinaryData *bytes,
                       Hf__Result *result) {
    self->counters.proposals++;
    if (bytes->len == 0) {
        return 0; //  Made void by its sender
    }
    Hf__Proposal *proposal = hf__proposal__unpack(hf_arena_allocator(self->arena), bytes->len, bytes->data);
    if (!proposal) {
        self->counters.foreign++;
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
    int rc = hf_apply(batch, proposal, result);
    self->counters.stale += result->code == HF_RESULT_STALE;
    return rc;
}

//  Of a run that one commit cannot take whole, the rest is applied by the next one, which sees it as repeated up to there.
static int s_apply_run(hf_journal_t *self, hf_batch_t *batch, const Hf__Proposals *message,
                       answer_t *answer) {
    Hf__Ack *ack = &answer->ack;
    ack->first = message->first;
    for (size_t i = 0; i < message->n_proposals; i++) {
        Hf__Result *result = hf_arena_take(self->arena, sizeof *result);
        hf__result__init(result);
        batch->repeated = message->first + i < answer->sender->next;
        if (!batch->repeated && self->taken >= self->most) {
            answer->rest = true;
            break;
        }
        self->taken += !batch->repeated;
        ack->applied = message->first + i;
        int rc = s_apply_one(self, batch, &message->proposals[i], result);
        if (rc) {
            return rc;
        }
        if (result->code != HF_RESULT_DONE) {
            if (!ack->results) {
                ack->results = hf_arena_take(self->arena, message->n_proposals * sizeof *ack->results);
            }
            result->number = message->first + i;
            ack->results[ack->n_results++] = result;
        }
    }
    if (answer->sender->next < ack->applied + 1) {
        answer->sender->next = ack->applied + 1;
        answer->sender->changed = true;
    }
    return 0;
}

static int s_apply_message(hf_journal_t *self, hf_batch_t *batch, const pending_t *pending,
                           answer_t *answer) {
    *answer = (answer_t){.sender = NULL, .ack = HF__ACK__INIT};
    answer->ack.journal_epoch = self->epoch;
    Hf__Proposals *message = hf__proposals__unpack(hf_arena_allocator(self->arena), pending->size,
                                                   pending->data);
    if (!message) {
        self->counters.foreign++;
        return 0;
    }
    if (message->sender_epoch == 0 && message->n_proposals == 1) {
        const ProtobufCBinaryData *bytes = &message->proposals[0];
        Hf__Proposal *hello = hf__proposal__unpack(hf_arena_allocator(self->arena), bytes->len, bytes->data);
        if (!hello || hello->what_case != HF__PROPOSAL__WHAT_HELLO) {
            self->counters.foreign++;
            return 0;
        }
        return s_welcome(self, message->sender, hello->hello, answer, batch->error);
    }
    int rc = 0;
    sender_t *sender = s_sender(self, message->sender, &rc, batch->error);
    if (rc || !s_is_in_order(self, sender, message, answer)) {
        return rc;
    }
    return s_apply_run(self, batch, message, answer);
}

//  ---- what is finished leaves

typedef struct {
    int64_t before;         //  Ended earlier than this
    hf_id_t ids[TRIM_MOST]; //  Found
    unsigned size;          //  How many
    unsigned most;          //  Wanted
} finished_t;

static bool s_on_finished(void *context, int64_t at, const hf_id_t *id) {
    finished_t *finished = context;
    if (at >= finished->before || finished->size >= finished->most) {
        return false;
    }
    finished->ids[finished->size++] = *id;
    return true;
}

static int s_remove(hf_journal_t *self, const hf_id_t *id, hf_error_t *error) {
    Hf__State *state = NULL;
    Hf__Command *command = NULL;
    int found = hf_store_state(self->store, id, self->arena, &state, error);
    if (found == 1) {
        found = hf_store_command(self->store, id, self->arena, &command, error);
    }
    if (found == 0) {
        hf_error_set(error, "its record is missing: the journal is damaged");
    }
    if (found != 1) {
        return hf_error_wrap(error, "remove a finished command");
    }
    self->trimmed++;
    return hf_store_remove(self->store, state, command, error);
}

//  Finished commands leave at least as fast as others come: so many more than this batch made facts.
static int s_trim(hf_journal_t *self, const hf_batch_t *batch, hf_error_t *error) {
    int each = self->most < HF_JOURNAL_TRIM ? (int)self->most : HF_JOURNAL_TRIM;
    size_t most = (size_t)each + (self->most < TAKE_MOST ? 0 : batch->facts_size);
    finished_t finished = {.before = batch->now - self->keep_ms, .size = 0};
    finished.most = most < TRIM_MOST ? (unsigned)most : TRIM_MOST;
    int rc = hf_store_walk_ended(self->store, s_on_finished, &finished, error);
    for (unsigned i = 0; i < finished.size && !rc; i++) {
        rc = s_remove(self, &finished.ids[i], error);
    }
    if (rc) {
        return rc;
    }
    int64_t soon = batch->now - FULL_FACTS_MS;
    int64_t facts_before = self->full_reason && soon > finished.before ? soon : finished.before;
    int runs = hf_store_trim_facts(self->store, facts_before, (unsigned)each, self->arena, error);
    self->trimmed += runs > 0 ? (size_t)runs : 0;
    //  Twice as many are looked for as have left, and some, so that the records of those go, too, and nobody waits long for it.
    int keys = hf_store_trim_keys(self->store, finished.before, &self->keys_place,
                                  (unsigned)each * KEYS_LOOKED + 2 * finished.size, self->arena, error);
    self->trimmed += keys > 0 ? (size_t)keys : 0;
    if (keys < 0) {
        return keys;
    }
    self->trim_more = finished.size == finished.most || runs == each;
    self->trim_at = batch->now + TRIM_EVERY_MS;
    return runs < 0 ? runs : 0;
}

//  ---- commit

static int s_write_facts(hf_journal_t *self, const hf_batch_t *batch, hf_error_t *error) {
    for (size_t i = 0; i < batch->facts_size; i += HF_FACTS_PER_RUN) {
        Hf__FactRun run = HF__FACT_RUN__INIT;
        run.facts = batch->facts + i;
        run.n_facts = batch->facts_size - i < HF_FACTS_PER_RUN ? batch->facts_size - i : HF_FACTS_PER_RUN;
        int rc = hf_store_put_facts(self->store, &run, error);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

//  Numbers and epochs, where they changed: a batch that changes nothing writes nothing, and its commit
//  touches no disk.
static int s_write_numbers(hf_journal_t *self, const hf_batch_t *batch, uint64_t last_epoch,
                           hf_error_t *error) {
    int rc = 0;
    for (unsigned i = 0; i < HF_JOURNAL_SENDERS && !rc; i++) {
        sender_t *sender = &self->senders[i];
        if (sender->changed) {
            Hf__Sender record = HF__SENDER__INIT;
            record.name = sender->name;
            record.epoch = sender->epoch;
            record.nonce = (ProtobufCBinaryData){NONCE, sender->nonce};
            record.earlier = (ProtobufCBinaryData){sender->earlier_size, sender->earlier};
            record.applied = sender->next - 1;
            sender->changed = false;
            rc = hf_store_put_sender(self->store, &record, error);
        }
    }
    if (!rc && (batch->facts_size || self->last_epoch != last_epoch || self->touch)) {
        rc = s_write_meta(self, self->last_epoch, batch->next_fact, error);
    }
    return rc;
}

static void s_publish(hf_journal_t *self, const hf_batch_t *batch, size_t messages) {
    for (size_t i = 0; i < messages; i++) {
        if (self->answers[i].sender) {
            hf_buf_t bytes = {0};
            hf_topic_add(&bytes, "A", self->answers[i].sender->name);
            hf_buf_pack(&bytes, &self->answers[i].ack.base);
            hf_outbox_put(&self->outbox, HF_TO_FOLLOWERS, 0, &bytes);
        }
    }
    for (size_t i = 0; i < batch->facts_size; i += FACTS_PER_MESSAGE) {
        Hf__Facts facts = HF__FACTS__INIT;
        facts.journal_epoch = self->epoch;
        facts.facts = batch->facts + i;
        facts.n_facts = batch->facts_size - i < FACTS_PER_MESSAGE ? batch->facts_size - i : FACTS_PER_MESSAGE;
        hf_buf_t bytes = {0};
        hf_topic_add(&bytes, "F", NULL);
        hf_buf_pack(&bytes, &facts.base);
        hf_outbox_put(&self->outbox, HF_TO_FOLLOWERS, 0, &bytes);
    }
}

//  As many messages as one commit takes; the last of them perhaps in part. *answered, *done: how many got an answer, and how many are
//  done with.
static int s_apply_pending(hf_journal_t *self, hf_batch_t *batch, size_t *answered, size_t *done) {
    int rc = 0;
    for (*answered = *done = 0; *done < self->pending_size && self->taken < self->most && !rc; ++*answered) {
        rc = s_apply_message(self, batch, &self->pending[*answered], &self->answers[*answered]);
        if (self->answers[*answered].rest) {
            ++*answered;
            break;
        }
        ++*done;
    }
    return rc;
}

static int s_apply_all(hf_journal_t *self, hf_batch_t *batch, size_t *answered, size_t *done,
                       hf_error_t *error) {
    uint64_t last_epoch = self->last_epoch;
    self->taken = *answered = *done = 0;
    int rc = hf_store_begin_write(self->store, error);
    rc = rc ? rc : s_apply_pending(self, batch, answered, done);
    if (!rc && (self->trim_more || batch->now >= self->trim_at)) {
        rc = s_trim(self, batch, error);
    }
    rc = rc ? rc : s_write_facts(self, batch, error);
    rc = rc ? rc : s_write_numbers(self, batch, last_epoch, error);
    return rc ? rc : hf_store_commit(self->store, error);
}

//  What a transaction may change in here, so that an aborted one leaves no trace.
typedef struct {
    sender_t senders[HF_JOURNAL_SENDERS]; //  As in hf_journal
    uint64_t last_epoch;                  //  The same
    int64_t trim_at;                      //  The same
    bool trim_more;                       //  The same
    hf_id_t keys_place;                   //  The same
    hf_journal_counters_t counters;       //  The same
} memory_t;

static void s_remember(const hf_journal_t *self, memory_t *memory) {
    memcpy(memory->senders, self->senders, sizeof memory->senders);
    memory->last_epoch = self->last_epoch;
    memory->trim_at = self->trim_at;
    memory->trim_more = self->trim_more;
    memory->keys_place = self->keys_place;
    memory->counters = self->counters;
}

static void s_forget(hf_journal_t *self, const memory_t *memory) {
    hf_store_abort(self->store);
    memcpy(self->senders, memory->senders, sizeof self->senders);
    self->last_epoch = memory->last_epoch;
    self->trim_at = memory->trim_at;
    self->trim_more = memory->trim_more;
    self->keys_place = memory->keys_place;
    self->counters = memory->counters;
}

int hf_journal_commit(hf_journal_t *self, int64_t now, hf_error_t *error) {
    memory_t memory;
    hf_batch_t batch = {.store = self->store,
                        .arena = self->arena,
                        .now = now,
                        .full = self->full_reason != NULL,
                        .full_reason = self->full_reason,
                        .next_fact = self->next_fact,
                        .error = error};
    self->trimmed = 0;
    s_remember(self, &memory);
    size_t answered, done;
    int rc = s_apply_all(self, &batch, &answered, &done, error);
    if (rc) {
        s_forget(self, &memory);
    } else {
        self->next_fact = batch.next_fact;
        self->touch = false;
        self->counters.commits += answered > 0 || self->trimmed > 0;
        self->counters.trimmed += self->trimmed;
        s_publish(self, &batch, answered);
        s_drop_pending(self, done);
        self->most += self->most < TAKE_MOST ? self->most / 4 + 1 : 0;
    }
    free(batch.facts);
    hf_arena_reset(self->arena);
    return rc;
}

//  ---- room, time

bool hf_journal_take_less(hf_journal_t *self) {
    size_t taken = self->taken + self->trimmed;
    if (taken < 2 || self->most < 2) {
        return false;
    }
    self->most = (taken < self->most ? taken : self->most) / 2;
    return true;
}

bool hf_journal_is_behind(const hf_journal_t *self) {
    return self->pending_size > 0;
}

void hf_journal_set_full(hf_journal_t *self, const char *reason) {
    char *old = self->full_reason; //  It may be the very text that is set again
    self->full_reason = hf_strdup(reason);
    self->beat_now = true;
    free(old);
    self->most = reason ? self->most : TAKE_MOST;
}

void hf_journal_touch(hf_journal_t *self) {
    self->touch = true;
}

bool hf_journal_is_full(const hf_journal_t *self) {
    return self->full_reason != NULL;
}

void hf_journal_hold_starts(hf_journal_t *self, bool hold) {
    self->beat_now = self->beat_now || hold != self->hold_starts;
    self->hold_starts = hold;
}

bool hf_journal_holds_starts(const hf_journal_t *self) {
    return self->hold_starts;
}

const char *hf_journal_full_reason(const hf_journal_t *self) {
    return self->full_reason;
}

static void s_beat(hf_journal_t *self) {
    Hf__SenderBeat beats[HF_JOURNAL_SENDERS];
    Hf__SenderBeat *list[HF_JOURNAL_SENDERS];
    Hf__Beat beat = HF__BEAT__INIT;
    beat.journal_epoch = self->epoch;
    beat.newest_fact = self->next_fact - 1;
    beat.full = self->full_reason != NULL;
    beat.hold_starts = self->hold_starts;
    beat.full_reason = self->full_reason ? self->full_reason : (char *)"";
    beat.senders = list;
    for (unsigned i = 0; i < HF_JOURNAL_SENDERS; i++) {
        if (self->senders[i].heard) {
            Hf__SenderBeat *one = &beats[beat.n_senders];
            hf__sender_beat__init(one);
            one->name = self->senders[i].name;
            one->epoch = self->senders[i].epoch;
            one->applied = self->senders[i].next - 1;
            list[beat.n_senders++] = one;
        }
    }
    hf_buf_t bytes = {0};
    hf_topic_add(&bytes, "B", NULL);
    hf_buf_pack(&bytes, &beat.base);
    hf_outbox_put(&self->outbox, HF_TO_FOLLOWERS, 0, &bytes);
}

bool hf_journal_tick(hf_journal_t *self, int64_t now) {
    if (self->beat_now || now >= self->beat_at) {
        self->beat_now = false;
        self->beat_at = now + HF_BEAT_EVERY_MS;
        s_beat(self);
    }
    return self->trim_more || now >= self->trim_at;
}

int64_t hf_journal_next_deadline(const hf_journal_t *self) {
    return self->beat_now ? 0 : self->beat_at;
}

hf_outbox_t *hf_journal_outbox(hf_journal_t *self) {
    return &self->outbox;
}

uint64_t hf_journal_newest_fact(const hf_journal_t *self) {
    return self->next_fact - 1;
}

uint64_t hf_journal_epoch(const hf_journal_t *self) {
    return self->epoch;
}

const hf_journal_counters_t *hf_journal_counters(const hf_journal_t *self) {
    return &self->counters;
}
