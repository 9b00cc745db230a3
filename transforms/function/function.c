/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transform function: events are posted to an HTTP endpoint, and its answer says what becomes of them.
 *
 * Each record that comes out carries the slot of one that went in, so it must be known which: with one event in a request
 * everything that is answered belongs to it; with several, element i belongs to event i. An answer from which that cannot
 * be told is not used, and the events are posted again one by one.
 */
#include "function.h"

#include "answer.h"
#include "options.h"

#include <outflow/util.h>

#include <inttypes.h>
#include <stdlib.h>

struct function {
	const outflow_host *host;
	struct event_settings settings;
	struct answer_rules rules;
	struct http *http;
	size_t batch;
	char *body; /* of the request */
	size_t room;
	bool told; /* that answers do not fit */
	outflow_metric *requests, *failures, *sent, *repeated;
};

static void destroy(void *self)
{
	struct function *f = self;

	http_free(&f->http);
	free(f->body);
	free(f);
}

static void open_metrics(struct function *f)
{
	const outflow_host *h = f->host;
	const outflow_metric_api *metric = h->metric;

	f->requests = metric->open(h, OUTFLOW_METRIC_COUNTER, "function_requests", "", "Requests made.");
	f->failures = metric->open(h, OUTFLOW_METRIC_COUNTER, "function_request_failures", "",
	                           "Requests without a usable answer.");
	f->sent =
		metric->open(h, OUTFLOW_METRIC_COUNTER, "function_events", "", "Events posted, repetitions included.");
	f->repeated = metric->open(h, OUTFLOW_METRIC_COUNTER, "function_batches_repeated", "",
	                           "Requests whose events were posted again one by one.");
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct function *f = calloc(1, sizeof *f);
	struct http_options options;
	outflow_status status;

	if (f == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the function");
	f->host = h;
	f->batch = (size_t)outflow_config_number(h, c, "batch");
	f->rules =
		(struct answer_rules){ h, outflow_equal(outflow_config_text(h, c, "answer"), "event"), f->batch > 1 };
	event_settings_read(&f->settings, h, c, "source.");
	open_metrics(f);
	status = options_read(&options, h, c, err);
	if (status == OUTFLOW_OK)
		status = http_new(h, &options, &f->http, err);
	else
		http_options_clear(&options);
	if (status != OUTFLOW_OK) {
		destroy(f);
		return status;
	}
	*self = f;
	return OUTFLOW_OK;
}

static void interrupt(void *self)
{
	struct function *f = self;

	http_interrupt(f->http);
}

/* ---- events ---- */

static outflow_status make_item(struct function *f, const outflow_record *in, outflow_batch *out, struct item *item,
                                outflow_error *err)
{
	outflow_bytes text = { NULL, 0 };
	struct event e;

	*item = (struct item){ .in = in };
	event_begin(&e, f->host, out, &f->settings, in, err);
	item->format = event_payload_format(&e); /* which also sees whether it is valid */
	if (e.status == OUTFLOW_OK)
		text = event_whole_json(&e);
	if (e.status != OUTFLOW_OK)
		return e.status;
	item->event = (outflow_str){ text.ptr, text.len };
	item->whole = e.whole;
	if (text.len > HTTP_BODY_MAX - 2)
		return outflow_fail(err, OUTFLOW_E_RECORD,
		                    "the event has %zu bytes, more than fit into a request of %zu MiB", text.len,
		                    HTTP_BODY_MAX >> 20);
	item->made = true;
	return OUTFLOW_OK;
}

/* An item for each record; those that cannot be sent are rejected and stay unmade. */
static outflow_status make_items(struct function *f, const outflow_record *in, size_t n, outflow_batch *out,
                                 struct item **items, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };

	*items = outflow_alloc(f->host, out, n * sizeof **items, _Alignof(struct item));
	if (*items == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the events");
	for (size_t i = 0; i < n; i++) {
		outflow_status status = make_item(f, &in[i], out, &(*items)[i], &cause);

		if (status == OUTFLOW_E_RECORD)
			f->host->reject(f->host, &in[i], status, &cause);
		else if (status != OUTFLOW_OK)
			return outflow_fail(err, status, "%s", cause.msg);
	}
	return OUTFLOW_OK;
}

/* ---- requests ---- */

/* Events made for one request, and the place of their items. */
struct group {
	struct item *items;
	size_t n, bytes;
};

static outflow_status write_body(struct function *f, const struct group *g, outflow_str *body, outflow_error *err)
{
	size_t n = 0;

	if (f->room < g->bytes) {
		char *larger = realloc(f->body, g->bytes);

		if (larger == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a request of %zu bytes", g->bytes);
		f->body = larger;
		f->room = g->bytes;
	}
	for (size_t i = 0; i < g->n; i++) {
		f->body[n++] = i > 0 ? ',' : '[';
		memcpy(f->body + n, g->items[i].event.ptr, g->items[i].event.len);
		n += g->items[i].event.len;
	}
	f->body[n++] = ']';
	*body = (outflow_str){ f->body, n };
	return OUTFLOW_OK;
}

/* FNV-1a, so that two lines about one request can be told from others without its content. */
static uint64_t hash_of(outflow_str text)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text.len; i++)
		sum = (sum ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* One request, and its answer as a list. */
static outflow_status call(struct function *f, const struct group *g, struct answer *answer, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_str body, text;
	outflow_status status;

	*answer = (struct answer){ 0 };
	status = write_body(f, g, &body, err);
	if (status != OUTFLOW_OK)
		return status;
	f->host->metric->add(f->requests, 1);
	f->host->metric->add(f->sent, (int64_t)g->n);
	status = http_post(f->http, body, &text, &cause);
	if (status == OUTFLOW_OK)
		status = answer_read(answer, text, &cause);
	if (status == OUTFLOW_OK) {
		if (f->host->log->enabled(f->host, OUTFLOW_LOG_DEBUG))
			outflow_log(f->host, OUTFLOW_LOG_DEBUG,
			            "%s: %zu event(s), %zu bytes, hash %016" PRIx64 ": an answer of %zu bytes",
			            http_place(f->http), g->n, body.len, hash_of(body), text.len);
		return OUTFLOW_OK;
	}
	f->host->metric->add(f->failures, 1);
	return outflow_fail_native(err, status, cause.domain, cause.native,
	                           "%s: %s (%zu event(s), %zu bytes, hash %016" PRIx64 ")", http_place(f->http),
	                           cause.msg, g->n, body.len, hash_of(body));
}

/* What was answered to event i of the group, to out; or the event is rejected. */
static outflow_status emit(struct function *f, const struct answer *answer, const struct group *g, size_t i,
                           outflow_batch *out, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_status status = answer_emit(answer, i, g->n, &f->rules, &g->items[i], out, &cause);

	if (status == OUTFLOW_OK)
		return OUTFLOW_OK;
	if (status != OUTFLOW_E_RECORD)
		return outflow_fail(err, status, "%s", cause.msg);
	f->host->reject(f->host, g->items[i].in, status, &cause);
	return OUTFLOW_OK;
}

static outflow_status run_one(struct function *f, struct item *item, outflow_batch *out, outflow_error *err)
{
	struct group alone = { item, 1, item->event.len + 2 };
	outflow_error cause = { .size = sizeof cause };
	struct answer answer;
	outflow_status status = call(f, &alone, &answer, &cause);

	if (status == OUTFLOW_OK)
		status = emit(f, &answer, &alone, 0, out, err);
	else if (status == OUTFLOW_E_RECORD)
		f->host->reject(f->host, item->in, status, &cause);
	else
		*err = cause;
	answer_clear(&answer);
	return status == OUTFLOW_E_RECORD ? OUTFLOW_OK : status;
}

static void tell_misfit(struct function *f, const struct group *g, const char *cause)
{
	f->host->metric->add(f->repeated, 1);
	if (f->told)
		return;
	f->told = true;
	outflow_log(f->host, OUTFLOW_LOG_WARN,
	            "%zu events are posted again one by one: %s; this is not said again, see the metric "
	            "function_batches_repeated",
	            g->n, cause);
}

/* Several events in one request. OUTFLOW_E_RECORD: one of them spoils it, or the answer does not say what belongs to
 * which; nothing was emitted. */
static outflow_status run_together(struct function *f, const struct group *g, outflow_batch *out, outflow_error *err)
{
	struct answer answer;
	outflow_status status = call(f, g, &answer, err);

	if (status == OUTFLOW_OK && !answer_fits(&answer, g->n)) {
		f->host->metric->add(f->failures, 1);
		status = outflow_fail(err, OUTFLOW_E_RECORD,
		                      "%s: the answer is no list with one element for each of %zu events",
		                      http_place(f->http), g->n);
	}
	for (size_t i = 0; i < g->n && status == OUTFLOW_OK; i++)
		status = emit(f, &answer, g, i, out, err);
	answer_clear(&answer);
	return status;
}

static outflow_status run_group(struct function *f, const struct group *g, outflow_batch *out, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_status status = OUTFLOW_E_RECORD;

	if (g->n > 1) {
		status = run_together(f, g, out, &cause);
		if (status == OUTFLOW_E_RECORD)
			tell_misfit(f, g, cause.msg);
		else if (status != OUTFLOW_OK)
			*err = cause;
	}
	if (status != OUTFLOW_E_RECORD)
		return status;
	status = OUTFLOW_OK;
	for (size_t i = 0; i < g->n && status == OUTFLOW_OK; i++)
		status = run_one(f, &g->items[i], out, err);
	return status;
}

/* Unmade items go to the end, the others stay in their order. */
static size_t keep_made(struct item *items, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (items[i].made)
			items[kept++] = items[i];
	return kept;
}

/* A failure that may pass is the call's: the host then comes with one record at a time, so that no record waits for
 * another's retries. */
static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct function *f = self;
	struct item *items;
	outflow_status status = make_items(f, in, n, out, &items, err);
	size_t at = 0;

	n = status == OUTFLOW_OK ? keep_made(items, n) : 0;
	while (at < n && status == OUTFLOW_OK) {
		struct group g = { items + at, 0, 1 };

		while (at < n && g.n < f->batch && g.bytes + items[at].event.len + 1 <= HTTP_BODY_MAX) {
			g.bytes += items[at++].event.len + 1;
			g.n++;
		}
		status = run_group(f, &g, out, err);
	}
	return status;
}

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.interrupt = interrupt,
	.destroy = destroy,
};

const outflow_component function_component = {
	.size = sizeof function_component,
	.kind = OUTFLOW_TRANSFORM,
	.name = "function",
	.flags = OUTFLOW_CALLS_OUT,
	.doc = "Posts events to an HTTP function; its answer says what becomes of them.",
	.config = &options_schema,
	.ops = &ops,
};
