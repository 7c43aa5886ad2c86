/*  What each page is for. Reading ones answer at once from the journal's file; the others go to the core, and wait
 * (waiting_shell.h) for the journal's word.  */

#ifndef HF_PAGES_SHELL_H
#define HF_PAGES_SHELL_H

#include "ingress/request_shell.h"

//  The request is whole: does what its page is for.
void hf_pages_serve(hf_request_t *request);

#endif
