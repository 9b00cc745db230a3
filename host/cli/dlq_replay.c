/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay runs beside the daemon: it has a state directory of its own in the daemon's, with a lock, the private copies of
 * plugins, and what has been replayed. Two replays exclude each other, a replay and the daemon do not.
 */
#include "host/base/io.h"
#include "host/cli/dlq.h"

#include <outflow/util.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* With a rate, the records go in ten bunches a second. */
#define BUNCHES 10
/* Of the progress that is reported about once a second. */
#define LOG_EVERY 10u

struct replay {
	const struct dlq_replay_options *options;
	struct dlq_reader reader;
	struct dlq_printer printer;
	unsigned n_progress;
	uint64_t matched, sent, guarded, known, unreadable; /* atomic: read for the progress */
};

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static uint64_t look(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void say_unreadable(void *ctx, const char *position, const outflow_error *why)
{
	struct replay *r = ctx;

	count(&r->unreadable);
	fprintf(stderr, "outflow: %s cannot be replayed: %s\n", position, why->msg);
}

/* What the source itself could not read is no record that could go through the chain. */
static int came_from_source(const struct dlq_letter *l)
{
	return outflow_equal((outflow_str){ l->stage.ptr, l->stage.len }, "source");
}

static enum dlq_verdict visit(void *ctx, struct dlq_letter *l, const outflow_host *h, outflow_batch *b,
                              outflow_record *record)
{
	struct replay *r = ctx;
	const struct dlq_replay_options *o = r->options;
	outflow_error why = { .size = sizeof why };

	if (!dlq_filter_matches(&o->filter, l))
		return DLQ_LEAVE_OUT;
	count(&r->matched);
	if (l->replayed && !o->again) {
		count(&r->known);
		return DLQ_LEAVE_OUT;
	}
	if (l->replays >= o->loop_guard) {
		count(&r->guarded);
		return DLQ_LEAVE_OUT;
	}
	if (came_from_source(l)) {
		outflow_fail(&why, OUTFLOW_E_RECORD, "the source could not read it");
		say_unreadable(r, l->position, &why);
		return DLQ_LEAVE_OUT;
	}
	dlq_reader_count(&r->reader);
	if (o->dry_run) {
		dlq_print_letter(&r->printer, l);
		count(&r->sent);
		return DLQ_LEAVE_OUT;
	}
	if (dlq_letter_restore(l, h, b, record) != OUTFLOW_OK)
		return DLQ_FAIL;
	count(&r->sent);
	return DLQ_SEND;
}

static void progress(void *ctx, const struct account *a)
{
	struct replay *r = ctx;
	int terminal = isatty(STDERR_FILENO);

	/* On a terminal one line that changes; in a log not every second. */
	if (!terminal && r->n_progress++ % LOG_EVERY != LOG_EVERY - 1)
		return;
	fprintf(stderr, "matched %llu, sent %llu, delivered %llu, under way %llu%s",
	        (unsigned long long)look(&r->matched), (unsigned long long)look(&r->sent),
	        (unsigned long long)a->delivered, (unsigned long long)a->in_flight, terminal ? "  \r" : "\n");
}

static json_t *figures(const struct replay *r, const struct account *a)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "matched", (json_int_t)r->matched,
	                 "sent", (json_int_t)r->sent, "delivered", (json_int_t)a->delivered, "filtered",
	                 (json_int_t)a->filtered, "dead_lettered_again", (json_int_t)a->dead_lettered, "dropped",
	                 (json_int_t)a->dropped, "refused_by_guard", (json_int_t)r->guarded, "already_replayed",
	                 (json_int_t)r->known, "unreadable", (json_int_t)r->unreadable, "dry_run", r->options->dry_run);
}

static void print_account(const struct replay *r, const struct account *a, const char *error, int is_said)
{
	if (r->options->json) {
		json_t *errors = error ? json_pack("[{s:s}]", "message", error) : json_array();
		json_t *answer =
			json_pack("{s:b, s:o, s:o}", "ok", error == NULL, "data", figures(r, a), "errors", errors);

		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(answer);
		return;
	}
	if (r->options->dry_run)
		printf("dry run: matched %llu, would send %llu", (unsigned long long)r->matched,
		       (unsigned long long)r->sent);
	else
		printf("matched %llu, sent %llu, delivered %llu, filtered %llu, dead-lettered again %llu",
		       (unsigned long long)r->matched, (unsigned long long)r->sent, (unsigned long long)a->delivered,
		       (unsigned long long)a->filtered, (unsigned long long)a->dead_lettered);
	printf(", refused by the loop guard %llu, already replayed %llu, unreadable %llu\n",
	       (unsigned long long)r->guarded, (unsigned long long)r->known, (unsigned long long)r->unreadable);
	if (error != NULL && !is_said)
		fprintf(stderr, "outflow: %s\n", error);
}

/* The pipeline as it is configured, but for what has to differ while it replays. */
static void change_model(struct pipeline_model *m, struct pipeline_model *reading, int64_t rate)
{
	struct stage_model source = m->source;

	m->source = reading->source;
	reading->source = source;
	m->tolerance = TOLERANCE_ALL; /* what fails again is a dead letter again */
	m->batch_interval_ns = 0;
	m->batch_messages = DLQ_POLL_MAX;
	if (rate > 0)
		m->throttle_per_second = rate;
	if (rate > 0 && rate < BUNCHES * (int64_t)DLQ_POLL_MAX)
		m->batch_messages = rate < BUNCHES ? 1 : (uint32_t)(rate / BUNCHES);
}

static int run(struct replay *r, struct pipeline_model *m, const struct environment *e)
{
	struct account account = { 0 };
	outflow_error reason = { .size = sizeof reason };
	outflow_error err = { .size = sizeof err };
	int dry = r->options->dry_run;
	enum dlq_end end = dlq_run(m, e, dry ? NULL : progress, r, &account, &reason);

	if (replayed_forgotten(r->reader.replayed) > 0)
		fputs("outflow: these are not the dead letters that were replayed before (the topic or file is a new one): "
		      "what was remembered is forgotten\n",
		      stderr);
	if (!dry && replayed_save(r->reader.replayed, &err) != OUTFLOW_OK) {
		outflow_fail(&reason, OUTFLOW_E_TASK, "what was replayed cannot be remembered: %s", err.msg);
		end = DLQ_ENDED;
	}
	print_account(r, &account, end == DLQ_DONE ? NULL : reason.msg, end == DLQ_ENDED_IN_LOG);
	return end == DLQ_DONE && account.dead_lettered == 0 && r->guarded == 0 && r->unreadable == 0 ? EXIT_OK
	                                                                                              : EXIT_FAILED;
}

static int fail(const outflow_error *err, int status)
{
	fprintf(stderr, "outflow: %s\n", err->msg);
	return status;
}

static outflow_status open_stores(const struct state_dir *d, const char *pipeline, struct state_store **state,
                                  struct replayed **replayed, outflow_error *err)
{
	char path[PATH_MAX];
	outflow_status status = state_dir_path(d, "state", NULL, -1, path, sizeof path);

	if (status == OUTFLOW_OK)
		status = state_store_open(path, state, err);
	if (status == OUTFLOW_OK)
		status = state_dir_path(d, "replayed", NULL, -1, path, sizeof path);
	if (status == OUTFLOW_OK && io_make_directories(path) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be made", path);
	if (status == OUTFLOW_OK)
		status = state_dir_path(d, "replayed", pipeline, -1, path, sizeof path);
	return status == OUTFLOW_OK ? replayed_open(path, 1, replayed, err) : status;
}

/* With the replay's state directory held. */
static int replay_in(struct configuration *c, struct pipeline_model *m, struct pipeline_model *reading,
                     struct state_dir *d, struct replay *r)
{
	struct environment e = { .inventory = c->inventory, .host = &c->host, .state_dir = d };
	outflow_error err = { .size = sizeof err };
	int status = EXIT_ENVIRONMENT;

	change_model(m, reading, r->options->rate);
	if (open_stores(d, m->name, &e.state, &r->reader.replayed, &err) == OUTFLOW_OK)
		status = run(r, m, &e);
	else
		fail(&err, status);
	replayed_close(&r->reader.replayed);
	state_store_close(&e.state);
	return status;
}

/* Nothing is sent, so nothing needs to be held. */
static int rehearse(struct configuration *c, struct pipeline_model *reading, struct replay *r)
{
	struct environment e = { .inventory = c->inventory, .host = &c->host };
	outflow_error err = { .size = sizeof err };
	int status;

	if (dlq_open_replayed(c, reading->name, &r->reader.replayed, &err) != OUTFLOW_OK)
		return fail(&err, EXIT_ENVIRONMENT);
	status = run(r, reading, &e);
	replayed_close(&r->reader.replayed);
	return status;
}

static int replay(struct configuration *c, const char *name, struct state_dir *d, struct replay *r)
{
	struct pipeline_model *m = configuration_pipeline(c, name, 0), *reading = NULL;
	int status = m ? dlq_model_new(c, m, &reading) : EXIT_CONFIG;

	if (status == EXIT_OK && dlq_reader_install(&r->reader, &reading->source) != OUTFLOW_OK)
		status = EXIT_FAILED;
	if (status == EXIT_OK)
		status = d ? replay_in(c, m, reading, d, r) : rehearse(c, reading, r);
	pipeline_model_free(&reading);
	dlq_reader_clear(&r->reader);
	return status;
}

int dlq_replay(struct configuration *c, const char *name, const struct dlq_replay_options *o)
{
	struct replay r = { .options = o, .printer = { .quiet = o->json } };
	outflow_error err = { .size = sizeof err };
	struct state_dir *d = NULL;
	char root[PATH_MAX] = "", copies[PATH_MAX] = "";
	int status = EXIT_OK;

	r.reader.visit = visit;
	r.reader.unreadable = say_unreadable;
	r.reader.ctx = &r;
	r.reader.max = o->max;
	if (!o->dry_run &&
	    (state_dir_path_in(c->host.state_dir, DLQ_STATE, NULL, -1, root, sizeof root) != OUTFLOW_OK ||
	     state_dir_open(root, &d, &err) != OUTFLOW_OK ||
	     state_dir_path(d, "plugins", NULL, -1, copies, sizeof copies) != OUTFLOW_OK))
		status = fail(&err, EXIT_ENVIRONMENT);
	if (status == EXIT_OK)
		status = configuration_resolve(c, d ? copies : NULL);
	if (status == EXIT_OK)
		status = configuration_report(c);
	if (status == EXIT_OK)
		status = replay(c, name, d, &r);
	state_dir_close(&d);
	return status;
}
