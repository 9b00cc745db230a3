/* SPDX-License-Identifier: Apache-2.0 */
#include <outflow/json.h>
#include <outflow/util.h>

#include <stdio.h>

void outflow_json_begin(outflow_json_writer *w, const outflow_host *h, outflow_batch *b, size_t n)
{
	*w = (outflow_json_writer){ .host = h, .batch = b, .cap = n + 16 };
	w->out = outflow_alloc(h, b, w->cap, 1);
	w->failed = w->out == NULL;
}

/* Room for n more bytes, or NULL. */
static char *reserve(outflow_json_writer *w, size_t n)
{
	size_t cap = w->cap;
	char *larger;

	if (w->failed)
		return NULL;
	if (n > cap - w->n) {
		cap = 2 * cap + n;
		larger = outflow_alloc(w->host, w->batch, cap, 1);
		if (larger == NULL) {
			w->failed = 1;
			return NULL;
		}
		memcpy(larger, w->out, w->n);
		w->out = larger;
		w->cap = cap;
	}
	return w->out + w->n;
}

static void append(outflow_json_writer *w, const char *text, size_t n)
{
	char *to = reserve(w, n);

	if (to == NULL || n == 0)
		return;
	memcpy(to, text, n);
	w->n += n;
}

/* A value or key follows another one unless the text just began, a container just opened or a key was just
 * written. */
static void separate(outflow_json_writer *w)
{
	char last = w->n > 0 && !w->failed ? w->out[w->n - 1] : '[';

	if (last != '[' && last != '{' && last != ':')
		append(w, ",", 1);
}

void outflow_json_bracket(outflow_json_writer *w, char bracket)
{
	if (bracket == '{' || bracket == '[')
		separate(w);
	append(w, &bracket, 1);
}

static void quote(outflow_json_writer *w, outflow_str s)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = s.len ? s.ptr : "", *end = p + s.len, *run;

	append(w, "\"", 1);
	while (p < end) {
		char escape[6] = { '\\', 'u', '0', '0', 0, 0 };

		for (run = p; p < end && (unsigned char)*p >= ' ' && *p != '"' && *p != '\\';)
			p++;
		append(w, run, (size_t)(p - run));
		if (p == end)
			break;
		if ((unsigned char)*p >= ' ') {
			escape[1] = *p;
		} else {
			escape[4] = digits[*p >> 4];
			escape[5] = digits[*p & 15];
		}
		append(w, escape, (unsigned char)*p >= ' ' ? 2 : 6);
		p++;
	}
	append(w, "\"", 1);
}

void outflow_json_put_key(outflow_json_writer *w, outflow_str name)
{
	separate(w);
	quote(w, name);
	append(w, ":", 1);
}

void outflow_json_put_string(outflow_json_writer *w, outflow_str s)
{
	separate(w);
	quote(w, s);
}

void outflow_json_put_raw(outflow_json_writer *w, outflow_str json)
{
	separate(w);
	append(w, json.ptr, json.len);
}

void outflow_json_put_raw_key(outflow_json_writer *w, outflow_str key)
{
	separate(w);
	append(w, key.ptr, key.len);
	append(w, ":", 1);
}

void outflow_json_put_number(outflow_json_writer *w, int64_t n)
{
	char text[24];
	int length = snprintf(text, sizeof text, "%lld", (long long)n);

	outflow_json_put_raw(w, (outflow_str){ text, (size_t)length });
}

outflow_bytes outflow_json_finish(outflow_json_writer *w)
{
	outflow_bytes none = { NULL, 0 };

	if (w->failed)
		return none;
	return (outflow_bytes){ w->out, w->n };
}
