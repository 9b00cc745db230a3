/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_socket_test.c: a connection that is read in bulk gives and takes the same bytes in the same order as one that is not;
 * acknowledgements leave before anybody waits, and the broker gets them although we close with bytes unread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* recv, writev, poll, shutdown and close are the plugin's (--wrap); the broker's side uses read and write. */
static int client, broker;

static int setup(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (void *)&address, size) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (void *)&address, &size) != 0 || connect(client, (void *)&address, size) != 0)
		return -1;
	broker = accept(listener, NULL, NULL);
	close(listener);
	/* Waits end, if only to fail. */
	setsockopt(broker, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 10 }, sizeof(struct timeval));
	/* As Paho has it. */
	return broker < 0 || fcntl(client, F_SETFL, O_NONBLOCK) != 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	if (broker >= 0)
		close(broker);
	if (client >= 0)
		close(client);
	return 0;
}

static void send_to_client(const char *bytes, size_t n)
{
	assert_int_equal(write(broker, bytes, n), n);
}

/* Until the kernel has bytes for the client. */
static int wait_readable(void)
{
	struct pollfd p = { client, POLLIN, 0 };

	return poll(&p, 1, 10000) == 1 && p.revents == POLLIN;
}

static void expect(const char *bytes, size_t n)
{
	char got[16];

	assert_true(n <= sizeof got);
	assert_int_equal(recv(client, got, n, 0), n);
	assert_memory_equal(got, bytes, n);
}

static ssize_t client_writes(const char *bytes, size_t n)
{
	struct iovec parts[2] = { { (void *)(uintptr_t)bytes, n / 2 },
		                  { (void *)(uintptr_t)(bytes + n / 2), n - n / 2 } };

	return writev(client, parts, 2);
}

/* What has come to the broker by now. */
static int waiting_at_broker(void)
{
	char bytes[65536];
	ssize_t n = recvfrom(broker, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT, NULL, NULL);

	return n < 0 ? 0 : (int)n;
}

static void expect_at_broker(const char *bytes, size_t n)
{
	char got[16];
	size_t done = 0;

	while (done < n) {
		ssize_t some = read(broker, got + done, n - done);

		assert_true(some > 0);
		done += (size_t)some;
	}
	assert_memory_equal(got, bytes, n);
}

static void reads_are_served_from_one(void **state)
{
	char nothing[4];

	(void)state;
	send_to_client("0123456789", 10);
	assert_true(wait_readable());
	expect("0", 1);
	expect("123", 3);
	/* The kernel has nothing any more; it is readable all the same. */
	assert_true(wait_readable());
	assert_int_equal(recv(client, nothing, sizeof nothing, 0), 4);
	assert_memory_equal(nothing, "4567", 4);
	assert_int_equal(recv(client, nothing, sizeof nothing, 0), 2); /* as much as there is */
	send_to_client("ab", 2);
	assert_true(wait_readable());
	expect("ab", 2);
}

static void the_end_and_errors_come_through(void **state)
{
	struct pollfd p = { client, POLLIN, 0 };
	char byte;

	(void)state;
	send_to_client("xy", 2);
	assert_true(wait_readable());
	expect("x", 1);
	close(broker);
	broker = -1;
	expect("y", 1);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(recv(client, &byte, 1, 0), 0);
}

static void acknowledgements_leave_before_the_wait(void **state)
{
	struct pollfd p = { client, POLLIN, 0 };

	(void)state;
	send_to_client("ab", 2);
	assert_true(wait_readable());
	expect("a", 1);
	assert_int_equal(client_writes("ack1", 4), 4);
	assert_int_equal(client_writes("ack2", 4), 4);
	assert_int_equal(waiting_at_broker(), 0);
	expect("b", 1);
	assert_int_equal(poll(&p, 1, 0), 0);
	expect_at_broker("ack1ack2", 8);
	/* With nothing unread there is no later moment. */
	assert_int_equal(client_writes("ack3", 4), 4);
	expect_at_broker("ack3", 4);
}

static void the_order_of_writes_stays(void **state)
{
	(void)state;
	send_to_client("ab", 2);
	assert_true(wait_readable());
	expect("a", 1);
	assert_int_equal(client_writes("ack1", 4), 4);
	assert_int_equal(client_writes("a packet", 8), 8);
	expect_at_broker("ack1a packet", 12);
}

static void more_acknowledgements_than_are_gathered(void **state)
{
	struct pollfd p = { client, POLLIN, 0 };
	char ack[8];

	(void)state;
	send_to_client("ab", 2);
	assert_true(wait_readable());
	expect("a", 1);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(ack, sizeof ack, "%04u", i);
		assert_int_equal(client_writes(ack, 4), 4);
	}
	expect("b", 1);
	assert_int_equal(poll(&p, 1, 0), 0);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(ack, sizeof ack, "%04u", i);
		expect_at_broker(ack, 4);
	}
}

static void other_sockets_are_left_alone(void **state)
{
	struct iovec part = { "ack2", 4 };
	int first = client, first_broker = broker;
	char byte;

	(void)state;
	send_to_client("ab", 2);
	assert_true(wait_readable());
	expect("a", 1);
	assert_int_equal(setup(NULL), 0);
	send_to_client("cd", 2);
	assert_true(wait_readable());
	assert_int_equal(recv(client, &byte, 1, MSG_PEEK), 1);
	expect("c", 1);
	assert_int_equal(writev(client, &part, 1), 4);
	expect_at_broker("ack2", 4);
	teardown(NULL);
	client = first;
	broker = first_broker;
	expect("b", 1);
}

/* ---- closing ---- */

#define ACKS 100u
static int closed; /* atomic */
static size_t acks_read;

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
}

/* A broker that is busy elsewhere until we have closed, or for a while if we wait for it; then it has more to send, and gives
 * up when that fails. */
static void *slow_broker(void *arg)
{
	char bytes[64];
	ssize_t n;

	(void)arg;
	for (int i = 0; i < 300 && !__atomic_load_n(&closed, __ATOMIC_ACQUIRE); i++)
		pause_ms(1);
	while (send(broker, "more", 4, MSG_NOSIGNAL) == 4 && (n = read(broker, bytes, sizeof bytes)) > 0)
		acks_read += (size_t)n;
	close(broker);
	broker = -1;
	return NULL;
}

static void the_broker_reads_all_before_we_close(void **state)
{
	static char unread[20000];
	pthread_t thread;

	(void)state;
	closed = 0;
	acks_read = 0;
	send_to_client(unread, sizeof unread);
	assert_true(wait_readable());
	expect(unread, 1);
	for (unsigned i = 0; i < ACKS; i++)
		assert_int_equal(client_writes("ackn", 4), 4);
	send_to_client(unread, sizeof unread); /* and more that is never read */
	assert_int_equal(pthread_create(&thread, NULL, slow_broker, NULL), 0);
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	close(client);
	client = -1;
	__atomic_store_n(&closed, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(acks_read, 4 * ACKS);
}

static void a_broker_that_is_gone_fails_the_write(void **state)
{
	(void)state;
	send_to_client("abc", 3);
	assert_true(wait_readable());
	expect("a", 1);
	/* With a reset, so that the next write fails. */
	assert_int_equal(setsockopt(broker, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger)), 0);
	close(broker);
	broker = -1;
	assert_int_equal(client_writes("ack1", 4), 4);
	assert_int_equal(client_writes("a packet", 8), -1);
	assert_int_equal(errno, EPIPE);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_are_served_from_one),
		TEST(the_end_and_errors_come_through),
		TEST(acknowledgements_leave_before_the_wait),
		TEST(the_order_of_writes_stays),
		TEST(more_acknowledgements_than_are_gathered),
		TEST(other_sockets_are_left_alone),
		TEST(the_broker_reads_all_before_we_close),
		TEST(a_broker_that_is_gone_fails_the_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
