/*  What a run came to, and how it is told.  */

#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "series.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

//  Why a try did not end as expected.
typedef enum { LOAD_STATUS, LOAD_CONNECTION, LOAD_TIMEOUT, LOAD_MALFORMED, LOAD_ERRORS } load_error_t;

typedef struct {
    uint64_t started;             //  Logical requests that were begun
    uint64_t acknowledged;        //  Answered as expected
    uint64_t failed;              //  Given up
    uint64_t unfinished;          //  Neither, when the run was ended by a signal
    uint64_t unsent;              //  Meant to be sent by the open loop, but never begun
    uint64_t tries;               //  Requests sent, those sent again included
    uint64_t errors[LOAD_ERRORS]; //  Tries that did not end as expected, by kind
    uint64_t by_status[600];      //  Whole answers
    int64_t elapsed_us;           //  From the start to the last answer
    double cpu_s;                 //  User and system time of this process
    hf_histogram_t *latencies_us; //  Of what was acknowledged
    load_series_t *series;        //  Over time; NULL where nobody asked
} load_report_t;

//  Prints the report, for people or as one JSON object, which has the whole histogram and the series too.
void load_report_print(const load_report_t *self, bool json, FILE *to);

#endif
