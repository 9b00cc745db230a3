/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newplugin.c: a source. It emits a heartbeat at an interval, numbered and with the time:
 *
 *   source = { class = "newplugin"; interval = "5s"; topic = "heartbeat"; };
 *
 * The position of a record is its number: after a restart, kill -9 included, the numbers go on behind the last one that
 * was delivered. What to change first: `keys`, `struct instance` and `poll`.
 */
#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

#define MS_NS INT64_C(1000000)

struct instance {
	const outflow_host *host;
	uint32_t stream;
	uint64_t next; /* number of the next heartbeat */
	uint64_t end;  /* how many there will be; UINT64_MAX: no end */
	int64_t interval_ns;
	int is_due;
	uint64_t timer;
	outflow_str topic;
};

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct instance *s = calloc(1, sizeof *s);
	int64_t count = outflow_config_number(h, c, "count");

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	s->end = count > 0 ? (uint64_t)count : UINT64_MAX;
	s->interval_ns = outflow_config_number(h, c, "interval") * MS_NS;
	s->topic = outflow_config_text(h, c, "topic");
	*self = s;
	return OUTFLOW_OK;
}

/* A source has one stream or several, the partitions of what it reads; each is named by a JSON text, under which the host
 * keeps the position. Several tasks (tasks.max) are to read different ones, here each its own heartbeat. */
static outflow_status start(void *self, outflow_error *err)
{
	struct instance *s = self;
	outflow_resume resume;
	char partition[40];
	outflow_status status;

	snprintf(partition, sizeof partition, "{\"task\":%u}", s->host->task);
	status = s->host->stream->open(s->host, outflow_text(partition), &s->stream, &resume);
	if (status != OUTFLOW_OK)
		return outflow_fail(err, status, "the stream %s cannot be opened", partition);
	s->next = resume.valid ? resume.next : 0;
	s->is_due = 1;
	return OUTFLOW_OK;
}

/* A timer of the host, which runs on the task's thread; a client that learns of data on a thread of its own calls wake, too. */
static void on_time(void *arg)
{
	struct instance *s = arg;

	s->is_due = 1;
	s->host->wake(s->host);
}

/* Emits what is there. Nothing is there: OUTFLOW_AGAIN, and the host calls again after a wake, or about once a second. No room
 * in the batch: the sink is behind. */
static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct instance *s = self;
	outflow_record r = { .partition = -1, .stream = s->stream, .topic = s->topic, .pos = s->next };

	(void)deadline_ns;
	if (s->next >= s->end)
		return OUTFLOW_EOF;
	if (out->cap == 0 || !s->is_due)
		return OUTFLOW_AGAIN;
	r.timestamp_ms = s->host->time->wall_ms(s->host);
	r.value = outflow_text_bytes(outflow_print(s->host, out, "{\"heartbeat\":%llu,\"time\":%lld}",
	                                           (unsigned long long)s->next, (long long)r.timestamp_ms));
	if (r.value.ptr == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	if (outflow_emit(s->host, out, &r) == NULL)
		return OUTFLOW_AGAIN;
	s->next++;
	s->is_due = 0;
	return s->host->time->timer(s->host, s->host->time->mono_ns(s->host) + s->interval_ns, on_time, s, &s->timer);
}

static const outflow_source_ops ops = {
	.size = sizeof ops,
	.create = create,
	.start = start,
	.poll = poll,
	.destroy = free,
};

static const outflow_cfg_key keys[] = {
	{ .name = "interval",
	  .type = OUTFLOW_T_DURATION_MS,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .dflt = "1s",
	  .min = 1,
	  .max = 86400000,
	  .doc = "Time between two heartbeats." },
	{ .name = "count",
	  .type = OUTFLOW_T_INT,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .dflt = "0",
	  .max = INT64_MAX,
	  .doc = "How many there will be; 0: no end." },
	{ .name = "topic",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_MEDIUM,
	  .dflt = "newplugin",
	  .doc = "Topic of the records." },
};
static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

static const outflow_component component = {
	.size = sizeof component,
	.kind = OUTFLOW_SOURCE,
	.name = "newplugin",
	.doc = "Emits a heartbeat at an interval.",
	.config = &config,
	.ops = &ops,
};
static const outflow_component *const components[] = { &component };

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "newplugin",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "The source newplugin.",
	.components = components,
	.n_components = 1,
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
