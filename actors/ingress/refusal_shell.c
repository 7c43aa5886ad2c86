#include "ingress/refusal_shell.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

typedef enum MHD_Result(queue_t)(struct MHD_Connection *, unsigned, struct MHD_Response *);
typedef enum MHD_Result(lookup_t)(struct MHD_Connection *, enum MHD_ValueKind, const char *, size_t,
                                  const char **, size_t *);

static struct MHD_Daemon *s_daemon;   //  Whose refusals are exchanged
static hf_on_refusal_t *s_on_refusal; //  By what
static void *s_context;               //  Its own

void hf_refusal_watch(struct MHD_Daemon *daemon, hf_on_refusal_t *on_refusal, void *context) {
    s_daemon = daemon;
    s_on_refusal = on_refusal;
    s_context = context;
}

//  The library's own function: the next of that name. function: a pointer to it.
static void s_find(const char *name, void *function) {
    void *symbol = dlsym(RTLD_NEXT, name);
    assert(symbol && "libmicrohttpd lacks a function");
    memcpy(function, &symbol, sizeof symbol); //  As POSIX has it for functions
}

static bool s_is_ours(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON);
    return s_daemon && info && info->daemon == s_daemon;
}

enum MHD_Result hf_refusal_pass(struct MHD_Connection *connection, unsigned status,
                                struct MHD_Response *response) {
    static queue_t *found;
    if (!found) {
        s_find("MHD_queue_response", &found);
    }
    return found(connection, status, response);
}

//  Whoever calls this by its name in our daemon is the library.
enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned status,
                                   struct MHD_Response *response) {
    struct MHD_Response *ours = s_is_ours(connection) ? s_on_refusal(s_context, connection, status) : NULL;
    enum MHD_Result rc = hf_refusal_pass(connection, status, ours ? ours : response);
    if (ours) {
        MHD_destroy_response(ours);
    }
    return rc;
}

//  ---- what the library is not to look at

bool hf_refusal_is_length(const char *value, size_t size) {
    uint64_t length = 0;
    for (size_t i = 0; i < size; i++) {
        bool is_digit = value[i] >= '0' && value[i] <= '9';
        if (!is_digit || __builtin_mul_overflow(length, 10u, &length) ||
            __builtin_add_overflow(length, (uint64_t)(value[i] - '0'), &length)) {
            return false;
        }
    }
    return size > 0;
}

static bool s_is_named(const char *key, size_t key_size, const char *name) {
    return key && key_size == strlen(name) && strncasecmp(key, name, key_size) == 0;
}

//  The same: only the library asks. Host is there, a length that is none is not.
enum MHD_Result MHD_lookup_connection_value_n(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                              const char *key, size_t key_size, const char **value_p,
                                              size_t *value_size_p) {
    static lookup_t *found;
    const char *value = NULL;
    size_t size = 0;
    if (!found) {
        s_find("MHD_lookup_connection_value_n", &found);
    }
    bool ours = kind == MHD_HEADER_KIND && s_is_ours(connection);
    enum MHD_Result rc = found(connection, kind, key, key_size, &value, &size);
    if (ours && rc == MHD_NO && s_is_named(key, key_size, MHD_HTTP_HEADER_HOST)) {
        rc = MHD_YES;
    } else if (ours && rc == MHD_YES && s_is_named(key, key_size, MHD_HTTP_HEADER_CONTENT_LENGTH) &&
               !hf_refusal_is_length(value, size)) {
        return MHD_NO;
    }
    if (value_p) {
        *value_p = value;
    }
    if (value_size_p) {
        *value_size_p = size;
    }
    return rc;
}
