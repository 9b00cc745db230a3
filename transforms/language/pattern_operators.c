/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of a pattern's condition objects, from JSON to tests; numeric is in pattern_numeric.c. */
#include "pattern_internal.h"

#include <outflow/util.h>

#include <stdio.h>

#define STARS_MAX 32    /* runs in one wildcard that more text follows */
#define STARS_MAX_AWS 4 /* "*:*:*:*:*:event-bus/" is more than the service takes */

/* As a set of dialects. */
#define IN_UNION (1u << PATTERN_UNION)
#define IN_ALIBABA (1u << PATTERN_ALIBABA)
#define IN_AWS (1u << PATTERN_AWS)
#define IN_ALL (IN_UNION | IN_ALIBABA | IN_AWS)

typedef outflow_status parse_test(struct pattern *, const struct place *, struct test *, outflow_error *);

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
}

static outflow_status string_at(struct pattern *p, const struct place *at, outflow_str *s, outflow_error *err)
{
	*s = pattern_string(p, at->json, at->token);
	return s->ptr ? OUTFLOW_OK : no_memory(err);
}

static bool is_string(const struct place *at)
{
	return outflow_json_type(at->json, at->token) == OUTFLOW_JSON_STRING;
}

/* ---- strings ---- */

/* Makes t a glob of n parts that are all empty. */
static outflow_status make_glob(struct pattern *p, struct test *t, uint32_t n, outflow_error *err)
{
	t->kind = TEST_STRING;
	t->glob.n_parts = n;
	t->glob.parts = pattern_alloc(p, n * sizeof *t->glob.parts);
	return t->glob.parts ? OUTFLOW_OK : no_memory(err);
}

/* Makes t a glob of n parts, whose part number `which` is the string at `at`. */
static outflow_status make_part(struct pattern *p, const struct place *at, struct test *t, uint32_t n, uint32_t which,
                                outflow_error *err)
{
	outflow_status status = make_glob(p, t, n, err);

	if (status == OUTFLOW_OK)
		status = string_at(p, at, &t->text, err);
	if (status == OUTFLOW_OK)
		t->glob.parts[which] = t->text;
	return status;
}

static outflow_status fold(struct pattern *p, struct test *t, outflow_error *err)
{
	t->glob.folded = pattern_alloc(p, (t->text.len + 1) * sizeof *t->glob.folded);
	if (t->glob.folded == NULL)
		return no_memory(err);
	if (!fold_read(t->text, t->glob.folded, &t->glob.n_folded))
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                    "equals-ignore-case needs the locale C.UTF-8, which this system does not have");
	return OUTFLOW_OK;
}

static outflow_status parse_exact(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	if (!is_string(at))
		return pattern_refuse(at, "pattern.exactly.type", "exactly needs a string", err);
	return make_part(p, at, t, 1, 0, err);
}

static outflow_status parse_ignore_case(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	outflow_status status;

	if (!is_string(at))
		return pattern_refuse(at, "pattern.equals_ignore_case.type", "equals-ignore-case needs a string", err);
	status = make_part(p, at, t, 1, 0, err);
	return status == OUTFLOW_OK ? fold(p, t, err) : status;
}

/* What differs between prefix and suffix. */
struct edge {
	const char *type, *empty;    /* codes */
	const char *string, *either; /* what is allowed */
	uint32_t part;
};
static const struct edge prefix = { "pattern.prefix.type", "pattern.prefix.empty", "prefix needs a string",
	                            "prefix needs a string or {\"equals-ignore-case\": \"...\"}", 0 };
static const struct edge suffix = { "pattern.suffix.type", "pattern.suffix.empty", "suffix needs a string",
	                            "suffix needs a string or {\"equals-ignore-case\": \"...\"}", 1 };

static outflow_status parse_edge(struct pattern *p, const struct edge *edge, const struct place *at, struct test *t,
                                 outflow_error *err)
{
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j, .token = at->token + 2, .name = { "equals-ignore-case", 18 } };
	outflow_status status;

	if (p->dialect == PATTERN_ALIBABA || outflow_json_type(j, at->token) != OUTFLOW_JSON_OBJECT) {
		if (!is_string(at))
			return pattern_refuse(at, edge->type,
			                      p->dialect == PATTERN_ALIBABA ? edge->string : edge->either, err);
		status = make_part(p, at, t, 2, edge->part, err);
		if (status == OUTFLOW_OK && p->dialect == PATTERN_ALIBABA && t->text.len == 0)
			return pattern_refuse(at, edge->empty, "a string with at least one character is needed", err);
		return status;
	}
	if (outflow_json_type(j, at->token + 1) == OUTFLOW_JSON_END ||
	    !outflow_json_equal(j, at->token + 1, inside.name) ||
	    outflow_json_type(j, outflow_json_next(j, inside.token)) != OUTFLOW_JSON_END || !is_string(&inside))
		return pattern_refuse(at, edge->type, edge->either, err);
	status = make_part(p, &inside, t, 2, edge->part, err);
	return status == OUTFLOW_OK ? fold(p, t, err) : status;
}

static outflow_status parse_prefix(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	return parse_edge(p, &prefix, at, t, err);
}

static outflow_status parse_suffix(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	return parse_edge(p, &suffix, at, t, err);
}

static outflow_status parse_contains(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	outflow_status status;

	if (!is_string(at))
		return pattern_refuse(at, "pattern.contains.type", "contains needs a string", err);
	status = make_part(p, at, t, 3, 1, err);
	if (status == OUTFLOW_OK && t->text.len == 0)
		return pattern_refuse(at, "pattern.contains.empty", "every string contains \"\"", err);
	return status;
}

/* ---- wildcard ---- */

/* How many parts a wildcard has; 0: a bad escape or two stars in a row. */
static uint32_t count_parts(outflow_str text)
{
	uint32_t n = 1;
	bool star = false;

	for (size_t i = 0; i < text.len; i++) {
		bool is_star = text.ptr[i] == '*';

		if (is_star && star)
			return 0;
		star = is_star;
		n += is_star;
		if (text.ptr[i] != '\\')
			continue;
		if (++i == text.len || (text.ptr[i] != '*' && text.ptr[i] != '\\'))
			return 0;
	}
	return n;
}

/* Writes the parts of text, without escapes, to room. */
static void split(outflow_str text, outflow_str *part, char *room)
{
	*part = (outflow_str){ room, 0 };
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '*') {
			*++part = (outflow_str){ room, 0 };
			continue;
		}
		i += text.ptr[i] == '\\';
		*room++ = text.ptr[i];
		part->len++;
	}
}

static outflow_status parse_wildcard(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	uint32_t n, stars, most = p->dialect == PATTERN_AWS ? STARS_MAX_AWS : STARS_MAX;
	outflow_status status;
	char *room;

	if (!is_string(at))
		return pattern_refuse(at, "pattern.wildcard", "wildcard needs a string", err);
	status = string_at(p, at, &t->text, err);
	if (status != OUTFLOW_OK)
		return status;
	n = count_parts(t->text);
	if (n == 0)
		return pattern_refuse(at, "pattern.wildcard",
		                      "* stands for any run of characters, so ** says no more than *; \\* and \\\\ are "
		                      "the only escapes",
		                      err);
	stars = n - 1 - (t->text.len > 0 && t->text.ptr[t->text.len - 1] == '*' && n > 1);
	if (stars > most)
		return pattern_refuse(at, "pattern.complex",
		                      p->dialect == PATTERN_AWS
		                              ? "at most 4 of its * may have more text behind them in this dialect"
		                              : "at most 32 of its * may have more text behind them",
		                      err);
	room = pattern_alloc(p, t->text.len + 1);
	status = room ? make_glob(p, t, n, err) : no_memory(err);
	if (status == OUTFLOW_OK)
		split(t->text, t->glob.parts, room);
	return status;
}

/* ---- values ---- */

static outflow_status parse_plain_string(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	outflow_status status = make_part(p, at, t, 1, 0, err);

	/* As in event-ruler, an address is the same however it is spelled. */
	if (status == OUTFLOW_OK && address_read(t->text, t->range.low)) {
		t->is_address = true;
		memcpy(t->range.high, t->range.low, ADDRESS_SIZE);
	}
	return status;
}

outflow_status pattern_parse_value(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);

	if (p->dialect == PATTERN_ALIBABA && type != OUTFLOW_JSON_NULL) {
		t->kind = TEST_TEXT;
		if (type == OUTFLOW_JSON_STRING)
			return string_at(p, at, &t->text, err);
		t->text = outflow_json_text(at->json, at->token);
		return OUTFLOW_OK;
	}
	if (type == OUTFLOW_JSON_STRING)
		return parse_plain_string(p, at, t, err);
	t->kind = type == OUTFLOW_JSON_NUMBER ? TEST_NUMBER : TEST_LITERAL;
	t->literal = type;
	if (type == OUTFLOW_JSON_NUMBER)
		number_read(&t->number, outflow_json_text(at->json, at->token),
		            outflow_json_is_plain(at->json, at->token));
	return OUTFLOW_OK;
}

/* ---- exists, cidr ---- */

static outflow_status parse_exists(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);

	(void)p;
	t->kind = TEST_EXISTS;
	t->exists = type == OUTFLOW_JSON_TRUE;
	if (type != OUTFLOW_JSON_TRUE && type != OUTFLOW_JSON_FALSE)
		return pattern_refuse(at, "pattern.exists.type", "exists needs true or false", err);
	return OUTFLOW_OK;
}

static outflow_status parse_cidr(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	static const char *const allowed[] = {
		[PATTERN_UNION] =
			"cidr needs an address or a block of addresses, such as \"10.0.0.0/24\" or \"2001:db8::/32\"",
		[PATTERN_ALIBABA] = "cidr needs an address or a block of IPv4 addresses, such as \"10.0.0.0/24\"",
		[PATTERN_AWS] =
			"cidr needs a block of at least two addresses, such as \"10.0.0.0/24\" or \"2001:db8::/32\"",
	};
	unsigned bits, whole;
	outflow_str text;

	t->kind = TEST_CIDR;
	if (!is_string(at))
		return pattern_refuse(at, "pattern.cidr", allowed[p->dialect], err);
	text = outflow_json_text(at->json, at->token); /* an address needs no escape */
	if (p->dialect != PATTERN_AWS && address_read(text, t->range.low)) {
		memcpy(t->range.high, t->range.low, ADDRESS_SIZE);
		return OUTFLOW_OK;
	}
	if (!address_block_read(text, &t->range, &bits, &whole) || (p->dialect == PATTERN_ALIBABA && whole == 128) ||
	    (p->dialect == PATTERN_AWS && bits == whole))
		return pattern_refuse(at, "pattern.cidr", allowed[p->dialect], err);
	if (p->dialect == PATTERN_ALIBABA)
		address_range_shrink(&t->range);
	return OUTFLOW_OK;
}

/* ---- anything-but ---- */

/* One value of anything-but. */
static outflow_status parse_but_value(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	uint32_t type = outflow_json_type(at->json, at->token);
	outflow_status status;

	if (type == OUTFLOW_JSON_OBJECT || type == OUTFLOW_JSON_ARRAY)
		return pattern_refuse(at, "pattern.anything_but.value",
		                      "a string, number, true, false or null should be here", err);
	if (p->dialect == PATTERN_AWS && type != OUTFLOW_JSON_STRING && type != OUTFLOW_JSON_NUMBER)
		return pattern_refuse(at, "pattern.anything_but.value",
		                      "a string or a number should be here in this dialect", err);
	status = pattern_parse_value(p, at, t, err);
	t->is_address = false;
	return status;
}

static outflow_status parse_but_prefix(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	if (!is_string(at))
		return pattern_refuse(at, prefix.type, prefix.string, err);
	if (outflow_json_text(at->json, at->token).len == 0)
		return pattern_refuse(at, prefix.empty, "every string begins with \"\", so nothing would be left", err);
	return parse_edge(p, &prefix, at, t, err);
}

static outflow_status parse_but_suffix(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	if (!is_string(at))
		return pattern_refuse(at, suffix.type, suffix.string, err);
	if (outflow_json_text(at->json, at->token).len == 0)
		return pattern_refuse(at, suffix.empty, "every string ends with \"\", so nothing would be left", err);
	return parse_edge(p, &suffix, at, t, err);
}

/* The value at `at`, or each value in it when it is an array, as a list of tests. */
static outflow_status parse_one_or_many(struct pattern *p, const struct place *at, parse_test *parse,
                                        struct test **list, outflow_error *err)
{
	const outflow_json *j = at->json;
	bool is_array = outflow_json_type(j, at->token) == OUTFLOW_JSON_ARRAY;
	struct place inside = { .up = at, .json = j };
	uint32_t end = outflow_json_next(j, at->token);
	outflow_status status = OUTFLOW_OK;

	end -= is_array;
	for (uint32_t i = at->token + is_array; i < end && status == OUTFLOW_OK; i = outflow_json_next(j, i)) {
		*list = pattern_alloc(p, sizeof **list);
		if (*list == NULL)
			return no_memory(err);
		inside.token = i;
		status = parse(p, is_array ? &inside : at, *list, err);
		list = &(*list)->next;
		inside.index++;
	}
	return status;
}

/* {"prefix": ...} and the like inside anything-but. */
static outflow_status parse_but_operator(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	static const struct {
		const char *name;
		parse_test *parse;
		unsigned dialects;
	} nested[] = {
		{ "prefix", parse_but_prefix, IN_ALL },
		{ "suffix", parse_but_suffix, IN_ALL },
		{ "equals-ignore-case", parse_ignore_case, IN_UNION | IN_AWS },
		{ "wildcard", parse_wildcard, IN_UNION | IN_AWS },
	};
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j, .token = at->token + 2 };
	bool is_one = outflow_json_type(j, at->token + 1) != OUTFLOW_JSON_END &&
	              outflow_json_type(j, outflow_json_next(j, inside.token)) == OUTFLOW_JSON_END;
	outflow_status status;

	for (size_t i = 0; is_one && i < sizeof nested / sizeof nested[0]; i++) {
		if (!(nested[i].dialects & 1u << p->dialect) ||
		    !outflow_json_equal(j, at->token + 1, outflow_text(nested[i].name)))
			continue;
		inside.name = outflow_text(nested[i].name);
		if (p->dialect == PATTERN_ALIBABA && outflow_json_type(j, inside.token) == OUTFLOW_JSON_ARRAY)
			return pattern_refuse(&inside, i == 0 ? prefix.type : suffix.type,
			                      "one string should be here in this dialect", err);
		status = parse_one_or_many(p, &inside, nested[i].parse, &t->list, err);
		if (status == OUTFLOW_OK && t->list == NULL)
			return pattern_refuse(&inside, "pattern.anything_but.value",
			                      "the list needs at least one string", err);
		return status;
	}
	return pattern_refuse(
		at, "pattern.anything_but.nested",
		p->dialect == PATTERN_ALIBABA
			? "anything-but takes a value, a list of values, {\"prefix\": ...} or {\"suffix\": ...}"
			: "anything-but takes a value, a list of values, or one of {\"prefix\": ...}, "
			  "{\"suffix\": ...}, {\"equals-ignore-case\": ...}, {\"wildcard\": ...}",
		err);
}

/* In the dialect aws a list has strings only or numbers only, at least one, and numbers are in the range of a double. */
static outflow_status check_aws_list(const struct place *at, const struct test *t, outflow_error *err)
{
	enum test_kind first = t->list ? t->list->kind : TEST_LITERAL;

	if (t->list == NULL)
		return pattern_refuse(at, "pattern.anything_but.value", "the list needs at least one value", err);
	for (const struct test *but = t->list; but != NULL; but = but->next) {
		if (but->kind != first)
			return pattern_refuse(at, "pattern.anything_but.value",
			                      "a list has strings only or numbers only in this dialect", err);
		if (first == TEST_NUMBER && !number_is_representable(but->number.text))
			return pattern_refuse(at, "pattern.numeric.range",
			                      "a number must be within the range of a double", err);
	}
	return OUTFLOW_OK;
}

static outflow_status parse_anything_but(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	outflow_status status;

	t->kind = TEST_ANYTHING_BUT;
	if (outflow_json_type(at->json, at->token) == OUTFLOW_JSON_OBJECT)
		return parse_but_operator(p, at, t, err);
	status = parse_one_or_many(p, at, parse_but_value, &t->list, err);
	if (status == OUTFLOW_OK && p->dialect == PATTERN_AWS)
		return check_aws_list(at, t, err);
	return status;
}

/* ---- condition objects ---- */

static const struct {
	const char *name;
	parse_test *parse;
	unsigned dialects;
} operators[] = {
	{ "prefix", parse_prefix, IN_ALL },
	{ "suffix", parse_suffix, IN_ALL },
	{ "anything-but", parse_anything_but, IN_ALL },
	{ "numeric", pattern_parse_numeric, IN_ALL },
	{ "cidr", parse_cidr, IN_ALL },
	{ "exists", parse_exists, IN_ALL },
	{ "contains", parse_contains, IN_UNION | IN_ALIBABA },
	{ "exactly", parse_exact, IN_UNION | IN_AWS },
	{ "equals-ignore-case", parse_ignore_case, IN_UNION | IN_AWS },
	{ "wildcard", parse_wildcard, IN_UNION | IN_AWS },
};
#define N_OPERATORS (sizeof operators / sizeof operators[0])

/* Reserved in event-ruler's Constants, so that a later operator changes no pattern's meaning. */
bool pattern_is_operator(outflow_str name)
{
	static const char *const reserved[] = { "html",
		                                "=",
		                                "<",
		                                "<=",
		                                ">",
		                                ">=",
		                                "regex",
		                                "not-wildcard",
		                                "not-equals-ignore-case",
		                                "date-after",
		                                "date-on-or-after",
		                                "date-before",
		                                "date-on-or-before",
		                                "in-date-range",
		                                "ip-address-in-range",
		                                "ip-address-not-in-range" };

	for (size_t i = 0; i < N_OPERATORS; i++)
		if (outflow_equal(name, operators[i].name))
			return true;
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (outflow_equal(name, reserved[i]))
			return true;
	return false;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* How many letters differ between two words (Levenshtein). */
static size_t distance(outflow_str a, outflow_str b)
{
	size_t row[33], diagonal, above;

	for (size_t k = 0; k <= b.len; k++)
		row[k] = k;
	for (size_t i = 1; i <= a.len; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t k = 1; k <= b.len; k++) {
			above = row[k];
			row[k] = smallest(above + 1, row[k - 1] + 1, diagonal + (a.ptr[i - 1] != b.ptr[k - 1]));
			diagonal = above;
		}
	}
	return row[b.len];
}

static outflow_status refuse_operator(const struct pattern *p, const struct place *at, outflow_error *err)
{
	char allowed[400], list[200] = "";
	size_t best = 0, least = SIZE_MAX, n = 0;

	for (size_t i = 0; i < N_OPERATORS; i++) {
		size_t d = distance(at->name, outflow_text(operators[i].name));

		if (!(operators[i].dialects & 1u << p->dialect))
			continue;
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n > 0 ? ", " : "", operators[i].name);
		if (d < least) {
			least = d;
			best = i;
		}
	}
	snprintf(allowed, sizeof allowed, "there is no operator '%.*s', the nearest is '%s'; operators are %s",
	         (int)(at->name.len > 60 ? 60 : at->name.len), at->name.ptr, operators[best].name, list);
	return pattern_refuse(at, "pattern.condition.unknown", allowed, err);
}

static outflow_status parse_operator(struct pattern *p, const struct place *at, struct test *t, outflow_error *err)
{
	for (size_t i = 0; i < N_OPERATORS; i++)
		if (operators[i].dialects & 1u << p->dialect && outflow_equal(at->name, operators[i].name))
			return operators[i].parse(p, at, t, err);
	return refuse_operator(p, at, err);
}

outflow_status pattern_parse_condition(struct pattern *p, const struct place *at, struct test **tests,
                                       outflow_error *err)
{
	const outflow_json *j = at->json;
	struct place inside = { .up = at, .json = j };
	outflow_status status = OUTFLOW_OK;
	uint32_t i = at->token + 1;

	if (outflow_json_type(j, i) == OUTFLOW_JSON_END)
		return pattern_refuse(at, "pattern.condition.keys",
		                      "a condition needs an operator, such as {\"prefix\": \"a\"}", err);
	if (p->dialect == PATTERN_AWS && outflow_json_type(j, outflow_json_next(j, i + 1)) != OUTFLOW_JSON_END)
		return pattern_refuse(at, "pattern.condition.keys", "a condition has one operator in this dialect",
		                      err);
	for (; status == OUTFLOW_OK && outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		inside.name = outflow_json_text(j, i); /* no operator's name needs an escape */
		inside.token = i + 1;
		if (outflow_json_member(j, at->token, inside.name) > i + 1)
			continue; /* a later one of that name wins */
		*tests = pattern_alloc(p, sizeof **tests);
		if (*tests == NULL)
			return no_memory(err);
		status = parse_operator(p, &inside, *tests, err);
		tests = &(*tests)->next;
	}
	return status;
}
