/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a filter (RFC 9535, 2.3.5.1) to an expression that is well typed (2.4.3). */
#include "iregexp.h"
#include "query_filter.h"

#include <outflow/util.h>

#include <stdio.h>

static const struct function {
	const char *name;
	enum term_kind kind;
	unsigned n_arguments;
	bool takes_nodes; /* else values */
} functions[] = {
	{ "length", TERM_LENGTH, 1, false }, { "count", TERM_COUNT, 1, true }, { "match", TERM_MATCH, 2, false },
	{ "search", TERM_SEARCH, 2, false }, { "value", TERM_VALUE, 1, true },
};

static outflow_status parse_or(struct query_parser *s, struct expression **result);
static outflow_status parse_term(struct query_parser *s, struct term **result);

static bool is_next(const struct query_parser *s, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

static outflow_status enter(struct query_parser *s)
{
	if (s->depth == QUERY_NESTING_MAX)
		return query_refuse(s, s->p,
		                    "filters, functions and parentheses are more than 32 deep inside each other");
	s->depth++;
	return OUTFLOW_OK;
}

/* ---- literals ---- */

static size_t count_digits(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && p[n] >= '0' && p[n] <= '9')
		n++;
	return n;
}

static outflow_status parse_number(struct query_parser *s, struct value *v)
{
	const char *start = s->p, *p = start + (*start == '-');
	size_t n = count_digits(p, s->end);

	if (n == 0 || (n > 1 && *p == '0'))
		return query_refuse(s, start, "not a number as JSON has it");
	p += n;
	v->special = p < s->end && (*p == '.' || (*p | 32) == 'e');
	if (p < s->end && *p == '.') {
		n = count_digits(++p, s->end);
		if (n == 0)
			return query_refuse(s, p, "digits are missing behind the point");
		p += n;
	}
	if (p < s->end && (*p | 32) == 'e') {
		p++;
		p += p < s->end && (*p == '+' || *p == '-');
		n = count_digits(p, s->end);
		if (n == 0)
			return query_refuse(s, p, "digits of the exponent are missing");
		p += n;
	}
	v->type = OUTFLOW_JSON_NUMBER;
	v->text = (outflow_str){ start, (size_t)(p - start) };
	s->p = p;
	return OUTFLOW_OK;
}

static outflow_status parse_literal(struct query_parser *s, struct term *term)
{
	struct value *v = &term->literal;

	term->kind = TERM_LITERAL;
	if (*s->p != '\'' && *s->p != '"')
		return parse_number(s, v);
	v->type = OUTFLOW_JSON_STRING;
	return query_parse_string(s, &v->text);
}

/* ---- functions ---- */

static outflow_status parse_argument(struct query_parser *s, const struct function *f, struct term *term, unsigned i)
{
	const char *start;
	struct term *argument;
	outflow_status status;

	query_skip_blanks(s);
	start = s->p;
	status = parse_term(s, &argument);
	if (status != OUTFLOW_OK)
		return status;
	query_skip_blanks(s);
	if (f->takes_nodes) {
		if (argument->kind != TERM_NODES)
			return query_refuse(s, start, "this function takes a path here, such as @.list[*]");
		term->nodes = argument->nodes;
		return OUTFLOW_OK;
	}
	if (argument->kind == TERM_MATCH || argument->kind == TERM_SEARCH)
		return query_refuse(s, start,
		                    "match() and search() are conditions, and this function takes a value here");
	if (argument->kind == TERM_NODES && !argument->nodes.singular)
		return query_refuse(
			s, start,
			"this path may find several values, and the function takes a single one here: value(...) "
			"makes one of it");
	term->arguments[i] = argument;
	return OUTFLOW_OK;
}

/* The regular expression of match() or search(), compiled now when it is a constant. */
static outflow_status add_regex(struct query_parser *s, const char *at, struct term *term)
{
	const struct term *pattern = term->arguments[1];
	struct query_regex *regex = query_alloc(s->query, sizeof *regex);
	outflow_error cause = { .size = sizeof cause };
	outflow_status status = OUTFLOW_OK;

	if (regex == NULL)
		return query_no_memory(s->err);
	regex->next = s->query->regexes;
	s->query->regexes = regex;
	regex->is_constant = pattern->kind == TERM_LITERAL;
	term->regex = regex;
	if (regex->is_constant && pattern->literal.type == OUTFLOW_JSON_STRING)
		status = iregexp_compile(pattern->literal.text, term->kind == TERM_MATCH, &regex->regex, &cause);
	if (status == OUTFLOW_E_CONFIG)
		return query_refuse(s, at, cause.msg);
	return status == OUTFLOW_OK ? OUTFLOW_OK : query_no_memory(s->err);
}

/* s->p is behind the parenthesis that opens. */
static outflow_status parse_call(struct query_parser *s, const struct function *f, struct term *term)
{
	const char *start = s->p;
	outflow_status status = enter(s);

	term->kind = f->kind;
	for (unsigned i = 0; i < f->n_arguments && status == OUTFLOW_OK; i++) {
		if (i > 0 && !is_next(s, ","))
			return query_refuse(s, s->p, "',' and another argument are missing");
		s->p += i > 0;
		status = parse_argument(s, f, term, i);
	}
	if (status != OUTFLOW_OK)
		return status;
	if (!is_next(s, ")"))
		return query_refuse(s, s->p,
		                    f->n_arguments == 1 ? "')' is missing: this function has one argument"
		                                        : "')' is missing: this function has two arguments");
	s->p++;
	s->depth--;
	if (f->kind == TERM_MATCH || f->kind == TERM_SEARCH)
		return add_regex(s, start, term);
	return OUTFLOW_OK;
}

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* A function or true, false, null. */
static outflow_status parse_word(struct query_parser *s, struct term *term)
{
	static const char *const literals[] = { "null", "false", "true" }; /* in the order of their types */
	const char *start = s->p;
	outflow_str word = { start, 0 };

	while (s->p < s->end && is_word_byte(*s->p))
		s->p++;
	word.len = (size_t)(s->p - start);
	if (is_next(s, "(")) {
		s->p++;
		for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
			if (outflow_equal(word, functions[i].name))
				return parse_call(s, &functions[i], term);
		return query_refuse(s, start, "unknown function; there are length, count, match, search and value");
	}
	for (uint32_t i = 0; i < 3; i++) {
		if (!outflow_equal(word, literals[i]))
			continue;
		term->kind = TERM_LITERAL;
		term->literal.type = OUTFLOW_JSON_NULL + i;
		return OUTFLOW_OK;
	}
	return query_refuse(
		s, start,
		"a path from @ or $, a quoted string, a number, true, false, null or a function should be here");
}

/* Is its value the same for all @? Those of constants need not be remembered. */
static bool stays(const struct term *term)
{
	switch (term->kind) {
	case TERM_NODES:
	case TERM_COUNT:
	case TERM_VALUE:
		return !term->nodes.relative;
	case TERM_LENGTH:
		return term->arguments[0]->known != 0;
	default:
		return false;
	}
}

static outflow_status parse_kind(struct query_parser *s, struct term *term)
{
	char c = s->p < s->end ? *s->p : '\0';

	if (c == '@' || c == '$') {
		term->kind = TERM_NODES;
		return query_parse_nodes(s, &term->nodes);
	}
	if (c == '\'' || c == '"' || c == '-' || (c >= '0' && c <= '9'))
		return parse_literal(s, term);
	return parse_word(s, term);
}

static outflow_status parse_term(struct query_parser *s, struct term **result)
{
	struct term *term = query_alloc(s->query, sizeof *term);
	outflow_status status;

	if (term == NULL)
		return query_no_memory(s->err);
	*result = term;
	status = parse_kind(s, term);
	if (status == OUTFLOW_OK && stays(term))
		term->known = ++s->query->n_known;
	return status;
}

/* ---- expressions ---- */

static outflow_status new_expression(struct query_parser *s, enum expression_kind kind, struct expression **result)
{
	*result = query_alloc(s->query, sizeof **result);
	if (*result == NULL)
		return query_no_memory(s->err);
	(*result)->kind = kind;
	return OUTFLOW_OK;
}

static bool take_comparison(struct query_parser *s, enum comparison *comparison)
{
	static const struct {
		const char *text;
		enum comparison comparison;
	} operators[] = {
		{ "==", COMPARE_EQUAL },         { "!=", COMPARE_NOT_EQUAL }, { "<=", COMPARE_LESS_EQUAL },
		{ ">=", COMPARE_GREATER_EQUAL }, { "<", COMPARE_LESS },       { ">", COMPARE_GREATER },
	};

	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
		if (!is_next(s, operators[i].text))
			continue;
		s->p += strlen(operators[i].text);
		*comparison = operators[i].comparison;
		return true;
	}
	return false;
}

static outflow_status check_comparable(const struct query_parser *s, const char *at, const struct term *term)
{
	if (term->kind == TERM_NODES && !term->nodes.singular)
		return query_refuse(
			s, at,
			"this path may find several values, and a comparison takes a single one: value(...) makes one "
			"of it, and [?...] tests each");
	if (term->kind == TERM_MATCH || term->kind == TERM_SEARCH)
		return query_refuse(s, at, "match() and search() are conditions by themselves and cannot be compared");
	return OUTFLOW_OK;
}

static outflow_status check_test(const struct query_parser *s, const char *at, const struct term *term)
{
	if (term->kind == TERM_LITERAL)
		return query_refuse(s, at, "a constant is no condition; compare it with something");
	if (term->kind == TERM_LENGTH || term->kind == TERM_COUNT || term->kind == TERM_VALUE)
		return query_refuse(s, at,
		                    "this function gives a value, which is no condition; compare it with something");
	return OUTFLOW_OK;
}

/* A comparison, or a test. negated: a '!' was before it, which only tests can have. */
static outflow_status parse_condition(struct query_parser *s, bool negated, struct expression **result)
{
	const char *start = s->p, *behind, *other;
	struct expression *x;
	outflow_status status = new_expression(s, EXPRESSION_TEST, result);

	if (status != OUTFLOW_OK)
		return status;
	x = *result;
	status = parse_term(s, &x->left);
	if (status != OUTFLOW_OK)
		return status;
	behind = s->p;
	query_skip_blanks(s);
	other = s->p;
	if (!take_comparison(s, &x->comparison)) {
		if (is_next(s, "="))
			return query_refuse(s, other, "a comparison is one of == != < <= > >=");
		s->p = behind;
		return check_test(s, start, x->left);
	}
	if (negated)
		return query_refuse(s, other, "! stands before a test, not before a comparison: !(...)");
	status = check_comparable(s, start, x->left);
	if (status != OUTFLOW_OK)
		return status;
	x->kind = EXPRESSION_COMPARE;
	query_skip_blanks(s);
	other = s->p;
	status = parse_term(s, &x->right);
	return status == OUTFLOW_OK ? check_comparable(s, other, x->right) : status;
}

static outflow_status parse_basic(struct query_parser *s, struct expression **result)
{
	bool negated = is_next(s, "!");
	outflow_status status;

	if (negated) {
		status = new_expression(s, EXPRESSION_NOT, result);
		if (status != OUTFLOW_OK)
			return status;
		result = &(*result)->first;
		s->p++;
		query_skip_blanks(s);
	}
	if (!is_next(s, "("))
		return parse_condition(s, negated, result);
	status = enter(s);
	s->p++;
	if (status == OUTFLOW_OK)
		status = parse_or(s, result);
	if (status != OUTFLOW_OK)
		return status;
	if (!is_next(s, ")"))
		return query_refuse(s, s->p, "')' is missing");
	s->p++;
	s->depth--;
	return OUTFLOW_OK;
}

/* One or several of the next level with an operator between them. Blanks around are taken. */
static outflow_status parse_list(struct query_parser *s, const char *operator, enum expression_kind kind,
                                 outflow_status parse(struct query_parser *s, struct expression **result),
                                 struct expression **result)
{
	struct expression *list, **last = result;
	outflow_status status;

	for (;;) {
		query_skip_blanks(s);
		status = parse(s, last);
		if (status != OUTFLOW_OK)
			return status;
		query_skip_blanks(s);
		if (!is_next(s, operator))
			return OUTFLOW_OK;
		s->p += 2;
		if (last == result) {
			status = new_expression(s, kind, &list);
			if (status != OUTFLOW_OK)
				return status;
			list->first = *result;
			*result = list;
			last = &list->first;
		}
		last = &(*last)->next;
	}
}

static outflow_status parse_and(struct query_parser *s, struct expression **result)
{
	return parse_list(s, "&&", EXPRESSION_AND, parse_basic, result);
}

static outflow_status parse_or(struct query_parser *s, struct expression **result)
{
	return parse_list(s, "||", EXPRESSION_OR, parse_and, result);
}

outflow_status query_parse_filter(struct query_parser *s, struct expression **filter)
{
	outflow_status status = enter(s);

	if (status == OUTFLOW_OK)
		status = parse_or(s, filter);
	s->depth--;
	return status;
}
