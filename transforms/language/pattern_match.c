/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over an event decides about one rule of a pattern.
 *
 * Every part of the pattern gets one of three verdicts on a part of the event: it does not fit; it fits because
 * something is absent (exists: false); it fits with a value found there. Fields of an object are an AND: the
 * worst decides, and a found value outweighs an absence. Of an array one element is enough if a value was found
 * in it; an absence must hold in all of them. So two fields inside an array fit only in one and the same
 * element, and "exists: false" beside another field is about the element which that field chose.
 */
#include "pattern_internal.h"

#include <outflow/util.h>

enum verdict { NO, ABSENT, FOUND };

struct match {
	struct pattern *p;
	const struct node *nodes; /* of the rule */
	struct event *e;
	pattern_trace *trace;
	void *arg;
};

static void tell(struct match *m, const struct leaf *l, const struct value *v, bool fits_here)
{
	struct pattern_finding finding = { l->number, v, fits_here };

	if (m->trace != NULL)
		m->trace(m->arg, &finding);
}

static enum verdict test_scalar(struct match *m, const struct node *n, const struct value *v)
{
	struct subject s;
	bool yes;

	if (!pattern_subject(m->e, v, &s))
		return NO;
	yes = pattern_leaf_fits(n->leaf, &s);
	tell(m, n->leaf, v, yes);
	return yes ? FOUND : NO;
}

/* ---- joining verdicts ---- */

/* Of the members of one object; *all begins as ABSENT. false: it is decided, unless somebody wants to know
 * everything. */
static bool join_fields(const struct match *m, enum verdict *all, enum verdict one)
{
	if (one == NO || *all == NO)
		*all = NO;
	else if (one == FOUND)
		*all = FOUND;
	return *all != NO || m->trace != NULL;
}

/* Of the elements of one array; *all begins as `nothing`, the verdict without any. false: it is decided. */
static bool join_elements(const struct match *m, enum verdict *all, enum verdict one)
{
	if (one == FOUND || *all == FOUND)
		*all = FOUND;
	else if (one == NO)
		*all = NO;
	return *all != FOUND || m->trace != NULL;
}

/* The verdict on a node for which there is no value. */
static enum verdict test_missing(struct match *m, const struct node *n)
{
	struct value none = { .type = VALUE_MISSING };
	enum verdict all = ABSENT;

	if (n->is_leaf) {
		all = pattern_leaf_fits_absence(n->leaf) ? ABSENT : NO;
		tell(m, n->leaf, &none, all == ABSENT);
		return all;
	}
	for (uint32_t i = 0; i < n->n; i++)
		if (!join_fields(m, &all, test_missing(m, &m->nodes[n->first + i])))
			break;
	return n->is_data && m->p->dialect == PATTERN_ALIBABA ? NO : all; /* such a part fits no event without data */
}

/* ---- values on a tape ---- */

static void forget(struct pattern *p, const struct node *n)
{
	memset(p->slots + n->first, 0, n->n * sizeof *p->slots);
}

static void note(struct match *m, const struct node *n, outflow_str name, uint32_t token);

/* A name with a dot goes on below node i, which is marked, so that what was noted there is kept. */
static void note_below(struct match *m, uint32_t i, outflow_str name, uint32_t token)
{
	const struct node *c = &m->nodes[i];

	if (!m->p->slots[i].dotted)
		forget(m->p, c);
	m->p->slots[i].dotted = true;
	name.ptr += c->length + 1;
	name.len -= c->length + 1;
	note(m, c, name, token);
}

/* The first letter decides nearly always, without a call. */
static inline bool begins_with(outflow_str name, const struct node *c)
{
	return c->length == 0 || (name.ptr[0] == c->name[0] && memcmp(name.ptr, c->name, c->length) == 0);
}

/* Notes token under name for the children of n. */
static void note(struct match *m, const struct node *n, outflow_str name, uint32_t token)
{
	if (!(n->shapes & pattern_shape(name)) && !n->may_be_dotted)
		return;
	for (uint32_t i = n->first; i < n->first + n->n; i++) {
		const struct node *c = &m->nodes[i];
		bool dotted = !c->is_leaf && name.len > c->length && name.ptr[c->length] == '.';

		if ((name.len != c->length && !dotted) || !begins_with(name, c))
			continue;
		if (dotted) {
			note_below(m, i, name, token);
			continue;
		}
		m->p->slots[i].token = token;
		if (!c->twin)
			return;
	}
}

/* Notes for each child of n its value in the object; of equal names the last one wins. */
static void collect(struct match *m, const struct node *n, const outflow_json *j, uint32_t object)
{
	for (uint32_t i = object + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		outflow_str name = outflow_json_text(j, i);

		if (!outflow_json_is_plain(j, i)) {
			name = outflow_json_string(m->e->host, m->e->arena, j, i);
			if (name.ptr == NULL) {
				m->e->status =
					outflow_fail(m->e->err, OUTFLOW_E_NOMEM, "no memory for a name of the event");
				return;
			}
		}
		note(m, n, name, i + 1);
	}
}

static enum verdict test_token(struct match *m, const struct node *n, const outflow_json *j, uint32_t token);

/* The verdicts on all children of n, whose values were noted. */
static enum verdict test_noted(struct match *m, const struct node *n, const outflow_json *j)
{
	enum verdict all = ABSENT, one;

	for (uint32_t i = n->first; i < n->first + n->n; i++) {
		const struct node *c = &m->nodes[i];
		struct slot slot = m->p->slots[i];
		bool is_object = slot.token != 0 && outflow_json_type(j, slot.token) == OUTFLOW_JSON_OBJECT;

		if (!slot.dotted) {
			one = slot.token ? test_token(m, c, j, slot.token) : test_missing(m, c);
		} else {
			if (is_object)
				collect(m, c, j, slot.token);
			one = test_noted(m, c, j);
			/* Beside names with dots the plain name may hold an array: either place will do. */
			if (slot.token != 0 && !is_object)
				join_elements(m, &one, test_token(m, c, j, slot.token));
		}
		if (!join_fields(m, &all, one))
			break;
	}
	return all;
}

static enum verdict test_array(struct match *m, const struct node *n, const outflow_json *j, uint32_t array)
{
	uint32_t end = outflow_json_next(j, array) - 1, i = array + 1;
	enum verdict all = ABSENT;

	if (i == end)
		return test_missing(m, n);
	for (; i < end; i = outflow_json_next(j, i))
		if (!join_elements(m, &all, test_token(m, n, j, i)))
			break;
	return all;
}

/* Dialect alibaba: of an array of scalars any will do; anything else that is no scalar fits nothing. */
static enum verdict test_untyped_leaf(struct match *m, const struct node *n, const outflow_json *j, uint32_t token)
{
	uint32_t end = outflow_json_next(j, token) - 1;
	struct value v = { .type = VALUE_MISSING };
	enum verdict all = NO;

	for (uint32_t i = token + 1; i < end; i = outflow_json_next(j, i))
		if (outflow_json_type(j, token) == OUTFLOW_JSON_OBJECT || outflow_json_next(j, i) != i + 1)
			end = token; /* holds a container, or is an object */
	if (end <= token + 1)
		tell(m, n->leaf, &v, false);
	for (uint32_t i = token + 1; i < end; i++) {
		v = value_of_token(j, i);
		if (!join_elements(m, &all, test_scalar(m, n, &v)))
			break;
	}
	return all;
}

static enum verdict test_token(struct match *m, const struct node *n, const outflow_json *j, uint32_t token)
{
	uint32_t type = outflow_json_type(j, token);
	struct value v;

	if (m->p->dialect == PATTERN_ALIBABA && (type == OUTFLOW_JSON_ARRAY || type == OUTFLOW_JSON_OBJECT)) {
		if (n->is_leaf)
			return test_untyped_leaf(m, n, j, token);
		if (type == OUTFLOW_JSON_ARRAY)
			return test_missing(m, n);
	}
	if (type == OUTFLOW_JSON_ARRAY)
		return test_array(m, n, j, token);
	if (n->is_leaf && type != OUTFLOW_JSON_OBJECT) {
		v = value_of_token(j, token);
		return test_scalar(m, n, &v);
	}
	if (n->is_leaf || type != OUTFLOW_JSON_OBJECT)
		return test_missing(m, n);
	forget(m->p, n);
	collect(m, n, j, token);
	return test_noted(m, n, j);
}

/* ---- values that the envelope makes ---- */

static enum verdict test_envelope(struct match *m, const struct node *n);

static enum verdict test_user_property(struct match *m, const struct node *n, const struct value *property)
{
	enum verdict all = ABSENT, one;
	struct value v;

	for (uint32_t i = n->first; i < n->first + n->n; i++) {
		const struct node *c = &m->nodes[i];

		envelope_user_part(m->e, property, c->envelope, &v);
		one = c->is_leaf && v.type != VALUE_MISSING ? test_scalar(m, c, &v) : test_missing(m, c);
		if (!join_fields(m, &all, one))
			break;
	}
	return all;
}

static enum verdict test_user_properties(struct match *m, const struct node *n)
{
	enum verdict all = ABSENT;
	struct value property;
	int64_t i = 0;

	if (n->is_leaf && m->p->dialect == PATTERN_ALIBABA) {
		property = (struct value){ .type = VALUE_MISSING };
		tell(m, n->leaf, &property, false);
		return NO;
	}
	if (n->is_leaf || m->p->dialect == PATTERN_ALIBABA)
		return test_missing(m, n);
	for (; envelope_user_property(m->e, i, &property), property.type != VALUE_MISSING; i++)
		if (!join_elements(m, &all, test_user_property(m, n, &property)))
			break;
	return i > 0 || all == FOUND ? all : test_missing(m, n);
}

static enum verdict test_field(struct match *m, const struct node *n)
{
	struct value v;

	if (n->envelope == ENVELOPE_EXTENSION)
		envelope_extension(m->e, (outflow_str){ n->name, n->length }, &v);
	else
		envelope_get(m->e, n->envelope, &v);
	if (v.json != NULL)
		return test_token(m, n, v.json, v.token);
	if (n->envelope == ENVELOPE_USER_PROPERTIES)
		return test_user_properties(m, n);
	if (v.type == OUTFLOW_JSON_OBJECT && !n->is_leaf)
		return test_envelope(m, n);
	if (n->is_leaf && v.type != VALUE_MISSING && v.type != OUTFLOW_JSON_OBJECT)
		return test_scalar(m, n, &v);
	if (n->is_leaf && v.type == OUTFLOW_JSON_OBJECT && m->p->dialect == PATTERN_ALIBABA) {
		v.type = VALUE_MISSING;
		tell(m, n->leaf, &v, false);
		return NO;
	}
	return test_missing(m, n);
}

static enum verdict test_envelope(struct match *m, const struct node *n)
{
	enum verdict all = ABSENT;

	for (uint32_t i = n->first; i < n->first + n->n; i++)
		if (!join_fields(m, &all, test_field(m, &m->nodes[i])))
			break;
	return all;
}

bool pattern_rule_match(struct pattern *p, const struct rule *rule, struct event *e, pattern_trace *trace, void *arg)
{
	struct match m = { p, rule->nodes, e, trace, arg };
	const outflow_json *json;
	enum verdict verdict;

	if (!e->whole) {
		verdict = test_envelope(&m, &rule->nodes[0]);
	} else {
		json = event_tape(e);
		if (json == NULL)
			return false;
		verdict = test_token(&m, &rule->nodes[0], json, 0);
	}
	return e->status == OUTFLOW_OK && verdict != NO;
}

bool pattern_match(struct pattern *p, struct event *e, pattern_trace *trace, void *arg)
{
	bool fits = false;

	for (const struct rule *r = p->rules; r != NULL && (!fits || trace != NULL); r = r->next)
		fits = pattern_rule_match(p, r, e, trace, arg) || fits;
	return e->status == OUTFLOW_OK && fits;
}
