/* SPDX-License-Identifier: Apache-2.0 */
/* The transform deliver, last before the sink: makes topic, key, value, headers, partition and timestamp from
 * the event. */
#include "deliver.h"

#include "components.h"

#include <outflow/util.h>

#include <stdlib.h>

static outflow_status keep(const outflow_host *h, const char *key, outflow_status status, const outflow_error *cause,
                           outflow_error *err)
{
	(void)h;
	return outflow_fail(err, status, "%s: %s", key, cause->msg);
}

static void destroy(void *self)
{
	struct deliver *d = self;

	deliver_clear(d);
	free(d);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct deliver *d = calloc(1, sizeof *d);
	outflow_status status;

	if (d == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	d->host = h;
	event_settings_read(&d->settings, h, c, "source.");
	status = deliver_read(d, h, c, keep, err);
	if (status != OUTFLOW_OK) {
		destroy(d);
		return status;
	}
	*self = d;
	return OUTFLOW_OK;
}

/* ---- headers ---- */

bool deliver_makes_header(const struct deliver *d, outflow_str name)
{
	for (size_t i = 0; i < d->n_headers; i++)
		if (d->headers[i].name.len == name.len && memcmp(d->headers[i].name.ptr, name.ptr, name.len) == 0)
			return true;
	return false;
}

static outflow_status no_headers(struct event *e)
{
	return outflow_fail(e->err, OUTFLOW_E_NOMEM, "no memory for the headers");
}

/* Room for n headers more. */
static outflow_status reserve_headers(struct delivery *to, struct event *e, uint32_t n)
{
	uint32_t room = 2 * to->headers_room + n;
	outflow_header *larger;

	if (n <= to->headers_room - to->n_headers)
		return OUTFLOW_OK;
	larger = outflow_alloc(e->host, e->arena, room * sizeof *larger, _Alignof(outflow_header));
	if (larger == NULL)
		return no_headers(e);
	if (to->n_headers > 0)
		memcpy(larger, to->headers, to->n_headers * sizeof *larger);
	to->headers = larger;
	to->headers_room = room;
	return OUTFLOW_OK;
}

outflow_status delivery_add_header(struct delivery *to, struct event *e, outflow_str name, outflow_bytes value)
{
	outflow_status status = reserve_headers(to, e, 1);

	if (status == OUTFLOW_OK)
		to->headers[to->n_headers++] = (outflow_header){ name, value };
	return status;
}

bool deliver_keeps_header(const struct deliver *d, struct event *e, outflow_str name)
{
	return !deliver_makes_header(d, name) &&
	       (d->cloudevents == CLOUDEVENTS_NONE || !cloudevents_owns_header(e, name));
}

/* The record's headers, or the map's, but those that are made anew, then these; null ones are left out. */
static outflow_status make_headers(const struct deliver *d, struct event *e, struct delivery *to)
{
	const outflow_record *r = e->record;
	outflow_status status = reserve_headers(to, e, r->n_headers + (uint32_t)d->n_headers);
	outflow_bytes value;

	if (d->header_map != NULL && status == OUTFLOW_OK)
		status = header_map_add(d, e, to);
	for (uint32_t i = 0; d->header_map == NULL && i < r->n_headers && status == OUTFLOW_OK; i++)
		if (deliver_keeps_header(d, e, r->headers[i].name))
			to->headers[to->n_headers++] = r->headers[i];
	for (size_t i = 0; i < d->n_headers && status == OUTFLOW_OK; i++) {
		status = form_evaluate(&d->headers[i].form, e, &value, NULL);
		if (status == OUTFLOW_OK && value.ptr != NULL)
			status = delivery_add_header(to, e, d->headers[i].name, value);
	}
	return status;
}

/* ---- records ---- */

static int shown(outflow_bytes text)
{
	return text.len > 80 ? 80 : (int)text.len;
}

/* Reads what the parts came to as what the record needs. */
static outflow_status read_values(const struct deliver *d, struct event *e, struct delivery *to)
{
	outflow_bytes topic = to->parts[TOPIC], partition = to->parts[PARTITION], timestamp = to->parts[TIMESTAMP];

	if (d->parts[TOPIC].kind != FORM_UNSET && topic.len == 0)
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "topic: %s from %.*s is not the name of a topic",
		                    topic.ptr ? "the empty text" : "null",
		                    shown(outflow_text_bytes(d->parts[TOPIC].text)), d->parts[TOPIC].text.ptr);
	to->partition = -1;
	if (partition.ptr != NULL && !deliver_read_partition(partition, &to->partition))
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "partition: '%.*s' is not a whole number from 0",
		                    shown(partition), (const char *)partition.ptr);
	to->timestamp_ms = e->record->timestamp_ms;
	if (timestamp.ptr != NULL && !deliver_read_timestamp(timestamp, &to->timestamp_ms))
		return outflow_fail(e->err, OUTFLOW_E_RECORD,
		                    "timestamp: '%.*s' is neither milliseconds since 1970 nor an "
		                    "RFC 3339 time",
		                    shown(timestamp), (const char *)timestamp.ptr);
	return OUTFLOW_OK;
}

static bool makes_headers(const struct deliver *d)
{
	return d->n_headers > 0 || d->header_map != NULL || d->cloudevents != CLOUDEVENTS_NONE;
}

static outflow_status make(const struct deliver *d, struct event *e, struct delivery *to)
{
	outflow_status status = OUTFLOW_OK;

	for (enum part part = TOPIC; part < N_PARTS && status == OUTFLOW_OK; part++)
		if (d->parts[part].kind != FORM_UNSET)
			status = form_evaluate(&d->parts[part], e, &to->parts[part],
			                       part == VALUE ? &to->content : NULL);
	if (status == OUTFLOW_OK && makes_headers(d))
		status = make_headers(d, e, to);
	if (status == OUTFLOW_OK && d->cloudevents != CLOUDEVENTS_NONE)
		status = cloudevents_make(d, e, to);
	return status == OUTFLOW_OK ? read_values(d, e, to) : status;
}

/* What tells of the last hop alone is for patterns and dead letters: two such headers would cost as much as the rest of a
 * record in Kafka. A source puts them first. What the publisher said about the message goes on. */
static void leave_out_last_hop(outflow_record *r)
{
	static const char *const names[] = { "outflow.mqtt.qos", "outflow.mqtt.packet.id", "outflow.mqtt.retain",
		                             "outflow.mqtt.dup" };
	size_t i = 0;

	while (r->n_headers > 0 && i < sizeof names / sizeof names[0]) {
		if (!outflow_equal(r->headers->name, names[i++]))
			continue;
		r->headers++;
		r->n_headers--;
		i = 0;
	}
}

static outflow_status emit(const struct deliver *d, const outflow_record *in, const struct delivery *made,
                           outflow_batch *out, outflow_error *err)
{
	outflow_record *r = outflow_emit(d->host, out, in);

	if (r == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no room for another record");
	if (d->parts[TOPIC].kind != FORM_UNSET)
		r->topic = (outflow_str){ made->parts[TOPIC].ptr, made->parts[TOPIC].len };
	if (d->parts[KEY].kind != FORM_UNSET || made->has_key)
		r->key = made->parts[KEY];
	if (d->parts[PARTITION].kind != FORM_UNSET)
		r->partition = made->partition;
	r->timestamp_ms = made->timestamp_ms;
	if (makes_headers(d)) {
		r->headers = made->headers;
		r->n_headers = made->n_headers;
	}
	leave_out_last_hop(r);
	if ((d->parts[VALUE].kind == FORM_UNSET && d->cloudevents == CLOUDEVENTS_NONE) ||
	    (made->parts[VALUE].ptr == in->value.ptr && made->parts[VALUE].len == in->value.len))
		return OUTFLOW_OK; /* the same bytes, and the view of them still holds */
	r->value = made->parts[VALUE];
	r->view = NULL;
	r->view_tag = 0;
	return OUTFLOW_OK;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	const struct deliver *d = self;
	outflow_error cause = { .size = sizeof cause };

	for (size_t i = 0; i < n; i++) {
		struct delivery made = { .n_headers = 0 };
		struct event e;
		outflow_status status;

		event_begin(&e, d->host, out, &d->settings, &in[i], &cause);
		status = make(d, &e, &made);
		if (status == OUTFLOW_OK)
			status = emit(d, &in[i], &made, out, &cause);
		if (status == OUTFLOW_E_RECORD)
			d->host->reject(d->host, &in[i], status, &cause);
		else if (status < 0)
			return outflow_fail(err, status, "%s", cause.msg);
	}
	return OUTFLOW_OK;
}

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component event_deliver = {
	.size = sizeof event_deliver,
	.kind = OUTFLOW_TRANSFORM,
	.name = "deliver",
	.doc = "Makes what the sink writes, from constants, paths into the event and templates.",
	.config = &deliver_config,
	.ops = &ops,
};
