/*  What /standin/… says and hears: texts only, no connection.  */

#ifndef STANDIN_CONTROL_H
#define STANDIN_CONTROL_H

#include "moods.h"

#include <stddef.h>
#include <stdint.h>

//  What was counted since the start; requests to /standin/… are in none of it.
typedef struct {
    uint64_t requests;        //  Read whole
    uint64_t in_flight;       //  Begun and not yet ended, those that hang included
    uint64_t by_status[600];  //  Answers by status
    uint64_t hangs;           //  Never answered
    uint64_t resets;          //  Reset in the middle
    uint64_t garbage;         //  Answered with what is not HTTP
    unsigned int connections; //  Open now
} standin_stats_t;

//  Applies {"status":503,"delay_ms":0} or status=503&delay_ms=0. All of it or, with a sentence in error,
//  nothing (-1). Besides the moods' names, "clear":1 goes back to the default mood first, and "down_ms" is
//  put into *down_ms (else left alone).
int standin_control_mood(standin_mood_t *mood, int64_t *down_ms, const char *body, char *error,
                         size_t error_size);

//  JSON texts that the caller frees.
char *standin_control_stats_json(const standin_stats_t *stats);
char *standin_control_mood_json(const standin_mood_t *mood);
char *standin_control_error_json(const char *error);

#endif
