/* SPDX-License-Identifier: Apache-2.0 */
/* The transform split: one record for each part of a payload. */
#include "components.h"
#include "transforms/language/query.h"
#include "transforms/language/reading.h"
#include "transforms/language/regex.h"
#include "transforms/language/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT_MAX 1000000

enum empty { EMPTY_SKIP, EMPTY_KEEP };
enum none { NONE_DROP, NONE_FAIL, NONE_PASS };
static const char *const empty_names[] = { "skip", "keep", NULL };
static const char *const none_names[] = { "drop", "fail", "pass", NULL };

struct split {
	const outflow_host *host;
	struct event_settings settings;
	struct regex *delimiter; /* NULL: the nodes of path are the parts */
	struct query *path;      /* NULL: the whole payload */
	enum empty empty;
	enum none none;
	int64_t limit;
};

/* ---- configuration ---- */

static void read_split(struct split *s, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_str text;
	outflow_status status = OUTFLOW_OK;
	bool is_given = false;

	if (reading_text(r, "delimiter", false, &text)) {
		is_given = true;
		status = text.len > 0 ? regex_compile(text, &s->delimiter, &err)
		                      : outflow_fail(&err, OUTFLOW_E_CONFIG, "is empty");
		if (status != OUTFLOW_OK)
			reading_problem(r, "delimiter", status, "%s", err.msg);
	}
	if (reading_text(r, "path", false, &text)) {
		status = query_compile(text, &s->path, &err);
		if (status != OUTFLOW_OK)
			reading_problem(r, "path", status, "%s", err.msg);
		else if (is_given && !query_is_singular(s->path))
			reading_problem(r, "path", OUTFLOW_E_CONFIG,
			                "with a delimiter the path finds one text, and this one can find several");
	} else if (!is_given) {
		reading_problem(r, "delimiter", OUTFLOW_E_CONFIG,
		                "is missing: give a delimiter, or a path whose nodes are the parts");
	}
	s->empty = reading_choice(r, "empty", empty_names, EMPTY_SKIP);
	s->none = reading_choice(r, "none", none_names, NONE_DROP);
	s->limit = outflow_config_number(r->host, r->config, "limit");
}

static void clear(struct split *s)
{
	regex_free(&s->delimiter);
	query_free(&s->path);
}

static outflow_status check(const outflow_host *h, const outflow_config *config, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .check = true, .err = err };
	struct split s = { .host = h };

	read_split(&s, &r);
	clear(&s);
	return r.status;
}

static void destroy(void *self)
{
	clear(self);
	free(self);
}

static outflow_status create(const outflow_host *h, const outflow_config *config, void **self, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .err = err };
	struct split *s = calloc(1, sizeof *s);

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	s->host = h;
	event_settings_read(&s->settings, h, config, "source.");
	read_split(s, &r);
	if (r.status != OUTFLOW_OK) {
		destroy(s);
		return r.status;
	}
	*self = s;
	return OUTFLOW_OK;
}

/* ---- finding the parts ---- */

struct work {
	const struct split *split;
	struct event e;
	outflow_str *parts;
	size_t n, room;
	outflow_status status;
};

static void add_part(struct work *w, outflow_str part)
{
	const struct split *s = w->split;

	if (w->status != OUTFLOW_OK || (part.len == 0 && s->empty == EMPTY_SKIP))
		return;
	if (w->n == (size_t)s->limit) {
		w->status = outflow_fail(w->e.err, OUTFLOW_E_RECORD,
		                         "the payload has more than %zu parts, which is the limit", w->n);
		return;
	}
	if (w->n == w->room) {
		size_t room = 2 * w->room + 16;
		outflow_str *larger = outflow_alloc(s->host, w->e.arena, room * sizeof *larger, _Alignof(outflow_str));

		if (larger == NULL) {
			w->status = outflow_fail(w->e.err, OUTFLOW_E_NOMEM, "no memory for the parts");
			return;
		}
		if (w->n > 0)
			memcpy(larger, w->parts, w->n * sizeof *larger);
		w->parts = larger;
		w->room = room;
	}
	w->parts[w->n++] = part;
}

static void split_text(struct work *w, outflow_str text)
{
	struct regex_budget budget = { 0 };
	struct regex_walk walk = { .budget = &budget };
	size_t done = 0, from, to;
	outflow_status status = OUTFLOW_OK;

	while (w->status == OUTFLOW_OK) {
		status = regex_next(w->split->delimiter, text, &walk, w->e.err);
		if (status != OUTFLOW_OK)
			break;
		(void)regex_group(w->split->delimiter, 0, &from, &to);
		add_part(w, (outflow_str){ text.ptr + done, from - done });
		done = to;
	}
	if (w->status == OUTFLOW_OK && status != OUTFLOW_AGAIN)
		w->status = status;
	add_part(w, (outflow_str){ text.ptr + done, text.len - done });
}

/* The text at the path, decoded. */
static void split_value(struct work *w, const struct value *v)
{
	outflow_bytes text;

	if (v->type != OUTFLOW_JSON_STRING) {
		w->status = outflow_fail(w->e.err, OUTFLOW_E_RECORD,
		                         "there is no text at the path that a delimiter could split");
		return;
	}
	text = event_value_text(&w->e, v);
	if (text.ptr != NULL)
		split_text(w, (outflow_str){ text.ptr, text.len });
}

/* An empty element is one without anything in it. */
static void add_value(struct work *w, const struct value *v)
{
	outflow_bytes json;

	if (v->type == OUTFLOW_JSON_STRING && v->text.len == 0 && w->split->empty == EMPTY_SKIP)
		return;
	json = event_value_json(&w->e, v);
	if (json.ptr != NULL)
		add_part(w, (outflow_str){ json.ptr, json.len });
}

static void add_elements(struct work *w, const struct value *array)
{
	struct value element;
	uint32_t i = array->token + 1;

	if (array->json == NULL) { /* user properties */
		for (int64_t n = 0; envelope_user_property(&w->e, n, &element), element.type != VALUE_MISSING; n++)
			add_value(w, &element);
		return;
	}
	for (; w->status == OUTFLOW_OK && outflow_json_type(array->json, i) != OUTFLOW_JSON_END;
	     i = outflow_json_next(array->json, i)) {
		element = value_of_token(array->json, i);
		add_value(w, &element);
	}
}

static bool found(void *arg, const struct value *v)
{
	struct work *w = arg;

	if (w->split->delimiter != NULL) {
		split_value(w, v);
	} else if (query_is_singular(w->split->path) && v->type == OUTFLOW_JSON_ARRAY) {
		add_elements(w, v);
	} else {
		add_value(w, v);
	}
	return w->status == OUTFLOW_OK;
}

static outflow_status find_parts(struct work *w, const outflow_record *in)
{
	if (w->split->path == NULL)
		split_text(w, (outflow_str){ in->value.ptr, in->value.len });
	else
		query_find(w->split->path, &w->e, found, w);
	return w->status != OUTFLOW_OK ? w->status : w->e.status;
}

/* ---- emitting them ---- */

static outflow_bytes number(struct work *w, size_t n)
{
	outflow_str text = outflow_print(w->split->host, w->e.arena, "%zu", n);

	return outflow_text_bytes(text);
}

/* Headers of part number i; those of an earlier split go. */
static outflow_header *headers_of(struct work *w, const outflow_record *in, size_t i, outflow_bytes parts, uint32_t *n)
{
	outflow_header *list =
		outflow_alloc(w->split->host, w->e.arena, (in->n_headers + 2) * sizeof *list, _Alignof(outflow_header));
	outflow_bytes part = number(w, i + 1);

	if (list == NULL || part.ptr == NULL)
		return NULL;
	*n = 0;
	for (uint32_t h = 0; h < in->n_headers; h++)
		if (!outflow_equal(in->headers[h].name, ENVELOPE_PART_HEADER) &&
		    !outflow_equal(in->headers[h].name, ENVELOPE_PARTS_HEADER))
			list[(*n)++] = in->headers[h];
	list[(*n)++] = (outflow_header){ { ENVELOPE_PART_HEADER, sizeof ENVELOPE_PART_HEADER - 1 }, part };
	list[(*n)++] = (outflow_header){ { ENVELOPE_PARTS_HEADER, sizeof ENVELOPE_PARTS_HEADER - 1 }, parts };
	return list;
}

static outflow_status emit_parts(struct work *w, const outflow_record *in, outflow_batch *out)
{
	outflow_bytes parts = number(w, w->n);
	outflow_record *r = NULL;

	for (size_t i = 0; i < w->n; i++) {
		uint32_t n = 0;
		outflow_header *headers = parts.ptr ? headers_of(w, in, i, parts, &n) : NULL;
		outflow_bytes value = { w->parts[i].ptr ? w->parts[i].ptr : "", w->parts[i].len };

		if (headers == NULL)
			return outflow_fail(w->e.err, OUTFLOW_E_NOMEM, "no memory for the headers of the parts");
		if (stage_emit_value(w->split->host, out, in, value, w->e.err) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
		r = &out->recs[out->n - 1];
		r->headers = headers;
		r->n_headers = n;
	}
	return OUTFLOW_OK;
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct split *s = self;
	struct work w = { .split = s };
	outflow_status status;
	outflow_record *r;

	if (in->value.ptr == NULL) /* null has no parts */
		return stage_emit(s->host, out, in, &r, err);
	event_begin(&w.e, s->host, out, &s->settings, in, err);
	status = find_parts(&w, in);
	if (status != OUTFLOW_OK)
		return status;
	if (w.n > 0)
		return emit_parts(&w, in, out);
	switch (s->none) {
	case NONE_DROP:
		return OUTFLOW_OK;
	case NONE_PASS:
		return stage_emit(s->host, out, in, &r, err);
	default:
		return outflow_fail(err, OUTFLOW_E_RECORD, "the payload has no part");
	}
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct split *)self)->host, apply_one, self, in, n, out, err);
}

static const outflow_cfg_key keys[] = {
	{ "delimiter", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Split",
	  "A regular expression (PCRE2): what it fits stands between parts. Without a path it is searched in the payload as "
	  "text." },
	{ "path", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Split",
	  "A JSONPath query: each value that it finds is a part, as JSON, and of one array its elements are. With a delimiter: "
	  "where the text is that is split." },
	{ "empty", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "skip", 0, 0, empty_names, "Split",
	  "Whether parts without anything in them are left out, or kept." },
	{ "none", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "drop", 0, 0, none_names, "Split",
	  "What happens to a payload that has no part: the record is filtered, fails, or passes as it is." },
	{ "limit", OUTFLOW_T_INT, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "10000", 1, LIMIT_MAX, NULL, "Split",
	  "How many parts a record may have; one with more fails." },
};
static const outflow_cfg_def config = { sizeof config, sizeof keys[0], keys, sizeof keys / sizeof keys[0], check };

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component cleanse_split = {
	.size = sizeof cleanse_split,
	.kind = OUTFLOW_TRANSFORM,
	.name = "split",
	.doc = "Makes one record of each part of a payload. Key and headers stay; outflow.part and outflow.parts are added, which "
	       "patterns see as data.props.part and data.props.parts.",
	.config = &config,
	.ops = &ops,
};
