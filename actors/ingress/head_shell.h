/*  A request's head: what its headers say, and whether it can be served at all.  */

#ifndef HF_HEAD_SHELL_H
#define HF_HEAD_SHELL_H

#include "ingress/request_shell.h"

//  Reads method, version and headers into the request. -1 with its problem set: it is refused.
int hf_head_read(hf_request_t *request, const char *method, const char *version);

//  Whether a body of that size is taken here.
int hf_head_check_length(const hf_request_t *request, uint64_t size, hf_problem_t *problem);

#endif
