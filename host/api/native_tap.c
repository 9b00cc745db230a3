/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/pipelines/{name}/tap: the records of a pipeline, live. */
#include "host/api/native.h"
#include "host/api/server_sent.h"
#include "host/base/clock.h"
#include "host/config/hidden_values.h"
#include "host/config/json_value.h"

#include <outflow/json.h>

#include <stdlib.h>

#define PREVIEW ((size_t)1024)
#define PREVIEW_FULL ((size_t)64 << 10)
#define PER_SECOND 1000
#define PER_SECOND_MAX 100000
/* How often it looks for records: they call nobody. */
#define TURN_NS (50 * CLOCK_MS)
#define MISSED_EVERY_NS CLOCK_S
/* A client that has more than this before it has to take some of it first. */
#define WAITING_MAX ((size_t)128 << 10)

/* One tap on its way to a client. */
struct pump {
	struct api *api;
	struct tap *tap;
	struct stream *stream;
	struct hidden_values hidden;
	size_t preview;
	uint64_t most, sent, id; /* most 0: no end */
	uint64_t missed;         /* and not told yet */
	int64_t told_ns;
};

static void pump_free(struct pump *p)
{
	tap_free(&p->tap);
	stream_release(&p->stream);
	hidden_values_clear(&p->hidden);
	free(p);
}

/* ---- a record as JSON ---- */

/* As many bytes as are shown, not in the middle of a character. */
static outflow_bytes shorten(outflow_bytes b, size_t most, size_t whole)
{
	const unsigned char *p = b.ptr;
	size_t n = b.len < most ? b.len : most;

	if (n == whole || n == 0)
		return (outflow_bytes){ b.ptr, n };
	/* Without the beginning of one at the end. */
	for (size_t k = 1; k <= 3 && k < n; k++)
		if ((p[n - k] & 0xc0) == 0xc0 && outflow_utf8_check((outflow_bytes){ p, n - k }) == n - k)
			return (outflow_bytes){ b.ptr, n - k };
	return (outflow_bytes){ b.ptr, n };
}

/* whole: how long it is where it comes from. */
static json_t *shown_bytes(const struct pump *p, outflow_bytes b, size_t whole)
{
	int found;
	size_t n;
	char *masked = hidden_values_mask(&p->hidden, b, &n, &found);
	json_t *value = NULL;

	if (!found)
		value = json_value_bytes(shorten(b, p->preview, whole));
	else if (masked != NULL)
		value = json_value_bytes(shorten((outflow_bytes){ masked, n }, p->preview, b.len < whole ? whole : n));
	free(masked);
	return value;
}

static json_t *shown_text(const struct pump *p, outflow_str text)
{
	return shown_bytes(p, outflow_text_bytes(text), text.len);
}

static json_t *headers_json(const struct pump *p, const struct tap_record *r)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < r->n_headers; i++)
		json_array_append_new(list, json_pack("[o, o]", shown_text(p, r->headers[i].name),
		                                      shown_bytes(p, r->headers[i].value, r->headers[i].value.len)));
	return list;
}

static void add_failure(const struct pump *p, json_t *o, const struct tap_record *r)
{
	static const char *const outcomes[] = {
		[OUTCOME_NONE] = "stops_task", [OUTCOME_DEAD_LETTERED] = "dead_lettered", [OUTCOME_DROPPED] = "dropped"
	};

	json_object_set_new(o, "outcome", json_string(outcomes[r->outcome]));
	json_object_set_new(o, "attempts", json_integer(r->attempts));
	json_object_set_new(o, "reason", shown_text(p, r->reason));
}

static json_t *record_json(const struct pump *p, const struct tap_record *r)
{
	json_t *o = json_pack(
		"{s:o, s:I, s:o, s:o, s:o, s:I, s:o, s:I, s:o, s:o, s:o, s:I}", "time", native_time(r->at_ms), "task",
		(json_int_t)r->task, "stage", shown_text(p, r->stage), "topic", shown_text(p, r->topic), "key",
		shown_bytes(p, r->key, r->key_length), "key_length", (json_int_t)r->key_length, "value",
		shown_bytes(p, r->value, r->value_length), "value_length", (json_int_t)r->value_length, "headers",
		headers_json(p, r), "partition", r->partition >= 0 ? json_integer(r->partition) : json_null(),
		"timestamp", r->timestamp_ms >= 0 ? json_integer(r->timestamp_ms) : json_null(), "position",
		(json_int_t)r->pos);

	if (o == NULL)
		return NULL;
	json_object_set_new(o, "truncated",
	                    json_boolean(r->key_length > p->preview || r->value_length > p->preview ||
	                                 r->headers_length > r->n_headers));
	if (r->failed)
		add_failure(p, o, r);
	return o;
}

/* ---- from the tap to the client ---- */

static void tell_missed(struct pump *p, int at_once)
{
	int64_t now = clock_mono_ns();

	p->missed += tap_take_missed(p->tap);
	if (p->missed == 0 || (!at_once && now - p->told_ns < MISSED_EVERY_NS))
		return;
	(void)server_sent(p->stream, ++p->id, "missed", json_pack("{s:I}", "records", (json_int_t)p->missed));
	p->missed = 0;
	p->told_ns = now;
}

static void end(struct pump *p, const char *how, const char *reason)
{
	tell_missed(p, 1);
	(void)server_sent(p->stream, ++p->id, "end",
	                  json_pack("{s:s, s:o}", "end", how, "reason", native_text(reason)));
	stream_end(p->stream);
}

/* Returns 1 when nothing more is there now. */
static int send_what_is_there(struct pump *p)
{
	const struct tap_record *r;

	while (stream_waiting(p->stream) < WAITING_MAX && (p->most == 0 || p->sent < p->most)) {
		r = tap_peek(p->tap);
		if (r == NULL)
			return 1;
		(void)server_sent(p->stream, ++p->id, r->failed ? "failure" : "record", record_json(p, r));
		tap_drop(p->tap);
		p->sent++;
	}
	return 0;
}

static void run(void *ctx)
{
	static const char *const ends[] = {
		[TAP_STOPPED] = "stopped",     [TAP_EDITED] = "edited", [TAP_DELETED] = "deleted",
		[TAP_COMPLETED] = "completed", [TAP_FAILED] = "failed", [TAP_STOPPING] = "stopping"
	};
	struct pump *p = ctx;

	while (!stream_ended(p->stream)) {
		const char *reason;
		enum tap_end ended = tap_ended(p->tap, &reason);
		int is_empty = send_what_is_there(p);

		if (p->most > 0 && p->sent == p->most)
			end(p, "max", "");
		else if (is_empty && ended != TAP_OPEN)
			end(p, ends[ended], reason);
		else if (api_phase(p->api) == API_STOPPING)
			end(p, ends[TAP_STOPPING], "");
		if (stream_waiting(p->stream) < WAITING_MAX)
			tell_missed(p, 0);
		if (!stream_ended(p->stream))
			tap_wait(p->tap, clock_mono_ns() + TURN_NS);
	}
	pump_free(p);
}

/* ---- the request ---- */

struct asked {
	struct tap_options options;
	char *stages; /* the query's, cut into pieces */
	int64_t most, per_second;
};

/* 0, or -1: r says why not. */
static int read_query(const struct request *q, struct asked *a, struct response *r)
{
	const char *stages = request_query(q, "stage");
	char *at;

	a->most = native_number(q, "max", 0, 1, 1000000000, r);
	if (a->most >= 0)
		a->per_second = native_number(q, "rate", PER_SECOND, 1, PER_SECOND_MAX, r);
	if (a->most < 0 || a->per_second < 0)
		return -1;
	a->options.preview = request_flag(q, "full") ? PREVIEW_FULL : PREVIEW;
	a->options.per_second = (uint32_t)a->per_second;
	if (stages == NULL || *stages == '\0')
		return 0;
	a->stages = at = strdup(stages);
	while (at != NULL && a->options.n_stages < TAP_STAGES_MAX)
		a->options.stages[a->options.n_stages++] = strsep(&at, ",");
	if (a->stages != NULL && at == NULL)
		return 0;
	native_refuse(r, a->stages ? 400 : 500, a->stages ? "stage names at most 16 stages" : "no memory", NULL, NULL);
	return -1;
}

static void refuse(struct response *r, enum fleet_answer answer, const outflow_error *err)
{
	if (answer != FLEET_IN_USE) {
		native_fail(r, answer, err, NULL, NULL);
		return;
	}
	response_header(r, "Retry-After", "10");
	native_refuse(r, 503, err->msg, NULL, NULL);
}

static int is_used_by(const struct connection_snapshot *c, const char *pipeline)
{
	for (size_t i = 0; i < c->n_used_by; i++)
		if (strcmp(c->used_by[i], pipeline) == 0)
			return 1;
	return 0;
}

/* Those of a pipeline and of the connections that it uses; with secrets.show in the host's keys none. */
static outflow_status learn_hidden(struct hidden_values *h, struct api *api, const struct pipeline_snapshot *s)
{
	const struct inventory *inv = api->environment->inventory;
	outflow_status status = OUTFLOW_OK;
	struct connection_snapshot **all;
	size_t n = 0;

	if (api->host->secrets_show)
		return OUTFLOW_OK;
	status = hidden_values_learn(h, inv, MASK_PIPELINE, &s->settings, s->declared);
	all = fleet_look_connections(api->fleet, &n);
	if (all == NULL)
		status = OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		if (status == OUTFLOW_OK && is_used_by(all[i], s->name))
			status = hidden_values_learn(h, inv, MASK_CONNECTION, &all[i]->settings, all[i]->declared);
		connection_snapshot_free(&all[i]);
	}
	free(all);
	return status;
}

/* Everything but its tap and its thread. NULL: no memory, or no such pipeline; r says so. */
static struct pump *new_pump(struct api *api, const struct request *q, const struct asked *a, struct response *r)
{
	struct pump *p = calloc(1, sizeof *p);
	outflow_error err = { .size = sizeof err };
	enum fleet_answer answer = FLEET_FAILED;
	struct pipeline_snapshot *s = NULL;

	if (p != NULL)
		answer = fleet_look(api->fleet, q->parameters[0], &s);
	if (answer == FLEET_OK &&
	    (learn_hidden(&p->hidden, api, s) != OUTFLOW_OK || (p->stream = stream_new(SERVER_SENT_HEARTBEAT)) == NULL))
		answer = FLEET_FAILED;
	if (answer != FLEET_OK) {
		outflow_fail(&err, OUTFLOW_E_CONFIG,
		             answer == FLEET_UNKNOWN ? "there is no pipeline '%.200s'" : "no memory", q->parameters[0]);
		refuse(r, answer, &err);
		pipeline_snapshot_free(&s);
		if (p != NULL)
			pump_free(p);
		return NULL;
	}
	p->api = api;
	p->preview = a->options.preview;
	p->most = (uint64_t)a->most;
	(void)server_sent(
		p->stream, ++p->id, "tap",
		json_pack("{s:o, s:s}", "pipeline", native_text(s->name), "state", pipeline_state_name(s->state)));
	pipeline_snapshot_free(&s);
	return p;
}

static void begin(struct api *api, const struct request *q, struct asked *a, struct response *r)
{
	struct pump *p = new_pump(api, q, a, r);
	outflow_error err = { .size = sizeof err };
	struct stream *s;
	enum fleet_answer answer;

	if (p == NULL)
		return;
	/* What begins in what is shown and ends beyond it has to be found, too. */
	a->options.preview += p->hidden.longest;
	answer = fleet_tap(api->fleet, q->parameters[0], &a->options, &p->tap, &err);
	s = stream_keep(p->stream);
	if (answer == FLEET_OK && workers_add(api->tapping, run, p) == 0) {
		response_header(r, "Cache-Control", "no-store");
		response_stream(r, SERVER_SENT_TYPE, s);
		return;
	}
	stream_release(&s);
	pump_free(p);
	if (answer == FLEET_OK) {
		outflow_fail(&err, OUTFLOW_E_RETRY, "pipelines are tapped %d times already, and no more can",
		             API_TAPS_MAX);
		answer = FLEET_IN_USE;
	}
	refuse(r, answer, &err);
}

static void tap(struct api *api, const struct request *q, struct response *r)
{
	struct asked a = { 0 };

	if (read_query(q, &a, r) == 0)
		begin(api, q, &a, r);
	free(a.stages);
}

const struct route native_tap_routes[] = {
	{ "GET", "/v1/pipelines/{name}/tap", ACCESS_ADMIN, .handle = tap, .produces = SERVER_SENT_TYPE },
	{ 0 },
};
