/*  Live events of all commands or of one, over connections that may break: after each break it goes on behind
 * the last event. For one command it begins with what has happened so far, and ends when the command goes no
 * further by itself.  */

#ifndef HF_LIVE_H
#define HF_LIVE_H

#include "cli/client.h"

enum { HF_LIVE_STATE = 16 }; //  Bytes of a state's word

//  What to follow, and what became of it.
typedef struct {
    const char *path;               //  Of the events, with its query
    const char *id;                 //  The command; NULL: all of them
    int64_t until_ms;               //  By hf_client_now_ms; INT64_MAX: for ever
    hf_on_stream_event_t *on_event; //  Gets each event; may be NULL
    void *context;                  //  Its context
    char state[HF_LIVE_STATE];      //  The command's newest state that was heard of
} hf_live_t;

//  Follows. HF_EXIT_DONE: the command is settled, or the time is over, or on_event had enough. Else the exit
//  status, after saying why. A node that was never reached ends it at once; one that was lost, after a
//  minute.
int hf_live_run(hf_live_t *self, hf_client_t *client);

#endif
