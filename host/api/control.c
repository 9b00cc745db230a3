/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/control.h"

#include "host/api/events.h"
#include "host/api/guard.h"
#include "host/api/native_rates.h"
#include "host/api/nonces.h"
#include "host/api/server.h"
#include "host/base/clock.h"
#include "host/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NONCES_MAX 200000u /* 12 MB; a hundred requests a second for half an hour */
struct control {
	struct api api;
	struct listener *listeners;
	size_t n_listeners;
	struct server *server;
	char urls[PATH_MAX]; /* the file's name; "" when there is none */
};

/* The socket that tools on this machine use, unless api.listeners says otherwise. */
static void default_socket(const struct state_dir *d, char *text, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		snprintf(text, size, "unix:/run/outflow/control");
	else if (runtime != NULL && *runtime == '/')
		snprintf(text, size, "unix:%s/outflow/control", runtime);
	else
		snprintf(text, size, "unix:%s/control", state_dir_root(d));
}

static outflow_status open_one(struct control *c, const char *text, outflow_error *err)
{
	struct listener *l = &c->listeners[c->n_listeners];
	struct door door = { l, &c->api.host->api };
	outflow_status status = listener_parse(text, l, err);

	if (status == OUTFLOW_OK)
		status = listener_open(l, err);
	if (status == OUTFLOW_OK) {
		c->n_listeners++;
		status = guard_check_door(&door, err);
	}
	return status;
}

/* Nobody asked for these: the daemon does its work without them, too. */
static void open_defaults(struct control *c, const struct state_dir *d)
{
	char local[PATH_MAX + 16];
	const char *const texts[] = { "http://127.0.0.1:8083", local };

	default_socket(d, local, sizeof local);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		outflow_error err = { .size = sizeof err };

		if (open_one(c, texts[i], &err) != OUTFLOW_OK)
			log_write(&log_api_place, OUTFLOW_LOG_WARN, "the API is not served at %s: %s", texts[i],
			          err.msg);
	}
}

static outflow_status open_listeners(struct control *c, const struct state_dir *d, outflow_error *err)
{
	const struct api_model *m = &c->api.host->api;
	outflow_status status = OUTFLOW_OK;

	c->listeners = calloc(m->n_listeners + 2, sizeof *c->listeners);
	if (c->listeners == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	if (m->listeners == NULL)
		open_defaults(c, d);
	for (size_t i = 0; i < m->n_listeners && status == OUTFLOW_OK; i++)
		status = open_one(c, m->listeners[i], err);
	return status == OUTFLOW_E_RETRY ? OUTFLOW_E_TASK : status;
}

/* "host:port" of the first listener, as Kafka Connect's workers call themselves. */
static void name_worker(struct control *c)
{
	const char *url = c->listeners[0].url;
	const char *authority = strstr(url, "://");

	snprintf(c->api.worker_id, sizeof c->api.worker_id, "%.299s", authority ? authority + 3 : url);
}

/* For tools that know the state directory and nothing else. */
static outflow_status write_urls(struct control *c, const struct state_dir *d, outflow_error *err)
{
	char path[PATH_MAX], other[PATH_MAX + 8];
	FILE *file;

	if (state_dir_path(d, "api", NULL, -1, path, sizeof path) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_TASK, "the state directory's path is too long");
	snprintf(other, sizeof other, "%s.new", path);
	file = fopen(other, "we");
	for (size_t i = 0; i < c->n_listeners && file != NULL; i++)
		fprintf(file, "%s\n", c->listeners[i].url);
	if (file == NULL || fclose(file) != 0 || rename(other, path) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be written", path);
	strcpy(c->urls, path);
	return OUTFLOW_OK;
}

static outflow_status start(struct control *c, const struct state_dir *d, outflow_error *err)
{
	outflow_status status = open_listeners(c, d, err);

	if (status == OUTFLOW_OK && c->n_listeners > 0) {
		name_worker(c);
		status = server_new(&c->api, route_tables, c->listeners, c->n_listeners, &c->server, err);
		if (status == OUTFLOW_OK)
			status = write_urls(c, d, err);
	}
	return status;
}

static int make_parts(struct control *c)
{
	struct api *a = &c->api;

	return (a->changes = changes_new()) != NULL && (a->rates = rates_new()) != NULL &&
	       (a->nonces = nonces_new(NONCES_MAX)) != NULL && (a->tapping = workers_new(API_TAPS_MAX)) != NULL &&
	       (a->events = events_new(a)) != NULL;
}

static void free_parts(struct control *c)
{
	events_free(&c->api.events);
	workers_free(&c->api.tapping);
	nonces_free(&c->api.nonces);
	rates_free(&c->api.rates);
	changes_free(&c->api.changes);
}

outflow_status control_open(const struct host_model *host, const struct state_dir *d, struct control **result,
                            outflow_error *err)
{
	struct control *c = calloc(1, sizeof *c);
	outflow_status status = OUTFLOW_OK;

	*result = NULL;
	if (c == NULL || !make_parts(c)) {
		if (c != NULL)
			free_parts(c);
		free(c);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	c->api.host = host;
	c->api.started_ms = clock_wall_ms();
	status = start(c, d, err);
	for (size_t i = 0; i < c->n_listeners && status == OUTFLOW_OK; i++)
		log_write(&log_api_place, OUTFLOW_LOG_INFO, "the API is at %s", c->listeners[i].url);
	if (status != OUTFLOW_OK || c->n_listeners == 0)
		(void)control_close(&c, CLOCK_NEVER);
	*result = c;
	return status;
}

void control_serve(struct control *c, struct fleet *fleet, const struct environment *environment,
                   const struct api_files *files)
{
	if (c == NULL)
		return;
	c->api.fleet = fleet;
	c->api.environment = environment;
	c->api.files = files;
	__atomic_store_n(&c->api.phase, API_READY, __ATOMIC_RELEASE);
}

void control_on_change(void *control, const char *pipeline)
{
	struct control *c = control;

	if (c != NULL)
		changes_publish(c->api.changes, pipeline);
}

void control_stopping(struct control *c)
{
	if (c != NULL && api_phase(&c->api) == API_READY)
		__atomic_store_n(&c->api.phase, API_STOPPING, __ATOMIC_RELEASE);
}

int control_close(struct control **pc, int64_t deadline_ns)
{
	struct control *c = *pc;

	if (c == NULL)
		return 0;
	control_stopping(c);
	if (*c->urls != '\0')
		(void)unlink(c->urls);
	*c->urls = '\0';
	if (events_stop(c->api.events, deadline_ns) != 0 || workers_drain(c->api.tapping, deadline_ns) != 0 ||
	    server_free(&c->server, deadline_ns) != 0)
		return -1;
	*pc = NULL;
	for (size_t i = 0; i < c->n_listeners; i++)
		listener_close(&c->listeners[i]);
	free(c->listeners);
	free_parts(c);
	free(c);
	return 0;
}
