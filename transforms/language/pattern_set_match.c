/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over an event tells which clauses of a set are satisfied; then the rules that hang on them are looked at. */
#include "pattern_set.h"

#include <outflow/util.h>

static inline void test_subject(struct pattern_set *set, struct index *x, const struct subject *s)
{
	x->event = set->probe.event;
	set->probe.value++;
	set->probe.satisfied = false;
	index_test(x, &set->probe, s);
	if (x->vital && !set->probe.satisfied && set->inside == 0 && !set->inexact)
		set->stop = true;
}

static void test_scalar(struct pattern_set *set, struct index *x, const struct value *v)
{
	struct subject s;

	if (pattern_subject(set->e, v, &s))
		test_subject(set, x, &s);
	else
		set->stop = true;
}

/* ---- values on a tape ---- */

/* The same for a scalar on a tape, which mostly needs no work before it is tried. */
static void test_token(struct pattern_set *set, struct index *x, const outflow_json *j, uint32_t token)
{
	bool special = j->tokens[token].info & OUTFLOW_JSON_SPECIAL;
	struct subject s;
	struct value v;

	s.type = outflow_json_type(j, token);
	s.text = outflow_json_text(j, token);
	if (s.type == OUTFLOW_JSON_NUMBER && x->numbers.n > 0)
		number_read(&s.number, s.text, !special);
	if (s.type != OUTFLOW_JSON_STRING || !special) {
		test_subject(set, x, &s);
		return;
	}
	v = value_of_token(j, token);
	test_scalar(set, x, &v);
}

static void walk_value(struct pattern_set *set, const struct set_node *n, const outflow_json *j, uint32_t token);

/* Of short names a call of memcmp would be most of the work: up to eight bytes are two words that overlap. */
static inline bool is_named(const struct set_node *c, outflow_str name)
{
	uint32_t a, b, c_a, c_b;
	size_t i = 0;

	if (name.len != c->length)
		return false;
	if (name.len > 8)
		return memcmp(name.ptr, c->name, name.len) == 0;
	if (name.len >= 4) {
		memcpy(&a, name.ptr, 4);
		memcpy(&b, name.ptr + name.len - 4, 4);
		memcpy(&c_a, c->name, 4);
		memcpy(&c_b, c->name + name.len - 4, 4);
		return a == c_a && b == c_b;
	}
	while (i < name.len && name.ptr[i] == c->name[i])
		i++;
	return i == name.len;
}

/* The child of n of that name, or NULL. */
static inline const struct set_node *find_child(const struct pattern_set *set, const struct set_node *n,
                                                outflow_str name)
{
	const struct set_node *c = &set->nodes[n->first], *end = c + n->n;
	uintptr_t found;
	unsigned first;

	if (n->by_shape == NULL) {
		found = (uintptr_t)words_find(n->by_name, name);
		return found ? &set->nodes[found - 1] : NULL;
	}
	first = n->by_shape[pattern_shape_number(name)];
	if (first == 0)
		return NULL;
	for (c += first - 1; c < end; c++)
		if (is_named(c, name))
			return c;
	return NULL;
}

/* A name with dots: each part before a dot may be a field whose rest is below it. What is found there is tried at once,
 * and since the field may be there without dots as well, nothing is exact any more. */
static void walk_dotted(struct pattern_set *set, const struct set_node *n, outflow_str name, const outflow_json *j,
                        uint32_t token)
{
	const char *dot;
	outflow_str head, rest;
	const struct set_node *c;

	while (n->heads & set_initial(name) && name.len > 0 && (dot = memchr(name.ptr, '.', name.len)) != NULL) {
		head = (outflow_str){ name.ptr, (size_t)(dot - name.ptr) };
		rest = (outflow_str){ dot + 1, name.len - head.len - 1 };
		c = find_child(set, n, head);
		if (c == NULL || c->n == 0)
			return;
		n = c;
		name = rest;
		c = find_child(set, n, name);
		if (c != NULL) {
			set->inexact = true;
			walk_value(set, c, j, token);
		}
	}
}

/* The value of a name with escapes; ptr NULL: no memory. */
static outflow_str decode_name(struct pattern_set *set, const outflow_json *j, uint32_t i)
{
	outflow_str name = outflow_json_string(set->e->host, set->e->arena, j, i);

	if (name.ptr == NULL) {
		set->e->status = outflow_fail(set->e->err, OUTFLOW_E_NOMEM, "no memory for a name of the event");
		set->stop = true;
	}
	return name;
}

/* Notes for each child of n its value in the object; of equal names the last one wins. Returns how many have one. */
static uint32_t collect(struct pattern_set *set, const struct set_node *n, const outflow_json *j, uint32_t object)
{
	uint32_t *touched = set->touched + n->first, *tokens = set->tokens, n_touched = 0;
	const struct set_node *nodes = set->nodes;
	uint64_t shapes = n->shapes, heads = n->heads;

	for (uint32_t i = object + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		outflow_str name = outflow_json_text(j, i);
		const struct set_node *c = NULL;

		if (!outflow_json_is_plain(j, i)) {
			name = decode_name(set, j, i);
			if (name.ptr == NULL)
				return n_touched;
		}
		if (shapes & pattern_shape(name))
			c = find_child(set, n, name);
		if (c != NULL) {
			uint32_t number = (uint32_t)(c - nodes);

			if (tokens[number] == 0)
				touched[n_touched++] = number;
			tokens[number] = i + 1;
		} else if (heads & set_initial(name)) {
			walk_dotted(set, n, name, j, i + 1);
		}
	}
	return n_touched;
}

static void walk_object(struct pattern_set *set, const struct set_node *n, const outflow_json *j, uint32_t object)
{
	uint32_t n_touched = collect(set, n, j, object), i;

	for (i = 0; i < n_touched; i++) {
		uint32_t number = set->touched[n->first + i], token = set->tokens[number];

		set->tokens[number] = 0;
		if (!set->stop)
			walk_value(set, &set->nodes[number], j, token);
	}
}

static void walk_array(struct pattern_set *set, const struct set_node *n, const outflow_json *j, uint32_t array)
{
	uint32_t end = outflow_json_next(j, array) - 1;

	set->any_arrays = set->any_arrays || n->n > 0;
	set->inside++;
	for (uint32_t i = array + 1; i < end && !set->stop; i = outflow_json_next(j, i))
		walk_value(set, n, j, i);
	set->inside--;
}

/* Dialect alibaba: only objects are walked into, and only arrays of scalars have values. */
static void walk_untyped(struct pattern_set *set, const struct set_node *n, const outflow_json *j, uint32_t token)
{
	uint32_t end = outflow_json_next(j, token) - 1;

	if (n->index != NULL)
		n->index->event = set->probe.event;
	if (outflow_json_type(j, token) == OUTFLOW_JSON_OBJECT) {
		if (n->is_data)
			set->no_data = false;
		if (n->n > 0)
			walk_object(set, n, j, token);
		return;
	}
	if (n->index == NULL)
		return;
	for (uint32_t i = token + 1; i < end; i = outflow_json_next(j, i))
		if (outflow_json_next(j, i) != i + 1)
			return;
	set->inside++;
	for (uint32_t i = token + 1; i < end && !set->stop; i++)
		test_token(set, n->index, j, i);
	set->inside--;
}

static void walk_value(struct pattern_set *set, const struct set_node *n, const outflow_json *j, uint32_t token)
{
	uint32_t type = outflow_json_type(j, token);

	if (type != OUTFLOW_JSON_OBJECT && type != OUTFLOW_JSON_ARRAY) {
		if (n->index != NULL)
			test_token(set, n->index, j, token);
	} else if (set->space.dialect == PATTERN_ALIBABA) {
		walk_untyped(set, n, j, token);
	} else if (type == OUTFLOW_JSON_ARRAY) {
		walk_array(set, n, j, token);
	} else if (n->n > 0) {
		walk_object(set, n, j, token);
	}
}

/* ---- values that the envelope makes ---- */

static void walk_user_properties(struct pattern_set *set, const struct set_node *n)
{
	struct value property, v;

	if (set->space.dialect == PATTERN_ALIBABA) {
		if (n->index != NULL)
			n->index->event = set->probe.event;
		return;
	}
	set->any_arrays = set->any_arrays || n->n > 0;
	set->inside++;
	for (int64_t i = 0; envelope_user_property(set->e, i, &property), property.type != VALUE_MISSING; i++)
		for (uint32_t k = n->first; k < n->first + n->n; k++) {
			envelope_user_part(set->e, &property, set->nodes[k].envelope, &v);
			if (v.type != VALUE_MISSING && set->nodes[k].index != NULL)
				test_scalar(set, set->nodes[k].index, &v);
		}
	set->inside--;
}

static void walk_envelope(struct pattern_set *set, const struct set_node *n)
{
	for (uint32_t i = n->first; i < n->first + n->n && !set->stop; i++) {
		const struct set_node *c = &set->nodes[i];
		struct value v;

		if (c->envelope == ENVELOPE_NONE)
			continue;
		if (c->envelope == ENVELOPE_EXTENSION)
			envelope_extension(set->e, (outflow_str){ c->name, c->length }, &v);
		else
			envelope_get(set->e, c->envelope, &v);
		if (v.json != NULL) {
			walk_value(set, c, v.json, v.token);
		} else if (c->envelope == ENVELOPE_USER_PROPERTIES) {
			walk_user_properties(set, c);
		} else if (v.type == OUTFLOW_JSON_OBJECT) {
			if (c->index != NULL && set->space.dialect == PATTERN_ALIBABA)
				c->index->event = set->probe.event;
			walk_envelope(set, c);
		} else if (c->index != NULL && v.type != VALUE_MISSING) {
			test_scalar(set, c->index, &v);
		}
	}
}

/* ---- rules ---- */

static bool holds(struct pattern_set *set, const struct set_rule *r)
{
	bool unsure = set->any_arrays || set->inexact;

	for (uint32_t i = 0; i < r->n_clauses; i++) {
		const struct clause *c = &set->space.clauses[r->clauses[i]];

		if (c->event != set->probe.event &&
		    !(c->fits_absence && (c->index->event != set->probe.event || unsure)))
			return false;
	}
	if (r->has_data && set->no_data && !set->inexact)
		return false;
	if (!unsure || (!r->is_fragile && !set->inexact))
		return true;
	return pattern_rule_match(set->patterns[r->pattern], r->rule, set->e, NULL, NULL);
}

static void look_at(struct pattern_set *set, const struct set_rule *r, uint32_t most)
{
	for (; r != NULL && set->n_matched < most; r = r->next) {
		if (set->matched_event[r->pattern] == set->probe.event || !holds(set, r))
			continue;
		set->matched_event[r->pattern] = set->probe.event;
		set->matched[set->n_matched++] = r->pattern;
	}
}

static void walk_root(struct pattern_set *set, const outflow_json *j)
{
	uint32_t type = outflow_json_type(j, 0);

	set->no_data = true; /* until it is found */
	if (type == OUTFLOW_JSON_OBJECT) {
		walk_object(set, &set->nodes[0], j, 0);
	} else if (type == OUTFLOW_JSON_ARRAY && set->space.dialect != PATTERN_ALIBABA) {
		set->inexact = true; /* any two fields may be in different elements */
		walk_array(set, &set->nodes[0], j, 0);
	}
}

static bool walk(struct pattern_set *set, struct event *e)
{
	const outflow_json *json;

	set->e = e;
	set->probe.event++;
	set->probe.n_fired = set->n_matched = set->inside = 0;
	set->any_arrays = set->inexact = set->stop = set->no_data = false;
	if (!e->whole) {
		walk_envelope(set, &set->nodes[0]);
	} else {
		json = event_tape(e);
		if (json == NULL)
			return false;
		walk_root(set, json);
	}
	return e->status == OUTFLOW_OK && !set->stop;
}

static size_t match(struct pattern_set *set, struct event *e, uint32_t most)
{
	if (!walk(set, e))
		return 0;
	for (uint32_t i = 0; i < set->probe.n_fired && set->n_matched < most; i++)
		look_at(set, set->probe.fired[i]->anchored, most);
	look_at(set, set->unanchored, most);
	return e->status == OUTFLOW_OK ? set->n_matched : 0;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

size_t pattern_set_match(struct pattern_set *set, struct event *e, const uint32_t **matched)
{
	size_t n = match(set, e, UINT32_MAX);

	if (n > 1)
		qsort(set->matched, n, sizeof *set->matched, compare_numbers);
	*matched = set->matched;
	return n;
}

bool pattern_set_match_any(struct pattern_set *set, struct event *e)
{
	return match(set, e, 1) > 0;
}
