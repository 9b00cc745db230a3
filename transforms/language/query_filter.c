/* SPDX-License-Identifier: Apache-2.0 */
/* Filter expressions and functions at work (RFC 9535, 2.3.5.2 and 2.4). */
#include "query_filter.h"

#include "iregexp.h"

#include <outflow/util.h>

#include <stdlib.h>

#define REGEX_COMPILE_STEPS 2000u /* what making an expression costs, compared with looking at a value */

/* ---- values ---- */

struct nodes {
	int64_t count, enough;
	struct value first;
};

static bool count_node(void *arg, const struct value *v)
{
	struct nodes *n = arg;

	if (n->count++ == 0)
		n->first = *v;
	return n->count != n->enough;
}

static void set_number(struct value *v, struct digits *digits, int64_t number)
{
	char *p = digits->text + sizeof digits->text;

	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	*v = (struct value){ .type = OUTFLOW_JSON_NUMBER };
	v->text = (outflow_str){ p, (size_t)(digits->text + sizeof digits->text - p) };
}

static void evaluate(struct query_run *r, const struct term *term, const struct value *current, struct value *v,
                     struct digits *digits);

static void evaluate_length(struct query_run *r, const struct term *term, const struct value *current, struct value *v,
                            struct digits *digits)
{
	struct value of;
	int64_t n;

	evaluate(r, term->arguments[0], current, &of, digits);
	*v = (struct value){ .type = VALUE_MISSING };
	if (of.type == OUTFLOW_JSON_STRING && query_charge(r, 1 + of.text.len / 8))
		set_number(v, digits, query_characters(&of));
	else if (value_is_container(&of) && query_length(r, &of, &n))
		set_number(v, digits, n);
}

static void work_out(struct query_run *r, const struct term *term, const struct value *current, struct value *v,
                     struct digits *digits)
{
	struct nodes nodes = { .count = 0 };

	switch (term->kind) {
	case TERM_LITERAL:
		*v = term->literal;
		return;
	case TERM_LENGTH:
		evaluate_length(r, term, current, v, digits);
		return;
	case TERM_NODES:
		if (term->nodes.singular) {
			query_single(r, &term->nodes, current, v);
			return;
		}
		nodes.enough = 1;
		break;
	case TERM_VALUE:
		nodes.enough = 2;
		break;
	default:
		break;
	}
	(void)query_nodes(r, &term->nodes, current, count_node, &nodes);
	*v = nodes.first;
	if (term->kind == TERM_COUNT)
		set_number(v, digits, nodes.count);
	else if (nodes.count != 1)
		v->type = VALUE_MISSING;
}

/* *v becomes the value of a term (of a path to several values: the first one), VALUE_MISSING when there is none; also
 * on a failure, which is told in e->status. */
static void evaluate(struct query_run *r, const struct term *term, const struct value *current, struct value *v,
                     struct digits *digits)
{
	struct query_known *known = term->known != 0 ? &r->known[term->known - 1] : NULL;

	if (known == NULL) {
		work_out(r, term, current, v, digits);
		return;
	}
	if (!known->is_known) {
		work_out(r, term, current, &known->v, &known->digits);
		known->is_known = true;
	}
	*v = known->v;
}

/* ---- match and search ---- */

/* The value of a string; decoded where there is room for it again and again. ptr NULL: no memory. */
static outflow_str string_of(struct query_run *r, const struct value *v, struct query_scratch *scratch)
{
	outflow_str text = v->text;

	if (!v->special)
		return text.ptr != NULL ? text : outflow_text("");
	if (text.len > scratch->room) {
		scratch->room = 2 * text.len;
		scratch->text = outflow_alloc(r->e->host, r->e->arena, scratch->room, 1);
		if (scratch->text == NULL) {
			scratch->room = 0;
			if (r->e->status == OUTFLOW_OK)
				r->e->status = query_no_memory(r->e->err);
			return (outflow_str){ NULL, 0 };
		}
	}
	return (outflow_str){ scratch->text, outflow_json_decode(text, scratch->text) };
}

/* Makes regex the one of text, unless it is already. false: a failure. */
static bool know_regex(struct query_run *r, struct query_regex *regex, bool whole, outflow_str text)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_status status;

	if (regex->known && regex->length == text.len && memcmp(regex->text, text.ptr, text.len) == 0)
		return true;
	regex_free(&regex->regex);
	free(regex->text);
	regex->known = false;
	regex->text = malloc(text.len + 1);
	status = regex->text != NULL ? iregexp_compile(text, whole, &regex->regex, &cause) : OUTFLOW_E_NOMEM;
	if (status == OUTFLOW_E_NOMEM) {
		r->e->status = query_no_memory(r->e->err);
		return false;
	}
	memcpy(regex->text, text.ptr, text.len);
	regex->length = text.len;
	regex->known = true;
	return query_charge(r, REGEX_COMPILE_STEPS + text.len);
}

/* The regular expression of a term; NULL: there is none, so that nothing fits, or a failure. */
static struct regex *regex_of(struct query_run *r, const struct term *term, const struct value *current)
{
	struct digits digits;
	struct value pattern;
	outflow_str text;

	if (term->regex->is_constant)
		return term->regex->regex;
	evaluate(r, term->arguments[1], current, &pattern, &digits);
	if (pattern.type != OUTFLOW_JSON_STRING)
		return NULL;
	text = string_of(r, &pattern, &r->pattern);
	if (text.ptr == NULL || !know_regex(r, term->regex, term->kind == TERM_MATCH, text))
		return NULL;
	return term->regex->regex;
}

static bool fits(struct query_run *r, const struct term *term, const struct value *current)
{
	struct regex_walk walk = { .budget = &r->regex_budget };
	struct digits digits;
	struct regex *regex;
	struct value v;
	outflow_status status;
	outflow_str text;

	evaluate(r, term->arguments[0], current, &v, &digits);
	if (v.type != OUTFLOW_JSON_STRING)
		return false;
	regex = regex_of(r, term, current);
	if (regex == NULL)
		return false;
	text = string_of(r, &v, &r->subject);
	if (text.ptr == NULL || !query_charge(r, 8 + text.len / 8))
		return false;
	status = regex_next(regex, text, &walk, r->e->err);
	if (status != OUTFLOW_OK && status != OUTFLOW_AGAIN)
		r->e->status = status;
	return status == OUTFLOW_OK;
}

/* ---- expressions ---- */

static bool test(struct query_run *r, const struct term *term, const struct value *current)
{
	struct digits digits;
	struct value v;

	if (term->kind != TERM_NODES)
		return fits(r, term, current);
	evaluate(r, term, current, &v, &digits);
	return v.type != VALUE_MISSING;
}

static bool compare(struct query_run *r, const struct expression *x, const struct value *current)
{
	struct digits digits[2];
	struct value a, b;

	evaluate(r, x->left, current, &a, &digits[0]);
	evaluate(r, x->right, current, &b, &digits[1]);
	switch (x->comparison) {
	case COMPARE_EQUAL:
		return query_equal(r, &a, &b);
	case COMPARE_NOT_EQUAL:
		return !query_equal(r, &a, &b);
	case COMPARE_LESS:
		return query_less(r, &a, &b);
	case COMPARE_LESS_EQUAL:
		return query_less(r, &a, &b) || query_equal(r, &a, &b);
	case COMPARE_GREATER:
		return query_less(r, &b, &a);
	default:
		return query_less(r, &b, &a) || query_equal(r, &a, &b);
	}
}

static bool holds(struct query_run *r, const struct expression *x, const struct value *current)
{
	switch (x->kind) {
	case EXPRESSION_OR:
		for (const struct expression *part = x->first; part != NULL; part = part->next)
			if (holds(r, part, current))
				return true;
		return false;
	case EXPRESSION_AND:
		for (const struct expression *part = x->first; part != NULL; part = part->next)
			if (!holds(r, part, current))
				return false;
		return true;
	case EXPRESSION_NOT:
		return !holds(r, x->first, current);
	case EXPRESSION_TEST:
		return test(r, x->left, current);
	default:
		return compare(r, x, current);
	}
}

bool query_filter_begin(struct query_run *r)
{
	size_t n = r->query->n_known * sizeof *r->known;

	if (n == 0)
		return true;
	r->known = outflow_alloc(r->e->host, r->e->arena, n, 8);
	if (r->known != NULL)
		memset(r->known, 0, n);
	else if (r->e->status == OUTFLOW_OK)
		r->e->status = query_no_memory(r->e->err);
	return r->known != NULL;
}

bool query_filter_holds(struct query_run *r, const struct expression *filter, const struct value *current)
{
	/* After a failure the answer means nothing. */
	return holds(r, filter, current) && r->e->status == OUTFLOW_OK;
}
