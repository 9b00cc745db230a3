/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on their way to libmicrohttpd. */
#include "host/api/server_internal.h"

#include "host/base/clock.h"
#include "host/base/log.h"

#include <stdlib.h>
#include <sys/socket.h>

#define BLOCK_SIZE 4096

static void pause_connection(void *ctx)
{
	const struct sending *s = ctx;

	MHD_suspend_connection(s->connection);
}

static void wake_connection(void *ctx)
{
	const struct sending *s = ctx;

	MHD_resume_connection(s->connection);
}

static ssize_t read_stream(void *ctx, uint64_t at, char *to, size_t n)
{
	const struct sending *s = ctx;
	ssize_t taken = stream_take(s->stream, to, n);

	(void)at;
	return taken < 0 ? MHD_CONTENT_READER_END_OF_STREAM : taken;
}

static void end_stream(void *ctx)
{
	struct sending *it = ctx;
	struct server *s = it->server;

	pthread_mutex_lock(&s->lock);
	*it->here = it->next;
	if (it->next != NULL)
		it->next->here = it->here;
	s->n_streams--;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	stream_detach(it->stream);
	stream_release(&it->stream);
	free(it);
}

static struct MHD_Response *new_stream(struct server *s, struct MHD_Connection *c, struct response *r)
{
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sending *it = calloc(1, sizeof *it);
	struct MHD_Response *result;
	int ending;

	if (it == NULL)
		return NULL;
	*it = (struct sending){ .server = s, .connection = c, .stream = r->stream, .fd = fd->connect_fd };
	result = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream, it, end_stream);
	if (result == NULL) {
		free(it);
		return NULL;
	}
	r->stream = NULL;
	stream_attach(it->stream, &(struct stream_reader){ pause_connection, wake_connection, it });
	pthread_mutex_lock(&s->lock);
	it->next = s->sendings;
	it->here = &s->sendings;
	if (it->next != NULL)
		it->next->here = &it->next;
	s->sendings = it;
	ending = s->ending;
	pthread_mutex_unlock(&s->lock);
	if (ending)
		stream_end(it->stream);
	return result;
}

/* A place among the streams, which end_stream gives back. */
static int take_place(struct server *s, struct response *r)
{
	int free_place;

	pthread_mutex_lock(&s->lock);
	free_place = s->n_streams < STREAMS_MAX;
	s->n_streams += (unsigned)free_place;
	pthread_mutex_unlock(&s->lock);
	if (free_place)
		return 1;
	response_header(r, "Retry-After", "10");
	response_error(r, 503, "%d clients listen to streams already, and no more can", STREAMS_MAX);
	return 0;
}

static void give_place_back(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->n_streams--;
	pthread_mutex_unlock(&s->lock);
}

struct MHD_Response *sending_new(struct server *s, struct MHD_Connection *c, struct response *r)
{
	struct MHD_Response *result;

	if (r->stream != NULL && take_place(s, r)) {
		result = new_stream(s, c, r);
		if (result == NULL)
			give_place_back(s);
	} else if (r->length == 0) {
		result = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	} else {
		result = MHD_create_response_from_buffer(r->length, r->bytes, MHD_RESPMEM_MUST_FREE);
		if (result != NULL)
			r->bytes = NULL;
	}
	if (result == NULL)
		return NULL;
	if (r->type != NULL)
		(void)MHD_add_response_header(result, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
	for (size_t i = 0; i < r->headers.n; i++)
		(void)MHD_add_response_header(result, r->headers.list[i].name, r->headers.list[i].value);
	return result;
}

void sendings_cut_off(struct server *s, int64_t oldest_ns)
{
	for (struct sending *it = s->sendings; it != NULL; it = it->next) {
		int64_t since = stream_idle_since(it->stream);

		if (since == 0 || since >= oldest_ns || it->fd < 0)
			continue;
		log_write(&log_api_place, OUTFLOW_LOG_INFO,
		          "a client of a stream takes nothing any more (api.client.timeout) and is cut off");
		(void)shutdown(it->fd, SHUT_RDWR);
		it->fd = -1;
	}
}

void sendings_look_after(struct server *s, int end)
{
	struct stream *streams[STREAMS_MAX];
	size_t n = 0;

	/* Waking a stream takes libmicrohttpd's locks, under which it may end one: not with ours held. */
	pthread_mutex_lock(&s->lock);
	for (struct sending *it = s->sendings; it != NULL && n < STREAMS_MAX; it = it->next)
		streams[n++] = stream_keep(it->stream);
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < n; i++) {
		if (end)
			stream_end(streams[i]);
		else
			stream_tick(streams[i], clock_mono_ns());
		stream_release(&streams[i]);
	}
}
