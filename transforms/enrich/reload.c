/* SPDX-License-Identifier: Apache-2.0 */
#include "reload.h"

#include <outflow/util.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* A file that changes while it is read for the first time is read again so often. */
#define FIRST_READS 5

struct reload {
	const outflow_host *host;
	struct source *source;
	struct table *current;          /* the task's */
	struct table *_Atomic fresh;    /* read, not taken by the task yet */
	struct table *_Atomic outgrown; /* for the thread to free, which may take its time */
	struct stamp known;             /* of the file when it was read, well or not */
	struct stamp warned;            /* when there was a warning */
	struct stamp seen;              /* when it was last looked at */
	bool missing;                   /* it was not there */
	int64_t interval_ms;
	outflow_metric *rows, *bytes, *reloads, *failures;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_bool stop;
};

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	free(s->file);
	free(s->query);
	free((void *)(uintptr_t)s->table.columns);
	free(s);
}

const struct table *reload_table(struct reload *r)
{
	struct table *fresh, *old;

	if (atomic_load_explicit(&r->fresh, memory_order_relaxed) == NULL)
		return r->current;
	fresh = atomic_exchange(&r->fresh, NULL);
	if (fresh == NULL)
		return r->current;
	old = atomic_exchange(&r->outgrown, r->current);
	table_free(&old);
	r->current = fresh;
	return r->current;
}

static void tell(struct reload *r, const struct table *t)
{
	const outflow_metric_api *metric = r->host->metric;

	metric->set(r->rows, (int64_t)table_rows(t));
	metric->set(r->bytes, (int64_t)table_bytes(t));
}

/* ---- the thread ---- */

static void read_again(struct reload *r)
{
	outflow_error err = { .size = sizeof err };
	struct table *t, *never_taken;
	struct stamp stamp;
	outflow_status status = source_load(r->source, &t, &stamp, &err);

	if (status == OUTFLOW_AGAIN || status == OUTFLOW_E_CANCELED)
		return;
	if (status == OUTFLOW_OK || status == OUTFLOW_E_TASK)
		r->known = stamp;
	if (status != OUTFLOW_OK) {
		r->host->metric->add(r->failures, 1);
		if (!source_same(&stamp, &r->warned))
			outflow_log(r->host, OUTFLOW_LOG_WARN, "the changed table is not used, the old one stays: %s",
			            err.msg);
		r->warned = stamp;
		return;
	}
	tell(r, t);
	r->host->metric->add(r->reloads, 1);
	outflow_log(r->host, OUTFLOW_LOG_INFO, "%s has changed: %" PRIu64 " rows", r->source->file, table_rows(t));
	never_taken = atomic_exchange(&r->fresh, t);
	table_free(&never_taken);
}

static void look(struct reload *r)
{
	outflow_error err = { .size = sizeof err };
	struct table *outgrown = atomic_exchange(&r->outgrown, NULL);
	struct stamp now;
	bool missing, settled;

	table_free(&outgrown);
	missing = source_stamp(r->source, &now, &err) != OUTFLOW_OK;
	if (missing && !r->missing) {
		r->host->metric->add(r->failures, 1);
		outflow_log(r->host, OUTFLOW_LOG_WARN, "the table stays as it was: %s", err.msg);
	}
	settled = !missing && !r->missing && source_same(&now, &r->seen);
	r->missing = missing;
	r->seen = now;
	if (settled && !source_same(&now, &r->known))
		read_again(r);
}

static struct timespec after_ms(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static void *watch(void *arg)
{
	struct reload *r = arg;

	while (!atomic_load(&r->stop)) {
		struct timespec until = after_ms(r->interval_ms);
		int waited = 0;

		pthread_mutex_lock(&r->lock);
		while (!atomic_load(&r->stop) && waited == 0)
			waited = pthread_cond_timedwait(&r->changed, &r->lock, &until);
		pthread_mutex_unlock(&r->lock);
		if (!atomic_load(&r->stop))
			look(r);
	}
	return NULL;
}

/* Signals are the host's. */
static outflow_status start_thread(struct reload *r, outflow_error *err)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&r->thread, NULL, watch, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	r->running = code == 0;
	return r->running ? OUTFLOW_OK : outflow_fail_errno(err, OUTFLOW_E_TASK, code, "no thread for the table");
}

/* ---- life ---- */

static void open_metrics(struct reload *r)
{
	const outflow_host *h = r->host;
	const outflow_metric_api *metric = h->metric;

	r->rows = metric->open(h, OUTFLOW_METRIC_GAUGE, "enrich_table_rows", "", "Rows of the table.");
	r->bytes = metric->open(h, OUTFLOW_METRIC_GAUGE, "enrich_table_bytes", "bytes", "Memory of the table.");
	r->reloads = metric->open(h, OUTFLOW_METRIC_COUNTER, "enrich_reloads", "",
	                          "How often a changed file became the table.");
	r->failures = metric->open(h, OUTFLOW_METRIC_COUNTER, "enrich_reload_failures", "",
	                           "How often a changed file could not be used and the old table stayed.");
}

static outflow_status read_first(struct reload *r, outflow_error *err)
{
	outflow_status status = OUTFLOW_AGAIN;

	for (int i = 0; i < FIRST_READS && status == OUTFLOW_AGAIN; i++)
		status = source_load(r->source, &r->current, &r->known, err);
	if (status == OUTFLOW_AGAIN)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s changes all the time; replace it in one step, by renaming",
		                    r->source->file);
	return status == OUTFLOW_E_RETRY ? OUTFLOW_E_TASK : status;
}

outflow_status reload_begin(struct reload **result, const outflow_host *h, struct source *s, int64_t interval_ms,
                            outflow_error *err)
{
	struct reload *r = calloc(1, sizeof *r);
	pthread_condattr_t clock;
	outflow_status status;

	*result = r;
	if (r == NULL) {
		source_free(s);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the table");
	}
	r->host = h;
	r->source = s;
	r->interval_ms = interval_ms;
	s->table.stop = &r->stop;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &clock);
	pthread_condattr_destroy(&clock);
	open_metrics(r);
	status = read_first(r, err);
	if (status == OUTFLOW_OK) {
		tell(r, r->current);
		r->seen = r->known;
		status = start_thread(r, err);
	}
	if (status != OUTFLOW_OK)
		reload_end(result);
	return status;
}

void reload_end(struct reload **rp)
{
	struct reload *r = *rp;
	struct table *fresh, *outgrown;

	*rp = NULL;
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stop, true);
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (r->running)
		pthread_join(r->thread, NULL);
	fresh = atomic_load(&r->fresh);
	outgrown = atomic_load(&r->outgrown);
	table_free(&fresh);
	table_free(&outgrown);
	table_free(&r->current);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	source_free(r->source);
	free(r);
}
