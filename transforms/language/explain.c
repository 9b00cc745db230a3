/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <outflow/util.h>

/* What became known of one leaf: a value that fits if there was one, else the first that does not. */
struct evidence {
	bool seen, fits;
	struct value value;
};

static void gather(void *arg, const struct pattern_finding *finding)
{
	struct evidence *e = (struct evidence *)arg + finding->leaf;

	if (e->seen && (e->fits || (e->value.type != VALUE_MISSING && !finding->fits)))
		return;
	e->seen = true;
	e->fits = finding->fits;
	e->value = *finding->value;
}

static void write_field(struct event *e, outflow_json_writer *w, const struct pattern *p, size_t i,
                        const struct evidence *found)
{
	outflow_str path, text;
	outflow_bytes value;

	(void)pattern_leaf(p, i, &path, &text);
	outflow_json_bracket(w, '{');
	outflow_json_put_key(w, outflow_text("path"));
	outflow_json_put_string(w, path);
	outflow_json_put_key(w, outflow_text("pattern"));
	outflow_json_put_raw(w, text);
	value = event_value_json(e, &found->value);
	if (value.ptr != NULL) {
		outflow_json_put_key(w, outflow_text("found"));
		outflow_json_put_raw(w, (outflow_str){ value.ptr, value.len });
	}
	outflow_json_put_key(w, outflow_text("fits"));
	outflow_json_put_raw(w, outflow_text(found->fits ? "true" : "false"));
	outflow_json_bracket(w, '}');
}

/* How many bytes of a text to show, without cutting a character. */
static int shown(const char *text, size_t n)
{
	if (n <= 200)
		return (int)n;
	for (n = 200; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
		n--;
	return (int)n;
}

/* The first leaf that does not fit, or what else it was. */
static outflow_str reason(struct event *e, const struct pattern *p, const struct evidence *found, size_t n)
{
	outflow_str path, text;
	outflow_bytes value;
	size_t i = 0;

	while (i < n && found[i].fits)
		i++;
	if (i == n)
		return outflow_text("each field fits, but inside an array no single element has them all");
	(void)pattern_leaf(p, i, &path, &text);
	value = event_value_json(e, &found[i].value);
	if (value.ptr == NULL)
		return outflow_print(e->host, e->arena, "%.*s: there is no such field with a plain value",
		                     shown(path.ptr, path.len), path.ptr);
	return outflow_print(e->host, e->arena, "%.*s: %.*s does not fit %.*s", shown(path.ptr, path.len), path.ptr,
	                     shown(value.ptr, value.len), (const char *)value.ptr, shown(text.ptr, text.len), text.ptr);
}

/* name.ptr NULL: the pattern has none. */
static void write(struct event *e, outflow_json_writer *w, const struct pattern *p, outflow_str name,
                  const struct evidence *found, size_t n, bool fits)
{
	outflow_json_bracket(w, '{');
	if (name.ptr != NULL) {
		outflow_json_put_key(w, outflow_text("name"));
		outflow_json_put_string(w, name);
	}
	outflow_json_put_key(w, outflow_text("matched"));
	outflow_json_put_raw(w, outflow_text(fits ? "true" : "false"));
	outflow_json_put_key(w, outflow_text("fields"));
	outflow_json_bracket(w, '[');
	for (size_t i = 0; i < n; i++)
		write_field(e, w, p, i, &found[i]);
	outflow_json_bracket(w, ']');
	if (!fits) {
		outflow_json_put_key(w, outflow_text("reason"));
		outflow_json_put_string(w, reason(e, p, found, n));
	}
	outflow_json_bracket(w, '}');
}

static outflow_status no_memory(struct event *e)
{
	e->status = outflow_fail(e->err, OUTFLOW_E_NOMEM, "no memory for an explanation");
	return e->status;
}

/* What p's leaves meet in e; NULL: no memory. */
static struct evidence *collect(struct pattern *p, struct event *e, size_t *n, bool *fits)
{
	struct evidence *found;
	outflow_str path, text;

	for (*n = 0; pattern_leaf(p, *n, &path, &text);)
		++*n;
	found = outflow_alloc(e->host, e->arena, *n * sizeof *found, _Alignof(struct evidence));
	for (size_t i = 0; found != NULL && i < *n; i++)
		found[i] = (struct evidence){ .value = { .type = VALUE_MISSING } };
	*fits = found != NULL && pattern_match(p, e, gather, found);
	return found;
}

outflow_status explain_named(struct pattern *p, outflow_str name, struct event *e, outflow_json_writer *w)
{
	size_t n;
	bool fits;
	struct evidence *found = collect(p, e, &n, &fits);

	if (found == NULL)
		return no_memory(e);
	write(e, w, p, name, found, n, fits);
	return e->status;
}

outflow_status explain_match(struct pattern *p, struct event *e, bool *fits, outflow_bytes *json)
{
	outflow_str none = { NULL, 0 };
	outflow_json_writer w;
	size_t n;
	struct evidence *found = collect(p, e, &n, fits);

	if (found == NULL)
		return no_memory(e);
	outflow_json_begin(&w, e->host, e->arena, 256 + 128 * n);
	write(e, &w, p, none, found, n, *fits);
	*json = outflow_json_finish(&w);
	if (e->status == OUTFLOW_OK && json->ptr == NULL)
		return no_memory(e);
	return e->status;
}
