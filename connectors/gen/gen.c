/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source of numbered JSON records, for tests and measurements. It is also the shortest complete source: the position of
 * a record is its number, so that it goes on after a restart where its records were confirmed.
 */
#include <outflow/ext/plan.h>
#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

#define SECOND_NS INT64_C(1000000000)

struct gen {
	const outflow_host *host;
	uint32_t stream;
	uint64_t next; /* how many this task has made */
	uint64_t end;  /* how many it makes; UINT64_MAX: without end */
	int64_t rate;  /* a second, of all tasks; 0: as fast as it goes */
	int64_t started_ns;
	int is_waiting;      /* for the time of the next record */
	uint64_t started_at; /* next, at the start of this run */
	size_t size;         /* of a value, at least */
	outflow_str topic;
};

static const outflow_cfg_key keys[] = {
	{ .name = "count",
	  .type = OUTFLOW_T_INT,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .dflt = "0",
	  .min = 0,
	  .max = INT64_MAX,
	  .group = "Generator",
	  .doc = "How many records; 0: without end." },
	{ .name = "rate",
	  .type = OUTFLOW_T_INT,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .dflt = "0",
	  .min = 0,
	  .max = 100000000,
	  .group = "Generator",
	  .doc = "Records a second; 0: as many as the sink takes." },
	{ .name = "size",
	  .type = OUTFLOW_T_SIZE,
	  .importance = OUTFLOW_IMPORTANCE_MEDIUM,
	  .dflt = "200B",
	  .min = 1,
	  .max = 1048576,
	  .group = "Generator",
	  .doc = "Bytes of a value; padded with a field, never cut." },
	{ .name = "topic",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .dflt = "gen",
	  .group = "Generator",
	  .doc = "Topic of the records." },
};
static const outflow_cfg_def schema = {
	.size = sizeof schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

/* Of several tasks, number k makes the records k, k + n, k + 2n, ... */
static uint64_t share(const outflow_host *h, uint64_t total)
{
	return (total + h->n_tasks - 1 - h->task) / h->n_tasks;
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct gen *g = calloc(1, sizeof *g);
	int64_t count = outflow_config_number(h, c, "count");

	if (g == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	g->host = h;
	g->end = count > 0 ? share(h, (uint64_t)count) : UINT64_MAX;
	g->rate = outflow_config_number(h, c, "rate");
	g->size = (size_t)outflow_config_number(h, c, "size");
	g->topic = outflow_config_text(h, c, "topic");
	*self = g;
	return OUTFLOW_OK;
}

static outflow_status start(void *self, outflow_error *err)
{
	struct gen *g = self;
	outflow_resume resume;
	char partition[64];
	outflow_status status;

	snprintf(partition, sizeof partition, "{\"task\":%u,\"of\":%u}", g->host->task, g->host->n_tasks);
	status = g->host->stream->open(g->host, outflow_text(partition), &g->stream, &resume);

	if (status != OUTFLOW_OK)
		return outflow_fail(err, status, "the stream cannot be opened");
	g->next = resume.valid ? resume.next : 0;
	g->started_at = g->next;
	g->started_ns = g->host->time->mono_ns(g->host);
	return OUTFLOW_OK;
}

/* How many records are due now, by the rate. */
static uint64_t due(const struct gen *g, uint64_t room)
{
	uint64_t left = g->end - g->next, allowed = room;

	if (g->rate > 0) {
		int64_t passed = g->host->time->mono_ns(g->host) - g->started_ns;
		uint64_t seconds = (uint64_t)(passed / SECOND_NS), rest = (uint64_t)(passed % SECOND_NS);
		uint64_t made = seconds * (uint64_t)g->rate + rest * (uint64_t)g->rate / SECOND_NS;
		uint64_t total = g->started_at + made / g->host->n_tasks;

		allowed = total > g->next ? total - g->next : 0;
	}
	if (allowed > room)
		allowed = room;
	return allowed < left ? allowed : left;
}

static void wake(void *self)
{
	struct gen *g = self;

	g->is_waiting = 0;
	g->host->wake(g->host);
}

/* Has the host ask again when a record is due. Without memory for a timer it asks by itself, only later. */
static void wait_for_next(struct gen *g)
{
	int64_t at = g->host->time->mono_ns(g->host) + SECOND_NS * g->host->n_tasks / g->rate;
	uint64_t id;

	if (!g->is_waiting)
		g->is_waiting = g->host->time->timer(g->host, at, wake, g, &id) == OUTFLOW_OK;
}

static outflow_bytes make_value(struct gen *g, outflow_batch *out)
{
	outflow_bytes none = { NULL, 0 };
	uint64_t number = g->next * g->host->n_tasks + g->host->task;
	char head[160];
	int n = snprintf(head, sizeof head, "{\"seq\":%llu,\"dev\":\"d%llu\",\"temp\":%llu,\"ok\":true,\"pad\":\"",
	                 (unsigned long long)number, (unsigned long long)(number % 100),
	                 (unsigned long long)(number * 7 % 100));
	size_t used = (size_t)n, size = used + 2 > g->size ? used + 2 : g->size;
	char *text = outflow_alloc(g->host, out, size, 1);

	if (text == NULL)
		return none;
	memcpy(text, head, used);
	memset(text + used, 'x', size - used - 2);
	memcpy(text + size - 2, "\"}", 2);
	return (outflow_bytes){ text, size };
}

static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct gen *g = self;
	uint64_t n = due(g, out->cap > 0 ? 512 : 0);
	outflow_record record = { .partition = -1, .stream = g->stream, .topic = g->topic };

	(void)deadline_ns;
	record.timestamp_ms = g->host->time->wall_ms(g->host);
	for (uint64_t i = 0; i < n; i++) {
		record.value = make_value(g, out);
		if (record.value.ptr == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
		record.pos = g->next;
		if (outflow_emit(g->host, out, &record) == NULL)
			break;
		g->next++;
	}
	if (g->next == g->end)
		return OUTFLOW_EOF;
	if (out->n > 0)
		return OUTFLOW_OK;
	if (out->cap > 0)
		wait_for_next(g);
	return OUTFLOW_AGAIN;
}

static const outflow_source_ops ops = {
	.size = sizeof ops,
	.create = create,
	.start = start,
	.poll = poll,
	.destroy = free,
};
static uint32_t tasks(const outflow_config *c, const outflow_config_api *api, uint32_t max)
{
	int64_t rate = 0;

	(void)api->i64(c, "rate", &rate);
	return rate > 0 && rate < max ? (uint32_t)rate : max;
}

static const outflow_plan_api plan = { .size = sizeof plan, .tasks = tasks };

static const void *extension(const char *id)
{
	return strcmp(id, OUTFLOW_EXT_PLAN) == 0 ? &plan : NULL;
}

static const outflow_component source = {
	.size = sizeof source,
	.kind = OUTFLOW_SOURCE,
	.name = "source",
	.doc = "Makes numbered JSON records, at a rate or as fast as they are taken.",
	.config = &schema,
	.ops = &ops,
	.extension = extension,
};
static const outflow_component *const components[] = { &source };
static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "gen",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "Numbered records for tests and measurements.",
	.components = components,
	.n_components = 1,
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
