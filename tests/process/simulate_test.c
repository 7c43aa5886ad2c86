/*  `holdfast simulate` as its users see it: a pipeline file, options, and what is printed.  */

#include "cli/verbs.h"

#include <glob.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { OUTPUT = 256 << 10 }; //  Bytes of what it prints, the series of --json included

static char s_dir[] = "/tmp/holdfast-simulate-test-XXXXXX"; //  Files of this test
static char s_output[OUTPUT];                               //  What was printed last, both streams

static void s_write(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s_dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0 && fclose(file) == 0, 1);
}

//  Runs `holdfast simulate` in the test's folder; returns its exit status.
static int s_simulate(const char *words) {
    char command[1024];
    snprintf(command, sizeof command, "cd %s && timeout 50 %s simulate %s 2>&1", s_dir, HOLDFAST_BINARY,
             words);
    FILE *pipe = popen(command, "re"); // NOLINT(cert-env33-c): a test, and its own words
    assert_non_null(pipe);
    s_output[fread(s_output, 1, sizeof s_output - 1, pipe)] = 0;
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void s_assert_says(const char *words) {
    if (!strstr(s_output, words)) {
        fail_msg("'%s' is not in: %s", words, s_output);
    }
}

static void s_the_same_question_gets_the_same_answer(void **state) {
    static const char question[] =
        "stop s.zpl --arrivals 20/s --outage 30s@10s --duration 2m --latency 20ms,90ms";
    (void)state;
    assert_int_equal(s_simulate(question), HF_EXIT_DONE);
    char *first = strdup(s_output);
    s_assert_says("Outage from 10s to 40s");
    s_assert_says("drained ");
    s_assert_says("None open at the end");
    assert_null(strstr(s_output, " dead:"));
    assert_int_equal(s_simulate(question), HF_EXIT_DONE);
    assert_string_equal(s_output, first);
    free(first);
    char other[256];
    snprintf(other, sizeof other, "%s --seed 2", question);
    s_simulate(other);
    char *second = strdup(s_output);
    s_simulate(question);
    assert_string_not_equal(s_output, second);
    free(second);
}

static void s_json_holds_the_same_and_the_series(void **state) {
    (void)state;
    assert_int_equal(s_simulate("stop s.zpl --arrivals 50/s --duration 20s --even --json"), HF_EXIT_DONE);
    json_t *all = json_loads(s_output, 0, NULL);
    assert_non_null(all);
    json_t *whole = json_object_get(all, "all");
    json_t *accepted = json_object_get(json_object_get(all, "series"), "accepted");
    json_int_t sum = 0;
    for (size_t i = 0; i < json_array_size(accepted); i++) {
        sum += json_integer_value(json_array_get(accepted, i));
    }
    assert_int_equal(json_integer_value(json_object_get(whole, "accepted")), 999);
    assert_int_equal(json_integer_value(json_object_get(whole, "succeeded")), 999);
    assert_int_equal(sum, 999);
    json_decref(all);
}

//  Eight times less of everything, and the counts the same but for chance.
static void s_a_scaled_one_says_nearly_the_same(void **state) {
    double caught_up[2], accepted[2];
    static const char *const scales[] = {"1", "8"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char words[256];
        snprintf(words, sizeof words,
                 "stop s.zpl --arrivals 200/s --outage 20s@10s --duration 3m --capacity 320/s --even --json "
                 "--scale %s",
                 scales[i]);
        assert_int_equal(s_simulate(words), HF_EXIT_DONE);
        json_t *all = json_loads(s_output, 0, NULL);
        json_t *outage = json_array_get(json_object_get(all, "outages"), 0);
        caught_up[i] = (double)json_integer_value(json_object_get(outage, "caught_up_after_ms"));
        accepted[i] = (double)json_integer_value(json_object_get(json_object_get(all, "all"), "accepted"));
        json_decref(all);
    }
    assert_true(accepted[1] > accepted[0] * 0.99 && accepted[1] < accepted[0] * 1.01);
    assert_true(caught_up[0] > 20000);
    assert_true(caught_up[1] > caught_up[0] * 0.9 && caught_up[1] < caught_up[0] * 1.1);
}

static void s_a_file_says_when_they_come(void **state) {
    (void)state;
    s_write("rates", "# a working day\n0 10/s\n20s 100/s   # noon\n\n30s 0\n");
    assert_int_equal(s_simulate("stop s.zpl --arrivals @rates --duration 40s --even --json"), HF_EXIT_DONE);
    json_t *all = json_loads(s_output, 0, NULL);
    json_int_t accepted = json_integer_value(json_object_get(json_object_get(all, "all"), "accepted"));
    assert_in_range(accepted, 1197, 1201);
    json_decref(all);
    s_write("rates", "0 10/s\n20 100/s\n");
    assert_int_equal(s_simulate("stop s.zpl --arrivals @rates"), HF_EXIT_FAILED);
    s_assert_says("rates:2: expected TIME RATE");
    assert_int_equal(s_simulate("stop s.zpl --arrivals @nowhere"), HF_EXIT_FAILED);
    s_assert_says("nowhere: No such file");
}

static void s_a_picture_is_one_whole_file(void **state) {
    char path[128], begin[16] = "";
    (void)state;
    assert_int_equal(s_simulate("stop s.zpl --arrivals 20/s --duration 20s --outage 5s@5s --plot p.svg"),
                     HF_EXIT_DONE);
    snprintf(path, sizeof path, "%s/p.svg", s_dir);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(begin, sizeof begin, file));
    assert_memory_equal(begin, "<svg ", 5);
    assert_int_equal(fseek(file, -7, SEEK_END), 0);
    assert_non_null(fgets(begin, sizeof begin, file));
    assert_string_equal(begin, "</svg>\n");
    fclose(file);
    assert_int_equal(s_simulate("stop s.zpl --arrivals 20/s --duration 1s --plot /nowhere/p.svg"),
                     HF_EXIT_FAILED);
    s_assert_says("/nowhere/p.svg: ");
}

static void s_what_cannot_be_meant_is_said(void **state) {
    static const struct {
        const char *words;
        int status;
        const char *says;
    } cases[] = {
        {"", HF_EXIT_USAGE, "PIPELINE is missing"},
        {"stop s.zpl", HF_EXIT_USAGE, "--arrivals 500/s"},
        {"stpo s.zpl --arrivals 1/s", HF_EXIT_FAILED, "did you mean 'stop'?"},
        {"stop nowhere.zpl --arrivals 1/s", HF_EXIT_FAILED, "nowhere.zpl"},
        {"stop s.zpl --arrivals 500", HF_EXIT_USAGE, "takes RATE or RATE@TIME"},
        {"stop s.zpl --arrivals 5/s,6/s@2m,7/s@1m", HF_EXIT_USAGE, "not in order of time"},
        {"stop s.zpl --arrivals 1/s --outage 2", HF_EXIT_USAGE, "takes LENGTH or LENGTH@START"},
        {"stop s.zpl --arrivals 1/s --outage 2m@1m,1m@2m", HF_EXIT_USAGE, "does not begin after"},
        {"stop s.zpl --arrivals 1/s --outage-as gone", HF_EXIT_USAGE, "refused, hangs or 503"},
        {"stop s.zpl --arrivals 1/s --latency 50ms,20ms", HF_EXIT_USAGE, "MEDIAN,P99"},
        {"stop s.zpl --arrivals 1/s --capacity 0", HF_EXIT_USAGE, "64,200/s"},
        {"stop s.zpl --arrivals 1/s --fail 60%,50%", HF_EXIT_USAGE, "over 100%"},
        {"stop s.zpl --arrivals 1/s --fail 5", HF_EXIT_USAGE, "2%:503,0.1%:400"},
        {"stop s.zpl --arrivals 1/s --retry-after 10ms", HF_EXIT_USAGE, "whole seconds"},
        {"stop s.zpl --arrivals 1/s --scale 3", HF_EXIT_USAGE,
         "does not divide the concurrency of 64 evenly"},
        {"stop s.zpl --arrivals 1/s --memory 1", HF_EXIT_USAGE, "16M or more"},
        {"stop s.zpl --arrivals 1000/s --outage 10m@0 --duration 10m --memory 16M", HF_EXIT_FAILED,
         "give it more memory"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = s_simulate(cases[i].words);
        s_assert_says(cases[i].says);
        assert_int_equal(status, cases[i].status);
    }
}

//  Its journal was in memory, and is gone, also where it was full.
static void s_nothing_stays_behind(void **state) {
    glob_t found;
    (void)state;
    assert_int_equal(glob("/dev/shm/holdfast-simulate-??????", 0, NULL, &found), GLOB_NOMATCH);
}

static int s_begin(void **state) {
    (void)state;
    if (!mkdtemp(s_dir)) {
        return -1;
    }
    s_write(
        "s.zpl",
        "destination = ec2\n    url = \"http://127.0.0.1:1/{instance}\"\n    concurrency = 64\n"
        "pipeline = stop\n    destination = ec2\n    key = \"{instance}\"\n    retry\n        cap = 2s\n");
    return 0;
}

static int s_end(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", s_dir);
    return system(command); // NOLINT(cert-env33-c): as above
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_the_same_question_gets_the_same_answer),
        cmocka_unit_test(s_json_holds_the_same_and_the_series),
        cmocka_unit_test(s_a_scaled_one_says_nearly_the_same),
        cmocka_unit_test(s_a_file_says_when_they_come),
        cmocka_unit_test(s_a_picture_is_one_whole_file),
        cmocka_unit_test(s_what_cannot_be_meant_is_said),
        cmocka_unit_test(s_nothing_stays_behind),
    };
    return cmocka_run_group_tests(tests, s_begin, s_end);
}
