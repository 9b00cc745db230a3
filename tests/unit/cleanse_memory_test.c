/* SPDX-License-Identifier: Apache-2.0 */
/* cleanse_memory_test.c: whichever allocation fails while a transform of fields or cleanse is made, the answer is a status and
 * nothing leaks; records take memory of the batch's arena and none of malloc. */
#include "failing_memory.h"
#include "sdk/testing/harness.h"
#include "transforms/cleanse/components.h"
#include "transforms/fields/components.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- a configuration that takes no memory ---- */

struct setting {
	const char *key, *value;
};

static const struct setting *settings; /* a key of NULL ends them */

static outflow_status config_str(const outflow_config *c, const char *key, outflow_str *value)
{
	(void)c;
	for (const struct setting *s = settings; s->key != NULL; s++)
		if (strcmp(s->key, key) == 0) {
			*value = outflow_text(s->value);
			return OUTFLOW_OK;
		}
	return OUTFLOW_AGAIN;
}

static outflow_status config_i64(const outflow_config *c, const char *key, int64_t *value)
{
	outflow_str text;
	outflow_status status = config_str(c, key, &text);

	if (status == OUTFLOW_OK)
		*value = atoll(text.ptr);
	return status;
}

static outflow_status config_boolean(const outflow_config *c, const char *key, int32_t *value)
{
	outflow_str text;
	outflow_status status = config_str(c, key, &text);

	if (status == OUTFLOW_OK)
		*value = outflow_equal(text, "true");
	return status;
}

static size_t config_list(const outflow_config *c, const char *key, size_t i, outflow_str *item)
{
	outflow_str text;
	size_t n = 0;

	if (config_str(c, key, &text) != OUTFLOW_OK || text.len == 0)
		return 0;
	for (const char *p = text.ptr;; n++) {
		size_t length = strcspn(p, ",");

		if (n == i)
			*item = (outflow_str){ p, length };
		if (p[length] == '\0')
			return n + 1;
		p += length + 1;
	}
}

static size_t config_prefix(const outflow_config *c, const char *prefix, size_t i, outflow_str *key, outflow_str *value)
{
	size_t n = 0;

	(void)c;
	for (const struct setting *s = settings; s->key != NULL; s++) {
		if (strncmp(s->key, prefix, strlen(prefix)) != 0)
			continue;
		if (n++ == i) {
			*key = outflow_text(s->key + strlen(prefix));
			*value = outflow_text(s->value);
		}
	}
	return n;
}

static const outflow_config_api config_api = {
	.size = sizeof config_api,
	.str = config_str,
	.i64 = config_i64,
	.boolean = config_boolean,
	.list = config_list,
	.prefix = config_prefix,
};

/* ---- the transforms ---- */

#define EVENT                                                                                                          \
	{ "source.format", "json" }, { "source.format.invalid", "fail" },                                              \
	{                                                                                                              \
		"cluster", "outflow"                                                                                   \
	}

static const struct setting insert[] = {
	EVENT,
	{ "fields", "[{\"field\":\"$.data.body.o\",\"value\":\"{}\",\"type\":\"json\"},"
	            "{\"field\":\"$.data.body.o.a\",\"path\":\"$.data.props.topic\"}]" },
	{ NULL, NULL },
};
static const struct setting delete[] = { EVENT, { "fields", "$.data.body.a,$.data.body.none" }, { NULL, NULL } };
static const struct setting update[] = { EVENT,
	                                 { "fields", "[{\"field\":\"$.data.body.a\",\"value\":\"x\"}]" },
	                                 { NULL, NULL } };
static const struct setting flatten[] = { EVENT, { "delimiter", "." }, { "depth", "9" }, { NULL, NULL } };
static const struct setting timestamp[] = {
	EVENT, { "field", "$.data.body.at" }, { "time", "arrival" }, { NULL, NULL }
};
static const struct setting headers[] = {
	EVENT,
	{ "set.a", "$.data.body.s" },
	{ "add.b", "constant" },
	{ "remove", "x" },
	{ "user.properties", "copy" },
	{ "prefix", "mqtt." },
	{ NULL, NULL },
};
static const struct setting split_text[] = { EVENT, { "delimiter", "," }, { "limit", "100" }, { NULL, NULL } };
static const struct setting split_query[] = {
	EVENT, { "path", "$.data.body.l[*]" }, { "limit", "100" }, { NULL, NULL }
};
static const struct setting map[] = {
	EVENT,
	{ "rules", "a,b" },
	{ "rules.a.regex", "(x)(?<n>y)?" },
	{ "rules.a.replacement", "$1${n}-$$" },
	{ "rules.b.regex", "s" },
	{ "rules.b.case", "upper" },
	{ "paths", "$.data.body.s,$.data.body.l[*]" },
	{ NULL, NULL },
};
static const struct setting mask[] = { EVENT,
	                               { "paths", "$.data.body.s,$.data.body.a" },
	                               { "method", "hmac-sha256" },
	                               { "secret", "key" },
	                               { NULL, NULL } };
static const struct setting route[] = {
	EVENT,
	{ "rules", "{\"defaultTopic\":\"o\",\"rules\":[{\"regex\":\"^p\",\"targetTopics\":[\"t1\",\"t2\"]}]}" },
	{ "match", "$.data.body.s" },
	{ NULL, NULL },
};
static const struct setting route_groups[] = {
	EVENT,
	{ "rules", "a" },
	{ "rules.a.regex", "x" },
	{ "rules.a.topics", "t1, t2" },
	{ "match", "header.a" },
	{ "unmatched", "pass" },
	{ NULL, NULL },
};

static const struct {
	const outflow_component *component;
	const struct setting *settings;
	size_t allocations;
} cases[] = {
	{ &fields_insert, insert, 10 },    { &fields_update, update, 4 },       { &fields_delete, delete, 6 },
	{ &fields_flatten, flatten, 0 },   { &fields_timestamp, timestamp, 3 }, { &fields_headers, headers, 3 },
	{ &cleanse_split, split_text, 1 }, { &cleanse_split, split_query, 2 },  { &cleanse_map, map, 8 },
	{ &cleanse_mask, mask, 5 },        { &cleanse_route, route, 8 },        { &cleanse_route, route_groups, 6 },
};

static outflow_status make(const outflow_host *h, size_t i, void **self, outflow_error *err)
{
	settings = cases[i].settings;
	return ((const outflow_transform_ops *)cases[i].component->ops)->create(h, NULL, self, err);
}

static outflow_host host_of(outflow_harness *t)
{
	outflow_host h = *outflow_harness_host(t);

	(void)h.intern(&h, OUTFLOW_VIEW_JSON); /* its memory is the host's */
	h.config = &config_api;
	return h;
}

static void instances(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_host h = host_of(t);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const outflow_transform_ops *ops = cases[i].component->ops;

		for (size_t n = 1;; n++) {
			outflow_error err = { .msg = "" };
			void *self = NULL;
			outflow_status status;
			bool done;

			balance = 0;
			fail_at = n;
			status = make(&h, i, &self, &err);
			done = fail_at > 0;
			fail_at = 0;
			if (status == OUTFLOW_OK)
				ops->destroy(self);
			assert_int_equal(balance, 0);
			if (status != (done ? OUTFLOW_OK : OUTFLOW_E_NOMEM))
				fail_msg("%s, allocation %zu: %d %s", cases[i].component->name, n, status, err.msg);
			if (done) {
				assert_true(n > cases[i].allocations);
				break;
			}
			assert_string_not_equal(err.msg, "");
		}
	}
	outflow_harness_free(&t);
}

/* What a pipeline does with every record may not ask for memory: the batch's arena is there already. */
static void records(void **state)
{
	static const char payload[] = "{\"a\":1,\"s\":\"px\\u0079s\",\"l\":[\"xy\",2.50],\"o\":{\"b\":{\"c\":1}}}";
	outflow_harness *t = outflow_harness_new();
	outflow_record in = *outflow_harness_input(t, "plant/p1", "k", payload), out_records[16];
	char *arena = malloc(1 << 20);
	outflow_host h = host_of(t);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const outflow_transform_ops *ops = cases[i].component->ops;
		outflow_batch out = { .recs = out_records, .cap = 16, .cur = arena, .end = arena + (1 << 20) };
		outflow_error err = { .msg = "" };
		void *self = NULL;

		assert_int_equal(make(&h, i, &self, &err), OUTFLOW_OK);
		fail_at = 1;
		if (ops->apply(self, &in, 1, &out, &err) != OUTFLOW_OK || fail_at != 1)
			fail_msg("%s: %s", cases[i].component->name, err.msg);
		fail_at = 0;
		assert_true(out.n > 0);
		ops->destroy(self);
	}
	free(arena);
	outflow_harness_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instances),
		cmocka_unit_test(records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
