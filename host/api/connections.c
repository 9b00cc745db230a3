/* SPDX-License-Identifier: Apache-2.0 */
/* Connections and their clients' patience: a client that sends a byte now and then must not keep a place for ever. */
#include "host/api/server_internal.h"

#include "host/base/clock.h"

#include <stdlib.h>
#include <sys/socket.h>

/* Of the connections to this front that wait for their client, the one that has waited longest. [locked] */
static void send_one_away(struct front *f)
{
	struct visit *oldest = NULL;

	for (struct visit *v = f->server->visits; v != NULL; v = v->next)
		if (v->front == f && v->state == VISIT_RECEIVING && (oldest == NULL || v->since_ns < oldest->since_ns))
			oldest = v;
	if (oldest != NULL)
		(void)shutdown(oldest->fd, SHUT_RDWR);
}

static struct visit *begin(struct front *f, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct visit *v = calloc(1, sizeof *v);
	struct server *s = f->server;

	if (v == NULL)
		return NULL;
	*v = (struct visit){ .front = f, .fd = fd->connect_fd, .since_ns = clock_mono_ns() };
	pthread_mutex_lock(&s->lock);
	if (f->n_visits >= s->model->connections_max)
		send_one_away(f);
	f->n_visits++;
	v->next = s->visits;
	v->here = &s->visits;
	if (v->next != NULL)
		v->next->here = &v->next;
	s->visits = v;
	if (v->next == NULL)
		pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	return v;
}

static void end(struct visit *v)
{
	struct server *s = v->front->server;

	pthread_mutex_lock(&s->lock);
	*v->here = v->next;
	if (v->next != NULL)
		v->next->here = v->here;
	v->front->n_visits--;
	pthread_mutex_unlock(&s->lock);
	free(v);
}

void visit_notify(void *ctx, struct MHD_Connection *c, void **visit, enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		*visit = begin(ctx, c);
	else if (*visit != NULL)
		end(*visit);
}

void visit_enter(struct server *s, struct visit *v, enum visit_state state)
{
	pthread_mutex_lock(&s->lock);
	v->state = state;
	v->since_ns = clock_mono_ns();
	pthread_mutex_unlock(&s->lock);
}

/* [locked] */
static void send_slow_ones_away(struct server *s)
{
	int64_t oldest = clock_mono_ns() - s->model->client_timeout_ns;

	for (struct visit *v = s->visits; v != NULL; v = v->next)
		if ((v->state == VISIT_RECEIVING || v->state == VISIT_SENDING) && v->since_ns < oldest)
			(void)shutdown(v->fd, SHUT_RDWR);
	sendings_cut_off(s, oldest);
}

void *connections_keep(void *arg)
{
	struct server *s = arg;
	int64_t pause = s->model->client_timeout_ns / 4 < CLOCK_S ? s->model->client_timeout_ns / 4 : CLOCK_S;

	pthread_mutex_lock(&s->lock);
	while (!s->ending) {
		/* Without a connection there is nothing to wake up for. */
		(void)clock_wait(&s->cond, &s->lock, s->visits ? clock_mono_ns() + pause : CLOCK_NEVER);
		send_slow_ones_away(s);
		pthread_mutex_unlock(&s->lock);
		sendings_look_after(s, 0);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}
