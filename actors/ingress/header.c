#include "ingress/header.h"
#include "base/field_value.h"
#include "base/rfc3339.h"
#include "base/units.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

bool hf_header_is_clean(const char *text, unsigned most) {
    return strnlen(text, (size_t)most + 1) <= most && hf_field_value_is_clean(text);
}

//  Digits, perhaps quoted; -1 where they are something else.
static int s_seconds(const char *text) {
    int seconds = 0, digits = 0;
    const char *rest = text + (*text == '"');
    for (; *rest >= '0' && *rest <= '9'; rest++, digits++) {
        seconds = seconds > HF_WAIT_MAX_S ? seconds : seconds * 10 + (*rest - '0');
    }
    rest += *text == '"' && *rest == '"';
    rest += strspn(rest, " \t");
    if (!digits || (*rest && *rest != ',' && *rest != ';')) {
        return -1;
    }
    return seconds > HF_WAIT_MAX_S ? HF_WAIT_MAX_S : seconds;
}

int hf_prefer_wait(const char *prefer) {
    while (*prefer) {
        prefer += strspn(prefer, " \t,");
        if (strncasecmp(prefer, "wait", 4) == 0) {
            const char *rest = prefer + 4 + strspn(prefer + 4, " \t");
            if (*rest == '=') {
                return s_seconds(rest + 1 + strspn(rest + 1, " \t"));
            }
        }
        prefer += strcspn(prefer, ",");
    }
    return -1;
}

//  Both are hashed first: lengths are compared in the same time, too.
bool hf_bearer_is(const char *authorization, const char *token) {
    unsigned char given[32], wanted[32];
    if (strncasecmp(authorization, "Bearer ", 7) != 0) {
        return false;
    }
    const char *shown = authorization + 7 + strspn(authorization + 7, " ");
    crypto_generichash(given, sizeof given, (const unsigned char *)shown, strlen(shown), NULL, 0);
    crypto_generichash(wanted, sizeof wanted, (const unsigned char *)token, strlen(token), NULL, 0);
    return sodium_memcmp(given, wanted, sizeof given) == 0;
}

int hf_moment_parse(const char *text, int64_t now, bool back, int64_t *ms) {
    int64_t duration;
    if (hf_rfc3339_parse(text, ms) == 0) {
        return 0;
    }
    if (hf_duration_parse(text, &duration) || duration > HF_RFC3339_MAX_MS - now) {
        return -1;
    }
    *ms = back ? (duration > now ? 0 : now - duration) : now + duration;
    return 0;
}

bool hf_is_ndjson(const char *content_type) {
    static const char *const types[] = {"application/x-ndjson", "application/ndjson", "application/jsonl",
                                        "application/x-jsonlines"};
    size_t size = content_type ? strcspn(content_type, "; \t") : 0;
    for (unsigned i = 0; content_type && i < sizeof types / sizeof *types; i++) {
        if (strlen(types[i]) == size && strncasecmp(types[i], content_type, size) == 0) {
            return true;
        }
    }
    return !content_type;
}
