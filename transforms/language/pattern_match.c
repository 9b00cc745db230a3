/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over an event decides about a pattern.
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
	struct event *e;
	pattern_trace *trace;
	void *arg;
};

/* ---- one value against one leaf ---- */

static int compare_text(outflow_str a, outflow_str b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

static bool holds(const struct limit *l, const struct number *n)
{
	int order = number_compare(n, &l->number);

	switch (l->comparison) {
	case COMPARE_LESS:
		return order < 0;
	case COMPARE_LESS_EQUAL:
		return order <= 0;
	case COMPARE_EQUAL:
		return order == 0;
	case COMPARE_NOT_EQUAL:
		return order != 0;
	case COMPARE_GREATER_EQUAL:
		return order >= 0;
	default:
		return order > 0;
	}
}

/* A scalar as the tests want it: strings decoded, numbers read. */
struct subject {
	uint32_t type;
	outflow_str text;
	struct number number;
};

static bool fits(const struct test *t, const struct subject *s)
{
	switch (t->kind) {
	case TEST_STRING:
		return s->type == OUTFLOW_JSON_STRING && compare_text(s->text, t->text) == 0;
	case TEST_NUMBER:
		return s->type == OUTFLOW_JSON_NUMBER && number_compare(&s->number, &t->number) == 0;
	case TEST_LITERAL:
		return s->type == t->literal;
	case TEST_PREFIX:
		return s->type == OUTFLOW_JSON_STRING && s->text.len >= t->text.len &&
		       (t->text.len == 0 || memcmp(s->text.ptr, t->text.ptr, t->text.len) == 0);
	case TEST_NUMERIC:
		return s->type == OUTFLOW_JSON_NUMBER && holds(&t->limits[0], &s->number) &&
		       (t->n_limits == 1 || holds(&t->limits[1], &s->number));
	case TEST_EXISTS:
		return t->exists;
	case TEST_ANYTHING_BUT:
		for (const struct test *but = t->list; but != NULL; but = but->next)
			if (fits(but, s))
				return false;
		return true;
	}
	return false;
}

static bool is_listed(const struct field *f, outflow_str text)
{
	size_t low = 0, high = f->n_strings;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare_text(text, f->strings[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static bool all_fit(const struct condition *c, const struct subject *s)
{
	for (const struct test *t = c->tests; t != NULL; t = t->next)
		if (!fits(t, s))
			return false;
	return true;
}

static bool scalar_fits(struct match *m, const struct field *f, const struct value *v)
{
	struct subject s = { .type = v->type, .text = v->text };
	char *decoded;

	if (v->type == OUTFLOW_JSON_NUMBER) {
		number_read(&s.number, v->text, !v->special);
	} else if (v->type == OUTFLOW_JSON_STRING) {
		if (v->special) {
			decoded = outflow_alloc(m->e->host, m->e->arena, v->text.len, 1);
			if (decoded == NULL) {
				m->e->status =
					outflow_fail(m->e->err, OUTFLOW_E_NOMEM, "no memory for a string of the event");
				return false;
			}
			s.text = (outflow_str){ decoded, outflow_json_decode(v->text, decoded) };
		}
		if (is_listed(f, s.text))
			return true;
	}
	for (const struct condition *c = f->conditions; c != NULL; c = c->next)
		if (all_fit(c, &s))
			return true;
	return false;
}

static bool absence_fits(const struct field *f)
{
	for (const struct condition *c = f->conditions; c != NULL; c = c->next)
		if (c->tests->kind == TEST_EXISTS && !c->tests->exists && c->tests->next == NULL)
			return true;
	return false;
}

static void tell(struct match *m, const struct field *f, const struct value *v, bool fits_here)
{
	struct pattern_finding finding = { f->leaf, v, fits_here };

	if (m->trace != NULL)
		m->trace(m->arg, &finding);
}

static enum verdict test_scalar(struct match *m, const struct node *n, const struct value *v)
{
	bool yes = scalar_fits(m, n->field, v);

	tell(m, n->field, v, yes);
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
		all = absence_fits(n->field) ? ABSENT : NO;
		tell(m, n->field, &none, all == ABSENT);
		return all;
	}
	for (uint32_t i = 0; i < n->n; i++)
		if (!join_fields(m, &all, test_missing(m, &m->p->nodes[n->first + i])))
			break;
	return all;
}

/* ---- values on a tape ---- */

static void forget(struct pattern *p, const struct node *n)
{
	memset(p->slots + n->first, 0, n->n * sizeof *p->slots);
}

static void note(struct pattern *p, const struct node *n, outflow_str name, uint32_t token);

/* A name with a dot goes on below node i, which is marked, so that what was noted there is kept. */
static void note_below(struct pattern *p, uint32_t i, outflow_str name, uint32_t token)
{
	const struct node *c = &p->nodes[i];

	if (!p->slots[i].dotted)
		forget(p, c);
	p->slots[i].dotted = true;
	name.ptr += c->length + 1;
	name.len -= c->length + 1;
	note(p, c, name, token);
}

/* The first letter decides nearly always, without a call. */
static inline bool begins_with(outflow_str name, const struct node *c)
{
	return c->length == 0 || (name.ptr[0] == c->name[0] && memcmp(name.ptr, c->name, c->length) == 0);
}

/* Notes token under name for the children of n. */
static void note(struct pattern *p, const struct node *n, outflow_str name, uint32_t token)
{
	if (!(n->shapes & pattern_shape(name)) && !n->may_be_dotted)
		return;
	for (uint32_t i = n->first; i < n->first + n->n; i++) {
		const struct node *c = &p->nodes[i];
		bool dotted = !c->is_leaf && name.len > c->length && name.ptr[c->length] == '.';

		if ((name.len != c->length && !dotted) || !begins_with(name, c))
			continue;
		if (dotted) {
			note_below(p, i, name, token);
			continue;
		}
		p->slots[i].token = token;
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
		note(m->p, n, name, i + 1);
	}
}

static enum verdict test_token(struct match *m, const struct node *n, const outflow_json *j, uint32_t token);

/* The verdicts on all children of n, whose values were noted. */
static enum verdict test_noted(struct match *m, const struct node *n, const outflow_json *j)
{
	enum verdict all = ABSENT, one;

	for (uint32_t i = n->first; i < n->first + n->n; i++) {
		const struct node *c = &m->p->nodes[i];
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

static enum verdict test_token(struct match *m, const struct node *n, const outflow_json *j, uint32_t token)
{
	uint32_t type = outflow_json_type(j, token);
	struct value v;

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
		const struct node *c = &m->p->nodes[i];

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

	if (n->is_leaf)
		return test_missing(m, n);
	for (; envelope_user_property(m->e, i, &property), property.type != VALUE_MISSING; i++)
		if (!join_elements(m, &all, test_user_property(m, n, &property)))
			break;
	return i > 0 || all == FOUND ? all : test_missing(m, n);
}

static enum verdict test_field(struct match *m, const struct node *n)
{
	struct value v;

	envelope_get(m->e, n->envelope, &v);
	if (v.json != NULL)
		return test_token(m, n, v.json, v.token);
	if (n->envelope == ENVELOPE_USER_PROPERTIES)
		return test_user_properties(m, n);
	if (v.type == OUTFLOW_JSON_OBJECT && !n->is_leaf)
		return test_envelope(m, n);
	if (n->is_leaf && v.type != VALUE_MISSING && v.type != OUTFLOW_JSON_OBJECT)
		return test_scalar(m, n, &v);
	return test_missing(m, n);
}

static enum verdict test_envelope(struct match *m, const struct node *n)
{
	enum verdict all = ABSENT;

	for (uint32_t i = n->first; i < n->first + n->n; i++)
		if (!join_fields(m, &all, test_field(m, &m->p->nodes[i])))
			break;
	return all;
}

bool pattern_match(struct pattern *p, struct event *e, pattern_trace *trace, void *arg)
{
	struct match m = { p, e, trace, arg };
	const outflow_json *json;
	enum verdict verdict;

	if (!e->whole) {
		verdict = test_envelope(&m, &p->nodes[0]);
	} else {
		json = event_tape(e);
		if (json == NULL)
			return false;
		verdict = test_token(&m, &p->nodes[0], json, 0);
	}
	return e->status == OUTFLOW_OK && verdict != NO;
}
