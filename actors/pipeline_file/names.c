#include "pipeline_file/names.h"
#include "pipeline_file/request.h"
#include "pipeline_file/text.h"
#include "pipeline_file/values.h"

#include <stddef.h>

#define S_SECOND_MS INT64_C(1000)
#define S_HOUR_MS   (60 * 60 * S_SECOND_MS)
#define S_DAY_MS    (24 * S_HOUR_MS)
#define S_KIB       INT64_C(1024)
#define S_MIB       (1024 * S_KIB)
#define S_TIB       (1024 * 1024 * S_MIB)

#define NODE(member) offsetof(hf_config_t, member)
static const hf_zpl_field_t s_node_fields[] = {
    {.name = "http", .set = hf_zpl_set_address, .at = NODE(http)},
    {.name = "token", .set = hf_zpl_set_token, .at = NODE(token)},
    {.name = "callers", .set = hf_zpl_set_count, .at = NODE(callers), .min = 1, .max = HF_CALLERS_MAX},
    {.name = "body_limit", .set = hf_zpl_set_size, .at = NODE(body_limit), .min = S_KIB, .max = 64 * S_MIB},
    {.name = "unacked_limit", .set = hf_zpl_set_size, .at = NODE(unacked_limit), .min = S_MIB, .max = S_TIB},
    {.name = "journal_limit",
     .set = hf_zpl_set_size,
     .at = NODE(journal_limit),
     .min = 16 * S_MIB,
     .max = 16 * S_TIB},
    {.name = "keep",
     .set = hf_zpl_set_duration,
     .at = NODE(keep_ms),
     .min = S_SECOND_MS,
     .max = 3650 * S_DAY_MS},
};

#define DESTINATION(member) offsetof(hf_destination_t, member)
static const hf_zpl_field_t s_circuit_fields[] = {
    {.name = "failures",
     .set = hf_zpl_set_percent,
     .at = DESTINATION(circuit_failures_percent),
     .min = 1,
     .max = 100},
    {.name = "of", .set = hf_zpl_set_count, .at = DESTINATION(circuit_of), .min = 1, .max = 1000},
    {.name = "cooldown",
     .set = hf_zpl_set_duration,
     .at = DESTINATION(circuit_cooldown_ms),
     .min = 1,
     .max = S_DAY_MS},
    {.name = "ramp",
     .set = hf_zpl_set_duration,
     .at = DESTINATION(circuit_ramp_ms),
     .min = 1,
     .max = S_DAY_MS},
    {.name = "surge",
     .set = hf_zpl_set_percent,
     .at = DESTINATION(circuit_surge_percent),
     .min = 100,
     .max = 1000},
};

static const hf_zpl_field_t s_destination_fields[] = {
    {.name = "url", .set = hf_zpl_set_url, .in_template = true},
    {.name = "method", .set = hf_zpl_set_method, .at = DESTINATION(method)},
    {.name = "header", .set = hf_zpl_set_header, .at = DESTINATION(headers), .repeated = true},
    {.name = "connect_timeout",
     .set = hf_zpl_set_duration,
     .at = DESTINATION(connect_timeout_ms),
     .min = 1,
     .max = S_HOUR_MS},
    {.name = "timeout", .set = hf_zpl_set_duration, .at = DESTINATION(timeout_ms), .min = 1, .max = S_DAY_MS},
    {.name = "concurrency", .set = hf_zpl_set_count, .at = DESTINATION(concurrency), .min = 1, .max = 10000},
    {.name = "rate", .set = hf_zpl_set_rate, .at = DESTINATION(rate), .min = 1, .max = 1000000},
    {.name = "adaptive", .set = hf_zpl_set_flag, .at = DESTINATION(adaptive)},
    {.name = "retry_budget",
     .set = hf_zpl_set_percent,
     .at = DESTINATION(retry_budget_percent),
     .min = 0,
     .max = 100},
    {.name = "reject", .set = hf_zpl_set_reject, .at = DESTINATION(reject)},
    {.name = "on_uncertain", .set = hf_zpl_set_on_uncertain, .at = DESTINATION(on_uncertain)},
    {.name = "probe", .set = hf_zpl_set_probe, .in_template = true},
    {.name = "circuit", .fields = s_circuit_fields, .fields_size = HF_ZPL_SIZE(s_circuit_fields)},
};

#define PIPELINE(member) offsetof(hf_pipeline_t, member)
static const hf_zpl_field_t s_retry_fields[] = {
    {.name = "immediate", .set = hf_zpl_set_count, .at = PIPELINE(retry_immediate), .min = 0, .max = 100},
    {.name = "delay",
     .set = hf_zpl_set_duration,
     .at = PIPELINE(retry_delay_ms),
     .min = 1,
     .max = 30 * S_DAY_MS},
    {.name = "factor", .set = hf_zpl_set_factor, .at = PIPELINE(retry_factor), .min = 1, .max = 100},
    {.name = "cap", .set = hf_zpl_set_duration, .at = PIPELINE(retry_cap_ms), .min = 1, .max = 30 * S_DAY_MS},
    {.name = "jitter", .set = hf_zpl_set_jitter, .at = PIPELINE(retry_jitter)},
    {.name = "deadline",
     .set = hf_zpl_set_duration,
     .at = PIPELINE(retry_deadline_ms),
     .min = S_SECOND_MS,
     .max = 365 * S_DAY_MS},
    {.name = "attempts", .set = hf_zpl_set_count, .at = PIPELINE(retry_attempts), .min = 0, .max = 100000},
};

#define LABEL(word, state)                                                                                   \
    { .name = (word), .set = hf_zpl_set_label, .at = 0, .min = HF_STATE_##state, .shown = true }
static const hf_zpl_field_t s_label_fields[] = {
    LABEL("accepted", ACCEPTED),   LABEL("calling", CALLING),     LABEL("waiting", WAITING),
    LABEL("uncertain", UNCERTAIN), LABEL("succeeded", SUCCEEDED), LABEL("dead", DEAD),
    LABEL("cancelled", CANCELLED), LABEL("discarded", DISCARDED), LABEL("expired", EXPIRED),
};

static const hf_zpl_field_t s_pipeline_fields[] = {
    {.name = "destination", .set = hf_zpl_set_destination, .at = PIPELINE(destination), .shown = true},
    {.name = "key", .set = hf_zpl_set_key, .at = PIPELINE(key), .in_template = true, .shown = true},
    {.name = "ordered", .set = hf_zpl_set_flag, .at = PIPELINE(ordered)},
    {.name = "on_dead", .set = hf_zpl_set_on_dead, .at = PIPELINE(on_dead)},
    {.name = "priority",
     .set = hf_zpl_set_count,
     .at = PIPELINE(priority),
     .min = 0,
     .max = HF_PRIORITIES - 1},
    {.name = "retry", .fields = s_retry_fields, .fields_size = HF_ZPL_SIZE(s_retry_fields)},
    {.name = "label", .fields = s_label_fields, .fields_size = HF_ZPL_SIZE(s_label_fields)},
};

_Static_assert(HF_ZPL_SIZE(s_destination_fields) <= HF_ZPL_FIELDS_MAX &&
                   HF_ZPL_SIZE(s_label_fields) <= HF_ZPL_FIELDS_MAX,
               "too many names");

const hf_zpl_names_t hf_zpl_node_names = {.fields = s_node_fields, .size = HF_ZPL_SIZE(s_node_fields)};
const hf_zpl_names_t hf_zpl_destination_names = {.fields = s_destination_fields,
                                                 .size = HF_ZPL_SIZE(s_destination_fields)};
const hf_zpl_names_t hf_zpl_pipeline_names = {.fields = s_pipeline_fields,
                                              .size = HF_ZPL_SIZE(s_pipeline_fields)};
