/* SPDX-License-Identifier: Apache-2.0 */
/* reach_test.c: addresses are taken apart as people write them, and what cannot be reached is said with its reason, in time. */
#include "host/base/clock.h"
#include "host/plugin/load_host.h"

#include <outflow/reach.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static outflow_error err = { .size = sizeof err };

static void addresses_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} good[] = {
		{ "broker", "broker", "1883" },
		{ "broker:1", "broker", "1" },
		{ "[::1]:2/path", "::1", "2" },
		{ "[fe80::1]", "fe80::1", "1883" },
		{ "10.0.0.1:65535/", "10.0.0.1", "65535" },
	};
	static const char *const bad[] = {
		"", ":1", "broker:", "broker:0", "broker:65536", "broker:x", "[::1", "[::1]x"
	};
	outflow_address a;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(outflow_address_split(good[i].text, "1883", &a, &err), OUTFLOW_OK);
		assert_string_equal(a.host, good[i].host);
		assert_string_equal(a.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (outflow_address_split(bad[i], "1883", &a, &err) != OUTFLOW_E_CONFIG)
			fail_msg("'%s' is taken for an address", bad[i]);
}

/* A listener on a free port of loopback that has room for `backlog` more. */
static int listen_on(outflow_address *a, int backlog)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	snprintf(a->host, sizeof a->host, "127.0.0.1");
	snprintf(a->port, sizeof a->port, "%u", (unsigned)ntohs(address.sin_port));
	return fd;
}

static outflow_status connect_to(const outflow_address *a, int64_t timeout_ns, int *fd)
{
	struct addrinfo *list;
	char shown[100];
	outflow_status status;

	assert_int_equal(outflow_resolve(a, &list, shown, sizeof shown, &err), OUTFLOW_OK);
	assert_string_equal(shown, "127.0.0.1");
	status = outflow_connect(&load_host, list, clock_mono_ns() + timeout_ns, fd, shown, sizeof shown, &err);
	freeaddrinfo(list);
	return status;
}

static void a_name_that_nobody_knows_is_named(void **state)
{
	const outflow_address a = { "no-such-host.invalid", "1" };
	struct addrinfo *list;
	char shown[100];

	(void)state;
	assert_int_equal(outflow_resolve(&a, &list, shown, sizeof shown, &err), OUTFLOW_E_OUTAGE);
	assert_non_null(strstr(err.msg, "'no-such-host.invalid' cannot be resolved"));
}

static void a_listener_takes_it_and_a_closed_port_does_not(void **state)
{
	outflow_address a;
	int listener = listen_on(&a, 1), fd;

	(void)state;
	assert_int_equal(connect_to(&a, 5 * CLOCK_S, &fd), OUTFLOW_OK);
	close(fd);
	close(listener);
	assert_int_equal(connect_to(&a, 5 * CLOCK_S, &fd), OUTFLOW_E_OUTAGE);
	assert_non_null(strstr(err.msg, "nothing listens there"));
}

/* The kernel drops what does not fit into a listener's queue: nothing answers. */
static void a_silent_one_is_left_in_time(void **state)
{
	outflow_address a;
	int listener = listen_on(&a, 0), held[8], n = 0;
	outflow_status status = OUTFLOW_OK;
	int64_t begun = clock_mono_ns();

	(void)state;
	while (n < 8 && status == OUTFLOW_OK) {
		status = connect_to(&a, CLOCK_S / 4, &held[n]);
		n += status == OUTFLOW_OK;
	}
	assert_int_equal(status, OUTFLOW_E_OUTAGE);
	assert_non_null(strstr(err.msg, "no answer at all"));
	assert_true(clock_mono_ns() - begun < 10 * CLOCK_S);
	while (n > 0)
		close(held[--n]);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_taken_apart),
		cmocka_unit_test(a_name_that_nobody_knows_is_named),
		cmocka_unit_test(a_listener_takes_it_and_a_closed_port_does_not),
		cmocka_unit_test(a_silent_one_is_left_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
