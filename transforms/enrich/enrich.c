/* SPDX-License-Identifier: Apache-2.0 */
/* The transform enrich: fields from a table, found by a key of the event, go into the payload. */
#include "enrich.h"
#include "reload.h"
#include "settings.h"
#include "transforms/language/rewrite.h"
#include "transforms/language/stage.h"

#include <outflow/util.h>

#include <stdlib.h>

struct enrich {
	const outflow_host *host;
	struct settings settings;
	struct reload *table;
	outflow_metric *missed;
};

static void destroy(void *self)
{
	struct enrich *e = self;

	reload_end(&e->table);
	settings_clear(&e->settings);
	free(e);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct enrich *e = calloc(1, sizeof *e);
	outflow_status status;

	if (e == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the table");
	e->host = h;
	status = settings_read(&e->settings, h, c, false, err);
	if (status == OUTFLOW_OK) {
		event_settings_read(&e->settings.event, h, c, "source.");
		e->missed = h->metric->open(h, OUTFLOW_METRIC_COUNTER, "enrich_missing", "",
		                            "Records whose key was in no row.");
		status = reload_begin(&e->table, h, e->settings.source, e->settings.interval_ms, err);
		e->settings.source = NULL;
	}
	if (status != OUTFLOW_OK) {
		destroy(e);
		return status;
	}
	*self = e;
	return OUTFLOW_OK;
}

/* The key as text; ptr NULL: there is none. */
static outflow_str key_of(const struct enrich *e, struct event *event)
{
	struct value v;
	outflow_bytes text;

	path_find(e->settings.key, event, &v);
	if (event->status != OUTFLOW_OK || value_is_container(&v))
		return (outflow_str){ NULL, 0 };
	text = event_value_text(event, &v);
	return (outflow_str){ text.ptr, text.len };
}

/* Objects that are missing, one inside the other, with the row in the innermost; without the first one's name. */
static outflow_bytes nested(const struct enrich *e, struct event *event, const struct place_found *where,
                            struct table_row *row)
{
	outflow_str name, json;
	outflow_json_writer w;

	outflow_json_begin(&w, e->host, event->arena, 256);
	for (size_t i = 0; i < where->n_missing; i++) {
		if (i > 0)
			outflow_json_put_key(&w, place_missing(e->settings.target, where, i));
		outflow_json_bracket(&w, '{');
	}
	while (table_next(row, &name, &json)) {
		outflow_json_put_key(&w, name);
		outflow_json_put_raw(&w, json);
	}
	for (size_t i = 0; i < where->n_missing; i++)
		outflow_json_bracket(&w, '}');
	return outflow_json_finish(&w);
}

/* The payload with the row in it. */
static outflow_status add_row(const struct enrich *e, struct event *event, struct table_row *row, outflow_bytes *text)
{
	outflow_str name, json;
	struct place_found where;
	struct rewrite w;
	outflow_status status = place_find(e->settings.target, event, &where);

	if (status != OUTFLOW_OK)
		return status;
	rewrite_begin(&w, e->host, event->arena, where.json);
	if (where.n_missing > 0) {
		outflow_bytes object = nested(e, event, &where, row);

		if (object.ptr == NULL)
			return outflow_fail(event->err, OUTFLOW_E_NOMEM, "no memory for the enriched payload");
		rewrite_add_member(&w, where.object, place_missing(e->settings.target, &where, 0),
		                   (outflow_str){ object.ptr, object.len });
	}
	while (table_next(row, &name, &json)) {
		uint32_t old = outflow_json_member(where.json, where.object, name);

		if (old != 0)
			rewrite_replace(&w, old, json);
		else
			rewrite_add_member(&w, where.object, name, json);
	}
	*text = rewrite_finish(&w);
	return text->ptr ? OUTFLOW_OK : outflow_fail(event->err, OUTFLOW_E_NOMEM, "no memory for the enriched payload");
}

/* What the policy makes of a key without a row. OUTFLOW_AGAIN: the record is dropped. */
static outflow_status miss(const struct enrich *e, struct event *event, outflow_str key, outflow_bytes *text)
{
	const struct settings *s = &e->settings;
	struct table_row row;

	e->host->metric->add(e->missed, 1);
	switch (s->missing) {
	case MISSING_DROP:
		return OUTFLOW_AGAIN;
	case MISSING_FAIL:
		if (key.ptr == NULL)
			return outflow_fail(event->err, OUTFLOW_E_RECORD,
			                    "nothing to look up: there is no text, number, true or false at %.*s",
			                    (int)s->key_text.len, s->key_text.ptr);
		return outflow_fail(event->err, OUTFLOW_E_RECORD, "'%.*s' (%.*s) is not in the table",
		                    (int)(key.len > 100 ? 100 : key.len), key.ptr, (int)s->key_text.len,
		                    s->key_text.ptr);
	case MISSING_DEFAULT:
		(void)table_find(s->fallback, (outflow_str){ "", 0 }, &row);
		return row.left > 0 ? add_row(e, event, &row, text) : OUTFLOW_OK;
	default:
		return OUTFLOW_OK;
	}
}

static outflow_status emit(const struct enrich *e, const outflow_record *in, outflow_bytes text, outflow_batch *out,
                           outflow_error *err)
{
	outflow_record *r;

	if (text.ptr != NULL)
		return stage_emit_value(e->host, out, in, text, err);
	return stage_emit(e->host, out, in, &r, err);
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct enrich *e = self;
	outflow_bytes text = { NULL, 0 };
	struct table_row row;
	struct event event;
	outflow_status status;
	outflow_str key;

	if (in->value.ptr == NULL) /* null has no place for fields */
		return emit(e, in, text, out, err);
	event_begin(&event, e->host, out, &e->settings.event, in, err);
	key = key_of(e, &event);
	if (event.status != OUTFLOW_OK)
		return event.status;
	if (key.ptr == NULL || !table_find(reload_table(e->table), key, &row))
		status = miss(e, &event, key, &text);
	else
		status = row.left > 0 ? add_row(e, &event, &row, &text) : OUTFLOW_OK;
	if (status == OUTFLOW_AGAIN)
		return OUTFLOW_OK;
	return status == OUTFLOW_OK ? emit(e, in, text, out, err) : status;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	const struct enrich *e = self;

	return stage_apply(e->host, apply_one, self, in, n, out, err);
}

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component enrich_component = {
	.size = sizeof enrich_component,
	.kind = OUTFLOW_TRANSFORM,
	.name = "enrich",
	.doc = "Adds fields from a local table (CSV, JSON Lines, SQLite), found by a key of the event.",
	.config = &settings_schema,
	.ops = &ops,
};
