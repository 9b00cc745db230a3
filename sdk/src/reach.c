/* SPDX-License-Identifier: Apache-2.0 */
#include <outflow/reach.h>
#include <outflow/util.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS_NS INT64_C(1000000)

/* ---- addresses ---- */

static int is_port(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && n < 6 && text[n] == '\0' && atoi(text) > 0 && atoi(text) < 65536;
}

outflow_status outflow_address_split(const char *text, const char *default_port, outflow_address *a, outflow_error *err)
{
	char copy[300];
	char *host = copy, *end, *port;

	snprintf(copy, sizeof copy, "%.*s", (int)strcspn(text, "/"), text);
	if (*copy == '[') {
		host++;
		end = strchr(copy, ']');
		port = end && end[1] == ':' ? end + 2 : NULL;
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.100s' is no address: a ']' is missing", text);
	} else {
		end = strrchr(copy, ':');
		port = end ? end + 1 : NULL;
	}
	if (end != NULL)
		*end = '\0';
	if (port == NULL)
		port = (char *)(uintptr_t)default_port;
	if (*host == '\0' || strlen(host) >= sizeof a->host || !is_port(port))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.100s' is no address such as broker.example:%s", text,
		                    default_port);
	snprintf(a->host, sizeof a->host, "%s", host);
	snprintf(a->port, sizeof a->port, "%s", port);
	return OUTFLOW_OK;
}

static void show_address(const struct addrinfo *ai, char *host, size_t host_size, char *port, size_t port_size)
{
	if (getnameinfo(ai->ai_addr, ai->ai_addrlen, host, (socklen_t)host_size, port, (socklen_t)port_size,
	                NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(host, host_size, "?");
}

outflow_status outflow_resolve(const outflow_address *a, struct addrinfo **result, char *shown, size_t size,
                               outflow_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	size_t n = 0;
	int code = getaddrinfo(a->host, a->port, &hints, result);

	if (code != 0)
		return outflow_fail_native(err, OUTFLOW_E_OUTAGE, "getaddrinfo", code,
		                           "the name '%s' cannot be resolved: %s (is it spelled right, does this "
		                           "machine's DNS know it?)",
		                           a->host, code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
	*shown = '\0';
	for (const struct addrinfo *ai = *result; ai != NULL && n < size; ai = ai->ai_next) {
		char host[NI_MAXHOST], port[NI_MAXSERV];

		show_address(ai, host, sizeof host, port, sizeof port);
		n += (size_t)snprintf(shown + n, size - n, "%s%s", n > 0 ? ", " : "", host);
	}
	return OUTFLOW_OK;
}

/* ---- connecting ---- */

outflow_status outflow_wait_for(const outflow_host *h, int fd, short events, int64_t deadline_ns)
{
	struct pollfd p = { fd, events, 0 };
	int64_t left;

	while ((left = deadline_ns - h->time->mono_ns(h)) > 0) {
		int n = poll(&p, 1, left / MS_NS >= INT32_MAX ? INT32_MAX : (int)(left / MS_NS) + 1);

		if (n > 0)
			return OUTFLOW_OK;
		if (n < 0 && errno != EINTR)
			return OUTFLOW_E_TASK;
	}
	return OUTFLOW_AGAIN;
}

/* 0, or an errno; ETIMEDOUT: nothing came until the deadline. */
static int try_address(const outflow_host *h, const struct addrinfo *ai, int64_t deadline_ns, int *result)
{
	int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	int code = 0;
	socklen_t n = sizeof code;

	if (fd < 0)
		return errno;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0)
		code = errno;
	if (code == EINPROGRESS) {
		code = 0;
		if (outflow_wait_for(h, fd, POLLOUT, deadline_ns) != OUTFLOW_OK)
			code = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) != 0)
			code = errno;
	}
	if (code == 0)
		*result = fd;
	else
		close(fd);
	return code;
}

static const char *cure(int code)
{
	switch (code) {
	case ECONNREFUSED:
		return " (nothing listens there: does the server run, is the port right?)";
	case ETIMEDOUT:
		return " (no answer at all: a firewall, or a wrong address?)";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return " (this machine has no way there)";
	default:
		return "";
	}
}

outflow_status outflow_connect(const outflow_host *h, const struct addrinfo *list, int64_t deadline_ns, int *fd,
                               char *shown, size_t size, outflow_error *err)
{
	char why[400] = "";
	size_t n = 0, left = 0;
	int code = ETIMEDOUT;

	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
		left++;
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next, left--) {
		int64_t now = h->time->mono_ns(h);
		char host[NI_MAXHOST], port[NI_MAXSERV];

		show_address(ai, host, sizeof host, port, sizeof port);
		/* One that says nothing leaves time for the others. */
		code = try_address(h, ai, now + (deadline_ns - now) / (int64_t)left, fd);
		if (code == 0) {
			snprintf(shown, size, "%s port %s", host, port);
			return OUTFLOW_OK;
		}
		if (n < sizeof why)
			n += (size_t)snprintf(why + n, sizeof why - n, "%s%s port %s: %s", n > 0 ? "; " : "", host,
			                      port, strerror(code));
	}
	return outflow_fail_native(err, OUTFLOW_E_OUTAGE, "errno", code, "%s%s", why, cure(code));
}
