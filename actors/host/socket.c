#include "host/shell.h"
#include "host/state_dir.h"
#include "link/wire.h"

enum {
    FACTS_MARK =
        4096, //  Publications kept for one slow follower; beyond that it reads the file (link/follow)
    ATTEMPTS_MARK = 4096, //  Messages between dispatch and a caller; concurrency bounds them far below
};

//  A sender's own link bounds what it has under way, so PUSH needs no second bound that could block; whoever publishes drops for
//  slow followers rather than grow. Linger 0: whatever was not delivered is sent again by the link, or read from the file.
static void s_set_bounds(zsock_t *socket, int type) {
    zsock_set_linger(socket, 0);
    zsock_set_maxmsgsize(socket, HF_MESSAGE_MAX);
    int mark = type == ZMQ_PUB || type == ZMQ_XPUB || type == ZMQ_SUB ? FACTS_MARK
               : type == ZMQ_PUSH                                     ? 0
                                                                      : ATTEMPTS_MARK;
    zsock_set_sndhwm(socket, mark);
    zsock_set_rcvhwm(socket, mark);
    zsock_set_reconnect_ivl(socket, 20);
    zsock_set_reconnect_ivl_max(socket, 200);
}

zsock_t *hf_socket_new(const char *state_dir, int type, bool bind, const char *name, hf_error_t *error) {
    char endpoint[HF_STATE_PATH];
    if (hf_state_dir_endpoint(endpoint, state_dir, name, error)) {
        return NULL;
    }
    zsock_t *socket = zsock_new(type);
    if (!socket) {
        hf_error_set(error, "a ZeroMQ socket could not be made: %s", zmq_strerror(zmq_errno()));
        return NULL;
    }
    s_set_bounds(socket, type);
    int rc = bind ? zsock_bind(socket, "%s", endpoint) : zsock_connect(socket, "%s", endpoint);
    if (rc == -1) {
        hf_error_set(error, "%s %s: %s", bind ? "bind" : "connect to", endpoint, zmq_strerror(zmq_errno()));
        zsock_destroy(&socket);
    }
    return socket;
}
