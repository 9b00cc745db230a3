/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flaky.c: a sink and a transform that fail on purpose, for the tests of retries. They know records by the number that
 * the source `gen` gives them. Every `every`-th one fails `times` times (0: always) with `status`.
 *
 * The sink resolves from a thread of its own and writes the values that it took, in the order of its resolutions, to
 * `path`, one a line. With `hold` it takes everything and answers nothing, as a sink that hangs; with `pause` it takes so
 * long over each record.
 */
#include "tests/plug/parts.h"

#include <outflow/util.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HELD 256u
#define NUMBERS (1u << 20)

static const char *const statuses[] = { "retry", "outage", "record", "task", "config", "canceled", NULL };

#define SCRIPT_KEYS                                                                                                    \
	{ .name = "every", .type = OUTFLOW_T_INT, .dflt = "0", .doc = "Each of these fails; 0: none." },               \
		{ .name = "times", .type = OUTFLOW_T_INT, .dflt = "1", .doc = "So often; 0: always." },                \
	{                                                                                                              \
		.name = "status", .type = OUTFLOW_T_ENUM, .dflt = "retry", .choices = statuses, .doc = "With this."    \
	}

/* ---- who fails when ---- */

struct script {
	int64_t every, times;
	outflow_status status;
	uint8_t failures[NUMBERS];
};

static struct script *script_new(const outflow_host *h, const outflow_config *c)
{
	static const outflow_status codes[] = { OUTFLOW_E_RETRY, OUTFLOW_E_OUTAGE, OUTFLOW_E_RECORD,
		                                OUTFLOW_E_TASK,  OUTFLOW_E_CONFIG, OUTFLOW_E_CANCELED };
	struct script *s = calloc(1, sizeof *s);
	outflow_str name = { "", 0 };

	if (s == NULL)
		return NULL;
	s->every = outflow_config_number(h, c, "every");
	s->times = outflow_config_number(h, c, "times");
	h->config->str(c, "status", &name);
	for (size_t i = 0; statuses[i] != NULL; i++)
		if (outflow_equal(name, statuses[i]))
			s->status = codes[i];
	return s;
}

/* OUTFLOW_OK, or how this attempt of the record ends. */
static outflow_status script_play(struct script *s, const outflow_record *r, outflow_error *err)
{
	static const char head[] = "{\"seq\":";
	unsigned number;

	if (s->every == 0 || r->value.len < sizeof head || memcmp(r->value.ptr, head, sizeof head - 1) != 0)
		return OUTFLOW_OK;
	number = (unsigned)strtoul((const char *)r->value.ptr + sizeof head - 1, NULL, 10) % NUMBERS;
	if (number % (unsigned)s->every != 0)
		return OUTFLOW_OK;
	if (s->times > 0 && s->failures[number] >= s->times)
		return OUTFLOW_OK;
	if (s->failures[number] < UINT8_MAX)
		s->failures[number]++;
	return outflow_fail(err, s->status, "record %u fails on purpose for the %u. time", number, s->failures[number]);
}

/* ---- the sink ---- */

struct flaky {
	const outflow_host *host;
	struct script *script;
	FILE *file;
	int hold;
	int64_t pause_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	outflow_record *held[HELD]; /* a ring */
	size_t first, n;
	int resolving, stopping;
};

static void resolve(struct flaky *f, outflow_record *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_status status = script_play(f->script, r, &err);

	if (status == OUTFLOW_OK && f->file != NULL) {
		fwrite(r->value.ptr, 1, r->value.len, f->file);
		fputc('\n', f->file);
		fflush(f->file);
	}
	f->host->ack->resolve(f->host, &r, 1, status, status == OUTFLOW_OK ? NULL : &err);
	f->host->wake(f->host);
}

static void *resolver_main(void *arg)
{
	struct flaky *f = arg;

	pthread_mutex_lock(&f->lock);
	for (;;) {
		outflow_record *r;

		while ((f->n == 0 || f->hold) && !f->stopping)
			pthread_cond_wait(&f->changed, &f->lock);
		if (f->stopping)
			break;
		r = f->held[f->first];
		f->first = (f->first + 1) % HELD;
		f->n--;
		f->resolving = 1;
		pthread_mutex_unlock(&f->lock);
		if (f->pause_ms > 0)
			usleep((useconds_t)f->pause_ms * 1000);
		resolve(f, r);
		pthread_mutex_lock(&f->lock);
		f->resolving = 0;
		pthread_cond_broadcast(&f->changed);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct flaky *f = calloc(1, sizeof *f);
	outflow_str path;
	char name[4096];
	int32_t hold = 0;

	if (f == NULL || (f->script = script_new(h, c)) == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	f->host = h;
	h->config->boolean(c, "hold", &hold);
	f->hold = hold;
	f->pause_ms = outflow_config_number(h, c, "pause");
	if (h->config->str(c, "path", &path) == OUTFLOW_OK) {
		snprintf(name, sizeof name, "%.*s", (int)path.len, path.ptr);
		f->file = fopen(name, "a");
	}
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	pthread_create(&f->thread, NULL, resolver_main, f);
	*self = f;
	return OUTFLOW_OK;
}

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct flaky *f = self;

	(void)err;
	pthread_mutex_lock(&f->lock);
	for (*taken = 0; *taken < n && f->n < HELD; ++*taken)
		f->held[(f->first + f->n++) % HELD] = &recs[*taken];
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return *taken == n ? OUTFLOW_OK : OUTFLOW_AGAIN;
}

/* What is held stays unresolved. */
static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct flaky *f = self;

	(void)deadline_ns;
	(void)err;
	pthread_mutex_lock(&f->lock);
	f->n = 0;
	while (f->resolving)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
	return OUTFLOW_OK;
}

static void destroy(void *self)
{
	struct flaky *f = self;

	pthread_mutex_lock(&f->lock);
	f->stopping = 1;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	if (f->file != NULL)
		fclose(f->file);
	free(f->script);
	free(f);
}

static const outflow_sink_ops sink_ops = {
	.size = sizeof sink_ops,
	.create = create,
	.put = put,
	.stop = stop,
	.destroy = destroy,
};

/* ---- the transform ---- */

struct stumble {
	const outflow_host *host;
	struct script *script;
};

static outflow_status stumble_create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct stumble *s = calloc(1, sizeof *s);

	if (s == NULL || (s->script = script_new(h, c)) == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	*self = s;
	return OUTFLOW_OK;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct stumble *s = self;

	for (size_t i = 0; i < n; i++) {
		outflow_status status = script_play(s->script, &in[i], err);

		if (status < 0)
			s->host->reject(s->host, &in[i], status, err);
		else if (outflow_emit(s->host, out, &in[i]) == NULL)
			return OUTFLOW_E_NOMEM;
	}
	return OUTFLOW_OK;
}

static void stumble_destroy(void *self)
{
	struct stumble *s = self;

	free(s->script);
	free(s);
}

static const outflow_transform_ops transform_ops = {
	.size = sizeof transform_ops,
	.create = stumble_create,
	.apply = apply,
	.destroy = stumble_destroy,
};

/* ---- description ---- */

static const outflow_cfg_key sink_keys[] = {
	SCRIPT_KEYS,
	{ .name = "path", .type = OUTFLOW_T_STRING, .doc = "Where delivered values go." },
	{ .name = "hold", .type = OUTFLOW_T_BOOL, .dflt = "false", .doc = "Never answer." },
	{ .name = "pause", .type = OUTFLOW_T_INT, .dflt = "0", .doc = "Milliseconds for each record." },
};
static const outflow_cfg_key transform_keys[] = { SCRIPT_KEYS };

#define SCHEMA(KEYS)                                                                                                   \
	{                                                                                                              \
		.size = sizeof(outflow_cfg_def), .key_size = sizeof KEYS[0], .keys = KEYS,                             \
		.n_keys = sizeof KEYS / sizeof KEYS[0]                                                                 \
	}
static const outflow_cfg_def sink_schema = SCHEMA(sink_keys);
static const outflow_cfg_def transform_schema = SCHEMA(transform_keys);

static const outflow_component sink = {
	.size = sizeof sink,
	.kind = OUTFLOW_SINK,
	.name = "flaky",
	.config = &sink_schema,
	.ops = &sink_ops,
};
static const outflow_component transform = {
	.size = sizeof transform,
	.kind = OUTFLOW_TRANSFORM,
	.name = "stumble",
	.config = &transform_schema,
	.ops = &transform_ops,
};
static const outflow_component *const components[] = { &sink, &transform };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("flaky", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}
