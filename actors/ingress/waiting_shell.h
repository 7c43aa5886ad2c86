/*  Requests that wait: for the journal's word, and then, where their client prefers it, for their command's end. Facts
 * are heard while somebody waits for one or watches them.  */

#ifndef HF_WAITING_SHELL_H
#define HF_WAITING_SHELL_H

#include "ingress/request_shell.h"

//  The core has it (rc 0), or has refused it.
void hf_waiting_begin(hf_request_t *request, int rc);

//  What the core has answered, and waits that ended.
void hf_waiting_answer_all(hf_server_t *server);
void hf_waiting_on_fact(hf_server_t *server, const Hf__Fact *fact);

//  Waits that are over by time (or all: the node ends), and those whose facts may have been missed.
void hf_waiting_end(hf_server_t *server, int64_t now, bool all);
void hf_waiting_look_again(hf_server_t *server);

//  The request is gone.
void hf_waiting_forget(hf_request_t *request);

//  Hears facts from now on, as long as somebody waits for one or watches them, and HF_SERVER_FOLLOW_MS at least; looks
//  whether anybody still does. Most nodes are only written to: then each command's facts would be read for nobody.
void hf_waiting_hear_facts(hf_server_t *server);
void hf_waiting_hear_on(hf_server_t *server, int64_t now);

#endif
