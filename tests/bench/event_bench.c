/* SPDX-License-Identifier: Apache-2.0 */
/* event_bench.c: ns per record of the event language's stages, beside a memcpy and a jansson parse of the same
 * payload. */
#include "sdk/testing/harness.h"
#include "transforms/enrich/enrich.h"
#include "transforms/event/components.h"
#include "transforms/language/path.h"
#include "transforms/language/query.h"
#include "transforms/cleanse/components.h"
#include "transforms/fields/components.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RECORDS 512
#define ARENA ((size_t)16 << 20)
#define ROUNDS 7 /* the fastest counts */
#define ROUND_NS 100000000

static const char payload[] =
	"{\"dev\":\"pump-0042\",\"site\":\"north\",\"ts\":1700000000123,\"temp\":61.25,\"hum\":48,\"state\":\"on\","
	"\"pos\":{\"x\":12.5,\"y\":-3.25,\"floor\":2},\"tags\":[\"a\",\"b\",\"c\"],\"ok\":true,\"note\":\"within range, no action\"}";
static const char pattern[] =
	"{\"data\":{\"body\":{\"site\":[\"north\",\"south\"],\"temp\":[{\"numeric\":[\">\",50]}],\"state\":[{\"anything-but\":\"off\"}],"
	"\"dev\":[{\"prefix\":\"pump-\"}],\"pos\":{\"floor\":[{\"exists\":true}]}}}}";

struct setting {
	const char *key, *value;
};

/* What a measured step works on: inputs, and an output batch with all the room that it needs. */
struct bench {
	outflow_harness *t;
	const outflow_host *host;
	outflow_record in[RECORDS], out_records[RECORDS];
	outflow_batch out;
	char *arena;
	const outflow_transform_ops *ops;
	void *self;
	char *copy;
	struct setting settings[16]; /* of the row, and its end */
};

static void rewind_batch(struct bench *b)
{
	b->out.n = 0;
	b->out.cur = b->arena;
	b->out.end = b->arena + ARENA;
}

/* Processor time: what else runs on the machine does not count. */
static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ns per record of the fastest round. */
static double measure(struct bench *b, void (*step)(struct bench *))
{
	double best = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = now_ns(), end;
		uint64_t n = 0;

		do {
			for (int i = 0; i < 16; i++)
				step(b);
			n += 16 * RECORDS;
			end = now_ns();
		} while (end - start < ROUND_NS);
		if ((double)(end - start) / (double)n < best)
			best = (double)(end - start) / (double)n;
	}
	return best;
}

static void check(outflow_status status, const outflow_error *err)
{
	if (status != OUTFLOW_OK) {
		fprintf(stderr, "event_bench: %s\n", err->msg);
		exit(1);
	}
}

/* ---- steps: each works on RECORDS records ---- */

static void step_copy(struct bench *b)
{
	for (size_t i = 0; i < RECORDS; i++)
		memcpy(b->copy + i * sizeof payload, b->in[i].value.ptr, b->in[i].value.len);
	__asm__ volatile("" ::: "memory");
}

static void step_jansson(struct bench *b)
{
	for (size_t i = 0; i < RECORDS; i++)
		json_decref(json_loadb(b->in[i].value.ptr, b->in[i].value.len, 0, NULL));
}

static void step_scan(struct bench *b)
{
	outflow_error err;
	const outflow_json *j;

	rewind_batch(b);
	for (size_t i = 0; i < RECORDS; i++)
		check(outflow_json_scan(b->host, &b->out, b->in[i].value, OUTFLOW_JSON_DEPTH, &j, &err), &err);
}

static void step_apply(struct bench *b)
{
	outflow_error err;

	rewind_batch(b);
	check(b->ops->apply(b->self, b->in, RECORDS, &b->out, &err), &err);
	if (b->out.n != RECORDS)
		exit(1);
}

/* The same, and then a tape of each output: what it would cost to hand one on. */
static void step_apply_and_scan(struct bench *b)
{
	outflow_error err;
	const outflow_json *j;

	step_apply(b);
	for (size_t i = 0; i < RECORDS; i++)
		check(outflow_json_scan(b->host, &b->out, b->out_records[i].value, OUTFLOW_JSON_DEPTH, &j, &err), &err);
}

/* ---- the table ---- */

static void row(const char *what, double ns, double reference)
{
	printf("%-49s %8.1f ns/record %7.2f x jansson\n", what, ns, ns / reference);
}

static const struct setting template_alone[] = {
	{ "value", "{\"d\":\"$.data.body.dev\",\"t\":\"$.data.body.temp\",\"s\":\"$.data.body.site\"}" },
	{ "value.template", "{\"device\":\"${d}\",\"temp\":${t},\"from\":{\"site\":\"${s}\"}}" },
	{ NULL, NULL },
};
static const struct setting three_parts[] = {
	{ "topic", "$.data.body.site" },
	{ "key", "$.data.body.dev" },
	{ "value", "$.data.body.pos" },
	{ NULL, NULL },
};
static const struct setting map_three[] = {
	{ "paths", "$.data.body.dev,$.data.body.site,$.data.body.note" },
	{ "rules", "a" },
	{ "rules.a.regex", "^(\\w)\\w*" },
	{ "rules.a.replacement", "$1." },
	{ NULL, NULL },
};
static const struct setting map_whole[] = {
	{ "rules", "a" },
	{ "rules.a.regex", "\"pump-(\\d+)\"" },
	{ "rules.a.replacement", "\"p$1\"" },
	{ NULL, NULL },
};
static const struct setting mask_three[] = {
	{ "paths", "$.data.body.dev,$.data.body.site,$.data.body.pos.x" },
	{ "method", "partial" },
	{ "keep.last", "2" },
	{ NULL, NULL },
};
static const struct setting mask_digest[] = {
	{ "paths", "$.data.body.dev" },
	{ "method", "hmac-sha256" },
	{ "secret", "key" },
	{ NULL, NULL },
};
static const struct setting route_by_path[] = {
	{ "match", "$.data.body.dev" },
	{ "default", "other" },
	{ "rules", "a,b" },
	{ "rules.a.regex", "^fan" },
	{ "rules.a.topics", "fans" },
	{ "rules.b.regex", "^pump" },
	{ "rules.b.topics", "pumps" },
	{ NULL, NULL },
};
static const struct setting split_one[] = { { "delimiter", ";" }, { NULL, NULL } };
static const struct setting insert_three[] = {
	{ "fields",
	  "[{\"field\":\"$.data.body.line\",\"value\":\"4\"},{\"field\":\"$.data.body.pos.z\",\"value\":\"0\"},"
	  "{\"field\":\"$.data.body.site\",\"value\":\"x\"}]" },
	{ NULL, NULL },
};
static const struct setting original[] = { { "value.form", "ORIGINAL" }, { NULL, NULL } };
static const struct setting binary[] = { { "cloudevents", "binary" }, { NULL, NULL } };

/* Unsets what the row before had set. */
static void prepare_all(struct bench *b, const outflow_component *c, const struct setting *settings)
{
	outflow_error err;

	for (const struct setting *s = b->settings; s->key != NULL; s++)
		outflow_harness_set(b->t, s->key, NULL);
	for (size_t i = 0;; i++) {
		b->settings[i] = settings[i];
		if (settings[i].key == NULL)
			break;
		outflow_harness_set(b->t, settings[i].key, settings[i].value);
	}
	check(outflow_harness_create(b->t, c, &err), &err);
	b->self = outflow_harness_self(b->t);
	b->ops = c->ops;
}

static void prepare(struct bench *b, const outflow_component *c, const char *key, const char *value)
{
	const struct setting one[] = { { key, value }, { NULL, NULL } };

	prepare_all(b, c, one);
}

static void set_views(struct bench *b, int on)
{
	outflow_json *j = NULL;

	for (size_t i = 0; i < RECORDS; i++) {
		if (on)
			(void)outflow_json_parse((outflow_str){ b->in[i].value.ptr, b->in[i].value.len }, &j, NULL);
		else
			free((void *)(uintptr_t)b->in[i].view);
		b->in[i].view = on ? j : NULL;
		b->in[i].view_tag = on ? b->host->intern(b->host, OUTFLOW_VIEW_JSON) : 0;
	}
}

/* Two fields for each of 100,000 devices; the caller unlinks it. */
static void write_table(char path[])
{
	int fd = mkstemps(path, 4);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	fprintf(file, "dev,region,owner\n");
	for (int i = 0; i < 100000; i++)
		fprintf(file, "pump-%04d,north-%d,owner-%d\n", i, i % 7, i);
	fclose(file);
}

/* ---- paths, through a list of ten objects ---- */

#define ITEM(N) "{\"id\":\"s-" #N "\",\"x\":" #N ".5,\"unit\":\"C\"}"
static const char list_payload[] =
	"{\"dev\":\"pump-0042\",\"ts\":1700000000123,\"list\":[" ITEM(0) "," ITEM(1) "," ITEM(2) "," ITEM(3) "," ITEM(
		4) "," ITEM(5) "," ITEM(6) "," ITEM(7) "," ITEM(8) "," ITEM(9) "],\"pos\":{\"floor\":2}}";

static struct {
	struct event_settings settings;
	struct path *path;
	struct query *query;
	size_t found;
} paths;

static bool count(void *arg, const struct value *v)
{
	(void)v;
	++*(size_t *)arg;
	return true;
}

static void step_find(struct bench *b)
{
	outflow_error err;
	struct event e;
	struct value v;

	rewind_batch(b);
	paths.found = 0;
	for (size_t i = 0; i < RECORDS; i++) {
		event_begin(&e, b->host, &b->out, &paths.settings, &b->in[i], &err);
		if (paths.query != NULL) {
			query_find(paths.query, &e, count, &paths.found);
		} else {
			path_find(paths.path, &e, &v);
			paths.found += v.type != VALUE_MISSING;
		}
		check(e.status, &err);
	}
}

static void path_row(struct bench *b, const char *text, bool single, size_t found, double reference)
{
	outflow_error err = { .size = sizeof err };
	char what[80];

	if (single)
		check(path_compile(outflow_text(text), &paths.path, &err), &err);
	else
		check(query_compile(outflow_text(text), &paths.query, &err), &err);
	snprintf(what, sizeof what, "%s, on a view", text);
	row(what, measure(b, step_find), reference);
	if (paths.found != found * RECORDS)
		exit(1);
	path_free(&paths.path);
	query_free(&paths.query);
}

static void path_rows(struct bench *b)
{
	double reference;

	event_settings_read(&paths.settings, b->host, outflow_harness_config(b->t), "source.");
	for (size_t i = 0; i < RECORDS; i++)
		b->in[i] = *outflow_harness_input(b->t, "plant/p1/temp", "plant/p1/temp", list_payload);
	printf("paths in a payload of %zu bytes\n", sizeof list_payload - 1);
	reference = measure(b, step_jansson);
	row("jansson parse (reference)", reference, reference);
	set_views(b, 1);
	path_row(b, "$.data.body.pos.floor", true, 1, reference);
	path_row(b, "$.data.body.list[*].x", false, 10, reference);
	path_row(b, "$.data.body.list[?@.x>5].id", false, 5, reference);
	path_row(b, "$.data.body..x", false, 10, reference);
	path_row(b, "$..x", false, 10, reference);
	set_views(b, 0);
}

/* A text of many such payloads in one array, for the speed of the scanner alone. */
static void large(struct bench *b)
{
	enum { ITEMS = 5000 };
	char *text = malloc(ITEMS * sizeof payload + 2);
	int64_t best = INT64_MAX, start;
	const outflow_json *j;
	outflow_error err;
	size_t n = 0;

	for (size_t i = 0; i < ITEMS; i++) {
		text[n++] = i ? ',' : '[';
		memcpy(text + n, payload, sizeof payload - 1);
		n += sizeof payload - 1;
	}
	text[n++] = ']';
	for (int round = 0; round < 20 * ROUNDS; round++) {
		rewind_batch(b);
		start = now_ns();
		check(outflow_json_scan(b->host, &b->out, (outflow_bytes){ text, n }, 9, &j, &err), &err);
		if (now_ns() - start < best)
			best = now_ns() - start;
	}
	printf("%-49s %8.2f GB/s, %.1f bytes of tape per token\n", "scan of 1 MB", (double)n / (double)best,
	       (double)(b->out.cur - b->arena) / j->n_tokens);
	free(text);
}

int main(void)
{
	struct bench *b = calloc(1, sizeof *b);
	char table[] = "/tmp/outflow-bench-XXXXXX.csv";
	const struct setting enrich[] = {
		{ "file", table }, { "key", "$.data.body.dev" }, { "index", "dev" }, { NULL, NULL }
	};
	double reference;

	write_table(table);
	b->t = outflow_harness_new();
	b->host = outflow_harness_host(b->t);
	b->arena = malloc(ARENA);
	b->copy = malloc(RECORDS * sizeof payload);
	b->out = (outflow_batch){ .recs = b->out_records, .cap = RECORDS };
	for (size_t i = 0; i < RECORDS; i++)
		b->in[i] = *outflow_harness_input(b->t, "plant/p1/temp", "plant/p1/temp", payload);
	printf("payload of %zu bytes, pattern of five fields\n", sizeof payload - 1);
	reference = measure(b, step_jansson);
	row("jansson parse (reference)", reference, reference);
	row("jansson parse again (A/A)", measure(b, step_jansson), reference);
	row("memcpy", measure(b, step_copy), reference);
	row("scan", measure(b, step_scan), reference);
	prepare(b, &event_filter, "pattern", pattern);
	row("scan + filter", measure(b, step_apply), reference);
	set_views(b, 1);
	row("filter on a view", measure(b, step_apply), reference);
	prepare(b, &event_deliver, "key", "$.data.body.dev");
	row("deliver: key from a path, on a view", measure(b, step_apply), reference);
	prepare_all(b, &event_deliver, three_parts);
	row("deliver: topic, key, value from paths, on a view", measure(b, step_apply), reference);
	prepare_all(b, &event_deliver, template_alone);
	row("deliver: template of three variables, on a view", measure(b, step_apply), reference);
	prepare_all(b, &event_deliver, original);
	row("deliver: the complete event, on a view", measure(b, step_apply), reference);
	prepare_all(b, &event_deliver, binary);
	row("deliver: CloudEvents binary mode, on a view", measure(b, step_apply), reference);
	prepare(b, &fields_rename, "fields", "temp:celsius");
	row("rename one field, on a view", measure(b, step_apply), reference);
	row("rename one field, and a tape of the result", measure(b, step_apply_and_scan), reference);
	prepare_all(b, &enrich_component, enrich);
	row("enrich: 2 fields from 100,000 rows, on a view", measure(b, step_apply), reference);
	outflow_harness_destroy(b->t);
	unlink(table);
	prepare_all(b, &fields_insert, insert_three);
	row("insert three fields, on a view", measure(b, step_apply), reference);
	prepare_all(b, &cleanse_map, map_three);
	row("map three fields, on a view", measure(b, step_apply), reference);
	prepare_all(b, &cleanse_map, map_whole);
	row("map the whole payload as text", measure(b, step_apply), reference);
	prepare_all(b, &cleanse_mask, mask_three);
	row("mask three fields in part, on a view", measure(b, step_apply), reference);
	prepare_all(b, &cleanse_mask, mask_digest);
	row("mask one field by HMAC-SHA-256, on a view", measure(b, step_apply), reference);
	prepare_all(b, &cleanse_route, route_by_path);
	row("route by a field, second of two rules, on a view", measure(b, step_apply), reference);
	prepare_all(b, &cleanse_split, split_one);
	row("split, one part", measure(b, step_apply), reference);
	prepare(b, &event_deliver, "key", "$.data.body.dev");
	set_views(b, 0);
	row("scan + deliver: key from a path", measure(b, step_apply), reference);
	prepare_all(b, &event_deliver, template_alone);
	row("scan + deliver: template of three variables", measure(b, step_apply), reference);
	path_rows(b);
	large(b);
	outflow_harness_free(&b->t);
	free(b->arena);
	free(b->copy);
	free(b);
	return 0;
}
