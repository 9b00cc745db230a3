/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/reachability.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/config/hidden_values.h"
#include "host/pipeline/building.h"
#include "host/plugin/load_host.h"

#include <outflow/ext/probe.h>
#include <outflow/util.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TEST_MAGIC 0x72656163u
/* Threads of tests at once, those included that never come back. */
#define TESTS_MAX 16
/* How much later than it should a probe may come back. */
#define GRACE_NS (2 * CLOCK_S)

static int under_way; /* atomic */

struct test {
	unsigned magic;
	struct errand *errand;
	char *name;
	struct declarations connection; /* one, or none */
	struct reachability_subject subject;
	int64_t begun_ns, deadline_ns;
	struct problems problems;
	struct hidden_values hidden;
	outflow_status status; /* of the test itself */
	outflow_error err;
	pthread_mutex_t lock; /* of the rest */
	struct reachability result;
	int64_t step_ns; /* when the last step began */
};

/* ---- steps, as the plugin tells of them ---- */

static struct test *of(const outflow_host *h)
{
	struct test *t = h->ctx;

	CHECK_OBJ(t, TEST_MAGIC);
	return t;
}

/* [under lock] */
static struct reachability_step *last_step(struct reachability *r)
{
	return r->n_steps > 0 ? &r->steps[r->n_steps - 1] : NULL;
}

static void begin_step(const outflow_host *h, const char *step)
{
	struct test *t = of(h);

	pthread_mutex_lock(&t->lock);
	if (t->result.n_steps < REACHABILITY_STEPS_MAX) {
		struct reachability_step *new = &t->result.steps[t->result.n_steps++];

		snprintf(new->name, sizeof new->name, "%s", step);
		t->step_ns = clock_mono_ns();
	}
	pthread_mutex_unlock(&t->lock);
}

static void end_step(const outflow_host *h, const char *outcome)
{
	struct test *t = of(h);
	struct reachability_step *step;

	pthread_mutex_lock(&t->lock);
	step = last_step(&t->result);
	if (step != NULL && !step->is_done) {
		snprintf(step->text, sizeof step->text, "%s", outcome);
		hidden_values_mask_text(&t->hidden, step->text, sizeof step->text);
		step->took_ns = clock_mono_ns() - t->step_ns;
		step->is_done = 1;
	}
	pthread_mutex_unlock(&t->lock);
}

static const outflow_probe_steps steps_api = { sizeof steps_api, begin_step, end_step };

/* ---- the host that a probe sees ---- */

/* A failed test is an answer, not an event of the daemon. */
static int log_is_enabled(const outflow_host *h, int level)
{
	(void)h;
	(void)level;
	return log_enabled(&log_plugin_place, OUTFLOW_LOG_DEBUG);
}

static void log_line(const outflow_host *h, int level, const char *msg)
{
	char text[1000];

	(void)level;
	snprintf(text, sizeof text, "%s", msg);
	hidden_values_mask_text(&of(h)->hidden, text, sizeof text);
	log_write(&log_plugin_place, OUTFLOW_LOG_DEBUG, "test of %s: %s", of(h)->name, text);
}

static const outflow_log_api log_api = { sizeof log_api, log_is_enabled, log_line };

/* ---- on the thread ---- */

/* Whoever waited may have left meanwhile. */
static void note_outcome(struct test *t, outflow_status status, const outflow_error *err)
{
	struct reachability_step *step;

	pthread_mutex_lock(&t->lock);
	t->result.is_tested = 1;
	t->result.is_reachable = status >= 0;
	t->result.took_ns = clock_mono_ns() - t->begun_ns;
	step = last_step(&t->result);
	if (status < 0) {
		const char *why = *err->msg != '\0' ? err->msg : "the plugin does not say why";

		snprintf(t->result.reason, sizeof t->result.reason, "%s", why);
		hidden_values_mask_text(&t->hidden, t->result.reason, sizeof t->result.reason);
		if (step != NULL && !step->is_done) {
			snprintf(step->text, sizeof step->text, "%.*s", (int)sizeof step->text - 1, t->result.reason);
			step->took_ns = clock_mono_ns() - t->step_ns;
		}
	} else if (step != NULL && !step->is_done) {
		step->is_done = 1;
	}
	pthread_mutex_unlock(&t->lock);
}

static void run_probe(struct test *t, const struct component *c, const outflow_config *config)
{
	const outflow_probe_api *probe =
		OUTFLOW_HAS(outflow_component, c->what, extension) ? c->what->extension(OUTFLOW_EXT_PROBE) : NULL;
	outflow_error err = { .size = sizeof err };
	outflow_host host = load_host;
	struct component own;

	if (!OUTFLOW_HAS(outflow_probe_api, probe, probe)) {
		pthread_mutex_lock(&t->lock);
		snprintf(t->result.reason, sizeof t->result.reason,
		         "the plugin '%s' reaches no server, or does not say how that is tried (outflow.probe/1)",
		         c->module->plugin->id);
		pthread_mutex_unlock(&t->lock);
		return;
	}
	t->status = inventory_instance(t->subject.inventory, c, &own, &t->err);
	if (t->status != OUTFLOW_OK)
		return;
	probe = own.what->extension(OUTFLOW_EXT_PROBE);
	host.ctx = t;
	host.log = &log_api;
	note_outcome(t, probe->probe(&host, config, &steps_api, t->deadline_ns, &err), &err);
	inventory_release(t->subject.inventory, &own, 1);
}

static void work(void *ctx)
{
	struct test *t = ctx;
	struct connection_model m = { 0 };

	if (t->subject.end != NULL) {
		t->status =
			hidden_values_learn(&t->hidden, t->subject.inventory, MASK_PIPELINE, t->subject.settings, 0);
		if (t->status == OUTFLOW_OK)
			run_probe(t, &t->subject.end->component, t->subject.end->config);
	} else {
		t->status = connection_model_new(&t->connection.list[0], t->subject.host, t->subject.inventory,
		                                 &t->problems, &m);
		if (t->status == OUTFLOW_OK)
			t->status = hidden_values_learn(&t->hidden, t->subject.inventory, MASK_CONNECTION,
			                                &t->connection.list[0].settings, 0);
		if (t->status == OUTFLOW_OK && m.config != NULL)
			run_probe(t, &m.component, m.config);
		connection_model_clear(&m);
	}
	__atomic_fetch_sub(&under_way, 1, __ATOMIC_RELEASE);
}

static void forget(void *ctx)
{
	struct test *t = ctx;

	declarations_clear(&t->connection);
	problems_clear(&t->problems);
	hidden_values_clear(&t->hidden);
	pthread_mutex_destroy(&t->lock);
	free(t->name);
	t->magic = 0;
	free(t);
}

/* ---- waiting for it ---- */

static struct test *make(const struct reachability_subject *subject)
{
	struct test *t = calloc(1, sizeof *t);
	const struct declaration *c = subject->connection;

	if (t == NULL)
		return NULL;
	*t = (struct test){ .magic = TEST_MAGIC, .subject = *subject, .err.size = sizeof t->err };
	pthread_mutex_init(&t->lock, NULL);
	t->name = strdup(subject->name);
	if (t->name != NULL &&
	    (c == NULL || declarations_add(&t->connection, c->name, c->file, c->line, &c->settings) == OUTFLOW_OK))
		t->errand = errand_new(work, forget, t);
	if (t->errand == NULL) {
		forget(t);
		return NULL;
	}
	return t;
}

/* It has not come back: what it said before stays an answer. */
static outflow_status give_up(struct test *t, struct reachability *result, outflow_error *err)
{
	double seconds = (double)(clock_mono_ns() - t->begun_ns) / CLOCK_S;
	struct reachability_step *step;

	pthread_mutex_lock(&t->lock);
	*result = t->result;
	pthread_mutex_unlock(&t->lock);
	step = last_step(result);
	if (step != NULL && !step->is_done)
		return outflow_fail(err, OUTFLOW_E_RETRY, "the test did not come back within %.1f s; it hangs in '%s'",
		                    seconds, step->name);
	return outflow_fail(err, OUTFLOW_E_RETRY, "the test did not come back within %.1f s: the plugin hangs",
	                    seconds);
}

static outflow_status finish(struct test *t, struct problems *problems, struct reachability *result, outflow_error *err)
{
	for (size_t i = 0; i < t->problems.n; i++) {
		const struct problem *it = &t->problems.list[i];

		problems_add(problems, &(struct place){ it->file, it->line, it->pipeline, it->key }, "%s",
		             it->message ? it->message : "no memory");
	}
	*result = t->result;
	if (t->status != OUTFLOW_OK)
		return outflow_fail(err, t->status, "%s", *t->err.msg != '\0' ? t->err.msg : "no memory");
	return t->problems.reported == 0 ? OUTFLOW_OK
	                                 : outflow_fail(err, OUTFLOW_E_CONFIG, "%zu problem%s in the configuration",
	                                                t->problems.n, t->problems.n == 1 ? "" : "s");
}

static outflow_status run(struct test *t, int64_t timeout_ns, struct problems *problems, struct reachability *result,
                          outflow_error *err)
{
	int rc;

	t->begun_ns = clock_mono_ns();
	t->deadline_ns = t->begun_ns + timeout_ns;
	rc = errand_run(t->errand, timeout_ns + GRACE_NS);
	if (rc == ETIMEDOUT)
		return give_up(t, result, err);
	if (rc == 0)
		return finish(t, problems, result, err);
	__atomic_fetch_sub(&under_way, 1, __ATOMIC_RELEASE);
	return outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "no thread for a test");
}

outflow_status reachability_test(const struct reachability_subject *subject, int64_t timeout_ns,
                                 struct problems *problems, struct reachability *result, outflow_error *err)
{
	outflow_status status;
	struct test *t;

	*result = (struct reachability){ 0 };
	if (__atomic_add_fetch(&under_way, 1, __ATOMIC_ACQUIRE) > TESTS_MAX) {
		__atomic_fetch_sub(&under_way, 1, __ATOMIC_RELEASE);
		return outflow_fail(err, OUTFLOW_E_RETRY,
		                    "%d tests are under way, or have never come back; try again later", TESTS_MAX);
	}
	t = make(subject);
	if (t == NULL) {
		__atomic_fetch_sub(&under_way, 1, __ATOMIC_RELEASE);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a test");
	}
	status = run(t, timeout_ns, problems, result, err);
	errand_free(&t->errand);
	return status;
}
