#include "answers.h"

#include "clock.h"

#include <assert.h>
#include <string.h>
#include <time.h>

//  Bodies above this are streamed: a response in memory is made for each request.
#define WHOLE_BYTES (64 * 1024)

struct standin_answers {
    struct MHD_Response *usual;  //  The last one made for an outcome that has no headers of its own
    standin_outcome_t usual_for; //  That outcome
};

standin_answers_t *standin_answers_new(void) {
    standin_answers_t *self = standin_realloc(NULL, sizeof *self);
    *self = (standin_answers_t){0};
    return self;
}

void standin_answers_destroy(standin_answers_t **self_p) {
    assert(self_p);
    if (*self_p) {
        if ((*self_p)->usual) {
            MHD_destroy_response((*self_p)->usual);
        }
        free(*self_p);
        *self_p = NULL;
    }
}

standin_body_t standin_body_of(const standin_outcome_t *outcome) {
    standin_body_t self = {.head = ""};
    if (outcome->status == 204 || outcome->status == 304) {
        return self;
    }
    int64_t wanted = outcome->response_bytes;
    const char *opened = wanted >= 0 ? ",\"pad\":\"" : "}";
    if (outcome->status < 400) {
        self.head_bytes = snprintf(self.head, sizeof self.head, "{\"ok\":true%s", opened);
    } else {
        self.head_bytes = snprintf(self.head, sizeof self.head, "{\"ok\":false,\"status\":%u%s",
                                   outcome->status, opened);
    }
    self.total_bytes = wanted >= 0 ? wanted : self.head_bytes;
    if (wanted >= self.head_bytes + 2) {
        self.tail_bytes = 2;
    } else if (wanted >= 0) {
        self.head_bytes = 0; //  Too short for JSON: padding only
    }
    return self;
}

size_t standin_body_read(const standin_body_t *self, int64_t from, char *to, size_t most) {
    int64_t left = self->total_bytes - from;
    size_t count = left < 0 ? 0 : (uint64_t)left < most ? (size_t)left : most;
    memset(to, 'x', count);
    for (int64_t at = from; at < self->head_bytes && at < from + (int64_t)count; at++) {
        to[at - from] = self->head[at];
    }
    for (int64_t tail = 0; tail < self->tail_bytes; tail++) {
        int64_t at = self->total_bytes - self->tail_bytes + tail - from;
        if (at >= 0 && at < (int64_t)count) {
            to[at] = "\"}"[tail];
        }
    }
    return count;
}

bool standin_answers_streams(const standin_outcome_t *outcome) {
    return outcome->drip || outcome->kind == STANDIN_RESET || outcome->response_bytes > WHOLE_BYTES;
}

//  An HTTP-date knows whole seconds only: the one that begins when so many are over, or behind it.
static void s_add_retry_date(struct MHD_Response *response, int64_t after_s) {
    char text[64];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    time_t at = now.tv_sec + (now.tv_nsec > 0) + (time_t)after_s;
    size_t size = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &utc));
    assert(size > 0); //  In the C locale: nobody sets another one
    MHD_add_response_header(response, "Retry-After", text);
}

void standin_answers_dress(struct MHD_Response *response, const standin_outcome_t *outcome, const char *host,
                           bool tls) {
    char text[300];
    if (outcome->status != 204 && outcome->status != 304) {
        MHD_add_response_header(response, "Content-Type", "application/json");
    }
    if (outcome->retry_after_s >= 0) {
        snprintf(text, sizeof text, "%lld", (long long)outcome->retry_after_s);
        MHD_add_response_header(response, "Retry-After", text);
    } else if (outcome->retry_after_date_s >= 0) {
        s_add_retry_date(response, outcome->retry_after_date_s);
    }
    if (outcome->redirect) {
        bool usable = host && strlen(host) < 256;
        snprintf(text, sizeof text, "%s%s/elsewhere",
                 !usable ? ""
                 : tls   ? "https://"
                         : "http://",
                 usable ? host : "");
        MHD_add_response_header(response, "Location", text);
    }
}

static struct MHD_Response *s_make(const standin_outcome_t *outcome) {
    standin_body_t body = standin_body_of(outcome);
    char *text = standin_realloc(NULL, (size_t)body.total_bytes + 1);
    size_t size = standin_body_read(&body, 0, text, (size_t)body.total_bytes);
    struct MHD_Response *response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    assert(response);
    return response;
}

//  The usual response where it fits the outcome, else a new usual one.
static struct MHD_Response *s_usual(standin_answers_t *self, const standin_outcome_t *outcome) {
    const standin_outcome_t *usual = &self->usual_for;
    if (!self->usual || usual->status != outcome->status || usual->retry_after_s != outcome->retry_after_s ||
        usual->response_bytes != outcome->response_bytes) {
        if (self->usual) {
            MHD_destroy_response(self->usual); //  Those who are still being sent it hold it themselves
        }
        self->usual = s_make(outcome);
        self->usual_for = *outcome;
        standin_answers_dress(self->usual, outcome, NULL, false);
    }
    return self->usual;
}

enum MHD_Result standin_answers_queue(standin_answers_t *self, struct MHD_Connection *connection,
                                      const standin_outcome_t *outcome, const char *host, bool tls) {
    if (!outcome->redirect && outcome->retry_after_date_s < 0) {
        return MHD_queue_response(connection, outcome->status, s_usual(self, outcome));
    }
    struct MHD_Response *response = s_make(outcome); //  Its Location, or its date, is this request's alone
    standin_answers_dress(response, outcome, host, tls);
    enum MHD_Result result = MHD_queue_response(connection, outcome->status, response);
    MHD_destroy_response(response);
    return result;
}

struct MHD_Response *standin_answers_json(char *text) {
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text,
                                                                    MHD_RESPMEM_MUST_FREE);
    assert(response);
    MHD_add_response_header(response, "Content-Type", "application/json");
    return response;
}
