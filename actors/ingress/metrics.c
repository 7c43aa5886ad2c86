#include "ingress/metrics.h"
#include "base/gate.h"
#include "ingress/traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

//  Where samples go, in which form.
typedef struct {
    hf_buf_t *out;    //  The text
    bool openmetrics; //  A counter's family has no "_total" there
} page_t;

bool hf_metrics_wants_openmetrics(const char *accept) {
    return accept && strstr(accept, "application/openmetrics-text");
}

static void s_family(const page_t *page, const char *name, const char *type, const char *help) {
    const char *suffix = strcmp(type, "counter") == 0 && !page->openmetrics ? "_total" : "";
    hf_buf_addf(page->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
}

static void s_gauge(const page_t *page, const char *name, const char *help, uint64_t value) {
    s_family(page, name, "gauge", help);
    hf_buf_addf(page->out, "%s %" PRIu64 "\n", name, value);
}

//  Counts come in order of destination; what people see as one state may be several inside.
typedef struct {
    const page_t *page;    //  Where to
    char destination[72];  //  Whose counts come
    uint64_t n[HF_STATES]; //  By the state that people see
} counts_t;

static void s_flush(counts_t *counts) {
    for (unsigned state = 0; state < HF_STATES; state++) {
        if (counts->n[state]) {
            hf_buf_addf(counts->page->out, "holdfast_commands{destination=\"%s\",state=\"%s\"} %" PRIu64 "\n",
                        counts->destination, hf_state_name((hf_state_t)state), counts->n[state]);
        }
        counts->n[state] = 0;
    }
}

static void s_on_count(void *context, const char *destination, hf_state_t state, uint64_t count) {
    counts_t *counts = context;
    if (strcmp(counts->destination, destination) != 0) {
        s_flush(counts);
        snprintf(counts->destination, sizeof counts->destination, "%s", destination);
    }
    counts->n[hf_state_shown(state)] += count;
}

static int s_commands(page_t *page, hf_store_t *store, hf_error_t *error) {
    counts_t counts = {.page = page};
    s_family(page, "holdfast_commands", "gauge", "Commands in the journal, by destination and state.");
    if (hf_store_begin_read(store, error)) {
        return -1;
    }
    int rc = hf_store_walk_counts(store, s_on_count, &counts, error);
    s_flush(&counts);
    hf_store_end_read(store);
    return rc;
}

//  ---- destinations

//  Of those that were called lately.
static void s_traffic(const hf_metrics_t *self, const page_t *page, const hf_traffic_t *traffic) {
    s_family(page, "holdfast_destination_rate", "gauge", "Attempts that begin a second, of the newest ones.");
    for (size_t i = 0; i < self->config->destinations_size; i++) {
        hf_traffic_view_t view = hf_traffic_view(traffic, (int)i);
        if (view.rate > 0) {
            hf_buf_addf(page->out, "holdfast_destination_rate{destination=\"%s\"} %.3f\n",
                        self->config->destinations[i]->name, view.rate);
        }
    }
    s_family(page, "holdfast_destination_latency_seconds", "summary",
             "How long the third party takes, of the newest attempts.");
    for (size_t i = 0; i < self->config->destinations_size; i++) {
        hf_traffic_view_t view = hf_traffic_view(traffic, (int)i);
        const char *name = self->config->destinations[i]->name;
        if (view.ended) {
            hf_buf_addf(page->out,
                        "holdfast_destination_latency_seconds{destination=\"%s\",quantile=\"0.5\"} %.6f\n"
                        "holdfast_destination_latency_seconds{destination=\"%s\",quantile=\"0.99\"} %.6f\n",
                        name, view.p50_us / 1e6, name, view.p99_us / 1e6);
        }
    }
}

static int s_destinations(const hf_metrics_t *self, const page_t *page, hf_store_t *store,
                          hf_error_t *error) {
    if (!self->config) {
        return 0;
    }
    if (hf_store_begin_read(store, error)) {
        return -1;
    }
    hf_traffic_t *traffic = hf_traffic_new(self->config, self->now_ms);
    int rc = hf_traffic_read(traffic, store, error);
    hf_store_end_read(store);
    if (!rc) {
        s_traffic(self, page, traffic);
    }
    hf_traffic_destroy(&traffic);
    return rc;
}

//  One value of each destination that something ever happened to.
typedef struct {
    const hf_metrics_t *metrics; //  The time
    const page_t *page;          //  Where to
    const char *name;            //  Of the family
    bool (*is)(const Hf__Destination *record, int64_t now);
} flag_t;

static bool s_is_paused(const Hf__Destination *record, int64_t now) {
    (void)now;
    return record->paused;
}

static bool s_is_blocked(const Hf__Destination *record, int64_t now) {
    return record->blocked_until > now;
}

static bool s_is_open(const Hf__Destination *record, int64_t now) {
    (void)now;
    return record->circuit == HF_CIRCUIT_OPEN;
}

static bool s_is_ramping(const Hf__Destination *record, int64_t now) {
    (void)now;
    return record->circuit == HF_CIRCUIT_RAMPING;
}

static void s_on_destination(void *context, const Hf__Destination *record) {
    const flag_t *flag = context;
    hf_buf_addf(flag->page->out, "%s{destination=\"%s\"} %d\n", flag->name, record->name,
                flag->is(record, flag->metrics->now_ms));
}

static int s_gates(const hf_metrics_t *self, const page_t *page, hf_store_t *store, hf_error_t *error) {
    static const struct {
        const char *name, *help;
        bool (*is)(const Hf__Destination *record, int64_t now);
    } flags[] = {
        {"holdfast_destination_paused", "1 where a person paused it.", s_is_paused},
        {"holdfast_destination_blocked", "1 where it asked not to be called yet (Retry-After).",
         s_is_blocked},
        {"holdfast_destination_circuit_open", "1 where its circuit is open.", s_is_open},
        {"holdfast_destination_ramping", "1 where it is called slowly after an outage.", s_is_ramping},
    };
    if (hf_store_begin_read(store, error)) {
        return -1;
    }
    int rc = 0;
    for (unsigned i = 0; i < sizeof flags / sizeof *flags && !rc; i++) {
        flag_t flag = {self, page, flags[i].name, flags[i].is};
        s_family(page, flags[i].name, "gauge", flags[i].help);
        rc = hf_store_walk_destinations(store, s_on_destination, &flag, error);
    }
    hf_store_end_read(store);
    return rc;
}

//  ---- the rest

static void s_requests(const hf_metrics_t *self, const page_t *page) {
    s_family(page, "holdfast_http_requests", "counter", "HTTP requests answered, by status.");
    for (int status = 100; status < HF_METRICS_STATUSES; status++) {
        if (self->requests[status]) {
            hf_buf_addf(page->out, "holdfast_http_requests_total{status=\"%d\"} %" PRIu64 "\n", status,
                        self->requests[status]);
        }
    }
}

//  Names and meanings as Prometheus' client libraries have them.
static void s_process(const hf_metrics_t *self, const page_t *page) {
    s_family(page, "process_cpu_seconds", "counter", "User and system CPU time spent.");
    hf_buf_addf(page->out, "process_cpu_seconds_total %.3f\n", self->cpu_seconds);
    s_family(page, "process_start_time_seconds", "gauge", "Start of the process since 1970.");
    hf_buf_addf(page->out, "process_start_time_seconds %.3f\n", self->start_seconds);
    s_gauge(page, "process_resident_memory_bytes", "Resident memory.", self->resident_bytes);
    s_gauge(page, "process_virtual_memory_bytes", "Virtual memory; the journal's map is most of it.",
            self->virtual_bytes);
    s_gauge(page, "process_open_fds", "Open file descriptors.", self->open_fds);
    s_gauge(page, "process_max_fds", "File descriptors it may have.", self->max_fds);
}

int hf_metrics_render(const hf_metrics_t *self, hf_store_t *store, bool openmetrics, hf_buf_t *out,
                      hf_error_t *error) {
    page_t page = {out, openmetrics};
    s_family(&page, "holdfast_build_info", "gauge", "The version that runs.");
    hf_buf_addf(out, "holdfast_build_info{version=\"%s\"} 1\n", HOLDFAST_VERSION);
    if (s_commands(&page, store, error)) {
        return -1;
    }
    if (s_destinations(self, &page, store, error) || s_gates(self, &page, store, error)) {
        return -1;
    }
    s_family(&page, "holdfast_commands_accepted", "counter", "Commands accepted durably by this process.");
    hf_buf_addf(out, "holdfast_commands_accepted_total %" PRIu64 "\n", self->accepted);
    s_requests(self, &page);
    s_gauge(&page, "holdfast_ready", "1 where commands can be made durable now.", self->ready);
    s_gauge(&page, "holdfast_http_connections", "Open connections.", self->connections);
    s_gauge(&page, "holdfast_http_waiters", "Requests that wait for a command's end.", self->waiters);
    s_gauge(&page, "holdfast_event_readers", "Open event streams.", self->readers);
    s_gauge(&page, "holdfast_link_unacked_proposals", "Proposals that are not durable yet.", self->unacked);
    s_gauge(&page, "holdfast_link_unacked_bytes", "Bytes of proposals that are not durable yet.",
            self->unacked_bytes);
    s_gauge(&page, "holdfast_journal_newest_fact", "Number of the newest fact heard.", self->newest_fact);
    s_process(self, &page);
    hf_buf_addf(out, "# EOF\n");
    return 0;
}
