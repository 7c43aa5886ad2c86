#include "ingress/route.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *path; //  "*" is the part that varies
    unsigned methods; //  Bits
} page_t;

#define PAGE_ROW(name, path, methods) {path, methods},
static const page_t s_pages[] = {HF_PAGE_LIST(PAGE_ROW)};

static int s_hex(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hf_uri_decode(const char *text, size_t size, bool form, char *out, size_t out_size) {
    size_t used = 0;
    for (size_t place = 0; place < size; place++) {
        int c = (unsigned char)text[place];
        if (c == '%') {
            int high = place + 2 < size ? s_hex(text[place + 1]) : -1;
            int low = high < 0 ? -1 : s_hex(text[place + 2]);
            c = low < 0 ? 0 : high << 4 | low;
            place += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        if (c == 0 || used + 1 >= out_size) {
            return -1;
        }
        out[used++] = (char)c;
    }
    out[used] = 0;
    return 0;
}

//  Whether path is of that shape; then the varying part is [*arg, *arg + *size).
static bool s_matches(const char *pattern, const char *path, size_t path_size, const char **arg,
                      size_t *size) {
    const char *end = path + path_size;
    *arg = path;
    *size = 0;
    while (*pattern && path < end) {
        if (*pattern == '*') {
            const char *slash = memchr(path, '/', (size_t)(end - path));
            *arg = path;
            *size = (size_t)((slash ? slash : end) - path);
            path += *size;
            pattern++;
            if (*size == 0) {
                return false;
            }
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return !*pattern && path == end;
}

//  Absolute form: "http://host:port/path".
static const char *s_origin_form(const char *target) {
    if (strncmp(target, "http://", 7) != 0) {
        return target;
    }
    const char *path = target + 7 + strcspn(target + 7, "/?");
    return *path ? path : "/";
}

int hf_route_find(const char *target, hf_route_t *route) {
    const char *arg, *path = s_origin_form(target);
    size_t arg_size, path_size = strcspn(path, "?");
    *route = (hf_route_t){.page = HF_PAGES, .query = path[path_size] ? path + path_size + 1 : NULL};
    for (unsigned page = 0; page < HF_PAGES; page++) {
        if (s_matches(s_pages[page].path, path, path_size, &arg, &arg_size)) {
            route->page = (hf_page_t)page;
            route->methods = s_pages[page].methods;
            if (arg_size >= sizeof route->arg * 3) {
                route->page = HF_PAGES; //  Nothing here has so long a name
                return 0;
            }
            return hf_uri_decode(arg, arg_size, false, route->arg, sizeof route->arg);
        }
    }
    char decoded[8 << 10];
    return path_size < sizeof decoded ? hf_uri_decode(path, path_size, false, decoded, sizeof decoded) : 0;
}

unsigned hf_method_parse(const char *name) {
    if (strcmp(name, "GET") == 0 || strcmp(name, "HEAD") == 0) {
        return HF_GET;
    }
    return strcmp(name, "POST") == 0 ? HF_POST : strcmp(name, "DELETE") == 0 ? HF_DELETE : 0;
}

void hf_methods_format(unsigned methods, char text[32]) {
    snprintf(text, 32, "%s%s%s%s%s", methods & HF_GET ? "GET, HEAD" : "",
             methods & HF_GET && methods & ~(unsigned)HF_GET ? ", " : "", methods & HF_POST ? "POST" : "",
             methods & HF_POST && methods & HF_DELETE ? ", " : "", methods & HF_DELETE ? "DELETE" : "");
}

int hf_query_walk(const char *query, hf_on_pair_t *on_pair, void *context) {
    char name[65], value[1025];
    while (query && *query) {
        size_t size = strcspn(query, "&");
        const char *equals = memchr(query, '=', size);
        size_t name_size = equals ? (size_t)(equals - query) : size;
        const char *rest = equals ? equals + 1 : query + size;
        if (hf_uri_decode(query, name_size, true, name, sizeof name) ||
            hf_uri_decode(rest, (size_t)(query + size - rest), true, value, sizeof value)) {
            return -1;
        }
        int rc = size ? on_pair(context, name, value) : 0;
        if (rc) {
            return rc;
        }
        query += size + (query[size] != 0);
    }
    return 0;
}
