/* SPDX-License-Identifier: Apache-2.0 */
#include "http_stub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLIES 64
#define REQUESTS 4096

struct reply {
	enum http_manner manner;
	int status;
	const char *headers, *body;
	size_t n;
};

struct http_stub {
	int listener, stop; /* stop: readable when the server shall end */
	int port;
	pthread_t thread;
	pthread_mutex_t lock;
	struct reply replies[REPLIES];
	size_t n_replies, next;
	char *heads[REQUESTS], *bodies[REQUESTS];
	size_t n_requests, n_connections;
};

/* false: the server shall end, or nothing more comes. */
static bool wait_for(struct http_stub *s, int fd, int timeout_ms)
{
	struct pollfd fds[2] = { { fd, POLLIN, 0 }, { s->stop, POLLIN, 0 } };

	return poll(fds, 2, timeout_ms) > 0 && fds[1].revents == 0;
}

static bool send_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Sends one byte at a time until the server ends or the other side has enough. */
static void drip(struct http_stub *s, int fd, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pollfd stop = { s->stop, POLLIN, 0 };

		if (!send_all(fd, bytes + i, 1) || poll(&stop, 1, 20) != 0)
			return;
	}
}

static size_t content_length(const char *head)
{
	const char *at = strcasestr(head, "\r\ncontent-length:");

	return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* One request into *head and *body, both malloc'd. */
static bool read_request(struct http_stub *s, int fd, char **head, char **body)
{
	size_t room = 65536, n = 0, length, start;
	char *text = malloc(room + 1), *end = NULL;

	for (;;) {
		ssize_t got;

		if (n == room)
			text = realloc(text, (room *= 2) + 1);
		if (!wait_for(s, fd, -1) || (got = recv(fd, text + n, room - n, 0)) <= 0) {
			free(text);
			return false;
		}
		n += (size_t)got;
		text[n] = '\0';
		if (end == NULL)
			end = strstr(text, "\r\n\r\n");
		if (end == NULL)
			continue;
		start = (size_t)(strstr(text, "\r\n\r\n") - text) + 4;
		length = content_length(text);
		if (n >= start + length)
			break;
	}
	*head = strndup(text, start);
	*body = strndup(text + start, length);
	free(text);
	return true;
}

static struct reply note(struct http_stub *s, char *head, char *body)
{
	struct reply r;

	pthread_mutex_lock(&s->lock);
	if (s->n_requests == REQUESTS)
		abort();
	s->heads[s->n_requests] = head;
	s->bodies[s->n_requests++] = body;
	r = s->replies[s->next];
	if (s->next + 1 < s->n_replies)
		s->next++;
	pthread_mutex_unlock(&s->lock);
	if (r.manner == HTTP_ECHOES) {
		r.body = body;
		r.n = strlen(body);
	}
	return r;
}

/* false: the connection is to be closed. */
static bool answer(struct http_stub *s, int fd, const struct reply *r)
{
	char head[500];
	int n;

	if (r->manner == HTTP_HANGS_UP)
		return false;
	if (r->manner == HTTP_SAYS_NOTHING)
		return true;
	n = snprintf(head, sizeof head, "HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\n%s\r\n", r->status,
	             r->n + (r->manner == HTTP_CUTS_SHORT ? 1000 : 0), r->headers);
	if (!send_all(fd, head, (size_t)n))
		return false;
	if (r->manner == HTTP_DRIPS) {
		drip(s, fd, r->body, r->n);
		return false;
	}
	return send_all(fd, r->body, r->n) && r->manner != HTTP_CUTS_SHORT && r->manner != HTTP_LEAVES_AFTER;
}

static void serve(struct http_stub *s, int fd)
{
	char *head, *body;

	while (read_request(s, fd, &head, &body)) {
		struct reply r = note(s, head, body);

		if (!answer(s, fd, &r))
			return;
	}
}

static void *run(void *arg)
{
	struct http_stub *s = arg;

	while (wait_for(s, s->listener, -1)) {
		int fd = accept(s->listener, NULL, NULL);

		if (fd < 0)
			continue;
		pthread_mutex_lock(&s->lock);
		s->n_connections++;
		pthread_mutex_unlock(&s->lock);
		serve(s, fd);
		close(fd);
	}
	return NULL;
}

struct http_stub *http_stub_start(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct http_stub *s = calloc(1, sizeof *s);
	socklen_t n = sizeof address;

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->stop = eventfd(0, EFD_CLOEXEC);
	if (bind(s->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(s->listener, 16) != 0 ||
	    getsockname(s->listener, (struct sockaddr *)&address, &n) != 0)
		abort();
	s->port = ntohs(address.sin_port);
	pthread_mutex_init(&s->lock, NULL);
	if (pthread_create(&s->thread, NULL, run, s) != 0)
		abort();
	return s;
}

void http_stub_stop(struct http_stub **sp)
{
	struct http_stub *s = *sp;
	unsigned long one = 1;

	*sp = NULL;
	if (write(s->stop, &one, sizeof one) != sizeof one)
		abort();
	pthread_join(s->thread, NULL);
	close(s->listener);
	close(s->stop);
	for (size_t i = 0; i < s->n_requests; i++) {
		free(s->heads[i]);
		free(s->bodies[i]);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int http_stub_port(const struct http_stub *s)
{
	return s->port;
}

void http_stub_reply(struct http_stub *s, enum http_manner manner, int status, const char *headers, const char *body,
                     size_t n)
{
	pthread_mutex_lock(&s->lock);
	if (s->n_replies == REPLIES)
		abort();
	s->replies[s->n_replies++] = (struct reply){ manner, status, headers, body, n };
	pthread_mutex_unlock(&s->lock);
}

size_t http_stub_requests(struct http_stub *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n_requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

size_t http_stub_connections(struct http_stub *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n_connections;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const char *http_stub_head(struct http_stub *s, size_t i)
{
	return i < http_stub_requests(s) ? s->heads[i] : NULL;
}

const char *http_stub_body(struct http_stub *s, size_t i)
{
	return i < http_stub_requests(s) ? s->bodies[i] : NULL;
}
