#include "ingress/sse_shell.h"
#include "base/id_map.h"
#include "host/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BLOCK = 4 << 10,  //  Bytes of a stream in user space
    ARENA = 64 << 10, //  Bytes that the facts of one record usually take
    RESUMED_MAX = 64, //  Streams resumed in a turn: each costs a system call, some ten microseconds
};

//  What is told first: a reader that loses its connection shall come back after a second.
static const char s_greeting[] = ": holdfast\nretry: 1000\n\n";
static const char s_heartbeat[] = ":\n\n";

typedef struct stream {
    hf_sse_t *sse;                     //  Its owner
    struct stream *next, **place;      //  In one of the lists of suspended ones, or place NULL
    struct stream *next_all, **all;    //  In the list of all
    struct stream *same;               //  Another stream of the same command
    struct MHD_Connection *connection; //  Whose
    size_t told;                       //  Bytes of the greeting, heartbeat or event that is being told
    bool greeted;                      //  The greeting is told
    bool beat;                         //  A heartbeat is to be told
    bool eager;       //  Resume it even if no new fact came: it stopped in the middle of a search
    bool failed;      //  Its facts are no longer kept: it is cut off
    bool put_off;     //  It wants to read the file, and this round's share of that is used up
    int64_t spoke_at; //  When it told something last
    //  Of all commands:
    hf_event_filter_t filter; //  Which events
    uint64_t reached; //  Number of the next fact to look at; of one command: of the newest that was told
    //  Of one command:
    bool one;        //  It is
    hf_id_t id;      //  Which
    uint64_t newest; //  Its newest fact that is known
    uint64_t walk;   //  Where the way back to what was told stands, 0: no walk
    bool ended;      //  The fact told last ended it
    uint64_t *list;  //  Numbers found on the way back, newest first, number n at n % HF_SSE_WALK_MAX
    size_t found;    //  How many were found on this walk; the last HF_SSE_WALK_MAX are kept
    size_t left;     //  How many of these are still to be told
} stream_t;

struct hf_sse {
    const hf_config_t *config; //  Labels
    hf_store_t *store;         //  For older facts
    hf_event_ring_t *ring;     //  Newer ones
    hf_arena_t *arena;         //  Of facts being read
    hf_buf_t text;             //  An event that is not in the ring
    hf_id_map_t *commands;     //  Streams of one command, by its id
    stream_t *suspended;       //  Of all commands, with nothing to tell
    stream_t *suspended_one;   //  Of one command, with nothing to tell
    stream_t *ready;           //  Suspended, to be resumed
    stream_t *behind;          //  Suspended, to be resumed for reading the file
    stream_t *behind_next;     //  The same, after all those have had their turn
    int reads;                 //  Blocks that may still be read from the file in this round
    bool reading;              //  The block that is being told may
    stream_t *streams;         //  All
    uint64_t newest;           //  Number of the newest fact heard
    size_t readers;            //  How many streams
    bool woken;                //  A suspended one may have something to tell
    bool closed;               //  All end
};

hf_sse_t *hf_sse_new(const hf_config_t *config, hf_store_t *store) {
    hf_sse_t *self = hf_alloc(sizeof *self);
    self->config = config;
    self->store = store;
    self->ring = hf_event_ring_new(config);
    self->arena = hf_arena_new(ARENA);
    self->commands = hf_id_map_new();
    return self;
}

void hf_sse_destroy(hf_sse_t **self_p) {
    assert(self_p);
    hf_sse_t *self = *self_p;
    if (self) {
        assert(self->readers == 0);
        hf_event_ring_destroy(&self->ring);
        hf_arena_destroy(&self->arena);
        hf_buf_free(&self->text);
        hf_id_map_destroy(&self->commands);
        free(self);
        *self_p = NULL;
    }
}

size_t hf_sse_readers(const hf_sse_t *self) {
    return self->readers;
}

//  ---- suspended or not

static void s_link(stream_t *stream, stream_t **list) {
    assert(!stream->place);
    stream->next = *list;
    stream->place = list;
    if (stream->next) {
        stream->next->place = &stream->next;
    }
    *list = stream;
}

static void s_unlink(stream_t *stream) {
    if (stream->place) {
        *stream->place = stream->next;
        if (stream->next) {
            stream->next->place = stream->place;
        }
        stream->place = NULL;
    }
}

static void s_suspend(stream_t *stream) {
    hf_sse_t *sse = stream->sse;
    s_link(stream, stream->put_off ? &sse->behind_next
                   : stream->eager ? &sse->ready
                   : stream->one   ? &sse->suspended_one
                                   : &sse->suspended);
    MHD_suspend_connection(stream->connection);
}

static void s_resume(stream_t *stream) {
    s_unlink(stream);
    stream->eager = false;
    stream->put_off = false;
    MHD_resume_connection(stream->connection);
}

static void s_forget_command(stream_t *stream) {
    hf_id_map_t *commands = stream->sse->commands;
    stream_t *first = hf_id_map_get(commands, &stream->id);
    if (first == stream && !stream->same) {
        hf_id_map_remove(commands, &stream->id);
    } else if (first == stream) {
        hf_id_map_put(commands, &stream->id, stream->same);
    } else {
        while (first && first->same != stream) {
            first = first->same;
        }
        assert(first);
        first->same = stream->same;
    }
}

static void s_free(void *context) {
    stream_t *stream = context;
    s_unlink(stream);
    *stream->all = stream->next_all;
    if (stream->next_all) {
        stream->next_all->all = stream->all;
    }
    if (stream->one) {
        s_forget_command(stream);
    }
    if (--stream->sse->readers == 0) {
        hf_event_ring_clear(stream->sse->ring); //  Nobody watches: nothing needs to be rendered
    }
    free(stream->list);
    free(stream);
}

//  ---- telling

//  Where text is to go.
typedef struct {
    char *data;  //  The next byte's place
    size_t left; //  How many there are
} room_t;

//  As much of text as fits, from where the stream stands in it. True: all of it is told.
static bool s_tell(stream_t *stream, room_t *room, const char *text, size_t size) {
    size_t part = size - stream->told < room->left ? size - stream->told : room->left;
    memcpy(room->data, text + stream->told, part);
    room->data += part;
    room->left -= part;
    stream->told += part;
    if (stream->told < size) {
        return false;
    }
    stream->told = 0;
    return true;
}

//  Whether it may read the file for the block that is being told. Reading costs some hundred microseconds, and
//  a thousand readers may want it at once: they take turns, and submitters wait for a few of them at most.
static bool s_may_read(stream_t *stream) {
    hf_sse_t *sse = stream->sse;
    if (!sse->reading && sse->reads == 0) {
        stream->put_off = true;
        return false;
    }
    sse->reads -= !sse->reading;
    sse->reading = true;
    return true;
}

//  ---- of all commands

//  Facts being read from the file for one stream.
typedef struct {
    stream_t *stream; //  Who is told
    room_t *room;     //  Where
    int scanned;      //  Facts looked at
    bool full;        //  There is no more room
} telling_t;

static bool s_on_old_fact(void *context, const Hf__Fact *fact) {
    telling_t *telling = context;
    stream_t *stream = telling->stream;
    hf_sse_t *sse = stream->sse;
    if (telling->scanned++ == HF_SSE_SCAN_MAX) {
        return false;
    }
    if (hf_event_filter_wants(&stream->filter, fact->pipeline, hf_event_word(fact))) {
        hf_buf_clear(&sse->text);
        hf_event_render(sse->config, fact, &sse->text);
        if (!s_tell(stream, telling->room, (const char *)sse->text.data, sse->text.size)) {
            telling->full = true;
            return false;
        }
    }
    stream->reached = fact->seq + 1;
    return true;
}

//  From the file. False: no more room, or enough was looked at, or they are no longer kept.
static bool s_tell_old(stream_t *stream, room_t *room) {
    hf_sse_t *sse = stream->sse;
    telling_t telling = {.stream = stream, .room = room};
    hf_error_t error;
    uint64_t before = stream->reached;
    if (!s_may_read(stream)) {
        return false;
    }
    if (hf_store_begin_read(sse->store, &error)) {
        stream->failed = true;
        return false;
    }
    int64_t next = hf_store_facts(sse->store, stream->reached, sse->arena, s_on_old_fact, &telling, &error);
    hf_store_end_read(sse->store);
    hf_arena_reset(sse->arena);
    stream->failed = next <= 0;
    stream->eager = telling.scanned > HF_SSE_SCAN_MAX;
    return !stream->failed && !telling.full && !stream->eager && stream->reached > before;
}

//  From the ring. False: no more room, or enough was looked at.
static bool s_tell_new(stream_t *stream, room_t *room, const hf_shown_event_t *event) {
    for (int scanned = 0; event; event = hf_event_ring_get(stream->sse->ring, stream->reached)) {
        if (hf_event_filter_wants(&stream->filter, event->pipeline, event->word)) {
            if (!s_tell(stream, room, event->text, event->size)) {
                return false;
            }
        } else if (++scanned == HF_SSE_SCAN_MAX) {
            stream->eager = true;
            return false;
        }
        stream->reached++;
    }
    return true;
}

static void s_tell_all(stream_t *stream, room_t *room) {
    bool more = true;
    while (more && room->left && stream->reached <= stream->sse->newest) {
        const hf_shown_event_t *event = hf_event_ring_get(stream->sse->ring, stream->reached);
        more = event ? s_tell_new(stream, room, event) : s_tell_old(stream, room);
    }
}

//  ---- of one command

//  Looks a fact up: its text, the state that it led to, and the number of the one before it. 1, 0 no longer
//  kept, -1 unreadable.
static int s_look_up(hf_sse_t *sse, uint64_t seq, bool render, hf_shown_event_t *event) {
    const hf_shown_event_t *shown = hf_event_ring_get(sse->ring, seq);
    Hf__Fact *fact = NULL;
    hf_error_t error;
    if (shown) {
        *event = *shown;
        return 1;
    }
    if (hf_store_begin_read(sse->store, &error)) {
        return -1;
    }
    int found = hf_store_fact(sse->store, seq, sse->arena, &fact, &error);
    hf_store_end_read(sse->store);
    if (found == 1) {
        hf_buf_clear(&sse->text);
        if (render) {
            hf_event_render(sse->config, fact, &sse->text);
        }
        *event = (hf_shown_event_t){.seq = seq,
                                    .previous = fact->previous,
                                    .state = (hf_state_t)fact->state,
                                    .word = hf_event_word(fact),
                                    .text = (char *)sse->text.data,
                                    .size = sse->text.size};
    }
    hf_arena_reset(sse->arena);
    return found;
}

//  Goes back from the newest fact to what was told, and keeps the numbers of the oldest on that way. True:
//  they can be told.
static bool s_walk_back(stream_t *stream) {
    hf_shown_event_t event;
    if (!stream->walk) {
        stream->walk = stream->newest;
        stream->found = 0;
    }
    for (int looked = 0; stream->walk > stream->reached; looked++) {
        if (looked == HF_SSE_WALK_MAX) {
            stream->eager = true;
            return false;
        }
        int found = s_look_up(stream->sse, stream->walk, false, &event);
        if (found < 0) {
            stream->failed = true;
            return false;
        }
        if (found == 0) {
            break; //  Older ones have left with time
        }
        stream->list[stream->found++ % HF_SSE_WALK_MAX] = stream->walk;
        stream->walk = event.previous;
    }
    stream->walk = 0;
    stream->left = stream->found < HF_SSE_WALK_MAX ? stream->found : HF_SSE_WALK_MAX;
    if (!stream->left) {
        stream->reached = stream->newest;
    }
    return stream->left > 0;
}

//  The oldest that is left of the list. False: no more room, or it cannot be read.
static bool s_tell_next(stream_t *stream, room_t *room) {
    hf_shown_event_t event;
    size_t kept = stream->found < HF_SSE_WALK_MAX ? stream->found : HF_SSE_WALK_MAX;
    uint64_t seq = stream->list[(stream->found - 1 - (kept - stream->left)) % HF_SSE_WALK_MAX];
    if (s_look_up(stream->sse, seq, true, &event) != 1) {
        stream->failed = true;
        return false;
    }
    if (!s_tell(stream, room, event.text, event.size)) {
        return false;
    }
    stream->reached = seq;
    stream->left--;
    stream->ended = hf_state_is_final(event.state) && seq == stream->newest;
    return true;
}

//  Whether the fact after the one that was told last is the newest, and in the ring.
static bool s_is_close(const stream_t *stream) {
    const hf_shown_event_t *event = hf_event_ring_get(stream->sse->ring, stream->newest);
    return event && event->previous <= stream->reached;
}

static void s_tell_one(stream_t *stream, room_t *room) {
    bool more = stream->reached >= stream->newest || s_is_close(stream) || s_may_read(stream);
    while (more && room->left && !stream->ended && stream->reached < stream->newest) {
        more = stream->left || s_walk_back(stream) ? s_tell_next(stream, room) : false;
    }
}

//  ---- libmicrohttpd asks for more

static void s_tell_opening(stream_t *stream, room_t *room) {
    if (!stream->greeted) {
        stream->greeted = s_tell(stream, room, s_greeting, sizeof s_greeting - 1);
    } else if (stream->beat) {
        stream->beat = !s_tell(stream, room, s_heartbeat, sizeof s_heartbeat - 1);
    }
}

static ssize_t s_on_read(void *context, uint64_t position, char *data, size_t size) {
    stream_t *stream = context;
    room_t room = {data, size};
    (void)position;
    stream->sse->reading = false;
    //  A heartbeat stands between events only: it is asked for while nothing is half told.
    s_tell_opening(stream, &room);
    if (stream->greeted && !stream->beat && !stream->sse->closed) {
        if (stream->one) {
            s_tell_one(stream, &room);
        } else {
            s_tell_all(stream, &room);
        }
    }
    if (room.left < size) {
        stream->spoke_at = hf_clock_now_ms();
        return (ssize_t)(size - room.left);
    }
    if (stream->ended || stream->failed || stream->sse->closed) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    s_suspend(stream);
    return 0;
}

//  ---- opening

static int s_parse_number(const char *text, uint64_t *number) {
    size_t digits = strspn(text, "0123456789");
    *number = strtoull(text, NULL, 10);
    return digits > 0 && digits < 19 && !text[digits] ? 0 : -1;
}

static bool s_on_any_fact(void *context, const Hf__Fact *fact) {
    (void)context;
    (void)fact;
    return false;
}

//  Whether everything behind that fact is still kept.
static int s_check_kept(hf_sse_t *self, uint64_t after, hf_problem_t *problem) {
    hf_error_t error;
    if (hf_store_begin_read(self->store, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
    }
    uint64_t newest = hf_store_newest_fact(self->store);
    int64_t next = hf_store_facts(self->store, after + 1, self->arena, s_on_any_fact, NULL, &error);
    hf_store_end_read(self->store);
    hf_arena_reset(self->arena);
    if (next < 0) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
    }
    if (next == 0 || after > newest) {
        return hf_problem_set(problem, HF_PROBLEM_EVENTS_GONE, 0,
                              "This node's newest event is %" PRIu64 ", and what follows %" PRIu64
                              " is not kept: list the commands, then follow without Last-Event-ID.",
                              newest, after);
    }
    return 0;
}

//  What the command's State says: 1 found, 0 none, -1 with the problem set.
static int s_read_state(hf_sse_t *self, const hf_id_t *id, uint64_t *newest, hf_state_t *is,
                        hf_problem_t *problem) {
    Hf__State *state = NULL;
    hf_error_t error;
    if (hf_store_begin_read(self->store, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
    }
    int found = hf_store_state(self->store, id, self->arena, &state, &error);
    hf_store_end_read(self->store);
    if (found == 1) {
        *newest = state->last_fact;
        *is = (hf_state_t)state->state;
    } else if (found < 0) {
        hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
    }
    hf_arena_reset(self->arena);
    return found;
}

static int s_open_one(hf_sse_t *self, stream_t *stream, const hf_id_t *id, hf_problem_t *problem,
                      bool *over) {
    char text[HF_ID_TEXT];
    hf_state_t state = HF_STATE_NONE;
    hf_id_format(id, text);
    int found = s_read_state(self, id, &stream->newest, &state, problem);
    if (found != 1) {
        return found ? -1
                     : hf_problem_set(problem, HF_PROBLEM_NO_COMMAND, 0, "No command has the id %s.", text);
    }
    *over = hf_state_is_final(state) && stream->reached >= stream->newest;
    stream->one = true;
    stream->id = *id;
    stream->list = hf_alloc(HF_SSE_WALK_MAX * sizeof *stream->list);
    return 0;
}

static void s_enter(hf_sse_t *self, stream_t *stream) {
    stream->next_all = self->streams;
    stream->all = &self->streams;
    if (stream->next_all) {
        stream->next_all->all = &stream->next_all;
    }
    self->streams = stream;
    self->readers++;
    if (stream->one) {
        stream->same = hf_id_map_get(self->commands, &stream->id);
        hf_id_map_put(self->commands, &stream->id, stream);
    }
}

static void s_limit_buffer(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection,
                                                                   MHD_CONNECTION_INFO_CONNECTION_FD);
    int bytes = HF_SSE_SEND_BUFFER / 2; //  The kernel doubles it
    if (info) {
        (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
}

static struct MHD_Response *s_respond(stream_t *stream) {
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, s_on_read,
                                                                      stream, s_free);
    assert(response && "out of memory");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    return response;
}

int hf_sse_open(hf_sse_t *self, struct MHD_Connection *connection, const hf_sse_request_t *request,
                uint64_t newest, struct MHD_Response **response, hf_problem_t *problem) {
    uint64_t after = newest;
    bool over = false;
    *response = NULL;
    if (self->closed) {
        return hf_problem_set(problem, HF_PROBLEM_STOPPING, 1,
                              "This node is about to end; come back in a second.");
    }
    if (request->last_event_id && s_parse_number(request->last_event_id, &after)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0,
                              "Last-Event-ID is a number, the newest id that was heard.");
    }
    if (request->last_event_id && !request->id && s_check_kept(self, after, problem)) {
        return -1;
    }
    stream_t *stream = hf_alloc(sizeof *stream);
    stream->sse = self;
    stream->connection = connection;
    stream->spoke_at = hf_clock_now_ms();
    stream->filter = request->filter;
    stream->reached = request->id ? (request->last_event_id ? after : 0) : after + 1;
    int rc = request->id ? s_open_one(self, stream, request->id, problem, &over) : 0;
    if (rc || over) {
        free(stream->list);
        free(stream);
        return rc;
    }
    self->newest = self->newest > newest ? self->newest : newest;
    s_enter(self, stream);
    s_limit_buffer(connection);
    *response = s_respond(stream);
    return 0;
}

//  ---- what happens

//  A suspended one gets its turn at the next pump.
static void s_make_ready(stream_t *stream) {
    if (stream->place) {
        s_unlink(stream);
        s_link(stream, &stream->sse->ready);
    }
}

void hf_sse_on_fact(hf_sse_t *self, const Hf__Fact *fact) {
    hf_id_t id;
    self->newest = fact->seq;
    if (!self->readers) {
        return;
    }
    hf_event_ring_add(self->ring, fact);
    self->woken = true;
    if (!hf_id_from(&id, fact->id.data, fact->id.len)) {
        return;
    }
    for (stream_t *stream = hf_id_map_get(self->commands, &id); stream; stream = stream->same) {
        stream->newest = fact->seq > stream->newest ? fact->seq : stream->newest;
        s_make_ready(stream);
    }
}

void hf_sse_rebuild(hf_sse_t *self) {
    hf_problem_t problem;
    for (stream_t *stream = self->streams; stream; stream = stream->next_all) {
        hf_state_t state;
        if (stream->one) {
            s_read_state(self, &stream->id, &stream->newest, &state, &problem);
            s_make_ready(stream);
        }
    }
    self->woken = true;
}

//  Whether a suspended stream of all commands has something to tell. Steps over what it doesn't want, so that
//  it need not be resumed for that.
static bool s_has_news(stream_t *stream) {
    hf_sse_t *sse = stream->sse;
    for (int scanned = 0; stream->reached <= sse->newest; stream->reached++) {
        const hf_shown_event_t *event = hf_event_ring_get(sse->ring, stream->reached);
        if (!event || hf_event_filter_wants(&stream->filter, event->pipeline, event->word)) {
            return true;
        }
        if (++scanned == HF_SSE_SCAN_MAX) {
            sse->woken = true;
            return false;
        }
    }
    return false;
}

void hf_sse_begin_round(hf_sse_t *self) {
    self->reads = HF_SSE_READS;
}

bool hf_sse_is_behind(const hf_sse_t *self) {
    return self->behind || self->behind_next;
}

//  Those who wait longest come first.
static int s_resume_behind(hf_sse_t *self) {
    int resumed = 0;
    for (; hf_sse_is_behind(self) && resumed < self->reads; resumed++) {
        if (!self->behind) {
            self->behind = self->behind_next;
            self->behind->place = &self->behind;
            self->behind_next = NULL;
        }
        s_resume(self->behind);
    }
    return resumed;
}

bool hf_sse_pump(hf_sse_t *self) {
    int resumed = 0;
    if (self->woken) {
        self->woken = false;
        for (stream_t *stream = self->suspended, *next; stream; stream = next) {
            next = stream->next;
            if (s_has_news(stream)) {
                s_make_ready(stream);
            }
        }
    }
    while (self->ready && resumed < RESUMED_MAX) {
        s_resume(self->ready);
        resumed++;
    }
    resumed += s_resume_behind(self);
    return self->woken || resumed > 0;
}

void hf_sse_beat(hf_sse_t *self, int64_t now) {
    for (stream_t *stream = self->streams; stream; stream = stream->next_all) {
        if (stream->place && now - stream->spoke_at >= HF_SSE_HEARTBEAT_MS) {
            stream->beat = true;
            s_make_ready(stream);
        }
    }
}

void hf_sse_close(hf_sse_t *self) {
    self->closed = true;
    for (stream_t *stream = self->streams; stream; stream = stream->next_all) {
        s_make_ready(stream);
    }
}
