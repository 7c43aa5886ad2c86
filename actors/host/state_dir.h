/*  The state folder: what is in it, who owns it, and which node runs on it.
 *
 *      STATE/lock      who runs on it: held with flock by the supervisor, with its pid inside
 *      STATE/journal/  LMDB
 *      STATE/run/      sockets, clock, supervisor.json, pipelines.zpl: of one node run, private (0700)
 *      STATE/log/      nothing yet: actors log to stderr
 *
 *  Everything is 0700 when it is made here; a looser run/ is tightened, somebody else's refused.  */

#ifndef HF_STATE_DIR_H
#define HF_STATE_DIR_H

#include "base/error.h"

#include <stddef.h>

enum {
    HF_STATE_PATH = 4096,      //  Bytes for a path, with its NUL (PATH_MAX)
    HF_STATE_SOCKET_MAX = 107, //  Characters of a Unix socket's path (unix(7): sun_path, less the NUL)
    HF_STATE_SOCKET_NAME = 12, //  Characters of the longest socket's name in run/
};

//  Makes what is not there. The folder's parent must exist. Refuses a name that leaves no room for sockets.
int hf_state_dir_create(const char *state_dir, hf_error_t *error);

//  STATE/name.
int hf_state_dir_path(char path[HF_STATE_PATH], const char *state_dir, const char *name, hf_error_t *error);

//  STATE/run/name for a Unix socket, and the same as a ZeroMQ endpoint ("ipc://…"); -1 where it has over 107
//  characters.
int hf_state_dir_socket(char path[HF_STATE_PATH], const char *state_dir, const char *name, hf_error_t *error);
int hf_state_dir_endpoint(char endpoint[HF_STATE_PATH], const char *state_dir, const char *name,
                          hf_error_t *error);

//  Puts a whole file in place by rename (mode 0600, no fsync: for what lives as long as a node run). Readers
//  see the old one or the new one. Two writers of one name must take turns.
int hf_state_dir_write(const char *state_dir, const char *name, const void *data, size_t size,
                       hf_error_t *error);

//  Takes the folder for this node and writes the pid into STATE/lock. Returns the file descriptor (O_CLOEXEC)
//  that holds it until it is closed; -1 where another node runs on it, with its pid in the error.
int hf_state_dir_lock(const char *state_dir, hf_error_t *error);

#endif
