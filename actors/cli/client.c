/*  libcurl's easy interface, one handle for all requests of a verb, so that they share a connection; a stream
 * of events has one of its own, so that its callbacks may ask something meanwhile.  */

#include "cli/client.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    S_CONNECT_TIMEOUT_MS = 5000, //  Whoever does not take a connection for so long is not there
    S_EXCERPT = 200,             //  Bytes shown of an answer that is no problem+json
};

static const char s_bearer[] = "Authorization: Bearer ";

struct hf_client {
    char *url;       //  HOLDFAST_URL without a slash at its end
    char *bearer;    //  "Authorization: Bearer …", or NULL
    char *operator_; //  "Holdfast-Operator: …", or NULL
    bool loopback;   //  No proxy is asked for an address of this machine
    CURL *curl;      //  For requests
};

void hf_reply_free(hf_reply_t *self) {
    hf_buf_free(&self->body);
    self->status = 0;
}

//  Whether a URL's host is this machine.
static bool s_is_loopback(CURLU *parts) {
    char *host = NULL;
    curl_url_get(parts, CURLUPART_HOST, &host, 0);
    bool is = host &&
              (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 || strncmp(host, "127.", 4) == 0);
    curl_free(host);
    return is;
}

//  Whether url is http(s)://HOST[:PORT][/PATH] and nothing more.
static bool s_check_url(const char *url, bool *loopback) {
    CURLU *parts = curl_url();
    char *scheme = NULL;
    char *query = NULL;
    bool good = curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
                curl_url_get(parts, CURLUPART_QUERY, &query, 0) != CURLUE_OK && !strchr(url, '#');
    *loopback = good && s_is_loopback(parts);
    curl_free(scheme);
    curl_free(query);
    curl_url_cleanup(parts);
    return good;
}

//  Who decides, for the history of commands: HOLDFAST_OPERATOR, else the user's name; NULL where neither can stand in a header.
static char *s_operator(void) {
    const char *name = getenv("HOLDFAST_OPERATOR");
    const struct passwd *user = name && *name ? NULL : getpwuid(geteuid());
    hf_buf_t header = {0};
    name = name && *name ? name : user ? user->pw_name : "";
    for (const char *c = name; *c; c++) {
        if (!isprint((unsigned char)*c)) {
            return NULL;
        }
    }
    hf_buf_addf(&header, "Holdfast-Operator: %.128s", name);
    return *name ? (char *)header.data : (hf_buf_free(&header), NULL);
}

static bool s_is_token(const char *text) {
    for (; *text; text++) {
        if (!isgraph((unsigned char)*text)) {
            return false;
        }
    }
    return true;
}

hf_client_t *hf_client_new(void) {
    const char *url = getenv("HOLDFAST_URL");
    const char *token = getenv("HOLDFAST_TOKEN");
    url = url && *url ? url : "http://127.0.0.1:4653";
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bool loopback = false;
    if (!s_check_url(url, &loopback)) {
        (void)hf_say_failed("HOLDFAST_URL is no address of a node: write it like http://127.0.0.1:4653");
        return NULL;
    }
    if (token && !s_is_token(token)) {
        (void)hf_say_failed("HOLDFAST_TOKEN holds a space or a control character: set it to the bare token");
        return NULL;
    }
    hf_client_t *self = hf_alloc(sizeof *self);
    self->loopback = loopback;
    self->url = hf_strdup(url);
    size_t size = strlen(self->url);
    while (size > 0 && self->url[size - 1] == '/') {
        self->url[--size] = '\0';
    }
    if (token && *token) {
        self->bearer = hf_alloc(sizeof s_bearer + strlen(token));
        strcpy(stpcpy(self->bearer, s_bearer), token);
    }
    self->operator_ = s_operator();
    self->curl = curl_easy_init();
    assert(self->curl && "out of memory");
    return self;
}

void hf_client_destroy(hf_client_t **self_p) {
    hf_client_t *self = *self_p;
    if (self) {
        curl_easy_cleanup(self->curl);
        free(self->url);
        free(self->bearer);
        free(self->operator_);
        free(self);
        curl_global_cleanup();
        *self_p = NULL;
    }
}

//  ---- one request

static bool s_names_type(const hf_request_t *request) {
    for (int number = 0; number < HF_CLIENT_HEADERS; number++) {
        if (request->headers[number] && strncasecmp(request->headers[number], "Content-Type:", 13) == 0) {
            return true;
        }
    }
    return false;
}

//  What both kinds of request have in common. The caller frees the list.
static struct curl_slist *s_prepare(const hf_client_t *self, CURL *curl, const hf_request_t *request,
                                    char *why) {
    char *url = hf_alloc(strlen(self->url) + strlen(request->path) + 1);
    strcpy(stpcpy(url, self->url), request->path);
    struct curl_slist *headers = NULL;
    for (int number = 0; number < HF_CLIENT_HEADERS; number++) {
        if (request->headers[number]) {
            headers = curl_slist_append(headers, request->headers[number]);
        }
    }
    if (self->bearer) {
        headers = curl_slist_append(headers, self->bearer);
    }
    if (self->operator_ && strcmp(request->method, "GET") != 0) {
        headers = curl_slist_append(headers, self->operator_);
    }
    //  None of libcurl's own: no round trip before the body, and no type that nobody gave.
    headers = curl_slist_append(headers, "Expect:");
    if (!s_names_type(request)) {
        headers = curl_slist_append(headers, "Content-Type:");
    }
    why[0] = '\0';
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "holdfast/" HOLDFAST_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)S_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    if (self->loopback) {
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    free(url);
    return headers;
}

static size_t s_on_body(char *data, size_t size, size_t count, void *context) {
    hf_reply_t *reply = context;
    size *= count;
    if (reply->body.size + size > HF_CLIENT_ANSWER_MAX) {
        return 0;
    }
    hf_buf_add(&reply->body, data, size);
    return size;
}

//  What libcurl's result means for us.
static hf_reach_t s_reach(CURL *curl, CURLcode code, char *why) {
    if (code == CURLE_OK) {
        return HF_REACHED;
    }
    if (!why[0]) {
        snprintf(why, HF_CLIENT_WHY, "%s", curl_easy_strerror(code));
    }
    double connected = 0;
    curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME, &connected);
    bool nobody = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                  (code == CURLE_OPERATION_TIMEDOUT && connected <= 0);
    return nobody ? HF_NOT_REACHED : HF_BROKEN;
}

hf_reach_t hf_client_try(hf_client_t *self, const hf_request_t *request, hf_reply_t *reply,
                         char why[HF_CLIENT_WHY]) {
    hf_reply_free(reply);
    struct curl_slist *headers = s_prepare(self, self->curl, request, why);
    int64_t timeout_ms = request->timeout_ms ? request->timeout_ms : HF_CLIENT_TIMEOUT_MS;
    curl_easy_setopt(self->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(self->curl, CURLOPT_WRITEFUNCTION, s_on_body);
    curl_easy_setopt(self->curl, CURLOPT_WRITEDATA, reply);
    if (strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(self->curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(self->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    }
    hf_reach_t reach = s_reach(self->curl, curl_easy_perform(self->curl), why);
    curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_slist_free_all(headers);
    return reach;
}

//  ---- what to say

//  Queries and headers are made of options: what the node cannot read there was typed wrong.
static bool s_is_usage(const char *type) {
    static const char *const types[] = {"urn:holdfast:problem:malformed-query",
                                        "urn:holdfast:problem:malformed-header"};
    return type && (strcmp(type, types[0]) == 0 || strcmp(type, types[1]) == 0);
}

//  The title and detail of a problem (RFC 9457); returns the exit status, or -1 where the answer is none.
static int s_say_problem(const hf_reply_t *reply) {
    json_t *problem = json_loadb((const char *)reply->body.data, reply->body.size, JSON_ALLOW_NUL, NULL);
    const char *title = json_string_value(json_object_get(problem, "title"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    int status = -1;
    if (title) {
        status = hf_say_failed("%s%s%s", title, detail ? ": " : "", detail ? detail : "");
        status = s_is_usage(json_string_value(json_object_get(problem, "type"))) ? HF_EXIT_USAGE : status;
    }
    json_decref(problem);
    return status;
}

static int s_say_status(const hf_client_t *self, const hf_reply_t *reply) {
    if (reply->status >= 200 && reply->status < 300) {
        return HF_EXIT_DONE;
    }
    int status = reply->body.size > 0 ? s_say_problem(reply) : -1;
    if (status >= 0) {
        return status;
    }
    int shown = reply->body.size < S_EXCERPT ? (int)reply->body.size : S_EXCERPT;
    return hf_say_failed(
        "%s answered with HTTP status %ld, not as a Holdfast node would: check HOLDFAST_URL%s%.*s", self->url,
        reply->status, shown ? "; it said: " : "", shown, shown ? (const char *)reply->body.data : "");
}

int hf_client_say(const hf_client_t *self, hf_reach_t reach, const hf_reply_t *reply, const char *why) {
    switch (reach) {
    case HF_REACHED:
        return s_say_status(self, reply);
    case HF_NOT_REACHED:
        (void)hf_say_failed(
            "no node is running at %s (%s): start one with `holdfast up`, or set HOLDFAST_URL", self->url,
            why);
        return HF_EXIT_NO_NODE;
    default:
        return hf_say_failed("no whole answer came from %s (%s): try again, or look at `holdfast ps`",
                             self->url, why);
    }
}

int hf_client_ask(hf_client_t *self, const hf_request_t *request, json_t **answer) {
    hf_reply_t reply = {0};
    char why[HF_CLIENT_WHY];
    hf_reach_t reach = hf_client_try(self, request, &reply, why);
    int status = hf_client_say(self, reach, &reply, why);
    if (status == HF_EXIT_DONE && answer) {
        json_error_t trouble;
        *answer = json_loadb((const char *)reply.body.data, reply.body.size, JSON_ALLOW_NUL, &trouble);
        if (!*answer) {
            status = hf_say_failed("%s did not answer in JSON (%s): check HOLDFAST_URL", self->url,
                                   trouble.text);
        }
    }
    bool unreadable = status == HF_EXIT_FAILED && reply.status == 400 && request->body_is_options;
    hf_reply_free(&reply);
    return unreadable ? HF_EXIT_USAGE : status;
}

int hf_client_get(hf_client_t *self, const char *path, json_t **answer) {
    hf_request_t request = {.method = "GET", .path = path, .headers = {"Accept: application/json"}};
    return hf_client_ask(self, &request, answer);
}

//  ---- a stream of events

typedef struct {
    CURL *curl;                //  Whose
    hf_event_stream_t *stream; //  Gets the bytes
    hf_reply_t *reply;         //  Gets them where the answer is no stream
    hf_on_idle_t *on_idle;     //  Called now and then
    void *context;             //  Its context
    int64_t heard_ms;          //  When the last byte came
    int64_t idled_ms;          //  When on_idle was called last
    int64_t silence_ms;        //  How long nothing may come
    bool enough;               //  A callback said so
} follow_t;

static bool s_is_stream(follow_t *self) {
    const char *type = NULL;
    curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &self->reply->status);
    curl_easy_getinfo(self->curl, CURLINFO_CONTENT_TYPE, &type);
    return self->reply->status == 200 && type && strncasecmp(type, "text/event-stream", 17) == 0;
}

static size_t s_on_stream(char *data, size_t size, size_t count, void *context) {
    follow_t *self = context;
    self->heard_ms = hf_client_now_ms();
    if (!s_is_stream(self)) {
        return s_on_body(data, size, count, self->reply);
    }
    size *= count;
    self->enough = !hf_event_stream_feed(self->stream, data, size);
    return self->enough ? 0 : size;
}

static int s_on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    follow_t *self = context;
    int64_t now_ms = hf_client_now_ms();
    if (self->on_idle && now_ms - self->idled_ms >= 1000) {
        self->idled_ms = now_ms;
        self->enough = !self->on_idle(self->context);
    }
    return self->enough || now_ms - self->heard_ms > self->silence_ms;
}

hf_stream_end_t hf_client_follow(hf_client_t *self, const char *path, hf_event_stream_t *stream,
                                 int64_t silence_ms, hf_on_idle_t *on_idle, void *context, hf_reply_t *reply,
                                 char why[HF_CLIENT_WHY]) {
    hf_reply_free(reply);
    hf_event_stream_restart(stream);
    char last_id[HF_STREAM_ID_MAX + 32];
    snprintf(last_id, sizeof last_id, "Last-Event-ID: %s", hf_event_stream_last_id(stream));
    hf_request_t request = {.method = "GET", .path = path, .headers = {"Accept: text/event-stream"}};
    if (hf_event_stream_last_id(stream)[0]) {
        request.headers[1] = last_id;
    }
    CURL *curl = curl_easy_init();
    assert(curl && "out of memory");
    follow_t follow = {.curl = curl,
                       .stream = stream,
                       .reply = reply,
                       .on_idle = on_idle,
                       .context = context,
                       .heard_ms = hf_client_now_ms(),
                       .idled_ms = hf_client_now_ms(),
                       .silence_ms = silence_ms};
    struct curl_slist *headers = s_prepare(self, curl, &request, why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, s_on_stream);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &follow);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, s_on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &follow);
    hf_reach_t reach = s_reach(curl, curl_easy_perform(curl), why);
    bool stood = s_is_stream(&follow);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (follow.enough) {
        return HF_STREAM_ENOUGH;
    }
    if (stood) {
        return HF_STREAM_ENDED;
    }
    return reach == HF_REACHED ? HF_STREAM_REFUSED : HF_STREAM_NOT_REACHED;
}

//  ---- paths

void hf_path_escape(hf_buf_t *path, const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at < 0x80 && (isalnum(*at) || strchr("-._~", *at))) {
            hf_buf_add(path, at, 1);
        } else {
            hf_buf_addf(path, "%%%02X", *at);
        }
    }
}

void hf_path_query(hf_buf_t *path, const char *name, const char *value) {
    if (value) {
        hf_buf_addf(path, "%c%s=", memchr(path->data, '?', path->size) ? '&' : '?', name);
        hf_path_escape(path, value);
    }
}

//  ---- time

static int64_t s_clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t hf_client_now_ms(void) {
    return s_clock_ms(CLOCK_MONOTONIC);
}

int64_t hf_client_wall_ms(void) {
    return s_clock_ms(CLOCK_REALTIME);
}
