/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"
#include "host/cli/doctor.h"
#include "host/cli/remote.h"
#include "host/pipeline/reachability.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Which connections cannot be reached: their pipelines need not try again. */
struct servers {
	struct doctor *d;
	json_t *unreachable; /* names; NULL: no memory */
};

/* ---- the daemon ---- */

/* An address that was given. */
static const char *named(const struct doctor *d)
{
	const char *url = d->client.url ? d->client.url : getenv("OUTFLOW_URL");

	return url != NULL && *url != '\0' ? url : NULL;
}

/* A state directory that was chosen, and has no daemon's address, is not asked about elsewhere. */
static int is_worth_asking(struct doctor *d)
{
	const char *chosen = d->options.state_dir;
	char path[PATH_MAX];

	if (chosen == NULL)
		chosen = settings_get(&d->configuration.loaded.host, "state.dir");
	if (named(d) != NULL || chosen == NULL)
		return 1;
	d->client.state_dir = d->configuration.host.state_dir;
	snprintf(path, sizeof path, "%s/api", d->client.state_dir);
	return access(path, F_OK) == 0;
}

static void no_daemon(struct doctor *d, int status)
{
	struct checkup *c = &d->checkup;

	if (status == EXIT_ENVIRONMENT && strncmp(d->client.why, "no daemon answers", 17) != 0)
		checkup_add(c, VERDICT_FAILED, "daemon",
		            "give a token by $OUTFLOW_TOKEN, or a user and a password in --url", "%s: %s",
		            d->client.address, d->client.why);
	else if (status != EXIT_ENVIRONMENT)
		checkup_add(c, VERDICT_FAILED, "daemon", "see its log", "%s: %s", d->client.address, d->client.why);
	else
		checkup_add(c, named(d) ? VERDICT_FAILED : VERDICT_WARNING, "daemon",
		            "start it: systemctl start outflow, or outflow run", "%s", d->client.why);
}

static void check_version(struct doctor *d)
{
	struct client_answer a;

	if (client_call(&d->client, "GET", "/", NULL, NULL, &a) == EXIT_OK) {
		const char *version = remote_text(a.body, "outflow_version");

		if (strcmp(version, PACKAGE_VERSION) == 0)
			checkup_add(&d->checkup, VERDICT_OK, "daemon", NULL, "answers at %s, version %s",
			            d->client.address, version);
		else
			checkup_add(&d->checkup, VERDICT_WARNING, "daemon", "restart it after an upgrade",
			            "answers at %s, with version '%s'; this program is %s", d->client.address, version,
			            PACKAGE_VERSION);
	}
	client_answer_clear(&a);
}

static void tell_pipeline(struct doctor *d, const json_t *p)
{
	const char *state = remote_text(p, "state"), *reason = remote_text(p, "reason");
	char subject[200];

	snprintf(subject, sizeof subject, "pipeline %s", remote_text(p, "name"));
	if (strstr(state, "FAILED") != NULL)
		checkup_add(&d->checkup, VERDICT_FAILED, subject, "see `outflow show`, then `outflow restart`",
		            "is %s: %s", state, reason);
	else if (*reason != '\0')
		checkup_add(&d->checkup, VERDICT_WARNING, subject, "see `outflow show`", "is %s: %s", state, reason);
	else
		checkup_add(&d->checkup, VERDICT_OK, subject, NULL, "is %s", state);
}

/* One page after the other. */
static int tell_pipelines(struct doctor *d)
{
	char path[1000] = "/v1/pipelines?limit=100", cursor[600], segment[900];
	int status = EXIT_OK, is_more = 1;

	while (status == EXIT_OK && is_more) {
		struct client_answer a;
		size_t i;
		json_t *p;

		status = client_call(&d->client, "GET", path, NULL, NULL, &a);
		if (status == EXIT_OK && !d->daemon_answers) {
			d->daemon_answers = 1;
			check_version(d);
		}
		json_array_foreach(json_object_get(a.body, "pipelines"), i, p) tell_pipeline(d, p);
		snprintf(cursor, sizeof cursor, "%s", remote_text(a.body, "next"));
		snprintf(path, sizeof path, "/v1/pipelines?limit=100&cursor=%s",
		         client_segment(cursor, segment, sizeof segment));
		is_more = *cursor != '\0';
		client_answer_clear(&a);
	}
	return status;
}

void doctor_check_daemon(struct doctor *d)
{
	int status = EXIT_ENVIRONMENT;

	d->checkup.area = named(d) != NULL ? AREA_ENVIRONMENT : AREA_OPERATION;
	d->client.quiet = 1;
	if (is_worth_asking(d))
		status = tell_pipelines(d);
	else
		snprintf(d->client.why, sizeof d->client.why, "no daemon answers: none has its state in %s",
		         d->client.state_dir);
	if (status != EXIT_OK)
		no_daemon(d, status);
}

/* ---- servers ---- */

static void tell(struct servers *s, const char *subject, const char *name, int is_tested, int is_reachable,
                 const char *reason, const char *outcome)
{
	struct checkup *c = &s->d->checkup;

	if (!is_tested)
		return;
	if (is_reachable) {
		checkup_add(c, VERDICT_OK, subject, NULL, "%s", outcome);
		return;
	}
	checkup_add(c, VERDICT_FAILED, subject, NULL, "cannot be reached: %s", reason);
	if (name != NULL && s->unreachable != NULL)
		json_object_set_new(s->unreachable, name, json_true());
}

/* What the steps brought, in one line. */
static void add_outcome(char *line, size_t size, const char *step, const char *text)
{
	size_t n = strlen(line);

	if (*text != '\0' && strcmp(step, "resolve") != 0)
		snprintf(line + n, size - n, "%s%s", n > 0 ? "; " : "", text);
}

/* The daemon tests one of its own, with what it may read and from where it stands. */
static void test_remotely(struct servers *s, const char *name)
{
	char path[700], segment[600], subject[200], outcome[1000] = "";
	struct client_answer a;
	const json_t *reachable;
	size_t i;
	json_t *step;
	int status;

	snprintf(subject, sizeof subject, "connection %s", name);
	snprintf(path, sizeof path, "/v1/connections/%s/test?timeout_ms=%lld",
	         client_segment(name, segment, sizeof segment), (long long)(s->d->timeout_ns / CLOCK_MS));
	status = client_call(&s->d->client, "POST", path, NULL, NULL, &a);
	reachable = json_object_get(a.body, "reachable");
	json_array_foreach(json_object_get(a.body, "steps"), i, step)
		add_outcome(outcome, sizeof outcome, remote_text(step, "name"), remote_text(step, "text"));
	if (status == EXIT_ENVIRONMENT)
		checkup_add(&s->d->checkup, VERDICT_WARNING, subject, "ask as somebody who may change things, too",
		            "is not tested: %s", s->d->client.why);
	else if (status != EXIT_OK)
		tell(s, subject, name, 1, 0, s->d->client.why, "");
	else
		tell(s, subject, name, !json_is_null(reachable), json_is_true(reachable), remote_text(a.body, "reason"),
		     outcome);
	client_answer_clear(&a);
}

static void test_locally(struct servers *s, const char *subject, const char *name, const struct declaration *connection,
                         const struct stage_model *end, const struct settings *settings)
{
	const struct configuration *c = &s->d->configuration;
	const struct reachability_subject what = { .name = subject,
		                                   .host = &c->host,
		                                   .inventory = c->inventory,
		                                   .connection = connection,
		                                   .end = end,
		                                   .settings = settings };
	outflow_error err = { .size = sizeof err };
	struct problems problems = { 0 };
	struct reachability result;
	outflow_status status = reachability_test(&what, s->d->timeout_ns, &problems, &result, &err);
	char outcome[1000] = "";

	for (size_t i = 0; i < result.n_steps; i++)
		add_outcome(outcome, sizeof outcome, result.steps[i].name, result.steps[i].text);
	/* What is wrong with its keys was told by the check of the configuration. */
	if (status != OUTFLOW_E_CONFIG)
		tell(s, subject, name, status != OUTFLOW_OK || result.is_tested,
		     status == OUTFLOW_OK && result.is_reachable, status != OUTFLOW_OK ? err.msg : result.reason,
		     outcome);
	problems_clear(&problems);
}

static void check_connections(struct servers *s)
{
	const struct declarations *declared = &s->d->configuration.loaded.connections;
	struct client_answer a;
	size_t i;
	json_t *c;

	if (s->d->daemon_answers) {
		if (client_call(&s->d->client, "GET", "/v1/connections", NULL, NULL, &a) != EXIT_OK)
			checkup_add(&s->d->checkup, VERDICT_FAILED, "connections", NULL, "%s", s->d->client.why);
		json_array_foreach(json_object_get(a.body, "connections"), i, c)
			test_remotely(s, remote_text(c, "name"));
		client_answer_clear(&a);
		return;
	}
	for (i = 0; i < declared->n; i++) {
		char subject[200];

		snprintf(subject, sizeof subject, "connection %s", declared->list[i].name);
		test_locally(s, subject, declared->list[i].name, &declared->list[i], NULL, NULL);
	}
}

/* With the keys that the pipeline adds, such as its topic. */
static void check_end(struct servers *s, const struct pipeline_model *m, const struct stage_model *end)
{
	char subject[200], key[40];
	const char *connection;

	if (end->name == NULL || end->config == NULL)
		return;
	snprintf(subject, sizeof subject, "%s of %s", end->name, m->name);
	snprintf(key, sizeof key, "%s.connection", end->name);
	connection = settings_get(&m->settings, key);
	if (connection == NULL || json_object_get(s->unreachable, connection) == NULL)
		test_locally(s, subject, NULL, NULL, end, &m->settings);
}

void doctor_check_servers(struct doctor *d)
{
	struct servers s = { d, json_object() };

	d->checkup.area = AREA_OPERATION;
	check_connections(&s);
	for (size_t i = 0; i < d->configuration.n_pipelines; i++) {
		const struct pipeline_model *m = d->configuration.pipelines[i];

		check_end(&s, m, &m->source);
		check_end(&s, m, &m->sink);
		check_end(&s, m, &m->deadletter);
	}
	json_decref(s.unreachable);
}
