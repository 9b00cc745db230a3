/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/server.h"

#include "host/api/server_internal.h"
#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SERVER_MAGIC 0x68747470u
#define HEAD_MAX ((size_t)32 << 10) /* of a request; also the buffer of a connection */
#define WORKERS_MAX 64u
#define STACK_SIZE ((size_t)256 << 10)
#define FILE_MAX (256 << 10)
/* What clients of streams get to take the end of them. */
#define FAREWELL_NS (500 * CLOCK_MS)

static void log_server(void *ctx, const char *format, va_list args)
{
	char text[400];
	int n;

	(void)ctx;
	if (!log_enabled(&log_api_place, OUTFLOW_LOG_DEBUG))
		return;
	n = vsnprintf(text, sizeof text, format, args);
	if (n > 0 && (size_t)n < sizeof text && text[n - 1] == '\n')
		text[n - 1] = '\0';
	log_write(&log_api_place, OUTFLOW_LOG_DEBUG, "%s", text);
}

/* Segments are decoded one by one, by request.c. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *c, char *text)
{
	(void)ctx;
	(void)c;
	return strlen(text);
}

/* ---- TLS ---- */

/* PEM files, in memory. */
struct pem {
	char *certificate, *key, *client_ca;
};

static outflow_status read_pem(const char *key, const char *path, char **text, outflow_error *err)
{
	FILE *file = path ? fopen(path, "re") : NULL;
	size_t n;

	if (path == NULL)
		return OUTFLOW_OK;
	if (file == NULL)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: %s cannot be read", key, path);
	*text = calloc(1, FILE_MAX + 1);
	n = *text ? fread(*text, 1, FILE_MAX + 1, file) : 0;
	fclose(file);
	if (n == 0 || n > FILE_MAX)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s: %s is empty or longer than %d bytes", key, path,
		                    FILE_MAX);
	return OUTFLOW_OK;
}

static outflow_status read_pems(const struct api_model *m, struct pem *p, outflow_error *err)
{
	outflow_status status = read_pem("api.tls.certificate", m->certificate, &p->certificate, err);

	if (status == OUTFLOW_OK)
		status = read_pem("api.tls.key", m->key, &p->key, err);
	if (status == OUTFLOW_OK)
		status = read_pem("api.tls.client.ca", m->client_ca, &p->client_ca, err);
	return status;
}

static void forget_pems(struct pem *p)
{
	if (p->key != NULL)
		explicit_bzero(p->key, strlen(p->key));
	free(p->certificate);
	free(p->key);
	free(p->client_ca);
}

/* ---- a listener's daemon ---- */

static outflow_status start_front(struct front *f, struct listener *l, const struct pem *pem, outflow_error *err)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem options[16];
	size_t n = 0;

	if (l->kind == LISTEN_HTTPS) {
		flags |= MHD_USE_TLS;
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, pem->certificate };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, pem->key };
		if (pem->client_ca != NULL)
			options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, pem->client_ca };
	}
	options[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	f->daemon =
		MHD_start_daemon(flags, 0, NULL, NULL, exchange_go_on, f, MHD_OPTION_EXTERNAL_LOGGER, log_server, NULL,
	                         MHD_OPTION_LISTEN_SOCKET, l->fd, MHD_OPTION_URI_LOG_CALLBACK, exchange_new, f,
	                         MHD_OPTION_NOTIFY_COMPLETED, exchange_end, f, MHD_OPTION_NOTIFY_CONNECTION,
	                         visit_notify, f, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	                         MHD_OPTION_CONNECTION_LIMIT, f->door.model->connections_max + 16u,
	                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MAX, MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE,
	                         MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1u, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (f->daemon == NULL)
		return outflow_fail(
			err, OUTFLOW_E_TASK, "%s: the server cannot be started%s", l->url,
			l->kind == LISTEN_HTTPS ? "; are api.tls.certificate and api.tls.key a pair, in PEM?" : "");
	l->fd = -1;
	return OUTFLOW_OK;
}

static outflow_status start_fronts(struct server *s, struct listener *listeners, size_t n, outflow_error *err)
{
	struct pem pem = { 0 };
	outflow_status status = read_pems(s->model, &pem, err);

	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		s->fronts[i] = (struct front){ .server = s, .door = { &listeners[i], s->model } };
		status = start_front(&s->fronts[i], &listeners[i], &pem, err);
		s->n_fronts += status == OUTFLOW_OK;
	}
	forget_pems(&pem);
	return status;
}

outflow_status server_new(struct api *api, const struct route *const *tables, struct listener *listeners, size_t n,
                          struct server **result, outflow_error *err)
{
	struct server *s = calloc(1, sizeof *s);
	outflow_status status;

	if (s == NULL || (s->fronts = calloc(n + 1, sizeof *s->fronts)) == NULL ||
	    (s->workers = workers_new(WORKERS_MAX)) == NULL || pthread_mutex_init(&s->lock, NULL) != 0 ||
	    clock_cond_init(&s->cond) != 0) {
		if (s != NULL)
			free(s->fronts);
		free(s);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the API");
	}
	s->magic = SERVER_MAGIC;
	s->api = api;
	s->tables = tables;
	s->model = &api->host->api;
	s->keeper_started = pthread_create(&s->keeper, NULL, connections_keep, s) == 0;
	status = s->keeper_started ? start_fronts(s, listeners, n, err)
	                           : outflow_fail(err, OUTFLOW_E_TASK, "the API cannot start a thread");
	if (status != OUTFLOW_OK) {
		(void)server_free(&s, CLOCK_NEVER);
		return status;
	}
	*result = s;
	return OUTFLOW_OK;
}

static void end_keeper(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->ending = 1;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	if (s->keeper_started)
		pthread_join(s->keeper, NULL);
	s->keeper_started = 0;
}

static void await_streams(struct server *s, int64_t deadline_ns)
{
	pthread_mutex_lock(&s->lock);
	while (s->n_streams > 0 && clock_wait(&s->cond, &s->lock, deadline_ns) == 0)
		;
	pthread_mutex_unlock(&s->lock);
}

int server_free(struct server **ps, int64_t deadline_ns)
{
	struct server *s = *ps;

	if (s == NULL)
		return 0;
	CHECK_OBJ(s, SERVER_MAGIC);
	for (size_t i = 0; i < s->n_fronts; i++)
		s->fronts[i].quiesced_fd = MHD_quiesce_daemon(s->fronts[i].daemon);
	end_keeper(s);
	/* libmicrohttpd does not stop while a connection is suspended. */
	if (workers_drain(s->workers, deadline_ns) != 0)
		return -1;
	sendings_look_after(s, 1);
	await_streams(s, clock_mono_ns() + FAREWELL_NS);
	for (size_t i = 0; i < s->n_fronts; i++) {
		MHD_stop_daemon(s->fronts[i].daemon);
		/* Not before: its thread may still be about to stop watching it. */
		if (s->fronts[i].quiesced_fd >= 0)
			close(s->fronts[i].quiesced_fd);
	}
	workers_free(&s->workers);
	*ps = NULL;
	s->magic = 0;
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->lock);
	free(s->fronts);
	free(s);
	return 0;
}

const char *server_library(void)
{
	return MHD_get_version();
}
