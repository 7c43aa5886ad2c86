/*  Listening at HOST:PORT, as --http and the pipeline files say it: an IPv6 host in brackets, port 0 for one that
 *  the system picks.  */

#ifndef HF_LISTEN_H
#define HF_LISTEN_H

#include "base/error.h"

//  A socket that listens there, with so many connections kept waiting; it does not block, and is the caller's to
//  close. -1 where that cannot be had: error says why, and what to do.
int hf_listen(const char *address, int backlog, hf_error_t *error);

//  Whether that could be had just now. -1 as above. Nothing is left open, and nobody can connect meanwhile.
int hf_listen_check(const char *address, hf_error_t *error);

#endif
