#include "pipeline_file/request.h"
#include "base/field_value.h"
#include "pipeline_file/text.h"
#include "pipeline_file/values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    S_HEADER_MAX = 8 << 10, //  Bytes of one header: what common servers take
    S_URL_MAX = 4 << 10,    //  Bytes of a url before its holes are filled
};

void hf_zpl_set_method(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                       void *place) {
    (void)field;
    static const char *const words[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};
    if (hf_zpl_choice(spot, text, words, HF_ZPL_SIZE(words)) >= 0) {
        char **method = place;
        free(*method);
        *method = hf_strdup(text);
    }
}

void hf_zpl_set_address(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                        void *place) {
    (void)field;
    const char *colon = strrchr(text, ':');
    size_t host = colon ? (size_t)(colon - text) : 0;
    int port = colon ? hf_zpl_count(colon + 1) : -1;
    bool brackets = host > 2 && text[0] == '[' && text[host - 1] == ']';
    bool bare = host > 0 && strcspn(text, ":[]") == host;
    if (!(brackets || bare) || port < 0 || port > 65535 || !hf_zpl_is_printable(text) || host > 255) {
        hf_zpl_wrong(spot, "is '%s'; it must be HOST:PORT, like 127.0.0.1:4653 or [::1]:4653",
                     HF_ZPL_SHOWN(spot->item->value));
        return;
    }
    char **address = place;
    free(*address);
    *address = hf_strdup(text);
}

void hf_zpl_set_token(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    (void)field;
    if (!hf_zpl_is_printable(text) || strlen(text) > S_HEADER_MAX) {
        hf_zpl_wrong(spot,
                     "must be at most %d visible ASCII characters without spaces: it is sent in a header",
                     (int)S_HEADER_MAX);
        return;
    }
    char **token = place;
    free(*token);
    *token = hf_strdup(text);
}

//  What the outside says of the url with every hole filled with an "x"; NULL: nothing.
static const char *s_url_mistake_filled(const hf_zpl_spot_t *spot, const char *text) {
    hf_buf_t filled = {0};
    while (*text) {
        size_t literal = strcspn(text, "{");
        hf_buf_add(&filled, text, literal);
        text += literal;
        if (*text) {
            hf_buf_add(&filled, "x", 1);
            text = strchr(text, '}') + 1;
        }
    }
    hf_buf_add(&filled, "", 0);
    const char *mistake = spot->reader->outside->url_mistake((const char *)filled.data);
    hf_buf_free(&filled);
    return mistake;
}

//  Whether a path segment is "." or ".." as written: clients take it out before they call.
static bool s_has_dot_segment(const char *path) {
    const char *end = path + strcspn(path, "?");
    while (path < end) {
        size_t size = strcspn(path, "/?");
        if (size > 0 && size <= 2 && strspn(path, ".") == size) {
            return true;
        }
        path += size + 1;
    }
    return false;
}

//  Takes the url apart as far as its holes allow; false with a message where it can never be called. It may
//  hold a secret, so no message repeats it.
static bool s_check_url(const hf_zpl_spot_t *spot, const char *text) {
    size_t scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : strncasecmp(text, "https://", 8) == 0 ? 8 : 0;
    size_t host = strcspn(text + scheme, "/?#");
    const char *mistake = NULL;
    if (scheme == 0) {
        hf_zpl_wrong(spot, "must begin with http:// or https://");
    } else if (!hf_zpl_is_printable(text)) {
        hf_zpl_wrong(spot,
                     "holds a space, a control character or a letter beyond ASCII; percent-encode it (a "
                     "space is %%20)");
    } else if (strlen(text) > S_URL_MAX) {
        hf_zpl_wrong(spot, "is longer than %d bytes", (int)S_URL_MAX);
    } else if (host == 0) {
        hf_zpl_wrong(spot, "names no host; write it like https://api.example.com/path");
    } else if (memchr(text + scheme, '{', host)) {
        hf_zpl_wrong(spot,
                     "has a {name} in its host; a destination is one third party, so its host must be fixed");
    } else if (strchr(text, '#')) {
        hf_zpl_wrong(spot, "has a '#' part, which is never sent; leave it out or write %%23");
    } else if (s_has_dot_segment(text + scheme + host)) {
        hf_zpl_wrong(spot, "has a '.' or '..' step in its path; write the path that it means");
    } else if ((mistake = s_url_mistake_filled(spot, text)) != NULL) {
        hf_zpl_wrong(spot, "is no url: %s", mistake);
    } else {
        return true;
    }
    return false;
}

void hf_zpl_set_url(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    (void)field;
    hf_destination_t *destination = place;
    hf_template_t *template = hf_zpl_template(spot, text);
    if (template && s_check_url(spot, text)) {
        hf_template_destroy(&destination->url);
        free(destination->url_shown);
        destination->url = template;
        destination->url_shown = hf_strdup(spot->item->value);
    } else {
        hf_template_destroy(&template);
    }
}

void hf_zpl_set_probe(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text, void *place) {
    (void)field;
    hf_destination_t *destination = place;
    if (strncmp(text, "GET ", 4) != 0) {
        hf_zpl_wrong(spot,
                     "must be GET and a url, like \"GET https://api.example.com/commands/{" HF_TEMPLATE_ID
                     "}\"");
        return;
    }
    hf_template_t *template = hf_zpl_template(spot, text + 4);
    if (template && s_check_url(spot, text + 4)) {
        hf_template_destroy(&destination->probe);
        destination->probe = template;
    } else {
        hf_template_destroy(&template);
    }
}

//  The name that Holdfast itself gives to the third party, or that belongs to the connection; NULL: free to
//  use.
static const char *s_header_reserved(const char *name, size_t size) {
    static const char *const names[] = {
        "Idempotency-Key", "Holdfast-Attempt", "Content-Length", "Content-Type", "Transfer-Encoding", "Host",
        "User-Agent",      "Connection",       "Expect",         "Keep-Alive",   "Proxy-Connection",  "TE",
        "Trailer",         "Upgrade",          "traceparent",    "tracestate"};
    for (size_t number = 0; number < HF_ZPL_SIZE(names); number++) {
        if (strlen(names[number]) == size && strncasecmp(names[number], name, size) == 0) {
            return names[number];
        }
    }
    return NULL;
}

static bool s_check_header(const hf_zpl_spot_t *spot, const char *text, size_t headers) {
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t name = strcspn(text, ":");
    const char *reserved = s_header_reserved(text, name);
    if (!hf_field_value_is_clean(text)) {
        hf_zpl_wrong(spot, "holds a line break or another control character; one header stands in one line");
    } else if (!text[name]) {
        hf_zpl_wrong(spot, "has no colon; write header = \"Name: value\"");
    } else if (name == 0 || strspn(text, token) != name) {
        hf_zpl_wrong(spot, "must begin with a name of letters, digits and '-', right before its colon");
    } else if (reserved) {
        hf_zpl_wrong(spot, "is %s, which Holdfast sets itself; leave it out", reserved);
    } else if (!text[name + 1 + strspn(text + name + 1, " \t")]) {
        hf_zpl_wrong(spot, "has no value behind its colon");
    } else if (strlen(text) > S_HEADER_MAX) {
        hf_zpl_wrong(spot, "is longer than %d bytes", (int)S_HEADER_MAX);
    } else if (headers >= HF_HEADERS_MAX) {
        hf_zpl_wrong(spot, "is one too many; %d are the most", HF_HEADERS_MAX);
    } else {
        return true;
    }
    return false;
}

void hf_zpl_set_header(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                       void *place) {
    (void)field;
    char ***headers = place;
    size_t size = 0;
    while ((*headers)[size]) {
        size++;
    }
    if (!s_check_header(spot, text, size)) {
        return;
    }
    size_t name = strcspn(text, ":");
    const char *value = text + name + 1 + strspn(text + name + 1, " \t");
    size_t value_size = strlen(value);
    while (value[value_size - 1] == ' ' || value[value_size - 1] == '\t') {
        value_size--;
    }
    *headers = realloc(*headers, (size + 2) * sizeof **headers);
    assert(*headers && "out of memory");
    (*headers)[size] = hf_zpl_format("%.*s: %.*s", (int)name, text, (int)value_size, value);
    (*headers)[size + 1] = NULL;
}
