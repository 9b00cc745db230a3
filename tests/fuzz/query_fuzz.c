/* SPDX-License-Identifier: Apache-2.0 */
/* query_fuzz.c: any query on any event finds nodes whose normalized paths lead back to them, or ends in an error. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/language/path.h"
#include "transforms/language/query.h"

#include <outflow/util.h>

#define CHECKED_MAX 64u /* nodes that are looked at closely */

const char fuzz_name[] = "query";

struct nodes {
	struct event *e;
	size_t n, limit;
};

/* The one spelling of where a node is finds that node again. */
static void find_again(struct event *e, const struct value *v)
{
	outflow_error err = { .msg = "" };
	outflow_str place = query_path(e, v);
	struct path *p = NULL;
	outflow_status status;
	struct value again;

	must(place.ptr != NULL);
	status = path_compile(place, &p, &err);
	if (status != OUTFLOW_OK) { /* half a pair of surrogates in a name was replaced; or it is too long for a path */
		must(strstr(err.msg, "half a pair") != NULL || place.len > QUERY_MAX);
		return;
	}
	path_find(p, e, &again);
	must(e->status == OUTFLOW_OK && again.type == v->type);
	must(again.json == v->json && again.text.len == v->text.len);
	path_free(&p);
}

static bool count(void *arg, const struct value *v)
{
	struct nodes *n = arg;

	must(v->type != VALUE_MISSING && n->e->status == OUTFLOW_OK);
	if (n->n < CHECKED_MAX)
		find_again(n->e, v);
	return ++n->n != n->limit;
}

static void find(outflow_harness *t, const struct event_settings *s, const struct query *q, outflow_record *r)
{
	outflow_error err = { .msg = "" };
	struct nodes all = { .limit = 0 }, some;
	struct event e;

	event_begin(&e, outflow_harness_host(t), outflow_harness_batch(t), s, r, &err);
	all.e = &e;
	query_find(q, &e, count, &all);
	must(e.status == OUTFLOW_OK || (e.status == OUTFLOW_E_RECORD && err.msg[0] != '\0'));
	must(!query_is_singular(q) || all.n <= 1);
	if (all.n < 2 || e.status != OUTFLOW_OK)
		return;
	/* Who stops it is asked no more. */
	some = (struct nodes){ .e = &e, .limit = all.n / 2 };
	query_find(q, &e, count, &some);
	must(some.n == some.limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	static struct event_settings settings;
	size_t n = first_part(data, size), rest = n < size ? n + 1 : n;
	outflow_error err = { .msg = "" };
	struct query *q = NULL;
	outflow_record *r;

	if (t == NULL) {
		t = outflow_harness_new();
		event_settings_read(&settings, outflow_harness_host(t), outflow_harness_config(t), "source.");
	}
	if (query_compile((outflow_str){ (const char *)data, n }, &q, &err) != OUTFLOW_OK) {
		must(err.msg[0] != '\0' && q == NULL);
		return 0;
	}
	r = outflow_harness_input_bytes(t, "plant/p1", data + rest, size - rest);
	outflow_harness_header(t, r, "outflow.mqtt.qos", "1");
	outflow_harness_header(t, r, "site", "north");
	find(t, &settings, q, r);
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	find(t, &settings, q, r);
	query_free(&q);
	outflow_harness_clear(t);
	return 0;
}
