//  Somebody writes pipeline files: what they say arrives, every mistake is named with its line, no secret is
//  ever told, and the snapshot that actors read means the same.

#include "pipeline_file/pipeline_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))

//  What most cases begin with: four lines, so that a case's own lines begin with the fifth.
#define BEGIN "destination = ec2\n    url = \"http://h/x\"\npipeline = stop\n    destination = ec2\n"

//  --------------------------------------------------------------------------------------------------------
//  A folder of its own for each test.

static char s_folder[64]; //  Where a test's files are; no '/' at its end

static int s_folder_new(void **state) {
    (void)state;
    snprintf(s_folder, sizeof s_folder, "/tmp/holdfast-pipeline-XXXXXX");
    return mkdtemp(s_folder) ? 0 : -1;
}

static int s_remove(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static int s_folder_destroy(void **state) {
    (void)state;
    return nftw(s_folder, s_remove, 8, FTW_DEPTH | FTW_PHYS);
}

//  The path of a file in that folder; good until the call after the next seven.
static const char *s_path(const char *name) {
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % SIZE(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", s_folder, name);
    return path;
}

static void s_write_bytes(const char *name, const char *text, size_t size) {
    FILE *file = fopen(s_path(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void s_write(const char *name, const char *text) {
    s_write_bytes(name, text, strlen(text));
}

//  The messages, one a line. The caller frees it.
static char *s_joined(const hf_messages_t *messages) {
    hf_buf_t text = {0};
    hf_buf_add(&text, "", 0);
    for (size_t number = 0; number < messages->size; number++) {
        hf_buf_addf(&text, "%s%s", number ? "\n" : "", messages->texts[number]);
    }
    size_t size;
    return (char *)hf_buf_release(&text, &size);
}

//  Reads a text that must be right.
static hf_config_t *s_read_right(const char *text) {
    hf_messages_t messages = {0};
    hf_config_t *config = hf_pipeline_file_read_text("t.zpl", text, strlen(text), &messages);
    char *joined = s_joined(&messages);
    assert_string_equal(joined, "");
    assert_non_null(config);
    free(joined);
    hf_messages_free(&messages);
    return config;
}

//  Reads a text that must be wrong in exactly this way.
static void s_read_wrong_bytes(const char *text, size_t size, const char *expected) {
    hf_messages_t messages = {0};
    hf_config_t *config = hf_pipeline_file_read_text("t.zpl", text, size, &messages);
    char *joined = s_joined(&messages);
    assert_string_equal(joined, expected);
    assert_null(config);
    free(joined);
    hf_messages_free(&messages);
}

static void s_read_wrong(const char *text, const char *expected) {
    s_read_wrong_bytes(text, strlen(text), expected);
}

//  Reads paths that must be wrong in exactly this way; the folder's name stands as "DIR" in expected.
static void s_read_wrong_paths(const char *const *paths, size_t size, const char *expected) {
    hf_messages_t messages = {0};
    hf_config_t *config = hf_pipeline_file_read(paths, size, &messages);
    char *joined = s_joined(&messages);
    char *place;
    while ((place = strstr(joined, s_folder)) != NULL) {
        memcpy(place, "DIR", 3);
        memmove(place + 3, place + strlen(s_folder), strlen(place + strlen(s_folder)) + 1);
    }
    assert_string_equal(joined, expected);
    assert_null(config);
    free(joined);
    hf_messages_free(&messages);
}

//  --------------------------------------------------------------------------------------------------------
//  What is right arrives.

static void s_everything_that_can_be_written_arrives(void **state) {
    (void)state;
    hf_config_t *config = s_read_right(
        "#  A comment\n"
        "pipeline = stop-instance   # before its destination: any order will do\n"
        "    destination = ec2\n"
        "    key = \"{instance}\"\n"
        "    ordered = 1\n"
        "    on_dead = skip\n"
        "    priority = 7\n"
        "    retry\n"
        "        immediate = 3\n"
        "        delay = 250ms\n"
        "        factor = 1.5\n"
        "        cap = 15s\n"
        "        jitter = none\n"
        "        deadline = 7d\n"
        "        attempts = 12\n"
        "    label\n"
        "        accepted = Stopping\n"
        "        waiting = 'Still \"stopping\"'\n"
        "        dead = \"Stop failed # really\"\n"
        "\n"
        "node\n"
        "    http = \"[::1]:0\"\n"
        "    token = abc123\n"
        "    callers = 2\n"
        "    body_limit = 64K\n"
        "    unacked_limit = 1M\n"
        "    journal_limit = 4G\n"
        "    keep = 24h\n"
        "  # a comment may be indented as it likes\n"
        "destination = ec2\r\n"
        "    url = \"https://user@api.example.com:8443/i/{instance}/stop?a=b\"\r\n"
        "    method = PUT\n"
        "    header = \"X-One:  1  \"\n"
        "    header = X-Two: two; with=3\n"
        "    connect_timeout = 1s\n"
        "    timeout = 2m\n"
        "    concurrency = 7\n"
        "    rate = 10/m\n"
        "    reject = \"404 410\"\n"
        "    on_uncertain = hold\n"
        "    probe = \"GET https://api.example.com:8443/i/{instance}/by/{holdfast.id}\"");
    assert_string_equal(config->http, "[::1]:0");
    assert_string_equal(config->token, "abc123");
    assert_int_equal(config->callers, 2);
    assert_int_equal(config->body_limit, 65536);
    assert_int_equal(config->unacked_limit, 1 << 20);
    assert_int_equal(config->journal_limit, (int64_t)4 << 30);
    assert_int_equal(config->keep_ms, 86400000);

    const hf_destination_t *ec2 = hf_config_destination(config, "ec2");
    assert_string_equal(ec2->url_shown, "https://user@api.example.com:8443/i/{instance}/stop?a=b");
    assert_string_equal(ec2->method, "PUT");
    assert_string_equal(ec2->headers[0], "X-One: 1");
    assert_string_equal(ec2->headers[1], "X-Two: two; with=3");
    assert_null(ec2->headers[2]);
    assert_int_equal(ec2->connect_timeout_ms, 1000);
    assert_int_equal(ec2->timeout_ms, 120000);
    assert_int_equal(ec2->concurrency, 7);
    assert_true(ec2->rate > 0.1666 && ec2->rate < 0.1667);
    assert_true(hf_status_set_has(&ec2->reject, 410));
    assert_false(hf_status_set_has(&ec2->reject, 400));
    assert_int_equal(ec2->on_uncertain, HF_ON_UNCERTAIN_HOLD);
    assert_true(hf_template_takes_fields(ec2->probe));

    const hf_pipeline_t *stop = hf_config_pipeline(config, "stop-instance");
    assert_ptr_equal(stop->destination, ec2);
    assert_non_null(stop->key);
    assert_true(stop->ordered);
    assert_int_equal(stop->on_dead, HF_ON_DEAD_SKIP);
    assert_int_equal(stop->priority, 7);
    assert_int_equal(stop->retry_immediate, 3);
    assert_int_equal(stop->retry_delay_ms, 250);
    assert_true(stop->retry_factor > 1.4999 && stop->retry_factor < 1.5001);
    assert_int_equal(stop->retry_cap_ms, 15000);
    assert_int_equal(stop->retry_jitter, HF_JITTER_NONE);
    assert_int_equal(stop->retry_deadline_ms, 7 * 86400000);
    assert_int_equal(stop->retry_attempts, 12);
    assert_true(stop->label_given);
    assert_string_equal(hf_pipeline_label(stop, HF_STATE_ACCEPTED), "Stopping");
    assert_string_equal(hf_pipeline_label(stop, HF_STATE_DECIDING), "Still \"stopping\"");
    assert_string_equal(hf_pipeline_label(stop, HF_STATE_DEAD), "Stop failed # really");
    assert_string_equal(hf_pipeline_label(stop, HF_STATE_SUCCEEDED), "succeeded");
    hf_config_destroy(&config);
}

static void s_little_is_needed(void **state) {
    (void)state;
    hf_config_t *config = s_read_right(BEGIN);
    const hf_destination_t *ec2 = hf_config_destination(config, "ec2");
    assert_int_equal(ec2->circuit_of, 0); //  No circuit unless there is a block of it
    assert_int_equal(ec2->timeout_ms, 30000);
    assert_null(hf_config_pipeline(config, "stop")->key);
    assert_null(config->token);
    hf_config_destroy(&config);

    config = s_read_right(BEGIN "destination = b\n    url = http://h\n    timeout = 1s\n");
    const hf_destination_t *b = hf_config_destination(config, "b");
    assert_int_equal(b->connect_timeout_ms, 1000); //  The whole attempt includes connecting
    hf_config_destroy(&config);
}

static void s_reading_needs_no_list_of_messages(void **state) {
    (void)state;
    assert_null(hf_pipeline_file_read_text("t.zpl", "nonsense", 8, NULL));
    hf_config_t *config = hf_pipeline_file_read_text("t.zpl", BEGIN, strlen(BEGIN), NULL);
    assert_non_null(config);
    hf_config_destroy(&config);
}

//  --------------------------------------------------------------------------------------------------------
//  What is wrong is named.

static void s_every_mistake_is_named_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text; //  Behind BEGIN
        const char *expected;
    } cases[] = {
        //  Names
        {"destination = b\n    url = http://h\n    concurency = 3\n",
         "t.zpl:7: unknown name 'concurency' in destination 'b'; did you mean 'concurrency'?"},
        {"    colour = red\n", "t.zpl:5: unknown name 'colour' in pipeline 'stop'; known are destination, "
                               "key, ordered, on_dead, priority, retry, label"},
        {"    retry\n        dealy = 3s\n",
         "t.zpl:6: unknown name 'dealy' in retry of pipeline 'stop'; did you mean 'delay'?"},
        {"    retry\n    delay = 3s\n", "t.zpl:6: unknown name 'delay' in pipeline 'stop'; it belongs below "
                                        "'retry', four spaces further in"},
        {"piepline = b\n    destination = ec2\n",
         "t.zpl:5: unknown block 'piepline'; did you mean 'pipeline'?"},
        {"banana\n",
         "t.zpl:5: unknown block 'banana'; a file holds node, destination = NAME and pipeline = NAME"},
        {"timeout = 3s\n", "t.zpl:5: 'timeout' stands in no block; indent it by four spaces, below its node, "
                           "destination or pipeline"},
        {"destination\n    url = http://h\n",
         "t.zpl:5: this destination has no name; write 'destination = NAME'"},
        {"destination = \"a b\"\n    url = http://h\n",
         "t.zpl:5: 'a b' is no name for a destination; use 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
        {"node = x\n", "t.zpl:5: node takes no value; its names stand below it"},
        {"    label = x\n        dead = y\n", "t.zpl:5: 'label' in pipeline 'stop' takes no value; its names "
                                              "stand below it, four spaces further in"},
        //  Twice
        {"    key = a\n    key = b\n", "t.zpl:6: 'key' stands twice in pipeline 'stop'; first in line 5"},
        {"    retry\n        cap = 9s\n    retry\n        cap = 8s\n",
         "t.zpl:7: 'retry' stands twice in pipeline 'stop'; first in line 5"},
        {"pipeline = stop\n    destination = ec2\n", "t.zpl:5: pipeline 'stop' stands already at t.zpl:3"},
        {"destination = ec2\n    url = http://h\n", "t.zpl:5: destination 'ec2' stands already at t.zpl:1"},
        {"node\nnode\n", "t.zpl:6: node stands already at t.zpl:5"},
        //  Missing
        {"destination = b\n    timeout = 3s\n",
         "t.zpl:5: destination 'b' has no url; write url = \"https://…\" below it"},
        {"pipeline = b\n    key = x\n",
         "t.zpl:5: pipeline 'b' has no destination; write destination = NAME below it"},
        {"pipeline = b\n    destination = ec3\n",
         "t.zpl:6: unknown destination 'ec3' in pipeline 'b'; did you mean 'ec2'?"},
        {"pipeline = b\n    destination = aws\n",
         "t.zpl:6: unknown destination 'aws' in pipeline 'b'; no file has a block 'destination = aws'"},
        {"    key\n", "t.zpl:5: 'key' in pipeline 'stop' has no value; write 'key = …'"},
        {"    key =\n", "t.zpl:5: 'key' in pipeline 'stop' has no value; write 'key = …'"},
        {"    key = #x\n", "t.zpl:5: '#' begins a comment, so 'key' has no value; put the value in quotes"},
        {"    key =#x\n", "t.zpl:5: '#' begins a comment, so 'key' has no value; put the value in quotes"},
        {"    key = \"\"\n", "t.zpl:5: 'key' in pipeline 'stop' has no value; write 'key = …'"},
        {"    ordered = 1\n",
         "t.zpl:5: ordered = 1 in pipeline 'stop' needs a key: it keeps the order for each key"},
        {"    on_dead = skip\n",
         "t.zpl:5: on_dead in pipeline 'stop' says what follows for a key that is ordered; "
         "add ordered = 1, or leave it out"},
        {"    key = k\n    ordered = 1\n    on_dead = drop\n",
         "t.zpl:7: 'on_dead' in pipeline 'stop' is 'drop'; it must be block or skip"},
        {"    priority = 10\n",
         "t.zpl:5: 'priority' in pipeline 'stop' is '10'; it must be a whole number between 0 and 9"},
        {"    ordered = yes\n", "t.zpl:5: 'ordered' in pipeline 'stop' is 'yes'; it must be 0 or 1"},
        //  Values
        {"    retry\n        delay = 5\n", "t.zpl:6: 'delay' in retry of pipeline 'stop' is '5', which is no "
                                           "duration; write it like 250ms, 10s, 15m, 24h or 7d"},
        {"    retry\n        delay = 31d\n        cap = 30d\n",
         "t.zpl:6: 'delay' in retry of pipeline 'stop' is '31d'; it must be between 1ms and 30d"},
        {"    retry\n        delay = 1h\n", "t.zpl:6: delay in retry of pipeline 'stop' is longer than its "
                                            "cap (15m, where none is written); raise cap"},
        {"    retry\n        cap = 500ms\n",
         "t.zpl:6: delay in retry of pipeline 'stop' is longer than its cap (500ms); raise cap"},
        {"    retry\n        factor = 0.5\n", "t.zpl:6: 'factor' in retry of pipeline 'stop' is '0.5'; it "
                                              "must be a number between 1 and 100, like 2 or 1.5"},
        {"    retry\n        factor = 2.\n", "t.zpl:6: 'factor' in retry of pipeline 'stop' is '2.'; it must "
                                             "be a number between 1 and 100, like 2 or 1.5"},
        {"    retry\n        immediate = -1\n", "t.zpl:6: 'immediate' in retry of pipeline 'stop' is '-1'; "
                                                "it must be a whole number between 0 and 100"},
        {"    retry\n        jitter = Full\n",
         "t.zpl:6: 'jitter' in retry of pipeline 'stop' is 'Full'; it must be full or none"},
        {"    key = {a\n", "t.zpl:5: 'key' in pipeline 'stop' is no template: '{' is not closed"},
        {"    label\n        dead = \" \"\n",
         "t.zpl:6: 'dead' in label of pipeline 'stop' must be 1 to 128 bytes, not only spaces, and no TAB"},
        {"node\n    callers = 65\n",
         "t.zpl:6: 'callers' in node is '65'; it must be a whole number between 1 and 64"},
        {"node\n    callers = 99999999999999999999\n",
         "t.zpl:6: 'callers' in node is '99999999999999999999'; it must be a whole number between 1 and 64"},
        {"node\n    body_limit = 1MB\n",
         "t.zpl:6: 'body_limit' in node is '1MB', which is no size; write it like 64K, 1M or 4G"},
        {"node\n    body_limit = 1G\n",
         "t.zpl:6: 'body_limit' in node is '1G'; it must be between 1K and 64M"},
        {"node\n    body_limit = 2M\n    unacked_limit = 1M\n",
         "t.zpl:7: unacked_limit is smaller than body_limit: the largest body would never be accepted"},
        {"node\n    http = localhost\n",
         "t.zpl:6: 'http' in node is 'localhost'; it must be HOST:PORT, like 127.0.0.1:4653 or [::1]:4653"},
        {"node\n    http = ::1:4653\n",
         "t.zpl:6: 'http' in node is '::1:4653'; it must be HOST:PORT, like 127.0.0.1:4653 or [::1]:4653"},
        {"node\n    http = 127.0.0.1:65536\n", "t.zpl:6: 'http' in node is '127.0.0.1:65536'; it must be "
                                               "HOST:PORT, like 127.0.0.1:4653 or [::1]:4653"},
        {"node\n    token = \"a b\"\n", "t.zpl:6: 'token' in node must be at most 8192 visible ASCII "
                                        "characters without spaces: it is sent in a header"},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", BEGIN, cases[number].text);
        s_read_wrong(text, cases[number].expected);
    }
}

//  Lines of a destination, which begin with line 6.
static void s_every_mistake_in_a_destination_is_named(void **state) {
    (void)state;
    static const struct {
        const char *line;
        const char *expected; //  Behind "t.zpl:6: "
    } cases[] = {
        {"method = post",
         "'method' in destination 'b' is 'post'; it must be POST, PUT, PATCH, DELETE or GET"},
        {"timeout = 0s", "'timeout' in destination 'b' is '0s'; it must be between 1ms and 1d"},
        {"connect_timeout = 31s",
         "connect_timeout in destination 'b' is longer than its timeout, which holds for the whole attempt"},
        {"concurrency = 0",
         "'concurrency' in destination 'b' is '0'; it must be a whole number between 1 and 10000"},
        {"rate = 5", "'rate' in destination 'b' is '5', which is no rate; write it like 100/s or 10/m, or "
                     "leave it out for no limit"},
        {"rate = 2000000/s",
         "'rate' in destination 'b' is '2000000/s'; it must be between 1/d and 1000000/s"},
        {"rate = 0.5/d", "'rate' in destination 'b' is '0.5/d'; it must be between 1/d and 1000000/s"},
        {"reject = 4xx", "'reject' in destination 'b' is '4xx': '4xx' is no status (100 to 999) or range; "
                         "write it like \"400-499 !408 !425 !429\""},
        {"reject = 200-499", "'reject' in destination 'b' holds 200; 1xx and 2xx answers are no failures, so "
                             "they cannot be rejected"},
        {"on_uncertain = ask", "'on_uncertain' in destination 'b' is 'ask'; it must be retry or hold"},
        {"probe = \"https://a/{holdfast.id}\"",
         "'probe' in destination 'b' must be GET and a url, like \"GET "
         "https://api.example.com/commands/{holdfast.id}\""},
        {"probe = \"GET ftp://a/\"", "'probe' in destination 'b' must begin with http:// or https://"},
        {"probe = \"GET https://{host}/\"",
         "'probe' in destination 'b' has a {name} in its host; a destination "
         "is one third party, so its host must be fixed"},
        {"header = Foo", "'header' in destination 'b' has no colon; write header = \"Name: value\""},
        {"header = \": x\"", "'header' in destination 'b' must begin with a name of letters, digits and '-', "
                             "right before its colon"},
        {"header = \"A B: x\"", "'header' in destination 'b' must begin with a name of letters, digits and "
                                "'-', right before its colon"},
        {"header = \"A: \"", "'header' in destination 'b' has no value behind its colon"},
        {"header = \"idempotency-key: x\"",
         "'header' in destination 'b' is Idempotency-Key, which Holdfast sets itself; leave it out"},
        {"header = \"Holdfast-Attempt: 1\"",
         "'header' in destination 'b' is Holdfast-Attempt, which Holdfast sets itself; leave it out"},
        {"header = \"Content-Length: 1\"",
         "'header' in destination 'b' is Content-Length, which Holdfast sets itself; leave it out"},
        {"header = \"transfer-encoding: chunked\"",
         "'header' in destination 'b' is Transfer-Encoding, which Holdfast sets itself; leave it out"},
        {"header = \"HOST: x\"",
         "'header' in destination 'b' is Host, which Holdfast sets itself; leave it out"},
        {"circuit = on",
         "'circuit' in destination 'b' takes no value; its names stand below it, four spaces further in"},
    };
    static const struct {
        const char *url;
        const char *expected; //  Behind "t.zpl:6: 'url' in destination 'b' "
    } urls[] = {
        {"ftp://h/x", "must begin with http:// or https://"},
        {"example.com/x", "must begin with http:// or https://"},
        {"http://", "names no host; write it like https://api.example.com/path"},
        {"http:///x", "names no host; write it like https://api.example.com/path"},
        {"http://h/a b",
         "holds a space, a control character or a letter beyond ASCII; percent-encode it (a space is %20)"},
        {"http://h/ä",
         "holds a space, a control character or a letter beyond ASCII; percent-encode it (a space is %20)"},
        {"http://h/#a", "has a '#' part, which is never sent; leave it out or write %23"},
        {"http://{host}/a",
         "has a {name} in its host; a destination is one third party, so its host must be fixed"},
        {"http://h/a/../b", "has a '.' or '..' step in its path; write the path that it means"},
        {"http://h/{a", "is no template: '{' is not closed"},
        {"http://h/{}", "is no template: '{}' names no field; write {name}"},
        {"http://h:99999/", "is no url: Port number was not a decimal number between 0 and 65535"},
    };
    char text[1024], expected[1024];
    for (size_t number = 0; number < SIZE(cases); number++) {
        snprintf(text, sizeof text, "%sdestination = b\n    %s\n    url = http://h\n", BEGIN,
                 cases[number].line);
        snprintf(expected, sizeof expected, "t.zpl:6: %s", cases[number].expected);
        s_read_wrong(text, expected);
    }
    for (size_t number = 0; number < SIZE(urls); number++) {
        snprintf(text, sizeof text, "%sdestination = b\n    url = \"%s\"\n", BEGIN, urls[number].url);
        snprintf(expected, sizeof expected, "t.zpl:6: 'url' in destination 'b' %s", urls[number].expected);
        s_read_wrong(text, expected);
    }
    s_read_wrong(
        BEGIN "destination = b\n    url = http://h\n    circuit\n        failures = 50\n        of = 0\n",
        "t.zpl:8: 'failures' in circuit of destination 'b' is '50'; it must be a share between 1% and 100%, "
        "like 50%\n"
        "t.zpl:9: 'of' in circuit of destination 'b' is '0'; it must be a whole number between 1 and 1000");
}

//  What zconfig 4.2.1 drops, cuts or misreads without a word, or refuses with a line on stderr only.
static void s_what_zconfig_would_pass_over_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text; //  Behind BEGIN
        const char *expected;
    } cases[] = {
        {"\tkey = a\n", "t.zpl:5: TAB in the indentation; use four spaces for each level"},
        {"  key = a\n", "t.zpl:5: indented by 2 spaces; 4 would be right here (four a level)"},
        {"        key = a\n",
         "t.zpl:5: 'key' stands below 'destination', which takes no names below it; mend the indentation"},
        {"    retry\n            delay = 1s\n",
         "t.zpl:6: indented by 12 spaces; 8 would be right here (four a level)"},
        {"    retry\n      delay = 1s\n      cap = 9s\n",
         "t.zpl:6: indented by 6 spaces; 8 would be right here (four a level)"},
        {"    key a\n", "t.zpl:5: a '=' must follow 'key'; a line is 'name = value'"},
        {"    key: a\n", "t.zpl:5: a '=' must follow 'key'; a line is 'name = value'"},
        {"    = a\n", "t.zpl:5: a line is 'name = value', 'name' or a '#' comment"},
        {"    \"key\" = a\n", "t.zpl:5: a line is 'name = value', 'name' or a '#' comment"},
        {"    // a comment\n", "t.zpl:5: a line is 'name = value', 'name' or a '#' comment"},
        {"    key = \"a\n", "t.zpl:5: the value of 'key' has no closing \""},
        {"    key = 'a\n", "t.zpl:5: the value of 'key' has no closing '"},
        {"    key = \"a\" b\n",
         "t.zpl:5: something follows the closing \" of 'key'; a value that holds \" is put between '…'"},
        {"    key = \"a\\\"b\"\n",
         "t.zpl:5: something follows the closing \" of 'key'; a value that holds \" is put between '…'"},
        {"    key = a\"\n", "t.zpl:5: the value of 'key' has a \" without its pair"},
        {"    key = a#b\n",
         "t.zpl:5: '#' begins a comment, so the value of 'key' would end before it; put the value in quotes"},
        {"    key = a\x01\n", "t.zpl:5: control character 0x01 in column 12; take it out"},
        {"# a comment\r    key = a\n", "t.zpl:5: control character 0x0D in column 12; take it out"},
        {"    key = \xff\xfe\n", "t.zpl:5: this line is not UTF-8; save the file as UTF-8"},
        {"    label\n        dead = \"\xc0\xaf\"\n",
         "t.zpl:6: this line is not UTF-8; save the file as UTF-8"},
        {"    k\xc3\xa4y = a\n",
         "t.zpl:5: a '=' must follow 'k'; a line is 'name = value'\n"
         "t.zpl:5: unknown name 'k' in pipeline 'stop'; known are destination, key, ordered, on_dead, "
         "priority, retry, label"},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", BEGIN, cases[number].text);
        s_read_wrong(text, cases[number].expected);
    }
    s_read_wrong("    node\n",
                 "t.zpl:1: indented, but there is no block above it; begin with node, destination = NAME or "
                 "pipeline = NAME, not indented");
    s_read_wrong("\xEF\xBB\xBFnode\n",
                 "t.zpl:1: the file begins with a byte order mark; save it without one");
    static const char nul[] = BEGIN "    key = a\0b\n";
    s_read_wrong_bytes(nul, sizeof nul - 1, "t.zpl:5: control character 0x00 in column 12; take it out");
}

static void s_one_reading_names_all_mistakes_in_the_order_of_lines(void **state) {
    (void)state;
    s_read_wrong("pipeline = stop\n"
                 "    destination = ec3\n"
                 "    retry\n"
                 "        delay = soon\n"
                 "destination = ec2\n"
                 "    url = \"gopher://x\"\n"
                 "    header = \"Foo\"\n"
                 "\ttimeout = 3\n"
                 "nod\n"
                 "    callers = 2\n"
                 "pipeline = \"unclosed\n"
                 "    destination = ec2\n"
                 "    oredered = 0\n",
                 "t.zpl:2: unknown destination 'ec3' in pipeline 'stop'; did you mean 'ec2'?\n"
                 "t.zpl:4: 'delay' in retry of pipeline 'stop' is 'soon', which is no duration; write it "
                 "like 250ms, 10s, "
                 "15m, 24h or 7d\n"
                 "t.zpl:6: 'url' in destination 'ec2' must begin with http:// or https://\n"
                 "t.zpl:7: 'header' in destination 'ec2' has no colon; write header = \"Name: value\"\n"
                 "t.zpl:8: TAB in the indentation; use four spaces for each level\n"
                 "t.zpl:8: 'timeout' in destination 'ec2' is '3', which is no duration; write it like 250ms, "
                 "10s, 15m, 24h "
                 "or 7d\n"
                 "t.zpl:9: unknown block 'nod'; did you mean 'node'?\n"
                 "t.zpl:11: the value of 'pipeline' has no closing \"\n"
                 "t.zpl:13: unknown name 'oredered' in this pipeline; did you mean 'ordered'?");
}

static void s_messages_have_a_bound(void **state) {
    (void)state;
    hf_buf_t text = {0};
    hf_messages_t messages = {0};
    for (int number = 0; number < HF_MESSAGES_MAX + 5; number++) {
        hf_buf_addf(&text, "x%d\n", number);
    }
    assert_null(hf_pipeline_file_read_text("t.zpl", (char *)text.data, text.size, &messages));
    assert_int_equal(messages.size, HF_MESSAGES_MAX + 1);
    assert_string_equal(messages.texts[HF_MESSAGES_MAX], "… and 5 more mistakes");
    hf_messages_free(&messages);
    assert_int_equal(messages.size, 0);
    hf_buf_free(&text);
}

static void s_one_block_has_a_bound(void **state) {
    (void)state;
    hf_buf_t text = {0};
    hf_buf_addf(&text, "%s", "pipeline = p\n    destination = d\ndestination = d\n    url = http://h\n");
    for (int number = 0; number < HF_HEADERS_MAX + 1; number++) {
        hf_buf_addf(&text, "    header = \"H-%d: x\"\n", number);
    }
    s_read_wrong_bytes((char *)text.data, text.size,
                       "t.zpl:69: 'header' in destination 'd' is one too many; 64 are the most");
    for (int number = 0; number < 100000; number++) {
        hf_buf_addf(&text, "    # nothing\n    method = PUT\n");
    }
    hf_messages_t messages = {0};
    assert_null(hf_pipeline_file_read_text("t.zpl", (char *)text.data, text.size, &messages));
    assert_true(messages.size < 300);
    assert_non_null(strstr(messages.texts[messages.size - 1],
                           "more than 256 lines in one block; the rest of it was not read"));
    hf_messages_free(&messages);
    hf_buf_free(&text);
}

//  --------------------------------------------------------------------------------------------------------
//  Secrets.

static void s_secrets_come_from_files_and_the_environment(void **state) {
    (void)state;
    setenv("HOLDFAST_TEST_TOKEN", "t0k3n", 1);
    setenv("HOLDFAST_TEST_HOST", "api.example.com", 1);
    assert_int_equal(mkdir(s_path("secrets"), 0700), 0);
    s_write("secrets/ec2", "hush\n");
    s_write("crlf", "two\r\n");
    char text[2048];
    snprintf(text, sizeof text,
             "node\n    token = \"${env:HOLDFAST_TEST_TOKEN}\"\n"
             "destination = ec2\n    url = \"https://${env:HOLDFAST_TEST_HOST}/{id}\"\n"
             "    header = \"Authorization: Bearer ${file:secrets/ec2}\"\n"
             "    header = \"X-Both: ${file:%s/crlf}-${env:HOLDFAST_TEST_TOKEN}-${file:crlf}\"\n"
             "pipeline = stop\n    destination = ec2\n    key = \"{id}\"\n",
             s_folder);
    s_write("a.zpl", text);
    const char *paths[] = {s_path("a.zpl")};
    hf_config_t *config = hf_pipeline_file_read(paths, 1, NULL);
    assert_non_null(config);
    const hf_destination_t *ec2 = hf_config_destination(config, "ec2");
    assert_string_equal(config->token, "t0k3n");
    assert_string_equal(ec2->headers[0], "Authorization: Bearer hush");
    assert_string_equal(ec2->headers[1], "X-Both: two-t0k3n-two");
    assert_string_equal(ec2->url_shown, "https://${env:HOLDFAST_TEST_HOST}/{id}");
    hf_buf_t url = {0};
    json_t *body = json_pack("{s:s}", "id", "a/b");
    assert_int_equal(hf_template_render(ec2->url, body, true, &url, NULL), 0);
    assert_string_equal((char *)url.data, "https://api.example.com/a%2Fb");
    json_decref(body);
    hf_buf_free(&url);
    hf_config_destroy(&config);
}

static void s_a_missing_or_bad_secret_is_named_and_never_told(void **state) {
    (void)state;
    unsetenv("HOLDFAST_TEST_NONE");
    setenv("HOLDFAST_TEST_EMPTY", "", 1);
    setenv("HOLDFAST_TEST_SECRET", "s3cr3t{x}", 1);
    setenv("HOLDFAST_TEST_NUMBER", "s3cr3t", 1);
    s_write("lines", "s3cr3t\nHost: evil\n");
    s_write_bytes("nul", "s3cr3t\0x", 8);
    char *large = hf_alloc(70000);
    memset(large, 's', 69999);
    s_write("large", large);
    free(large);
    assert_int_equal(mkfifo(s_path("pipe"), 0600), 0);
    static const struct {
        const char *line;
        const char *expected; //  Behind "DIR/a.zpl:6: "
    } cases[] = {
        {"header = \"A: ${env:HOLDFAST_TEST_NONE}\"",
         "'header' in destination 'b' cannot be filled in: the environment has no variable "
         "'HOLDFAST_TEST_NONE'; set it "
         "where Holdfast is started"},
        {"header = \"A: ${env:HOLDFAST_TEST_EMPTY}\"",
         "'header' in destination 'b' cannot be filled in: ${env:HOLDFAST_TEST_EMPTY} is empty"},
        {"header = \"A: ${file:gone}\"",
         "'header' in destination 'b' cannot be filled in: DIR/gone: No such file or directory"},
        {"header = \"A: ${file:/gone/away}\"",
         "'header' in destination 'b' cannot be filled in: /gone/away: No such file or directory"},
        {"header = \"A: ${file:.}\"",
         "'header' in destination 'b' cannot be filled in: DIR/. is no regular file"},
        {"header = \"A: ${file:pipe}\"",
         "'header' in destination 'b' cannot be filled in: DIR/pipe is no regular file"},
        {"header = \"A: ${file:large}\"",
         "'header' in destination 'b' cannot be filled in: DIR/large is larger than 64K"},
        {"header = \"A: ${file:nul}\"",
         "'header' in destination 'b' cannot be filled in: ${file:nul} holds a NUL byte"},
        {"header = \"A: ${file:lines}\"", "'header' in destination 'b' holds a line break or another control "
                                          "character; one header stands in one line"},
        {"header = \"${file:lines}\"", "'header' in destination 'b' holds a line break or another control "
                                       "character; one header stands in one line"},
        {"header = \"${env:HOLDFAST_TEST_NUMBER}\"",
         "'header' in destination 'b' has no colon; write header = \"Name: value\""},
        {"header = \"A: ${ENV:X}\"", "'header' in destination 'b' cannot be filled in: '${' must begin "
                                     "${env:NAME} or ${file:PATH}, closed by '}'"},
        {"header = \"A: ${env:}\"", "'header' in destination 'b' cannot be filled in: '${' must begin "
                                    "${env:NAME} or ${file:PATH}, closed by '}'"},
        {"header = \"A: ${env:X\"", "'header' in destination 'b' cannot be filled in: '${' must begin "
                                    "${env:NAME} or ${file:PATH}, closed by '}'"},
        {"url = \"http://h/${env:HOLDFAST_TEST_SECRET}\"",
         "'url' in destination 'b' cannot be filled in: ${env:HOLDFAST_TEST_SECRET} holds a '{' or '}', "
         "which would stand "
         "for a field here; write %7B, %7D"},
        {"url = \"${env:HOLDFAST_TEST_NUMBER}\"",
         "'url' in destination 'b' must begin with http:// or https://"},
        {"timeout = \"${env:HOLDFAST_TEST_NUMBER}\"",
         "'timeout' in destination 'b' is '${env:HOLDFAST_TEST_NUMBER}', which is no duration; write it like "
         "250ms, 10s, "
         "15m, 24h or 7d"},
        {"method = \"${env:HOLDFAST_TEST_NUMBER}\"",
         "'method' in destination 'b' is '${env:HOLDFAST_TEST_NUMBER}'; it must be POST, PUT, PATCH, DELETE "
         "or GET"},
        {"reject = \"${env:HOLDFAST_TEST_NUMBER}\"",
         "'reject' in destination 'b' is '${env:HOLDFAST_TEST_NUMBER}': no rule like \"400-499 !408 !425 "
         "!429\""},
    };
    const char *paths[] = {s_path("a.zpl")};
    for (size_t number = 0; number < SIZE(cases); number++) {
        bool url = strncmp(cases[number].line, "url", 3) == 0;
        char text[1024], expected[1024];
        snprintf(text, sizeof text, "%sdestination = b\n    %s\n%s", BEGIN, cases[number].line,
                 url ? "" : "    url = http://h\n");
        s_write("a.zpl", text);
        snprintf(expected, sizeof expected, "DIR/a.zpl:6: %s", cases[number].expected);
        assert_null(strstr(expected, "s3cr3t"));
        s_read_wrong_paths(paths, 1, expected);
    }
    s_read_wrong(BEGIN "    key = \"${env:HOLDFAST_TEST_NUMBER}\"\n",
                 "t.zpl:5: 'key' in pipeline 'stop' cannot hold a secret (${…}): people see it");
    s_read_wrong(BEGIN "    label\n        dead = \"${env:HOLDFAST_TEST_NUMBER}\"\n",
                 "t.zpl:6: 'dead' in label of pipeline 'stop' cannot hold a secret (${…}): people see it");
}

//  --------------------------------------------------------------------------------------------------------
//  Files and folders.

static void s_files_and_folders_make_one_configuration(void **state) {
    (void)state;
    assert_int_equal(mkdir(s_path("more"), 0700), 0);
    s_write("more/b.zpl", "pipeline = p-b\n    destination = d\n");
    s_write("more/a.zpl", "pipeline = p-a\n    destination = d\n");
    s_write("more/.hidden.zpl", "nonsense");
    s_write("more/b.zpl~", "nonsense");
    s_write("more/.zpl", "nonsense");
    s_write("one", "destination = d\n    url = http://h\n");
    const char *paths[] = {s_path("more"), s_path("one"), s_path("more/b.zpl")}; //  b.zpl twice is read once
    hf_config_t *config = hf_pipeline_file_read(paths, 3, NULL);
    assert_non_null(config);
    assert_int_equal(config->pipelines_size, 2);
    assert_string_equal(config->pipelines[0]->name, "p-a");
    assert_string_equal(config->pipelines[1]->name, "p-b");
    hf_config_destroy(&config);

    s_write("more/c.zpl", "destination = d\n    url = http://h\n\n\npipeline = p-a\n    destination = x\n");
    s_read_wrong_paths(
        paths, 3,
        "DIR/more/c.zpl:5: pipeline 'p-a' stands already at DIR/more/a.zpl:1\n"
        "DIR/more/c.zpl:6: unknown destination 'x' in pipeline 'p-a'; no file has a block 'destination = x'\n"
        "DIR/one:1: destination 'd' stands already at DIR/more/c.zpl:1");
}

static void s_no_path_means_the_folder_pipelines(void **state) {
    (void)state;
    int here = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(here >= 0);
    assert_int_equal(chdir(s_folder), 0);
    s_read_wrong_paths(NULL, 0, "pipelines: there is no such folder here; make it, or name pipeline files");
    assert_int_equal(mkdir("pipelines", 0700), 0);
    s_read_wrong_paths(NULL, 0, "pipelines: this folder has no pipeline file (*.zpl)");
    s_write("pipelines/a.zpl", BEGIN);
    hf_config_t *config = hf_pipeline_file_read(NULL, 0, NULL);
    assert_int_equal(fchdir(here), 0);
    close(here);
    assert_non_null(config);
    hf_config_destroy(&config);
}

static void s_what_cannot_be_read_is_named(void **state) {
    (void)state;
    const char *missing[] = {s_path("gone.zpl"), s_path("gone-too/")};
    s_read_wrong_paths(missing, 2,
                       "DIR/gone.zpl: cannot be read: No such file or directory\n"
                       "DIR/gone-too/: cannot be read: No such file or directory");

    s_write("empty.zpl", "");
    s_write("half.zpl", "destination = d\n    url = http://h\n");
    const char *empty[] = {s_path("empty.zpl"), s_path("half.zpl")};
    s_read_wrong_paths(empty, 1, "DIR/empty.zpl: no pipeline is defined; write a block 'pipeline = NAME'");
    s_read_wrong_paths(
        empty, 2,
        "DIR/empty.zpl: no pipeline is defined in this and the other files; write a block 'pipeline = NAME'");

    assert_int_equal(mkdir(s_path("folder"), 0700), 0);
    assert_int_equal(mkdir(s_path("folder/x.zpl"), 0700), 0);
    const char *folder[] = {s_path("folder")};
    s_read_wrong_paths(folder, 1, "DIR/folder/x.zpl: is a folder, not a file");

    s_write("secret.zpl", BEGIN);
    assert_int_equal(chmod(s_path("secret.zpl"), 0), 0);
    const char *secret[] = {s_path("secret.zpl")};
    if (geteuid() != 0) { //  Root may read everything
        s_read_wrong_paths(secret, 1, "DIR/secret.zpl: cannot be read: Permission denied");
    }

    size_t size = HF_PIPELINE_FILE_MAX + 1;
    char *text = hf_alloc(size);
    memset(text, '#', size);
    s_write_bytes("large.zpl", text, size);
    free(text);
    const char *large[] = {s_path("large.zpl")};
    s_read_wrong_paths(large, 1, "DIR/large.zpl: is larger than 4M; share it out among several files");
}

//  --------------------------------------------------------------------------------------------------------
//  Snapshots.

static void s_a_snapshot_means_the_same_from_anywhere(void **state) {
    (void)state;
    setenv("HOLDFAST_TEST_TOKEN", "s3cr3t", 1);
    assert_int_equal(mkdir(s_path("in"), 0700), 0);
    assert_int_equal(mkdir(s_path("run"), 0700), 0);
    s_write("in/key", "hush\n");
    s_write("in/a.zpl", "destination = d   # a comment\n"
                        "    url = \"http://h/{x}\"\n"
                        "    header = \"A: ${file:key}\"\n"
                        "    header = 'B: say \"hi\"'\n"
                        "    header = C: it's \"both\"\n"
                        "    header = \"D: ${env:HOLDFAST_TEST_TOKEN}  # no comment\"\n");
    s_write("in/b.zpl", "node\n    token = ${env:HOLDFAST_TEST_TOKEN}\npipeline = p\n    destination = d\n"
                        "    label\n        dead = \"  Stop failed\"\n");
    const char *in[] = {s_path("in")}, *run[] = {s_path("run/pipelines.zpl")};
    char *snapshot = hf_pipeline_file_snapshot(in, 1, NULL);
    assert_non_null(snapshot);
    assert_null(strstr(snapshot, "s3cr3t"));
    assert_null(strstr(snapshot, "hush"));
    s_write("run/pipelines.zpl", snapshot);

    hf_messages_t messages = {0};
    hf_config_t *config = hf_pipeline_file_read(run, 1, &messages);
    char *joined = s_joined(&messages);
    assert_string_equal(joined, "");
    free(joined);
    const hf_destination_t *d = hf_config_destination(config, "d");
    assert_string_equal(d->headers[0], "A: hush");
    assert_string_equal(d->headers[1], "B: say \"hi\"");
    assert_string_equal(d->headers[2], "C: it's \"both\"");
    assert_string_equal(d->headers[3], "D: s3cr3t  # no comment");
    assert_string_equal(config->token, "s3cr3t");
    assert_string_equal(hf_pipeline_label(hf_config_pipeline(config, "p"), HF_STATE_DEAD), "  Stop failed");
    hf_config_destroy(&config);

    char *again = hf_pipeline_file_snapshot(run, 1, NULL); //  A snapshot's snapshot is itself
    assert_string_equal(again, snapshot);
    free(again);
    free(snapshot);
}

static void s_a_snapshot_of_mistakes_is_none(void **state) {
    (void)state;
    s_write("a.zpl", "pipeline = p\n");
    const char *paths[] = {s_path("a.zpl")};
    hf_messages_t messages = {0};
    assert_null(hf_pipeline_file_snapshot(paths, 1, &messages));
    assert_int_equal(messages.size, 1);
    hf_messages_free(&messages);

    //  A folder whose name would close the ${file:…}
    assert_int_equal(mkdir(s_path("o}dd"), 0700), 0);
    s_write("o}dd/key", "x");
    s_write("o}dd/a.zpl", "destination = d\n    url = http://h\n    header = \"A: ${file:key}\"\npipeline = "
                          "p\n    destination = d\n");
    const char *odd[] = {s_path("o}dd")};
    hf_config_t *config = hf_pipeline_file_read(odd, 1, NULL);
    assert_non_null(config);
    hf_config_destroy(&config);
    assert_null(hf_pipeline_file_snapshot(odd, 1, &messages));
    assert_int_equal(messages.size, 1);
    assert_non_null(
        strstr(messages.texts[0], "/o}dd/a.zpl:3: 'header' cannot be written down with the absolute path"));
    hf_messages_free(&messages);
}

static void s_a_snapshot_may_be_larger_than_a_file(void **state) {
    (void)state;
    char name[32], filler[400];
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = 0;
    assert_int_equal(mkdir(s_path("in"), 0700), 0);
    for (int file = 0; file < 2; file++) {
        hf_buf_t text = {0};
        for (int number = 0; number < 7000; number++) {
            hf_buf_addf(&text, "destination = d%d-%d\n    url = \"http://h/%s\"\n", file, number, filler);
        }
        hf_buf_addf(&text, "pipeline = p%d\n    destination = d%d-6999\n", file, file);
        snprintf(name, sizeof name, "in/%d.zpl", file);
        s_write_bytes(name, (char *)text.data, text.size);
        hf_buf_free(&text);
    }
    const char *in[] = {s_path("in")}, *out[] = {s_path("out.zpl")};
    char *snapshot = hf_pipeline_file_snapshot(in, 1, NULL);
    assert_non_null(snapshot);
    assert_true(strlen(snapshot) > HF_PIPELINE_FILE_MAX);
    s_write("out.zpl", snapshot);
    free(snapshot);
    hf_config_t *config = hf_pipeline_file_read(out, 1, NULL);
    assert_non_null(config);
    assert_int_equal(config->destinations_size, 14000);
    assert_string_equal(hf_config_pipeline(config, "p1")->destination->name, "d1-6999");
    hf_config_destroy(&config);
}

//  --------------------------------------------------------------------------------------------------------
//  Anything at all.

static uint64_t s_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

//  A right file with bytes changed, taken out and put in, and pieces of files in any order: there is a
//  configuration or there are messages with a line, never both; and zconfig never reads anything but what was
//  checked.
static void s_whatever_a_file_holds_there_is_a_configuration_or_a_reason(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "node",
        "destination = ",
        "pipeline = ",
        "    ",
        "\t",
        "\n",
        "\r\n",
        "#",
        "\"",
        "'",
        "url = http://h/{x}",
        "retry",
        "label",
        "circuit",
        "header = \"A: b\"",
        "timeout = 3s",
        "{",
        "}",
        "${env:HOME}",
        "${file:",
        "=",
        "\x80",
        "ü",
        "a",
        "\n    destination = a",
        "\n        delay = 1s",
        "/",
        "@",
        "%s%n",
        "  ",
        "\x7f",
    };
    uint64_t random = 4653;
    for (int round = 0; round < 20000; round++) {
        hf_buf_t text = {0};
        hf_buf_addf(&text, "%s    retry\n        delay = 1s\n    label\n        dead = \"x\"\n", BEGIN);
        for (uint64_t change = s_random(&random) % 12; change > 0; change--) {
            size_t place = s_random(&random) % text.size;
            if (s_random(&random) % 3 == 0) {
                text.data[place] = (uint8_t)s_random(&random);
            } else {
                const char *piece = pieces[s_random(&random) % SIZE(pieces)];
                char *rest = hf_memdup(text.data + place, text.size - place);
                size_t rest_size = text.size - place;
                text.size = place;
                hf_buf_add(&text, piece, strlen(piece));
                size_t cut = s_random(&random) % 4;
                cut = cut < rest_size ? cut : 0;
                hf_buf_add(&text, rest + cut, rest_size - cut);
                free(rest);
            }
        }
        hf_messages_t messages = {0};
        hf_config_t *config = hf_pipeline_file_read_text("t.zpl", (char *)text.data, text.size, &messages);
        assert_true((config != NULL) == (messages.size == 0));
        for (size_t number = 0; number < messages.size; number++) {
            assert_memory_equal(messages.texts[number], "t.zpl:", 6);
            assert_null(strstr(messages.texts[number], "internal"));
        }
        hf_config_destroy(&config);
        hf_messages_free(&messages);
        hf_buf_free(&text);
    }
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown((test), s_folder_new, s_folder_destroy)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_everything_that_can_be_written_arrives),
        cmocka_unit_test(s_little_is_needed),
        cmocka_unit_test(s_reading_needs_no_list_of_messages),
        cmocka_unit_test(s_every_mistake_is_named_with_its_line),
        cmocka_unit_test(s_every_mistake_in_a_destination_is_named),
        cmocka_unit_test(s_what_zconfig_would_pass_over_is_named),
        cmocka_unit_test(s_one_reading_names_all_mistakes_in_the_order_of_lines),
        cmocka_unit_test(s_messages_have_a_bound),
        cmocka_unit_test(s_one_block_has_a_bound),
        IN_A_FOLDER(s_secrets_come_from_files_and_the_environment),
        IN_A_FOLDER(s_a_missing_or_bad_secret_is_named_and_never_told),
        IN_A_FOLDER(s_files_and_folders_make_one_configuration),
        IN_A_FOLDER(s_no_path_means_the_folder_pipelines),
        IN_A_FOLDER(s_what_cannot_be_read_is_named),
        IN_A_FOLDER(s_a_snapshot_means_the_same_from_anywhere),
        IN_A_FOLDER(s_a_snapshot_of_mistakes_is_none),
        IN_A_FOLDER(s_a_snapshot_may_be_larger_than_a_file),
        cmocka_unit_test(s_whatever_a_file_holds_there_is_a_configuration_or_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
