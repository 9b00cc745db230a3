/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/test.h"

#include "host/cli/tool.h"
#include "host/config/schema.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <inttypes.h>
#include <stdlib.h>

/* Of a number so long, a double knows every digit. */
#define EXACT_DIGITS 15

/* ---- JSON ---- */

static int same_number(outflow_str a, outflow_str b)
{
	char x[32], y[32];

	if (a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0)
		return 1;
	if (a.len > EXACT_DIGITS || b.len > EXACT_DIGITS)
		return 0;
	snprintf(x, sizeof x, "%.*s", (int)a.len, a.ptr);
	snprintf(y, sizeof y, "%.*s", (int)b.len, b.ptr);
	return strtod(x, NULL) == strtod(y, NULL); /* both exact, so equal means equal */
}

static int same_string(const outflow_json *a, uint32_t i, const outflow_json *b, uint32_t k)
{
	outflow_str text = outflow_json_text(b, k);
	char *decoded = malloc(text.len + 1);
	int same = decoded != NULL &&
	           outflow_json_equal(a, i, (outflow_str){ decoded, outflow_json_decode(text, decoded) });

	free(decoded);
	return same;
}

static int same_json(const outflow_json *a, uint32_t i, const outflow_json *b, uint32_t k);

/* Is every member of a's object in b's, with the same value? */
static int has_members(const outflow_json *a, uint32_t i, const outflow_json *b, uint32_t k)
{
	uint32_t end = outflow_json_next(a, i) - 1;

	for (uint32_t name = i + 1; name < end; name = outflow_json_next(a, name + 1)) {
		outflow_str text = outflow_json_text(a, name);
		char *decoded = malloc(text.len + 1);
		outflow_str plain = { decoded, decoded ? outflow_json_decode(text, decoded) : 0 };
		uint32_t own = decoded ? outflow_json_member(a, i, plain) : 0;
		uint32_t other = decoded ? outflow_json_member(b, k, plain) : 0;

		free(decoded);
		if (other == 0 || !same_json(a, own, b, other))
			return 0;
	}
	return 1;
}

static int same_elements(const outflow_json *a, uint32_t i, const outflow_json *b, uint32_t k)
{
	uint32_t end_a = outflow_json_next(a, i++) - 1, end_b = outflow_json_next(b, k++) - 1;

	for (; i < end_a && k < end_b; i = outflow_json_next(a, i), k = outflow_json_next(b, k))
		if (!same_json(a, i, b, k))
			return 0;
	return i == end_a && k == end_b;
}

static int same_json(const outflow_json *a, uint32_t i, const outflow_json *b, uint32_t k)
{
	uint32_t type = outflow_json_type(a, i);

	if (outflow_json_type(b, k) != type)
		return 0;
	switch (type) {
	case OUTFLOW_JSON_NUMBER:
		return same_number(outflow_json_text(a, i), outflow_json_text(b, k));
	case OUTFLOW_JSON_STRING:
		return same_string(a, i, b, k);
	case OUTFLOW_JSON_OBJECT:
		return has_members(a, i, b, k) && has_members(b, k, a, i);
	case OUTFLOW_JSON_ARRAY:
		return same_elements(a, i, b, k);
	default:
		return 1;
	}
}

/* ---- a record ---- */

struct comparing {
	const struct test_case *test;
	const outflow_config *expected;
	const outflow_record *record;
	size_t number;
	struct test_findings *findings;
};

static int shown(size_t n)
{
	return n > 300 ? 300 : (int)n;
}

/* wanted ptr NULL: it should be null. */
static void compare(const struct comparing *c, const char *part, outflow_bytes found, outflow_bytes wanted)
{
	if ((found.ptr == NULL) == (wanted.ptr == NULL) && found.len == wanted.len &&
	    (found.len == 0 || memcmp(found.ptr, wanted.ptr, found.len) == 0))
		return;
	test_findings_add(c->findings, "record %zu: %s is %s%.*s%s, not %s%.*s%s", c->number, part,
	                  found.ptr ? "'" : "null", shown(found.len), found.ptr ? (const char *)found.ptr : "",
	                  found.ptr ? "'" : "", wanted.ptr ? "'" : "null", shown(wanted.len),
	                  wanted.ptr ? (const char *)wanted.ptr : "", wanted.ptr ? "'" : "");
}

static void compare_text(const struct comparing *c, const char *key, outflow_bytes found)
{
	struct text text = { .ptr = NULL };
	outflow_error err = { .size = sizeof err };
	outflow_status status = test_text(c->test, c->expected, key, &text, &err);

	if (status == OUTFLOW_OK)
		compare(c, key, found, (outflow_bytes){ text.ptr, text.n });
	else if (status != OUTFLOW_AGAIN)
		test_findings_add(c->findings, "%s: %s", key, err.msg);
	text_clear(&text);
}

static void compare_json(const struct comparing *c)
{
	struct text text = { .ptr = NULL };
	outflow_error err = { .size = sizeof err };
	outflow_str found = { c->record->value.ptr ? c->record->value.ptr : "", c->record->value.len };
	outflow_json *a = NULL, *b = NULL;
	outflow_status status = test_text(c->test, c->expected, "json", &text, &err);

	if (status == OUTFLOW_AGAIN)
		return;
	if (status == OUTFLOW_OK)
		status = outflow_json_parse((outflow_str){ text.ptr, text.n }, &a, &err);
	if (status != OUTFLOW_OK)
		test_findings_add(c->findings, "json: what is expected is %s", err.msg);
	else if (outflow_json_parse(found, &b, &err) != OUTFLOW_OK)
		test_findings_add(c->findings, "record %zu: value '%.*s' is %s", c->number, shown(found.len), found.ptr,
		                  err.msg);
	else if (!same_json(a, 0, b, 0))
		compare(c, "value", c->record->value, (outflow_bytes){ text.ptr, text.n });
	outflow_json_free(&a);
	outflow_json_free(&b);
	text_clear(&text);
}

static void compare_headers(const struct comparing *c)
{
	outflow_str name, wanted;

	for (size_t i = 0; i < instance_config_api.prefix(c->expected, "headers.", i, &name, &wanted); i++) {
		const outflow_header *h = outflow_find_header(c->record, name.ptr);
		char part[200];

		snprintf(part, sizeof part, "header %.180s", name.ptr);
		if (h == NULL)
			test_findings_add(c->findings, "record %zu: has no %s", c->number, part);
		else
			compare(c, part, h->value, outflow_text_bytes(wanted));
	}
}

static void compare_nulls(const struct comparing *c)
{
	outflow_bytes null = { NULL, 0 };
	outflow_str name;

	for (size_t i = 0; i < instance_config_api.list(c->expected, "null", i, &name); i++) {
		const outflow_header *h = outflow_find_header(c->record, name.ptr);

		if (outflow_equal(name, "key"))
			compare(c, "key", c->record->key, null);
		else if (outflow_equal(name, "value"))
			compare(c, "value", c->record->value, null);
		else if (h != NULL)
			test_findings_add(c->findings, "record %zu: has a header %.100s", c->number, name.ptr);
	}
}

static void compare_numbers(const struct comparing *c)
{
	int64_t partition, wanted_ms;
	outflow_str text;
	size_t digits;

	if (instance_config_api.i64(c->expected, "partition", &partition) == OUTFLOW_OK &&
	    partition != c->record->partition)
		test_findings_add(c->findings, "record %zu: partition is %" PRId32 ", not %" PRId64, c->number,
		                  c->record->partition, partition);
	if (instance_config_api.str(c->expected, "timestamp", &text) != OUTFLOW_OK)
		return;
	digits = strspn(text.ptr, "0123456789");
	wanted_ms = digits == text.len && digits > 4 ? strtoll(text.ptr, NULL, 10) : tool_parse_time(text.ptr);
	if (wanted_ms != c->record->timestamp_ms)
		test_findings_add(c->findings, "record %zu: timestamp is %s, not %s", c->number,
		                  tool_time(c->record->timestamp_ms).text, text.ptr);
}

void test_compare(const struct test_case *t, const outflow_config *expected, const outflow_record *r, size_t number,
                  struct test_findings *findings)
{
	const struct comparing c = { t, expected, r, number, findings };

	compare_text(&c, "topic", outflow_text_bytes(r->topic));
	compare_text(&c, "key", r->key);
	compare_text(&c, "value", r->value);
	compare_json(&c);
	compare_headers(&c);
	compare_nulls(&c);
	compare_numbers(&c);
}
