/* SPDX-License-Identifier: Apache-2.0 */
/* event_memory_test.c: whichever allocation fails while configuration is compiled, the answer is a status and
 * nothing leaks. */
#include "sdk/testing/harness.h"
#include "transforms/event/components.h"
#include "transforms/language/form.h"
#include "transforms/language/path.h"
#include "transforms/language/pattern.h"
#include "transforms/language/query.h"
#include "transforms/fields/edit.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The linker sends malloc, calloc and realloc of this program through these (--wrap). */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static size_t fail_at; /* 0: never; counts down */
static long balance;   /* live allocations since it was set to zero */
static long allocations;

static int fails(void)
{
	if (fail_at > 0 && --fail_at == 0)
		return 1;
	allocations++;
	balance++;
	return 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	balance -= p != NULL;
	return __real_realloc(p, n);
}

void __wrap_free(void *p)
{
	balance -= p != NULL;
	__real_free(p);
}

/* Runs attempt with the first, second, ... allocation failing until it succeeds, and then as often as it needed
 * none. */
static void torture(outflow_status (*attempt)(outflow_error *err), size_t at_least)
{
	for (size_t n = 1;; n++) {
		outflow_error err = { .msg = "" };
		outflow_status status;
		int all_done;

		balance = 0;
		fail_at = n;
		status = attempt(&err);
		all_done = fail_at > 0;
		fail_at = 0;
		assert_int_equal(balance, 0);
		assert_int_equal(status, all_done ? OUTFLOW_OK : OUTFLOW_E_NOMEM);
		if (all_done) {
			assert_true(n > at_least);
			return;
		}
		assert_string_not_equal(err.msg, "");
	}
}

static outflow_status try_pattern(outflow_error *err)
{
	struct pattern *p = NULL;
	outflow_status status = pattern_compile(
		outflow_text(
			"{\"a\\u0041\":[\"x\\n\",1,{\"prefix\":\"\\n\",\"anything-but\":[1,\"\\n\"]}],\"b.c\":[{\"numeric\":[\">\",1]}]}"),
		PATTERN_UNION, &p, err);

	pattern_free(&p);
	return status;
}

static void patterns(void **state)
{
	(void)state;
	torture(try_pattern, 4);
}

static outflow_status try_large_pattern(outflow_error *err)
{
	static char text[40000];
	struct pattern *p = NULL;
	outflow_status status;
	size_t n = 0;

	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s\"name%d\":[\"x\",%d]", i ? "," : "{", i, i);
	text[n++] = '}';
	status = pattern_compile((outflow_str){ text, n }, PATTERN_UNION, &p, err);
	pattern_free(&p);
	return status;
}

static void large_patterns(void **state)
{
	(void)state;
	torture(try_large_pattern, 20);
}

static outflow_status try_set(outflow_error *err)
{
	static const char first[] =
		"{\"a\":[\"x\",\"::1\",{\"prefix\":\"p\"},{\"suffix\":{\"equals-ignore-case\":\"\xc3\x9f\"}},{\"wildcard\":\"a*b*\"}],"
		"\"$or\":[{\"b\":[null,{\"numeric\":[\"!=\",1,\">\",0]}]},{\"c\":[{\"cidr\":\"10.0.0.0/8\"}]}]}";
	struct pattern_set *set = NULL;
	outflow_status status = pattern_set_new(PATTERN_UNION, &set, err);

	if (status == OUTFLOW_OK)
		status = pattern_set_add(set, outflow_text("a"), outflow_text(first), err);
	for (int i = 0; i < 20 && status == OUTFLOW_OK; i++) {
		char text[100];

		snprintf(text, sizeof text,
		         "{\"a\":[\"y\"],\"b%d\":[{\"anything-but\":[\"%d\",1]},{\"suffix\":\"%d\"}]}", i, i, i);
		status = pattern_set_add(set, outflow_text("b"), outflow_text(text), err);
	}
	if (status == OUTFLOW_OK)
		status = pattern_set_finish(set, err);
	pattern_set_free(&set);
	return status;
}

static void sets_of_patterns(void **state)
{
	(void)state;
	torture(try_set, 20);
}

static outflow_status try_path(outflow_error *err)
{
	struct path *p = NULL;
	outflow_status status = path_compile(outflow_text("$.a.b.c.d.e.f.g.h.i['j'][0].k"), &p, err);

	path_free(&p);
	return status;
}

static void paths(void **state)
{
	(void)state;
	torture(try_path, 3);
}

static const char a_query[] =
	"$.a..b[1:2,?@.x==\"y\\n\"&&!(match(@.y,'a.c')||length(@)>count($.c[*]))]['d'][?search(@,value($.r))]";

static outflow_status try_query(outflow_error *err)
{
	struct query *q = NULL;
	outflow_status status = query_compile(outflow_text(a_query), &q, err);

	query_free(&q);
	return status;
}

static void queries(void **state)
{
	(void)state;
	torture(try_query, 20);
}

static bool go_on(void *arg, const struct value *v)
{
	(void)v;
	++*(size_t *)arg;
	return true;
}

/* A record takes memory of the arena, and none of malloc once a regular expression that a record brings was seen. */
static void finding_takes_no_memory(void **state)
{
	static const char document[] =
		"{\"a\":{\"b\":[0,{\"x\":\"y\\n\",\"d\":[\"k\"]},{\"x\":\"y\\n\",\"d\":[\"\\u006b\"]}]},\"c\":[1,2,3],\"r\":\"k\"}";
	outflow_harness *t = outflow_harness_new();
	const outflow_host *h = outflow_harness_host(t);
	struct event_settings settings;
	outflow_error err = { .msg = "" };
	struct query *q = NULL;
	outflow_record *r;
	struct event e;

	(void)state;
	outflow_harness_use_arena(t, 1 << 16);
	event_settings_read(&settings, h, outflow_harness_config(t), "source.");
	assert_int_equal(query_compile(outflow_text(a_query), &q, &err), OUTFLOW_OK);
	r = outflow_harness_input(t, "t", NULL, document);
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	for (int i = 0; i < 2; i++) {
		size_t n = 0;

		event_begin(&e, h, outflow_harness_batch(t), &settings, r, &err);
		fail_at = i;
		query_find(q, &e, go_on, &n);
		assert_int_equal(fail_at, i);
		fail_at = 0;
		assert_int_equal(e.status, OUTFLOW_OK);
		assert_int_equal(n, 3);
	}
	query_free(&q);
	outflow_harness_free(&t);
}

static outflow_status try_edit(outflow_error *err)
{
	struct edit *e = edit_new(EDIT_RENAME);
	outflow_status status = OUTFLOW_E_NOMEM;

	if (e == NULL)
		return outflow_fail(err, status, "no memory");
	status = edit_add(e, outflow_text("a.b.c:d"), err);
	if (status == OUTFLOW_OK)
		status = edit_add(e, outflow_text("a.x:y"), err);
	edit_free(&e);
	return status;
}

static void edits(void **state)
{
	(void)state;
	torture(try_edit, 6);
}

static outflow_status try_template(outflow_error *err)
{
	struct form_texts texts = {
		.value = outflow_text("{\"a\":\"$.data.body.a\",\"b\":\"b\\n\",\"c\":\"$.c\"}"),
		.template_text = outflow_text("{\"a\":${a},\"b\":\"${b}\",\"c\":\"${c:-none}\",\"d\":${c:-\"}}"),
	};
	struct form f;
	outflow_status status = form_set(&f, &texts, FORM_NULL, err);

	form_clear(&f);
	return status;
}

static void templates(void **state)
{
	(void)state;
	torture(try_template, 12);
}

static outflow_harness *harness;
static const outflow_component *component;

static outflow_status try_create(outflow_error *err)
{
	struct ops {
		uint32_t size, flags;
		outflow_create_fn *create;
	};
	const struct ops *ops = component->ops;
	void *self = NULL;
	outflow_status status = ops->create(outflow_harness_host(harness), outflow_harness_config(harness), &self, err);

	if (status != OUTFLOW_OK)
		return status;
	if (component->kind == OUTFLOW_CONVERTER)
		((const outflow_converter_ops *)component->ops)->destroy(self);
	else if (component->kind == OUTFLOW_PREDICATE)
		((const outflow_predicate_ops *)component->ops)->destroy(self);
	else
		((const outflow_transform_ops *)component->ops)->destroy(self);
	return OUTFLOW_OK;
}

static void instances(void **state)
{
	static const outflow_component *const all[] = { &event_json, &event_filter, &event_deliver, &event_matches };
	static const char *const settings[][2] = {
		{ "format", "json" },
		{ "pattern", "{\"a\":[1]}" },
		{ "topic", "$.a" },
		{ "headers.a", "$.b" },
		{ "headers.b.value", "c" },
		{ "headers.t.template", "${x}" },
		{ "headers.t", "{\"x\":\"$.c\"}" },
	};
	const outflow_host *h;

	(void)state;
	harness = outflow_harness_new();
	h = outflow_harness_host(harness);
	(void)h->intern(h, OUTFLOW_VIEW_JSON); /* its memory is the host's */
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		outflow_harness_set(harness, settings[i][0], settings[i][1]);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		component = all[i];
		torture(try_create, i == 0 ? 1 : 3);
	}
	outflow_harness_free(&harness);
}

/* What a pipeline does with every record may not ask for memory: the batch's arena is there already. */
static void records_need_no_memory(void **state)
{
	static const char *const settings[][2] = {
		{ "topic", "{\"s\":\"$.data.body.site\"}" },
		{ "topic.template", "plant-${s}" },
		{ "key", "$.data.body.dev" },
		{ "value", "{\"d\":\"$.data.body.dev\",\"t\":\"$.data.body.t\",\"p\":\"$.data.props.topic\"}" },
		{ "value.template", "{\"d\":\"${d}\",\"t\":${t},\"p\":\"${p}\",\"x\":${t}}" },
		{ "headers.id", "$.id" },
		{ "cloudevents", "binary" },
	};
	outflow_harness *t = outflow_harness_new();
	const outflow_transform_ops *ops = event_deliver.ops;
	outflow_error err = { .msg = "" };
	static char arena[1 << 16];
	outflow_record out[16];
	outflow_batch batch = { .recs = out, .cap = 16, .cur = arena, .end = arena + sizeof arena };
	const outflow_record *first;

	(void)state;
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		outflow_harness_set(t, settings[i][0], settings[i][1]);
	assert_int_equal(outflow_harness_create(t, &event_deliver, &err), OUTFLOW_OK);
	first = outflow_harness_input(t, "a", NULL, "{\"site\":\"n\\u0031\",\"dev\":\"p\\\"1\",\"t\":{\"x\":1.50}}");
	allocations = 0;
	assert_int_equal(ops->apply(outflow_harness_self(t), first, 1, &batch, &err), OUTFLOW_OK);
	assert_int_equal(allocations, 0);
	assert_int_equal(batch.n, 1);
	assert_memory_equal(out[0].topic.ptr, "plant-n1", 8);
	outflow_harness_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(large_patterns),
		cmocka_unit_test(sets_of_patterns),
		cmocka_unit_test(paths),
		cmocka_unit_test(edits),
		cmocka_unit_test(templates),
		cmocka_unit_test(records_need_no_memory),
		cmocka_unit_test(queries),
		cmocka_unit_test(finding_takes_no_memory),
		cmocka_unit_test(instances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
