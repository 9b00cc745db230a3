/* SPDX-License-Identifier: Apache-2.0 */
/* Normalized paths (RFC 9535, section 2.7): where a value stands, in one spelling only. */
#include "query.h"

#include <outflow/util.h>

/* Written twice: to count, then into memory. */
struct text {
	char *out; /* NULL: count */
	size_t n;
};

static void put(struct text *t, const char *bytes, size_t n)
{
	if (t->out != NULL)
		memcpy(t->out + t->n, bytes, n);
	t->n += n;
}

static void put_number(struct text *t, uint32_t number)
{
	char digits[12], *p = digits + sizeof digits;

	*--p = ']';
	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	*--p = '[';
	put(t, p, (size_t)(digits + sizeof digits - p));
}

static void put_name(struct text *t, outflow_str name)
{
	static const char hex[] = "0123456789abcdef", special[] = "\b\t\n\f\r'\\", letters[] = "btnfr'\\";

	put(t, "['", 2);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i], escape[6] = { '\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15] };
		const char *known = c != '\0' ? strchr(special, c) : NULL;

		if (known != NULL) {
			escape[1] = letters[known - special];
			put(t, escape, 2);
		} else if ((unsigned char)c < ' ') {
			put(t, escape, sizeof escape);
		} else {
			put(t, &c, 1);
		}
	}
	put(t, "']", 2);
}

static void put_field(struct text *t, enum envelope_field field)
{
	enum envelope_field container;
	outflow_str name;

	if (field == ENVELOPE_EVENT)
		return;
	name = envelope_name(field, &container);
	put_field(t, container);
	put_name(t, name);
}

static void put_envelope(struct text *t, struct event *e, const struct value *v)
{
	enum envelope_field container;

	if (v->field == ENVELOPE_EXTENSION) {
		put_name(t, envelope_extension_name(e, v));
		return;
	}
	if (v->field < ENVELOPE_USER_PROPERTY) {
		put_field(t, v->field);
		return;
	}
	put_field(t, ENVELOPE_USER_PROPERTIES);
	put_number(t, envelope_user_index(e, v));
	if (v->field != ENVELOPE_USER_PROPERTY)
		put_name(t, envelope_name(v->field, &container));
}

/* The child of an object or array at *token that holds the value at `to`. false: no memory. */
static bool put_child(struct text *t, struct event *e, const outflow_json *j, uint32_t *token, uint32_t to)
{
	bool is_object = outflow_json_type(j, *token) == OUTFLOW_JSON_OBJECT;
	uint32_t i = *token + 1 + is_object, n = 0;
	outflow_str name;

	for (; outflow_json_next(j, i) <= to; n++)
		i = outflow_json_next(j, i) + is_object;
	*token = i;
	if (!is_object) {
		put_number(t, n);
		return true;
	}
	name = outflow_json_string(e->host, e->arena, j, i - 1);
	if (name.ptr != NULL)
		put_name(t, name);
	return name.ptr != NULL;
}

static bool put_path(struct text *t, struct event *e, const struct value *v)
{
	uint32_t token = 0;

	put(t, "$", 1);
	if (v->json == NULL) {
		put_envelope(t, e, v);
		return true;
	}
	if (!e->whole)
		put_field(t, ENVELOPE_BODY);
	while (token != v->token)
		if (!put_child(t, e, v->json, &token, v->token))
			return false;
	return true;
}

outflow_str query_path(struct event *e, const struct value *v)
{
	struct text t = { NULL, 0 };
	bool has_memory = put_path(&t, e, v);

	if (has_memory) {
		t = (struct text){ outflow_alloc(e->host, e->arena, t.n, 1), 0 };
		has_memory = t.out != NULL && put_path(&t, e, v);
	}
	if (!has_memory && e->status == OUTFLOW_OK)
		e->status = outflow_fail(e->err, OUTFLOW_E_NOMEM, "no memory for the path of a value");
	return (outflow_str){ has_memory ? t.out : NULL, has_memory ? t.n : 0 };
}
