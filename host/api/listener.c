/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/listener.h"

#include "host/base/io.h"

#include <outflow/util.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
	struct sockaddr_storage room;
};

/* ---- the text ---- */

static outflow_status bad(const char *text, outflow_error *err)
{
	return outflow_fail(
		err, OUTFLOW_E_CONFIG,
		"api.listeners: '%s' is no address; expected http://host:port, https://host:port or unix:/path", text);
}

static outflow_status parse_port(const char *text, const char *port, struct listener *l, outflow_error *err)
{
	char *end;
	unsigned long n = strtoul(port, &end, 10);

	if (*port < '0' || *port > '9' || n > 65535 || (*end != '\0' && strcmp(end, "/") != 0))
		return bad(text, err);
	l->port = (uint16_t)n;
	return OUTFLOW_OK;
}

static outflow_status parse_host(const char *text, const char *from, struct listener *l, outflow_error *err)
{
	const char *start = from, *end;
	size_t n;

	if (*from == '[') {
		start++;
		end = strchr(start, ']');
		from = end ? end + 1 : "";
	} else {
		end = from = from + strcspn(from, ":/");
	}
	if (end == NULL || *from != ':')
		return bad(text, err);
	n = (size_t)(end - start);
	if (n >= sizeof l->host)
		return bad(text, err);
	memcpy(l->host, start, n);
	l->host[n] = '\0';
	return parse_port(text, from + 1, l, err);
}

outflow_status listener_parse(const char *text, struct listener *l, outflow_error *err)
{
	*l = (struct listener){ .fd = -1 };
	if (strncasecmp(text, "unix:", 5) == 0) {
		const char *path = text + 5;

		l->kind = LISTEN_UNIX;
		l->loopback = 1;
		if (*path != '/')
			return bad(text, err);
		if (strlen(path) >= sizeof l->path)
			return outflow_fail(err, OUTFLOW_E_CONFIG,
			                    "api.listeners: the path of a Unix socket has at most %zu bytes: %s",
			                    sizeof l->path - 1, path);
		strcpy(l->path, path);
		return OUTFLOW_OK;
	}
	if (strncasecmp(text, "http://", 7) == 0)
		return parse_host(text, text + 7, l, err);
	l->kind = LISTEN_HTTPS;
	if (strncasecmp(text, "https://", 8) == 0)
		return parse_host(text, text + 8, l, err);
	return bad(text, err);
}

/* ---- the socket ---- */

static outflow_status cannot(const char *where, int code, outflow_error *err)
{
	if (code == EADDRINUSE)
		return outflow_fail(err, OUTFLOW_E_RETRY,
		                    "%s: the address is in use; choose another one for api.listeners", where);
	return outflow_fail_errno(err, OUTFLOW_E_TASK, code, "%s: cannot listen", where);
}

/* Nobody answers on this name. */
static int is_stale(const union address *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int refused = fd >= 0 && connect(fd, &a->any, sizeof a->local) != 0 && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return refused;
}

static outflow_status open_unix(struct listener *l, outflow_error *err)
{
	union address a = { .local = { .sun_family = AF_UNIX } };
	char directory[sizeof l->path];
	int fd;

	strcpy(a.local.sun_path, l->path);
	strcpy(directory, l->path);
	*strrchr(directory, '/') = '\0';
	snprintf(l->url, sizeof l->url, "unix:%s", l->path);
	if (*directory != '\0' && io_make_directories(directory) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: its directory cannot be made", l->url);
	if (is_stale(&a))
		(void)unlink(l->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Before it has a name: nobody else ever gets in. */
	if (fd < 0 || fchmod(fd, 0600) != 0 || bind(fd, &a.any, sizeof a.local) != 0 || listen(fd, BACKLOG) != 0) {
		int code = errno;

		if (fd >= 0)
			close(fd);
		return cannot(l->url, code, err);
	}
	l->fd = fd;
	return OUTFLOW_OK;
}

static int is_loopback(const union address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return a->v6.sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static int open_address(const struct addrinfo *at)
{
	static const int yes = 1, no = 0;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (at->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
	if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
		return io_close_keeping_errno(fd);
	return fd;
}

/* Which port it got, if it could choose. */
static void look_at(struct listener *l)
{
	union address a = { 0 };
	socklen_t n = sizeof a;
	const char *brackets = strchr(l->host, ':') ? "[]" : "";

	(void)getsockname(l->fd, &a.any, &n);
	l->port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
	l->loopback = is_loopback(&a);
	snprintf(l->url, sizeof l->url, "%s://%.1s%s%s:%u", l->kind == LISTEN_HTTPS ? "https" : "http", brackets,
	         *l->host ? l->host : "0.0.0.0", *brackets ? "]" : "", l->port);
}

static outflow_status open_tcp(struct listener *l, outflow_error *err)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char port[8], where[300];
	int code;

	snprintf(port, sizeof port, "%u", l->port);
	snprintf(where, sizeof where, "%s:%s", *l->host ? l->host : "*", port);
	code = getaddrinfo(*l->host ? l->host : NULL, port, &hints, &found);
	if (code != 0)
		return outflow_fail(err, OUTFLOW_E_TASK, "api.listeners: %s: %s", where, gai_strerror(code));
	for (struct addrinfo *it = found; it != NULL && l->fd < 0; it = it->ai_next)
		l->fd = open_address(it);
	code = errno;
	freeaddrinfo(found);
	if (l->fd < 0)
		return cannot(where, code, err);
	look_at(l);
	return OUTFLOW_OK;
}

outflow_status listener_open(struct listener *l, outflow_error *err)
{
	return l->kind == LISTEN_UNIX ? open_unix(l, err) : open_tcp(l, err);
}

void listener_close(struct listener *l)
{
	if (l->kind == LISTEN_UNIX && *l->url != '\0')
		(void)unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
