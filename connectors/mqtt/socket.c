/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paho asks the kernel six things for each message: two polls, three reads of a few bytes, one write of four. The plugin is
 * linked with --wrap for these calls, so that they come here: a read takes what the kernel has, later ones are served from
 * that, a socket with bytes left counts as readable, and the acknowledgements of a burst leave together before the thread
 * waits for the next one. Nothing is acknowledged that was not before; it is acknowledged a little later.
 *
 * A connection is closed with messages unread when the journal did not take one of them. The kernel then resets it, and a
 * broker that cannot send any more does not look at what it could still read: the acknowledgements of those that were taken.
 * They would come again, and with a full journal the same ones for ever. So the broker is left to read to the end and to
 * close first.
 *
 * One connection at a time is served so: the plugin's copy has one client. With TLS, OpenSSL reads and writes by itself.
 */
#include "connectors/mqtt/mqtt.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 65536u
#define WRITE_BYTES 4096u
/* A PUBACK has 4 bytes, with a reason code 6; nothing else that is so short is in a hurry. */
#define SMALL_WRITE 6u
/* A broker that takes no acknowledgement for so long is left. */
#define STUCK_MS 5000
/* And so long it has to read what we sent before we close. */
#define LINGER_MS 2000

ssize_t __real_recv(int fd, void *buffer, size_t n, int flags);
ssize_t __real_writev(int fd, const struct iovec *parts, int n_parts);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __real_shutdown(int fd, int how);
int __real_close(int fd);
ssize_t __wrap_recv(int fd, void *buffer, size_t n, int flags);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int n_parts);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __wrap_shutdown(int fd, int how);
int __wrap_close(int fd);

/* Paho reads and closes under one lock, but it polls under none and writes from two threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int served = -1; /* the descriptor */
static char input[READ_BYTES], output[WRITE_BYTES];
static size_t from, to; /* unread bytes of input */
static size_t gathered; /* bytes of output */
static int in_a_hurry;  /* atomic */

static int may_serve(int fd)
{
	if (served == -1 && fd >= 0)
		served = fd;
	return served == fd;
}

/* ---- writing ---- */

/* Sends what is gathered; waits for room. -1: the connection is of no use any more. */
static int flush(void)
{
	size_t done = 0;

	while (done < gathered) {
		struct pollfd room = { served, POLLOUT, 0 };
		ssize_t n = send(served, output + done, gathered - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			done += (size_t)n;
		else if (errno == EINTR)
			continue;
		else if ((errno != EAGAIN && errno != EWOULDBLOCK) || __real_poll(&room, 1, STUCK_MS) <= 0)
			break;
	}
	if (done < gathered) {
		/* Half an acknowledgement may have left: nothing sensible can follow it. */
		__real_shutdown(served, SHUT_RDWR);
		gathered = 0;
		return -1;
	}
	gathered = 0;
	return 0;
}

static size_t length_of(const struct iovec *parts, int n_parts)
{
	size_t length = 0;

	for (int i = 0; i < n_parts; i++)
		length += parts[i].iov_len;
	return length;
}

static void gather(const struct iovec *parts, int n_parts)
{
	for (int i = 0; i < n_parts; i++) {
		if (parts[i].iov_len == 0) /* Paho gives NULL then */
			continue;
		memcpy(output + gathered, parts[i].iov_base, parts[i].iov_len);
		gathered += parts[i].iov_len;
	}
}

ssize_t __wrap_writev(int fd, const struct iovec *parts, int n_parts)
{
	size_t length = length_of(parts, n_parts);
	ssize_t n = (ssize_t)length;

	pthread_mutex_lock(&lock);
	if (fd != served) {
		n = __real_writev(fd, parts, n_parts);
	} else if (from < to && length <= SMALL_WRITE && gathered + length <= sizeof output) {
		gather(parts, n_parts);
	} else if (flush() == 0) {
		n = __real_writev(fd, parts, n_parts);
	} else {
		errno = EPIPE;
		n = -1;
	}
	pthread_mutex_unlock(&lock);
	return n;
}

/* ---- reading ---- */

ssize_t __wrap_recv(int fd, void *buffer, size_t n, int flags)
{
	ssize_t got = (ssize_t)n;

	pthread_mutex_lock(&lock);
	if (n == 0 || flags != 0 || !may_serve(fd)) {
		got = __real_recv(fd, buffer, n, flags);
		pthread_mutex_unlock(&lock);
		return got;
	}
	if (from == to) {
		got = __real_recv(fd, input, sizeof input, 0);
		from = 0;
		to = got > 0 ? (size_t)got : 0;
	}
	if (from < to) {
		got = (ssize_t)(n < to - from ? n : to - from);
		memcpy(buffer, input + from, (size_t)got);
		from += (size_t)got;
	}
	pthread_mutex_unlock(&lock);
	return got;
}

/* A socket with unread bytes is readable, and was writable a moment ago; the others are asked about when none are left. */
static int answer(struct pollfd *fds, nfds_t n)
{
	int ready = 0;

	for (nfds_t i = 0; i < n; i++) {
		fds[i].revents = fds[i].fd == served ? fds[i].events & (POLLIN | POLLOUT) : 0;
		ready += fds[i].revents != 0;
	}
	return ready;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int ready = 0;

	pthread_mutex_lock(&lock);
	if (from < to)
		ready = answer(fds, n);
	else if (gathered > 0)
		(void)flush(); /* a failure shows in the poll that follows */
	pthread_mutex_unlock(&lock);
	return ready > 0 ? ready : __real_poll(fds, n, timeout_ms);
}

/* ---- closing ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads what nobody wants any more until the other side has closed, too. */
static void drain(int fd)
{
	int64_t until = now_ms() + (__atomic_load_n(&in_a_hurry, __ATOMIC_ACQUIRE) ? 0 : LINGER_MS), left;
	char unwanted[4096];
	ssize_t n = 1;

	while (n != 0 && (left = until - now_ms()) > 0) {
		struct pollfd more = { fd, POLLIN, 0 };

		if (__real_poll(&more, 1, (int)left) < 0 && errno != EINTR)
			return;
		n = __real_recv(fd, unwanted, sizeof unwanted, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return;
	}
}

/* What is acknowledged need not come again. */
int __wrap_shutdown(int fd, int how)
{
	int rc, code;

	pthread_mutex_lock(&lock);
	if (fd == served && gathered > 0)
		(void)flush();
	pthread_mutex_unlock(&lock);
	rc = __real_shutdown(fd, how);
	code = errno;
	if (rc == 0 && how == SHUT_WR)
		drain(fd);
	errno = code;
	return rc;
}

int __wrap_close(int fd)
{
	pthread_mutex_lock(&lock);
	if (fd == served) {
		served = -1;
		from = to = gathered = 0;
	}
	pthread_mutex_unlock(&lock);
	return __real_close(fd);
}

void socket_hurry(int hurry)
{
	__atomic_store_n(&in_a_hurry, hurry, __ATOMIC_RELEASE);
}
