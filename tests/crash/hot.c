#include "crash/hot.h"
#include "base/buf.h"
#include "crash/tree.h"

#include <curl/curl.h>
#include <stdio.h>
#include <time.h>

static size_t s_on_body(char *data, size_t size, size_t count, void *context) {
    (void)data;
    (void)context;
    return size * count;
}

static long s_post(const char *url, struct curl_slist *headers, const hf_buf_t *body) {
    CURL *curl = curl_easy_init();
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (char *)body->data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body->size);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20000L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, s_on_body);
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_easy_cleanup(curl);
    return status;
}

bool hot_submit(int port, long first, long count, int within_ms) {
    char url[128], key[64];
    hf_buf_t body = {0};
    int64_t until = now_ms() + within_ms;
    long status = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/pipelines/crash/batch", port);
    snprintf(key, sizeof key, "Idempotency-Key: hot-%ld", first);
    for (long number = first; number < first + count; number++) {
        hf_buf_addf(&body, "{\"instance\":\"hot\",\"pad\":%ld}\n", number);
    }
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/x-ndjson");
    headers = curl_slist_append(headers, key);
    while ((status = s_post(url, headers, &body)) != 202 && now_ms() < until) {
        struct timespec again = {0, 100 * 1000000};
        nanosleep(&again, NULL);
    }
    curl_slist_free_all(headers);
    hf_buf_free(&body);
    return status == 202;
}
