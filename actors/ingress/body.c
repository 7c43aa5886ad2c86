#include "ingress/body.h"

#include <stdio.h>

enum {
    LINE_MAX_TEXT = 48, //  Bytes of "line 10000: "
};

//  What the pipeline's templates want of a body; NULL: it is no JSON.
static json_t *s_load(const hf_pipeline_t *pipeline, const void *body, size_t size, json_error_t *error) {
    const hf_template_t *const templates[] = {pipeline->destination->url, pipeline->key,
                                              pipeline->destination->probe};
    return hf_template_load(templates, sizeof templates / sizeof *templates, body, size, error);
}

//  What jansson found, in words of a caller who does not know jansson.
static const char *s_why(const json_error_t *error) {
    enum json_error_code code = json_error_code(error);
    bool nul = code == json_error_null_character || code == json_error_null_byte_in_key;
    return nul ? "a text in it holds \\u0000, which no field may" : error->text;
}

//  The body as JSON, read only where a template has a hole. -1: it is none, and is needed. *json may stay
//  NULL.
static int s_parse(const hf_pipeline_t *pipeline, const void *body, size_t size, json_t **json,
                   hf_problem_t *problem) {
    json_error_t error;
    *json = NULL;
    const hf_template_t *probe = pipeline->destination->probe;
    if (hf_template_is_plain(pipeline->destination->url) &&
        (!pipeline->key || hf_template_is_plain(pipeline->key)) &&
        (!probe || !hf_template_takes_fields(probe))) {
        return 0;
    }
    *json = s_load(pipeline, body, size, &error);
    if (!*json) {
        return hf_problem_set(
            problem, HF_PROBLEM_BODY, 0,
            "the pipeline '%s' takes fields from the body, and it cannot be read as JSON: %.200s (byte %d).",
            pipeline->name, s_why(&error), error.position);
    }
    return 0;
}

//  A template that is only looked at: key is as it was.
static int s_check_template(const hf_template_t *template, const json_t *body, hf_buf_t *key,
                            hf_error_t *error) {
    size_t before = key->size;
    int rc = hf_template_render(template, body, true, key, error);
    key->size = before;
    return rc;
}

//  What the probe names beside the command's id must be there, too.
static int s_check_probe(const hf_template_t *probe, const json_t *body, hf_buf_t *key, hf_error_t *error) {
    json_t *fields = json_is_object(body) ? json_copy((json_t *)body) : json_object();
    json_object_set_new(fields, HF_TEMPLATE_ID, json_string("id"));
    int rc = s_check_template(probe, fields, key, error);
    json_decref(fields);
    return rc;
}

//  What the templates name must be there. where: begins the problem's sentence.
static int s_render(const hf_pipeline_t *pipeline, const json_t *body, const char *where, hf_buf_t *key,
                    hf_problem_t *problem) {
    hf_error_t error;
    const hf_destination_t *destination = pipeline->destination;
    if (!hf_template_is_plain(destination->url) && s_check_template(destination->url, body, key, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_MISSING_FIELD, 0,
                              "%s%s (wanted by the url of destination '%s').", where, error.text,
                              destination->name);
    }
    if (destination->probe && s_check_probe(destination->probe, body, key, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_MISSING_FIELD, 0,
                              "%s%s (wanted by the probe of destination '%s').", where, error.text,
                              destination->name);
    }
    if (pipeline->key && hf_pipeline_key_render(pipeline, body, key, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_MISSING_FIELD, 0,
                              "%s%s (wanted by the key of pipeline '%s').", where, error.text,
                              pipeline->name);
    }
    hf_buf_add(key, "", 1);
    return 0;
}

int hf_body_check(const hf_pipeline_t *pipeline, const void *body, size_t size, hf_buf_t *key,
                  hf_problem_t *problem) {
    json_t *json = NULL;
    int rc = s_parse(pipeline, body, size, &json, problem);
    rc = rc ? rc : s_render(pipeline, json, "", key, problem);
    json_decref(json);
    return rc;
}

int hf_body_check_line(const hf_pipeline_t *pipeline, const void *text, size_t size, size_t number,
                       hf_buf_t *key, hf_problem_t *problem) {
    char where[LINE_MAX_TEXT];
    json_error_t error;
    snprintf(where, sizeof where, "Line %zu: ", number);
    json_t *json = s_load(pipeline, text, size, &error);
    if (!json) {
        return hf_problem_set(problem, HF_PROBLEM_BODY, 0, "%snot readable as JSON: %.200s (byte %d).", where,
                              s_why(&error), error.position);
    }
    int rc = s_render(pipeline, json, where, key, problem);
    json_decref(json);
    return rc;
}
