/* SPDX-License-Identifier: Apache-2.0 */
#include "location.h"

#include "path.h"

#include <outflow/util.h>

#include <stdlib.h>

struct location {
	struct path *path, *around; /* the value, and what it is in */
	outflow_str text, name;     /* name: escapes decoded; ptr NULL: an index */
	char copy[];                /* text, then name */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the segment at `from` ends, in a text that is known to be a path. */
static size_t segment_end(outflow_str text, size_t from)
{
	size_t i = from + 1;
	char quote;

	if (text.ptr[from] == '.') {
		while (i < text.len && text.ptr[i] != '.' && text.ptr[i] != '[' && !is_blank(text.ptr[i]))
			i++;
		return i;
	}
	while (is_blank(text.ptr[i]))
		i++;
	quote = text.ptr[i];
	if (quote == '\'' || quote == '"')
		for (i++; text.ptr[i] != quote; i++)
			i += text.ptr[i] == '\\';
	while (text.ptr[i] != ']')
		i++;
	return i + 1;
}

/* Decodes what is between the quotes of a name. */
static outflow_str decode_name(const char *from, const char *to, char *out)
{
	size_t n = 0;

	for (const char *p = from; p < to;) {
		const char *escape = memchr(p, '\\', (size_t)(to - p)), *end = escape ? escape : to;

		memmove(out + n, p, (size_t)(end - p));
		n += (size_t)(end - p);
		p = end;
		if (escape == NULL)
			break;
		if (p[1] == '\'') { /* the one escape that JSON does not have */
			out[n++] = '\'';
			p += 2;
			continue;
		}
		/* Half a pair of surrogates would not have compiled. */
		end = p[1] != 'u' ? p + 2 : p[2] == 'd' || p[2] == 'D' ? (p[3] < '8' ? p + 6 : p + 12) : p + 6;
		n += outflow_json_decode((outflow_str){ p, (size_t)(end - p) }, out + n);
		p = end;
	}
	return (outflow_str){ out, n };
}

/* The name of the segment text[from, to). */
static outflow_str name_of(outflow_str text, size_t from, size_t to, char *out)
{
	const char *p = text.ptr + from + 1, *end = text.ptr + to;

	if (text.ptr[from] == '.')
		return (outflow_str){ p, (size_t)(end - p) };
	while (is_blank(*p))
		p++;
	if (*p != '\'' && *p != '"')
		return (outflow_str){ NULL, 0 };
	while (*--end != *p)
		;
	return decode_name(p + 1, end, out);
}

outflow_status location_compile(outflow_str path, struct location **result, outflow_error *err)
{
	struct location *l = calloc(1, sizeof *l + 2 * path.len + 1);
	size_t from = 0, to = 1;
	outflow_status status;

	if (l == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a path");
	if (path.len > 0)
		memcpy(l->copy, path.ptr, path.len);
	l->text = (outflow_str){ l->copy, path.len };
	status = path_compile(path, &l->path, err);
	while (status == OUTFLOW_OK && to < path.len) {
		if (is_blank(l->copy[to])) {
			to++;
			continue;
		}
		from = to;
		to = segment_end(l->text, from);
	}
	if (status == OUTFLOW_OK && from == 0)
		status = outflow_fail(err, OUTFLOW_E_CONFIG,
		                      "'$' is the whole event; a path into the payload begins with $.data.body");
	if (status == OUTFLOW_OK) {
		l->name = name_of(l->text, from, to, l->copy + path.len);
		status = path_compile((outflow_str){ l->copy, from }, &l->around, err);
	}
	if (status != OUTFLOW_OK) {
		location_free(&l);
		return status;
	}
	*result = l;
	return OUTFLOW_OK;
}

void location_free(struct location **lp)
{
	struct location *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	path_free(&l->path);
	path_free(&l->around);
	free(l);
}

outflow_str location_text(const struct location *l)
{
	return l->text;
}

outflow_str location_name(const struct location *l)
{
	return l->name;
}

static outflow_status refuse(const struct location *l, struct event *e, const char *cause)
{
	return outflow_fail(e->err, OUTFLOW_E_RECORD, "%.*s: %s", (int)(l->text.len > 200 ? 200 : l->text.len),
	                    l->text.ptr, cause);
}

outflow_status location_find(const struct location *l, struct event *e, struct location_found *found)
{
	struct value v;

	*found = (struct location_found){ .json = event_tape(e) };
	if (e->status != OUTFLOW_OK)
		return e->status;
	if (found->json == NULL)
		return refuse(l, e, "the payload is not JSON");
	path_find(l->path, e, &v);
	if (e->status == OUTFLOW_OK && v.type != VALUE_MISSING && v.json == found->json) {
		found->is_there = true;
		found->value = v.token;
		return OUTFLOW_OK;
	}
	if (e->status == OUTFLOW_OK && v.type == VALUE_MISSING)
		path_find(l->around, e, &v);
	if (e->status != OUTFLOW_OK || v.type == VALUE_MISSING)
		return e->status;
	if (v.json != found->json)
		return refuse(l, e,
		              "this is not in the payload, and only the payload can be edited: its paths begin with "
		              "$.data.body");
	found->has_container = true;
	found->has_object = v.type == OUTFLOW_JSON_OBJECT && l->name.ptr != NULL;
	found->object = v.token;
	return OUTFLOW_OK;
}
