#include "run.h"

#include "connection.h"
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>
#include <xxhash.h>

#define EVENTS_MOST 256

//  Timeouts and pauses are looked at so often; that much later they may be noticed.
#define SWEEP_US 5000

//  Between two tries of a request, and after a failed one: a server that is down is not to be hammered.
#define PAUSE_US 100000

//  Rounds of events begin so far apart, while fewer than one in GATHER_SHARE of the requests under way were
//  answered in the last: answers may be noticed, and requests sent, that much later, and both counts as latency.
#define GATHER_US    100
#define GATHER_SHARE 8

//  An Idempotency-Key: 16 hex digits of this run, '-', 20 digits at most, NUL.
#define KEY_BYTES 40

//  Where a path has the request's number, and the most digits it takes.
#define HOLE         "{n}"
#define NUMBER_BYTES 20

typedef enum { FREE, BUSY, PAUSED, COOLING } s_state_t;

typedef struct {
    load_connection_t *connection; //  Its own, for the whole run
    s_state_t state;     //  FREE: no request; PAUSED: between tries; COOLING: no request, after a failure
    uint64_t number;     //  Of its logical request
    unsigned tries;      //  Of it, so far
    int64_t intended_us; //  When it was meant to be sent
    int64_t first_us;    //  When it first was
    int64_t until_us;    //  Deadline of the try, or end of the pause
    size_t size;         //  Of the bytes below
    char *bytes;         //  Head and body
    char key[KEY_BYTES]; //  Idempotency-Key
} s_slot_t;

struct load_run {
    const load_options_t *options;   //  Not owned
    struct sockaddr_storage address; //  Where to
    socklen_t address_size;          //  Of address
    int epoll_fd;                    //  All connections
    s_slot_t *slots;                 //  One for each connection
    s_slot_t **free;                 //  Ring of the free ones: the one that has been free longest is next
    size_t free_first;               //  Its first
    size_t free_count;               //  How many are free
    size_t under_way;                //  Slots with a request
    char *head;                      //  What all requests begin with
    size_t head_size;                //  Of head
    size_t hole;                     //  Offset of "{n}" in head; head_size: there is none
    uint64_t tag;                    //  Makes the keys of this run unlike any other's
    int64_t start_us;                //  Steady time of the start
    int64_t wall_offset_us;          //  Added to steady time, gives microseconds since 1970
    int64_t swept_us;                //  Last sweep
    int64_t round_us;                //  When the last round of events began
    load_report_t report;            //  What it comes to
};

//  ---- Logical requests

static void s_free(load_run_t *self, s_slot_t *slot) {
    slot->state = FREE;
    self->free[(self->free_first + self->free_count) % self->options->connections] = slot;
    self->free_count++;
}

static size_t s_body_offset(const load_run_t *self, const s_slot_t *slot) {
    return slot->size - load_body_size(self->options->body);
}

//  For the series.
static void s_remember(load_run_t *self, const s_slot_t *slot, int64_t now_us, bool acknowledged) {
    if (self->report.series) {
        load_series_add(self->report.series, slot->intended_us - self->start_us, now_us - self->start_us,
                        acknowledged);
    }
}

static void s_acknowledge(load_run_t *self, s_slot_t *slot, const char *id, int64_t now_us) {
    const load_options_t *options = self->options;
    self->report.acknowledged++;
    hf_histogram_add(self->report.latencies_us, now_us - slot->intended_us);
    s_remember(self, slot, now_us, true);
    if (options->acks) {
        uint64_t hash = XXH3_64bits(slot->bytes + s_body_offset(self, slot), load_body_size(options->body));
        load_acks_add(options->acks, id, hash, options->idempotency ? slot->key : NULL, slot->tries,
                      (slot->intended_us + self->wall_offset_us) / 1000);
    }
    self->under_way--;
    s_free(self, slot);
}

static void s_give_up(load_run_t *self, s_slot_t *slot, int64_t now_us) {
    self->report.failed++;
    s_remember(self, slot, now_us, false);
    self->under_way--;
    slot->state = COOLING;
    slot->until_us = now_us + PAUSE_US;
}

//  A try did not end as expected. An answer other than 503 is final, and says that the server is well enough
//  for the next one.
static void s_fail_try(load_run_t *self, s_slot_t *slot, load_error_t kind, int status, int64_t now_us) {
    self->report.errors[kind]++;
    bool worth = kind == LOAD_CONNECTION || kind == LOAD_TIMEOUT || status == 503;
    if (self->options->retry && worth && now_us + PAUSE_US < slot->first_us + self->options->patience_us) {
        slot->state = PAUSED;
        slot->until_us = now_us + PAUSE_US;
        return;
    }
    s_give_up(self, slot, now_us);
    if (kind == LOAD_STATUS) {
        s_free(self, slot);
    }
}

//  The id of an answer, for the file of acknowledgements: "-" where an answer need not have one; NULL where
//  it lacks one.
static const char *s_id(const load_options_t *options, const load_response_t *response, json_t **root) {
    if (!options->acks) {
        return "-";
    }
    *root = json_loads(response->body, 0, NULL);
    const char *id = json_string_value(json_object_get(*root, options->id_name));
    return id && *id && !strpbrk(id, " \n") ? id : options->expect == 202 ? NULL : "-";
}

static void s_answered(load_run_t *self, s_slot_t *slot, int64_t now_us) {
    const load_response_t *response = load_connection_response(slot->connection);
    json_t *root = NULL;
    self->report.by_status[response->status]++;
    if (response->status != self->options->expect) {
        s_fail_try(self, slot, LOAD_STATUS, response->status, now_us);
        return;
    }
    const char *id = s_id(self->options, response, &root);
    if (id) {
        s_acknowledge(self, slot, id, now_us);
    } else {
        s_fail_try(self, slot, LOAD_MALFORMED, response->status, now_us);
    }
    json_decref(root);
}

static void s_result(load_run_t *self, s_slot_t *slot, load_connection_result_t result, int64_t now_us) {
    if (slot->state != BUSY) {
        return; //  An idle connection was closed by its peer
    }
    switch (result) {
    case LOAD_CONNECTION_PENDING:
        break;
    case LOAD_CONNECTION_ANSWERED:
        s_answered(self, slot, now_us);
        break;
    case LOAD_CONNECTION_BROKEN:
        s_fail_try(self, slot, LOAD_CONNECTION, 0, now_us);
        break;
    case LOAD_CONNECTION_MALFORMED:
        s_fail_try(self, slot, LOAD_MALFORMED, 0, now_us);
        break;
    }
}

static void s_try(load_run_t *self, s_slot_t *slot, int64_t now_us) {
    slot->state = BUSY;
    slot->tries++;
    slot->until_us = now_us + self->options->timeout_us;
    self->report.tries++;
    s_result(self, slot, load_connection_begin(slot->connection, slot->bytes, slot->size), now_us);
}

//  The head, with the request's number in its hole; returns where it ends.
static char *s_write_head(const load_run_t *self, uint64_t number, char *to) {
    memcpy(to, self->head, self->hole);
    to += self->hole;
    if (self->hole < self->head_size) {
        to += sprintf(to, "%llu", (unsigned long long)(number % self->options->spread));
        size_t behind = self->hole + sizeof HOLE - 1;
        memcpy(to, self->head + behind, self->head_size - behind);
        to += self->head_size - behind;
    }
    return to;
}

static void s_write_request(load_run_t *self, s_slot_t *slot) {
    size_t body_size = load_body_size(self->options->body);
    char *to = s_write_head(self, slot->number, slot->bytes);
    if (self->options->idempotency) {
        snprintf(slot->key, sizeof slot->key, "%016llx-%llu", (unsigned long long)self->tag,
                 (unsigned long long)slot->number);
        to += sprintf(to, "Idempotency-Key: %s\r\n", slot->key);
    }
    memcpy(to, "\r\n", 2);
    load_body_write(self->options->body, slot->number, to + 2);
    slot->size = (size_t)(to + 2 - slot->bytes) + body_size;
}

static void s_start(load_run_t *self, int64_t intended_us, int64_t now_us) {
    assert(self->free_count);
    s_slot_t *slot = self->free[self->free_first];
    self->free_first = (self->free_first + 1) % self->options->connections;
    self->free_count--;
    self->under_way++;
    slot->number = self->report.started++;
    slot->tries = 0;
    slot->intended_us = intended_us;
    slot->first_us = now_us;
    s_write_request(self, slot);
    s_try(self, slot, now_us);
}

//  ---- When to send

static int64_t s_intended_us(const load_run_t *self, uint64_t number) {
    return self->start_us + (int64_t)((double)number * 1e6 / self->options->rate);
}

//  True while there is a next request to be begun, now or later.
static bool s_more(const load_run_t *self, int64_t now_us) {
    const load_options_t *options = self->options;
    if (*options->ended || (options->count && self->report.started >= options->count)) {
        return false;
    }
    if (!options->duration_us) {
        return true;
    }
    if (options->rate <= 0) {
        return now_us < self->start_us + options->duration_us;
    }
    //  What was meant to be sent within the duration is sent even after it, or the slowest would be missing
    //  from the report; but not for ever.
    int64_t grace_us = options->retry ? options->patience_us : options->timeout_us;
    return s_intended_us(self, self->report.started) < self->start_us + options->duration_us &&
           now_us < self->start_us + options->duration_us + grace_us;
}

//  Begins all that is to be begun now.
static void s_dispatch(load_run_t *self) {
    while (self->free_count) {
        int64_t now_us = load_steady_us();
        int64_t intended_us = self->options->rate > 0 ? s_intended_us(self, self->report.started) : now_us;
        if (intended_us > now_us || !s_more(self, now_us)) {
            return;
        }
        s_start(self, intended_us, now_us);
    }
}

//  Looks for tries that took too long and for pauses that are over.
static void s_sweep(load_run_t *self, int64_t now_us) {
    self->swept_us = now_us;
    for (unsigned index = 0; index < self->options->connections; index++) {
        s_slot_t *slot = &self->slots[index];
        if (slot->state == FREE || now_us < slot->until_us) {
            continue;
        }
        if (slot->state == BUSY) {
            load_connection_close(slot->connection);
            s_fail_try(self, slot, LOAD_TIMEOUT, 0, now_us);
        } else if (slot->state == PAUSED) {
            s_try(self, slot, now_us);
        } else {
            s_free(self, slot);
        }
    }
    if (self->options->acks) {
        load_acks_tick(self->options->acks, now_us);
    }
}

//  Lets answers gather where most of what is under way is still with the server: it has work, and a wake-up for
//  each answer would cost more than the answer itself, on processors that the server may need.
static void s_gather(load_run_t *self, int handled) {
    int64_t until_us = self->round_us + GATHER_US;
    int64_t now_us = load_steady_us();
    if ((size_t)handled * GATHER_SHARE < self->under_way && now_us < until_us) {
        struct timespec left = {.tv_nsec = (until_us - now_us) * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &left, NULL);
    }
}

static void s_wait(load_run_t *self, bool more) {
    struct epoll_event events[EVENTS_MOST];
    int64_t now_us = load_steady_us();
    int64_t until_us = self->swept_us + SWEEP_US;
    if (more && self->options->rate > 0 && self->free_count) {
        int64_t intended_us = s_intended_us(self, self->report.started);
        until_us = intended_us < until_us ? intended_us : until_us;
    }
    int64_t wait_us = until_us > now_us ? until_us - now_us : 0;
    struct timespec wait = {.tv_nsec = wait_us * 1000};
    int count = epoll_pwait2(self->epoll_fd, events, EVENTS_MOST, &wait, NULL);
    self->round_us = load_steady_us();
    for (int index = 0; index < count; index++) {
        s_slot_t *slot = events[index].data.ptr;
        load_connection_result_t result = load_connection_event(slot->connection, events[index].events);
        s_result(self, slot, result, load_steady_us());
        s_dispatch(self);
    }
    s_gather(self, count > 0 ? count : 0);
}

//  ---- From beginning to end

static double s_cpu_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

//  Requests that the open loop was meant to have begun.
static uint64_t s_unsent(const load_run_t *self) {
    const load_options_t *options = self->options;
    uint64_t meant = 0;
    while (options->rate > 0 && options->duration_us && !*options->ended) {
        uint64_t number = self->report.started + meant;
        if ((options->count && number >= options->count) ||
            s_intended_us(self, number) >= self->start_us + options->duration_us) {
            break;
        }
        meant++;
    }
    return meant;
}

const load_report_t *load_run_go(load_run_t *self) {
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    self->start_us = self->swept_us = load_steady_us();
    self->wall_offset_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 - self->start_us;
    double cpu_s = s_cpu_s();
    for (;;) {
        s_dispatch(self);
        int64_t now_us = load_steady_us();
        if (now_us - self->swept_us >= SWEEP_US) {
            s_sweep(self, now_us);
        }
        bool more = s_more(self, now_us);
        if (*self->options->ended || (!more && !self->under_way)) {
            break;
        }
        s_wait(self, more);
    }
    self->report.elapsed_us = load_steady_us() - self->start_us;
    self->report.cpu_s = s_cpu_s() - cpu_s;
    self->report.unfinished = self->under_way;
    self->report.unsent = s_unsent(self);
    return &self->report;
}

static int s_resolve(load_run_t *self, char *error, size_t error_size) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int code = getaddrinfo(self->options->host, self->options->port, &hints, &found);
    if (code) {
        snprintf(error, error_size, "%s: %s", self->options->host, gai_strerror(code));
        return -1;
    }
    memcpy(&self->address, found->ai_addr, found->ai_addrlen);
    self->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static void s_make_head(load_run_t *self) {
    const load_options_t *options = self->options;
    bool typed = strcasestr(options->headers, "Content-Type:") != NULL;
    int size = asprintf(&self->head, "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %zu\r\n%s",
                        options->path, options->authority, typed ? "" : "Content-Type: application/json\r\n",
                        load_body_size(options->body), options->headers);
    assert(size > 0);
    self->head_size = self->hole = (size_t)size;
    const char *hole = options->spread ? strstr(options->path, HOLE) : NULL;
    if (hole) {
        self->hole = sizeof "POST " - 1 + (size_t)(hole - options->path);
    }
}

static void s_make_slots(load_run_t *self) {
    const load_options_t *options = self->options;
    size_t capacity = self->head_size + sizeof "Idempotency-Key: \r\n\r\n" + KEY_BYTES + NUMBER_BYTES +
                      load_body_size(options->body);
    self->slots = load_alloc(options->connections * sizeof *self->slots);
    self->free = load_alloc(options->connections * sizeof(s_slot_t *));
    for (unsigned index = 0; index < options->connections; index++) {
        s_slot_t *slot = &self->slots[index];
        slot->bytes = load_alloc(capacity);
        slot->connection = load_connection_new((struct sockaddr *)&self->address, self->address_size,
                                               self->epoll_fd, slot);
        s_free(self, slot);
    }
}

load_run_t *load_run_new(const load_options_t *options, char *error, size_t error_size) {
    load_run_t *self = load_alloc(sizeof *self);
    self->options = options;
    self->report.latencies_us = hf_histogram_new();
    self->report.series = options->by_second ? load_series_new() : NULL;
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1000); //  The kernel's 50 µs would be in every latency of the open loop
    if (self->epoll_fd < 0 || getrandom(&self->tag, sizeof self->tag, 0) != sizeof self->tag) {
        snprintf(error, error_size, "cannot start: %s", strerror(errno));
        load_run_destroy(&self);
    } else if (files.rlim_cur < options->connections + 16) {
        snprintf(error, error_size, "%u connections need more open files than %llu; raise ulimit -n",
                 options->connections, (unsigned long long)files.rlim_cur);
        load_run_destroy(&self);
    } else if (s_resolve(self, error, error_size) != 0) {
        load_run_destroy(&self);
    } else {
        s_make_head(self);
        s_make_slots(self);
    }
    return self;
}

void load_run_destroy(load_run_t **self_p) {
    assert(self_p);
    load_run_t *self = *self_p;
    if (!self) {
        return;
    }
    for (unsigned index = 0; self->slots && index < self->options->connections; index++) {
        load_connection_destroy(&self->slots[index].connection);
        free(self->slots[index].bytes);
    }
    if (self->epoll_fd >= 0) {
        close(self->epoll_fd);
    }
    hf_histogram_destroy(&self->report.latencies_us);
    load_series_destroy(&self->report.series);
    free(self->slots);
    free(self->free);
    free(self->head);
    free(self);
    *self_p = NULL;
}
