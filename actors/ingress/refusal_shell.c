#include "ingress/refusal_shell.h"

#include <assert.h>
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

typedef enum MHD_Result(queue_t)(struct MHD_Connection *, unsigned, struct MHD_Response *);

static struct MHD_Daemon *s_daemon;   //  Whose refusals are exchanged
static hf_on_refusal_t *s_on_refusal; //  By what
static void *s_context;               //  Its own

void hf_refusal_watch(struct MHD_Daemon *daemon, hf_on_refusal_t *on_refusal, void *context) {
    s_daemon = daemon;
    s_on_refusal = on_refusal;
    s_context = context;
}

//  The library's own function: the next of that name.
static queue_t *s_find(void) {
    static queue_t *found;
    void *symbol = found ? NULL : dlsym(RTLD_NEXT, "MHD_queue_response");
    if (!found) {
        assert(symbol && "libmicrohttpd has no MHD_queue_response");
        memcpy(&found, &symbol, sizeof found); //  As POSIX has it for functions
    }
    return found;
}

enum MHD_Result hf_refusal_pass(struct MHD_Connection *connection, unsigned status,
                                struct MHD_Response *response) {
    return s_find()(connection, status, response);
}

//  Whoever calls this by its name in our daemon is the library.
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned status,
                                   struct MHD_Response *response) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON);
    struct MHD_Response *ours = s_daemon && info && info->daemon == s_daemon
                                    ? s_on_refusal(s_context, connection, status)
                                    : NULL;
    enum MHD_Result rc = hf_refusal_pass(connection, status, ours ? ours : response);
    if (ours) {
        MHD_destroy_response(ours);
    }
    return rc;
}
