/* SPDX-License-Identifier: Apache-2.0 */
/* A template is taken apart into pieces, then it is seen whether it is JSON, and only then what stands where. */
#include "template_internal.h"

#include "json_text.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

struct variable {
	outflow_str name;
	struct path *path; /* NULL: a constant */
	uint32_t token;    /* of its value */
};

/* A growing text. */
struct text {
	char *p;
	size_t n, room;
};

/* Text of the template, then a reference to a variable; of the last one text alone. */
struct part {
	struct template_slice text; /* in compiling.plain */
	const struct variable *variable;
	outflow_str spelled, fallback; /* fallback.ptr NULL: it has none */
	enum template_place place;
};

struct compiling {
	outflow_str source;
	struct template_form *form;
	outflow_json *json; /* of the variables */
	struct variable *variables;
	size_t n_variables;
	struct text names, plain, texts;
	struct part *parts;
	size_t n_parts, parts_room;
	outflow_error *err;
};

static outflow_status no_memory(struct compiling *c)
{
	return outflow_fail(c->err, OUTFLOW_E_NOMEM, "no memory for a template");
}

/* ---- texts ---- */

/* Room for n more bytes, or NULL. */
static char *reserve(struct text *t, size_t n)
{
	char *larger;

	if (n > t->room - t->n || t->p == NULL) {
		larger = realloc(t->p, 2 * t->room + n + 64);
		if (larger == NULL)
			return NULL;
		t->p = larger;
		t->room = 2 * t->room + n + 64;
	}
	return t->p + t->n;
}

static outflow_status add(struct compiling *c, struct text *t, const char *from, size_t n)
{
	char *to = reserve(t, n);

	if (to == NULL)
		return no_memory(c);
	if (n > 0)
		memcpy(to, from, n);
	t->n += n;
	return OUTFLOW_OK;
}

static outflow_status add_str(struct compiling *c, struct text *t, outflow_str s)
{
	return add(c, t, s.ptr, s.len);
}

static outflow_status add_escaped(struct compiling *c, struct text *t, outflow_str s)
{
	char *to = reserve(t, json_text_length(s));

	if (to == NULL)
		return no_memory(c);
	t->n = (size_t)(json_text_write(s, to) - t->p);
	return OUTFLOW_OK;
}

/* ---- variables ---- */

static outflow_status add_variable(struct compiling *c, uint32_t key)
{
	struct variable *v = &c->variables[c->n_variables];
	outflow_str name = outflow_json_text(c->json, key), value = outflow_json_text(c->json, key + 1);
	uint32_t type = outflow_json_type(c->json, key + 1);
	outflow_error cause = { .size = sizeof cause };
	outflow_status status;

	if (type == OUTFLOW_JSON_OBJECT || type == OUTFLOW_JSON_ARRAY)
		return outflow_fail(
			c->err, OUTFLOW_E_CONFIG,
			"variable '%.*s' of the template should be a path or a constant, not an object or an array",
			(int)name.len, name.ptr);
	/* Decoded it is never longer, so the names do not move. */
	v->name = (outflow_str){ c->names.p + c->names.n, 0 };
	v->name.len = outflow_json_decode(name, c->names.p + c->names.n);
	c->names.n += v->name.len;
	v->token = key + 1;
	v->path = NULL;
	c->n_variables++;
	if (type != OUTFLOW_JSON_STRING || value.len == 0 || value.ptr[0] != '$')
		return OUTFLOW_OK;
	/* The decoded path is needed only until it is compiled. */
	value.len = outflow_json_decode(value, c->names.p + c->names.n);
	value.ptr = c->names.p + c->names.n;
	status = path_compile(value, &v->path, &cause);
	if (status != OUTFLOW_OK)
		return outflow_fail(c->err, status, "variable '%.*s' of the template: %s", (int)v->name.len,
		                    v->name.ptr, cause.msg);
	return OUTFLOW_OK;
}

static outflow_status read_variables(struct compiling *c, outflow_str text)
{
	static const char want[] = "the variables of a template are a JSON object of names and paths, such as "
				   "{\"dev\":\"$.data.body.dev\"}";
	outflow_error cause = { .size = sizeof cause };
	outflow_status status = outflow_json_parse(text, &c->json, &cause);
	uint32_t end;

	if (status == OUTFLOW_E_NOMEM)
		return no_memory(c);
	if (status != OUTFLOW_OK)
		return outflow_fail(c->err, status, "%s: %s", want, cause.msg);
	if (outflow_json_type(c->json, 0) != OUTFLOW_JSON_OBJECT)
		return outflow_fail(c->err, OUTFLOW_E_CONFIG, "%s", want);
	c->variables = calloc(c->json->n_tokens, sizeof *c->variables);
	if (c->variables == NULL || reserve(&c->names, text.len) == NULL)
		return no_memory(c);
	end = outflow_json_next(c->json, 0) - 1;
	for (uint32_t i = 1; i < end && status == OUTFLOW_OK; i = outflow_json_next(c->json, i + 1))
		status = add_variable(c, i);
	return status;
}

/* Of two with one name the last counts, as everywhere in JSON. */
static const struct variable *find_variable(const struct compiling *c, outflow_str name)
{
	for (size_t i = c->n_variables; i-- > 0;)
		if (c->variables[i].name.len == name.len &&
		    (name.len == 0 || memcmp(c->variables[i].name.ptr, name.ptr, name.len) == 0))
			return &c->variables[i];
	return NULL;
}

/* ---- the template's parts ---- */

static outflow_status refuse(struct compiling *c, const char *at, const char *cause)
{
	size_t column = json_text_characters((outflow_str){ c->source.ptr, (size_t)(at - c->source.ptr) }) + 1;

	return outflow_fail(c->err, OUTFLOW_E_CONFIG, "character %zu of the template: %s", column, cause);
}

static outflow_status refuse_name(struct compiling *c, const char *at, outflow_str name)
{
	char cause[420];
	int n = snprintf(cause, sizeof cause, "there is no variable '%.*s'; there ",
	                 name.len > 100 ? 100 : (int)name.len, name.ptr);

	if (c->n_variables == 0)
		snprintf(cause + n, sizeof cause - (size_t)n, "are none at all");
	for (size_t i = 0; i < c->n_variables && n < 300; i++)
		n += snprintf(cause + n, sizeof cause - (size_t)n, "%s%.*s", i ? ", " : "is ",
		              c->variables[i].name.len > 60 ? 60 : (int)c->variables[i].name.len,
		              c->variables[i].name.ptr);
	return refuse(c, at, cause);
}

static struct part *add_part(struct compiling *c)
{
	struct part *larger;

	if (c->n_parts == c->parts_room) {
		larger = realloc(c->parts, (2 * c->parts_room + 8) * sizeof *larger);
		if (larger == NULL)
			return NULL;
		c->parts = larger;
		c->parts_room = 2 * c->parts_room + 8;
	}
	larger = &c->parts[c->n_parts++];
	*larger = (struct part){ .text = { c->plain.n, 0 } };
	return larger;
}

static const char *find_text(const char *p, const char *end, const char *what)
{
	return memmem(p, (size_t)(end - p), what, strlen(what));
}

/* *p is at "${", afterwards behind its '}'. */
static outflow_status read_reference(struct compiling *c, struct part *part, const char **p)
{
	const char *start = *p, *end = c->source.ptr + c->source.len;
	const char *close = memchr(start, '}', (size_t)(end - start));
	const char *split;
	outflow_str name;

	if (close == NULL)
		return refuse(c, start, "'}' is missing; the text ${ itself is written $${");
	split = find_text(start + 2, close, ":-");
	name = (outflow_str){ start + 2, (size_t)((split ? split : close) - start - 2) };
	if (find_text(start + 2, close, "${") != NULL)
		return refuse(c, start, "a variable inside of another one; a default is a constant");
	if (split != NULL)
		part->fallback = (outflow_str){ split + 2, (size_t)(close - split - 2) };
	part->spelled = (outflow_str){ start, (size_t)(close + 1 - start) };
	part->variable = find_variable(c, name);
	if (part->variable == NULL)
		return refuse_name(c, start, name);
	*p = close + 1;
	return OUTFLOW_OK;
}

/* Text up to the next reference or the end. */
static outflow_status read_text(struct compiling *c, struct part *part, const char **p)
{
	const char *end = c->source.ptr + c->source.len, *run = *p;
	outflow_status status;

	while (*p < end && (end - *p < 2 || memcmp(*p, "${", 2) != 0)) {
		if (end - *p < 3 || memcmp(*p, "$${", 3) != 0) {
			++*p;
			continue;
		}
		status = add(c, &c->plain, run, (size_t)(*p - run));
		if (status != OUTFLOW_OK)
			return status;
		run = *p + 1;
		*p += 3;
	}
	status = add(c, &c->plain, run, (size_t)(*p - run));
	part->text.n = c->plain.n - part->text.at;
	return status;
}

static outflow_status read_parts(struct compiling *c)
{
	const char *p = c->source.ptr, *end = p + c->source.len;
	outflow_status status;
	struct part *part;

	do {
		part = add_part(c);
		if (part == NULL)
			return no_memory(c);
		status = read_text(c, part, &p);
		if (status == OUTFLOW_OK && p < end)
			status = read_reference(c, part, &p);
	} while (status == OUTFLOW_OK && part->variable != NULL);
	return status;
}

/* ---- JSON or text ---- */

/* OUTFLOW_OK: it is JSON; OUTFLOW_E_CONFIG: it is not; OUTFLOW_E_NOMEM. */
static outflow_status is_json(struct compiling *c, outflow_str text, outflow_error *cause)
{
	outflow_json *json = NULL;
	outflow_status status = outflow_json_parse(text, &json, cause);

	outflow_json_free(&json);
	return status == OUTFLOW_E_NOMEM ? no_memory(c) : status;
}

/* Says for each variable whether it is between quotes, and writes the template with something else in their places:
 * [] is JSON only where a value may stand, and x is allowed in every string and part of no escape. */
static outflow_status place_variables(struct compiling *c, struct text *sample)
{
	bool in_string = false;
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < c->n_parts && status == OUTFLOW_OK; i++) {
		struct part *part = &c->parts[i];
		const char *text = c->plain.p + part->text.at;

		for (size_t k = 0; k < part->text.n; k++) {
			if (text[k] == '"')
				in_string = !in_string;
			else if (text[k] == '\\' && in_string && k + 1 < part->text.n)
				k++;
		}
		status = add(c, sample, text, part->text.n);
		part->place = in_string ? TEMPLATE_IN_STRING : TEMPLATE_AS_VALUE;
		if (status == OUTFLOW_OK && part->variable != NULL)
			status = add(c, sample, in_string ? "x" : "[]", in_string ? 1 : 2);
	}
	return status;
}

/* ${x} and nothing else is what a key or a topic may be: a text. */
static bool is_single_variable(const struct compiling *c, const struct text *sample)
{
	return c->n_parts == 2 && sample->n == 2 && c->parts[0].place == TEMPLATE_AS_VALUE;
}

static outflow_status choose_type(struct compiling *c, enum template_type type)
{
	struct text sample = { .n = 0 };
	outflow_error cause = { .size = sizeof cause };
	outflow_status status = place_variables(c, &sample);

	if (status == OUTFLOW_OK && type != TEMPLATE_TEXT)
		status = is_json(c, (outflow_str){ sample.p, sample.n }, &cause);
	if (status == OUTFLOW_OK)
		c->form->is_json = type == TEMPLATE_JSON || (type == TEMPLATE_AUTO && !is_single_variable(c, &sample));
	if (status == OUTFLOW_E_CONFIG && type == TEMPLATE_JSON)
		outflow_fail(c->err, status, "with [] or x in the place of each variable the template is %s",
		             cause.msg);
	else if (status == OUTFLOW_E_CONFIG)
		status = OUTFLOW_OK;
	for (size_t i = 0; i < c->n_parts && !c->form->is_json; i++)
		c->parts[i].place = TEMPLATE_IN_TEXT;
	free(sample.p);
	return status;
}

/* ---- what stands where ---- */

/* Is s, between quotes if so asked, JSON already? */
static outflow_status is_written_as_json(struct compiling *c, outflow_str s, const char *quote, bool *yes)
{
	outflow_error cause = { .size = sizeof cause };
	struct text text = { .n = 0 };
	outflow_status status = add_str(c, &text, outflow_text(quote));

	if (status == OUTFLOW_OK)
		status = add_str(c, &text, s);
	if (status == OUTFLOW_OK)
		status = add_str(c, &text, outflow_text(quote));
	if (status == OUTFLOW_OK)
		status = is_json(c, (outflow_str){ text.p, text.n }, &cause);
	free(text.p);
	*yes = status == OUTFLOW_OK;
	return status == OUTFLOW_E_CONFIG ? OUTFLOW_OK : status;
}

/* A text from the template itself in a variable's place: JSON when it is spelled as such, else a string. */
static outflow_status add_fixed(struct compiling *c, outflow_str s, enum template_place place, bool may_be_json)
{
	const char *quote = place == TEMPLATE_AS_VALUE ? "\"" : "";
	bool as_is = place == TEMPLATE_IN_TEXT;
	outflow_status status = OUTFLOW_OK;

	if (!as_is && may_be_json)
		status = is_written_as_json(c, s, place == TEMPLATE_IN_STRING ? "\"" : "", &as_is);
	if (status != OUTFLOW_OK)
		return status;
	if (as_is)
		return add_str(c, &c->texts, s);
	status = add_str(c, &c->texts, outflow_text(quote));
	if (status == OUTFLOW_OK)
		status = add_escaped(c, &c->texts, s);
	return status == OUTFLOW_OK ? add_str(c, &c->texts, outflow_text(quote)) : status;
}

static outflow_status add_constant(struct compiling *c, uint32_t token, enum template_place place)
{
	outflow_str text = outflow_json_text(c->json, token);
	char *to;

	if (place == TEMPLATE_AS_VALUE)
		return add_str(c, &c->texts, outflow_json_raw(c->json, token));
	if (place == TEMPLATE_IN_STRING || outflow_json_type(c->json, token) != OUTFLOW_JSON_STRING)
		return add_str(c, &c->texts, text);
	to = reserve(&c->texts, text.len);
	if (to == NULL)
		return no_memory(c);
	c->texts.n += outflow_json_decode(text, to);
	return OUTFLOW_OK;
}

static outflow_status add_instead(struct compiling *c, const struct part *part, struct template_piece *piece)
{
	outflow_status status = OUTFLOW_OK;

	piece->instead.at = c->texts.n;
	piece->has_instead = true;
	if (part->fallback.ptr != NULL)
		status = add_fixed(c, part->fallback, part->place, true);
	else if (c->form->missing == TEMPLATE_KEEP)
		status = add_fixed(c, part->spelled, part->place, part->place == TEMPLATE_IN_STRING);
	else if (c->form->missing == TEMPLATE_NULL)
		status = add_str(c, &c->texts, outflow_text("null"));
	else if (c->form->missing == TEMPLATE_DEFAULT)
		return refuse(c, part->spelled.ptr,
		              "the variable has no default, as in ${name:-default}, and missing is default");
	else
		piece->has_instead = false;
	piece->instead.n = c->texts.n - piece->instead.at;
	return status;
}

/* A piece ends where a path does: constants are text. */
static outflow_status assemble(struct compiling *c)
{
	struct template_form *form = c->form;
	struct template_piece *piece;
	outflow_status status = OUTFLOW_OK;

	form->pieces = piece = calloc(c->n_parts, sizeof *form->pieces);
	if (form->pieces == NULL)
		return no_memory(c);
	for (size_t i = 0; i < c->n_parts && status == OUTFLOW_OK; i++) {
		const struct part *part = &c->parts[i];

		status = add(c, &c->texts, c->plain.p + part->text.at, part->text.n);
		if (status == OUTFLOW_OK && part->variable != NULL && part->variable->path == NULL)
			status = add_constant(c, part->variable->token, part->place);
		piece->text.n = c->texts.n - piece->text.at;
		if (status != OUTFLOW_OK || part->variable == NULL || part->variable->path == NULL)
			continue;
		piece->path = part->variable->path;
		piece->place = part->place;
		piece->name = (struct template_slice){ c->texts.n, part->variable->name.len };
		status = add_str(c, &c->texts, part->variable->name);
		if (status == OUTFLOW_OK)
			status = add_instead(c, part, piece);
		(++piece)->text.at = c->texts.n;
	}
	form->n_pieces = (size_t)(piece - form->pieces) + 1;
	for (size_t i = 0; i < form->n_pieces; i++)
		form->n_text += form->pieces[i].text.n;
	return status;
}

/* ---- the whole ---- */

/* The paths go to the form, whether it is complete or not. */
static outflow_status keep_paths(struct compiling *c)
{
	struct template_form *form = c->form;

	form->paths = calloc(c->n_variables + 1, sizeof *form->paths);
	for (size_t i = 0; i < c->n_variables; i++) {
		if (form->paths != NULL)
			form->paths[form->n_paths++] = c->variables[i].path;
		else
			path_free(&c->variables[i].path);
	}
	return form->paths ? OUTFLOW_OK : no_memory(c);
}

static outflow_status check_length(struct compiling *c, outflow_str text, const char *what)
{
	size_t n = json_text_characters(text);

	if (n <= TEMPLATE_MAX)
		return OUTFLOW_OK;
	return outflow_fail(c->err, OUTFLOW_E_CONFIG, "%s of %zu characters; at most %u are possible", what, n,
	                    TEMPLATE_MAX);
}

static outflow_status compile(struct compiling *c, outflow_str variables, enum template_type type)
{
	outflow_status status = check_length(c, c->source, "a template"), kept;
	size_t good = outflow_utf8_check(outflow_text_bytes(c->source));

	if (status == OUTFLOW_OK)
		status = check_length(c, variables, "variables");
	if (status == OUTFLOW_OK && good < c->source.len)
		status = refuse(c, c->source.ptr + good, "not valid UTF-8");
	if (status == OUTFLOW_OK)
		status = read_variables(c, variables);
	kept = keep_paths(c);
	if (status == OUTFLOW_OK)
		status = kept;
	if (status == OUTFLOW_OK)
		status = read_parts(c);
	if (status == OUTFLOW_OK)
		status = choose_type(c, type);
	return status == OUTFLOW_OK ? assemble(c) : status;
}

outflow_status template_compile(outflow_str text, outflow_str variables, enum template_type type,
                                enum template_missing missing, struct template_form **t, outflow_error *err)
{
	struct compiling c = { .source = text, .err = err };
	outflow_status status;

	c.form = calloc(1, sizeof *c.form);
	if (c.form == NULL)
		return no_memory(&c);
	c.form->missing = missing;
	status = compile(&c, variables, type);
	c.form->texts = c.texts.p;
	free(c.names.p);
	free(c.plain.p);
	free(c.parts);
	free(c.variables);
	outflow_json_free(&c.json);
	if (status != OUTFLOW_OK)
		template_free(&c.form);
	else
		*t = c.form;
	return status;
}
