/*  Lists that one look at the journal's file does not fill: their requests wait, and the server looks on for one of them in each
 * round, in turn, so that all others are answered in between.
 *
 *  Bounds: HF_SERVER_LISTS at once, HF_SERVER_LIST_MS each. What is cut by them, by a client that has gone, or by the node's end,
 * is answered with what was found and where to go on.  */

#ifndef HF_LISTS_SHELL_H
#define HF_LISTS_SHELL_H

#include "ingress/query.h"
#include "ingress/request_shell.h"

//  Looks once, and answers; or the request waits.
void hf_lists_begin(hf_request_t *request, const hf_filter_t *filter);

//  One look more for the one whose turn it is, where list_at has come.
void hf_lists_go_on(hf_server_t *server);

//  Answers all.
void hf_lists_end(hf_server_t *server);

//  The request is gone.
void hf_lists_forget(hf_request_t *request);

#endif
