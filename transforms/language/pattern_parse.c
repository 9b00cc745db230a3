/* SPDX-License-Identifier: Apache-2.0 */
/* From a pattern's JSON to leaves and rules; the operators are in pattern_operators.c. */
#include "pattern_internal.h"

#include <outflow/util.h>

#include <stdio.h>

#define DEPTH_MAX OUTFLOW_JSON_DEPTH
#define PATTERN_LEAVES_MAX 16384u /* of all rules together */

/* Writes at's JSON pointer to text and returns its length. */
static size_t write_pointer(const struct place *at, char *text, size_t size)
{
	size_t n = at->up ? write_pointer(at->up, text, size) : 0;

	if (at->up == NULL || n + 2 >= size)
		return n;
	text[n++] = '/';
	if (at->name.ptr == NULL)
		return n + (size_t)snprintf(text + n, size - n, "%ld", at->index);
	for (size_t i = 0; i < at->name.len && n + 3 < size; i++) {
		char c = at->name.ptr[i];

		if (c == '~' || c == '/') {
			text[n++] = '~';
			c = c == '~' ? '0' : '1';
		}
		text[n++] = c;
	}
	return n;
}

outflow_status pattern_refuse(const struct place *at, const char *code, const char *allowed, outflow_error *err)
{
	outflow_str found = outflow_json_raw(at->json, at->token);
	const char *text = at->json->text.ptr;
	char pointer[160];
	size_t line = 1, column = 1, n = write_pointer(at, pointer, sizeof pointer - 16);

	pointer[n < sizeof pointer ? n : sizeof pointer - 1] = '\0';
	for (const char *p = text; p < found.ptr; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	return outflow_fail_native(err, OUTFLOW_E_CONFIG, "pattern", (int32_t)(found.ptr - text),
	                           "%s at %s (line %zu, column %zu): found %.*s%s; %s", code,
	                           n > 0 ? pointer : "the top", line, column, (int)(found.len > 60 ? 60 : found.len),
	                           found.ptr, found.len > 60 ? "..." : "", allowed);
}

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
}

outflow_str pattern_string(struct pattern *p, const outflow_json *json, uint32_t token)
{
	outflow_str text = outflow_json_text(json, token);
	char *decoded;

	if (outflow_json_is_plain(json, token))
		return text;
	decoded = pattern_alloc(p, text.len);
	return (outflow_str){ decoded, decoded ? outflow_json_decode(text, decoded) : 0 };
}

/* ---- fields ---- */

static struct field *find_child(const struct field *parent, outflow_str name, bool is_leaf)
{
	for (struct field *f = parent->children; f != NULL; f = f->next)
		if (f->is_leaf == is_leaf && f->name.len == name.len &&
		    (name.len == 0 || memcmp(f->name.ptr, name.ptr, name.len) == 0))
			return f;
	return NULL;
}

/* The child of that name, made if need be. */
static struct field *child(struct pattern *p, struct field *parent, outflow_str name, bool is_leaf)
{
	struct field *f = find_child(parent, name, is_leaf), **at = &parent->children;

	if (f != NULL)
		return f;
	f = pattern_alloc(p, sizeof *f);
	if (f == NULL)
		return NULL;
	f->name = name;
	f->parent = parent;
	f->is_leaf = is_leaf;
	f->depth = parent->depth + 1;
	while (*at != NULL)
		at = &(*at)->next;
	*at = f;
	p->n_fields++;
	return f;
}

/* The field below parent that a name with dots leads to. */
static struct field *descend(struct pattern *p, struct field *parent, outflow_str name, bool is_leaf)
{
	const char *dot;

	while (parent != NULL && parent->depth < DEPTH_MAX && (dot = memchr(name.ptr, '.', name.len)) != NULL) {
		outflow_str head = { name.ptr, (size_t)(dot - name.ptr) };

		parent = child(p, parent, head, false);
		name.ptr += head.len + 1;
		name.len -= head.len + 1;
	}
	return parent ? child(p, parent, name, is_leaf) : NULL;
}

/* ---- rules ---- */

static const char too_many[] =
	"with all alternatives of $or multiplied out this is too much; make several patterns of it";

static outflow_status add_to_rule(struct pattern *p, struct rule *r, struct leaf *l, outflow_error *err)
{
	for (size_t i = 0; i < r->n_leaves; i++)
		if (r->leaves[i]->field == l->field) { /* the same field again: the last one wins */
			r->leaves[i] = l;
			return OUTFLOW_OK;
		}
	if (r->n_leaves == r->room) {
		size_t room = r->room ? 2 * r->room : 8;
		struct leaf **leaves = pattern_alloc(p, room * sizeof *leaves);

		if (leaves == NULL)
			return no_memory(err);
		if (r->n_leaves > 0)
			memcpy(leaves, r->leaves, r->n_leaves * sizeof *leaves);
		r->leaves = leaves;
		r->room = room;
	}
	r->leaves[r->n_leaves++] = l;
	p->n_copies++;
	return OUTFLOW_OK;
}

/* A copy of the rules at `from`; NULL: no memory, or too many. */
static struct rule *copy_rules(struct pattern *p, const struct rule *from, const struct place *at, outflow_error *err)
{
	struct rule *first = NULL, **last = &first;

	for (; from != NULL; from = from->next) {
		struct rule *r = pattern_alloc(p, sizeof *r);

		p->n_copies += from->n_leaves + 1;
		if (p->n_copies > PATTERN_LEAVES_MAX) {
			(void)pattern_refuse(at, "pattern.complex", too_many, err);
			return NULL;
		}
		if (r != NULL)
			r->leaves = pattern_alloc(p, (from->n_leaves + 1) * sizeof *r->leaves);
		if (r == NULL || r->leaves == NULL) {
			(void)no_memory(err);
			return NULL;
		}
		if (from->n_leaves > 0)
			memcpy(r->leaves, from->leaves, from->n_leaves * sizeof *r->leaves);
		r->n_leaves = r->room = from->n_leaves;
		*last = r;
		last = &r->next;
	}
	return first;
}

/* ---- leaves ---- */

/* One member of a leaf's array. */
static outflow_status parse_alternative(struct pattern *p, struct condition ***last, const struct place *at,
                                        outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);
	struct condition *c;
	outflow_status status;

	if (type == OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.nested", "an array of values cannot hold another array", err);
	c = pattern_alloc(p, sizeof *c);
	if (c == NULL)
		return no_memory(err);
	if (type == OUTFLOW_JSON_OBJECT) {
		status = pattern_parse_condition(p, at, &c->tests, err);
	} else {
		c->tests = pattern_alloc(p, sizeof *c->tests);
		status = c->tests ? pattern_parse_value(p, at, c->tests, err) : no_memory(err);
	}
	**last = c;
	*last = &c->next;
	return status;
}

static outflow_status add_leaf(struct pattern *p, struct field *field, const struct place *at, struct leaf **result,
                               outflow_error *err)
{
	struct leaf *l = pattern_alloc(p, sizeof *l);
	outflow_status status = OUTFLOW_OK;

	if (l == NULL)
		return no_memory(err);
	l->field = field;
	l->source = outflow_json_raw(at->json, at->token);
	*p->last_leaf = l;
	p->last_leaf = &l->next;
	for (struct rule *r = p->rules; r != NULL && status == OUTFLOW_OK; r = r->next)
		status = add_to_rule(p, r, l, err);
	*result = l;
	if (status == OUTFLOW_OK && p->n_copies > PATTERN_LEAVES_MAX)
		return pattern_refuse(at, "pattern.complex", too_many, err);
	return status;
}

static outflow_status parse_leaf(struct pattern *p, struct field *field, const struct place *at, outflow_error *err)
{
	const outflow_json *j = at->json;
	uint32_t end = outflow_json_next(j, at->token) - 1;
	struct place inside = { .up = at, .json = j };
	struct condition **last;
	struct leaf *l = NULL;
	outflow_status status;

	if (at->token + 1 == end)
		return pattern_refuse(at, "pattern.value", "an array of values needs at least one, or nothing can fit",
		                      err);
	status = add_leaf(p, field, at, &l, err);
	if (status != OUTFLOW_OK)
		return status;
	last = &l->conditions;
	for (uint32_t i = at->token + 1; i < end && status == OUTFLOW_OK; i = outflow_json_next(j, i)) {
		inside.token = i;
		status = parse_alternative(p, &last, &inside, err);
		inside.index++;
	}
	return status;
}

/* ---- objects ---- */

static outflow_status parse_object(struct pattern *p, struct field *field, const struct place *at, outflow_error *err);

/* Is the value of $or a list of alternatives? Else it is a field of that name. */
static bool is_or(const struct pattern *p, const struct place *at)
{
	const outflow_json *j = at->json;
	uint32_t end = outflow_json_next(j, at->token) - 1, n = 0;

	if (p->dialect == PATTERN_ALIBABA || !outflow_equal(at->name, "$or") ||
	    outflow_json_type(j, at->token) != OUTFLOW_JSON_ARRAY)
		return false;
	for (uint32_t i = at->token + 1; i < end; i = outflow_json_next(j, i), n++) {
		if (outflow_json_type(j, i) != OUTFLOW_JSON_OBJECT)
			return false;
		for (uint32_t k = i + 1; outflow_json_type(j, k) != OUTFLOW_JSON_END; k = outflow_json_next(j, k + 1))
			if (pattern_is_operator(outflow_json_text(j, k)))
				return false;
	}
	return n >= 2;
}

/* Every rule so far goes on in one copy for each alternative. */
static outflow_status parse_or(struct pattern *p, struct field *field, const struct place *at, outflow_error *err)
{
	const outflow_json *j = at->json;
	uint32_t end = outflow_json_next(j, at->token) - 1;
	struct rule *before = p->rules, *all = NULL, **last = &all;
	struct place inside = { .up = at, .json = j };
	outflow_status status = OUTFLOW_OK;

	for (uint32_t i = at->token + 1; i < end && status == OUTFLOW_OK; i = outflow_json_next(j, i)) {
		inside.token = i;
		if (outflow_json_type(j, i + 1) == OUTFLOW_JSON_END)
			return pattern_refuse(&inside, "pattern.data.empty",
			                      "an alternative of $or needs at least one field", err);
		p->rules = copy_rules(p, before, &inside, err);
		if (p->rules == NULL)
			return p->n_copies > PATTERN_LEAVES_MAX ? OUTFLOW_E_CONFIG : OUTFLOW_E_NOMEM;
		status = parse_object(p, field, &inside, err);
		*last = p->rules;
		while (*last != NULL)
			last = &(*last)->next;
		inside.index++;
	}
	p->rules = all;
	return status;
}

/* What the dialect alibaba allows at the top. */
static outflow_status check_root_member(const struct place *at, outflow_error *err)
{
	static const char *const known[] = { "specversion",
		                             "id",
		                             "source",
		                             "type",
		                             "subject",
		                             "time",
		                             "datacontenttype",
		                             "dataschema",
		                             "aliyunaccountid",
		                             "aliyunpublishtime",
		                             "aliyunregionid",
		                             "aliyuneventbusname",
		                             "aliyunoriginalaccountid" };
	uint32_t type = outflow_json_type(at->json, at->token);
	bool found = false;

	if (outflow_equal(at->name, "data")) {
		if (type == OUTFLOW_JSON_OBJECT)
			return OUTFLOW_OK;
		return pattern_refuse(at, "pattern.data.empty", "data needs an object with fields in this dialect",
		                      err);
	}
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		found = found || outflow_equal(at->name, known[i]);
	if (!found)
		return pattern_refuse(at, "pattern.key",
		                      "at the top of a pattern the dialect alibaba knows the attributes of "
		                      "CloudEvents, the extensions aliyun..., and data",
		                      err);
	if (type != OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.value", "an attribute needs an array of values, such as [\"on\"]",
		                      err);
	return OUTFLOW_OK;
}

static outflow_status parse_member(struct pattern *p, struct field *parent, const struct place *at, outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);
	outflow_status status = OUTFLOW_OK;
	struct field *field;

	if (p->dialect == PATTERN_ALIBABA && parent == &p->root)
		status = check_root_member(at, err);
	if (status != OUTFLOW_OK)
		return status;
	if (type != OUTFLOW_JSON_OBJECT && type != OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.value",
		                      "a field needs an array of values, such as [\"on\"], or an object "
		                      "with further fields",
		                      err);
	if (is_or(p, at))
		return parse_or(p, parent, at, err);
	field = descend(p, parent, at->name, type == OUTFLOW_JSON_ARRAY);
	if (field == NULL)
		return no_memory(err);
	if (field->depth > DEPTH_MAX)
		return pattern_refuse(at, "pattern.complex", "events are not nested that deep", err);
	if (type == OUTFLOW_JSON_ARRAY)
		return parse_leaf(p, field, at, err);
	if (outflow_json_type(at->json, at->token + 1) == OUTFLOW_JSON_END)
		return pattern_refuse(at, "pattern.data.empty", "an object inside a pattern needs at least one field",
		                      err);
	return parse_object(p, field, at, err);
}

static outflow_status parse_object(struct pattern *p, struct field *field, const struct place *at, outflow_error *err)
{
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j };
	outflow_status status = OUTFLOW_OK;
	uint32_t i = at->token + 1;

	for (; status == OUTFLOW_OK && outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		inside.name = pattern_string(p, j, i);
		inside.token = i + 1;
		if (inside.name.ptr == NULL)
			return no_memory(err);
		if (outflow_json_member(j, at->token, inside.name) == i + 1) /* else a later one of that name wins */
			status = parse_member(p, field, &inside, err);
	}
	return status;
}

outflow_status pattern_parse(struct pattern *p, outflow_error *err)
{
	struct place top = { .json = p->json, .index = -1 };

	if (outflow_json_type(p->json, 0) != OUTFLOW_JSON_OBJECT)
		return pattern_refuse(&top, "pattern.not_object", "a pattern is a JSON object", err);
	if (p->dialect == PATTERN_AWS && outflow_json_type(p->json, 1) == OUTFLOW_JSON_END)
		return pattern_refuse(&top, "pattern.data.empty", "a pattern needs at least one field in this dialect",
		                      err);
	p->rules = pattern_alloc(p, sizeof *p->rules);
	if (p->rules == NULL)
		return no_memory(err);
	p->last_leaf = &p->leaves;
	return parse_object(p, &p->root, &top, err);
}
