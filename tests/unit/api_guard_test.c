/* SPDX-License-Identifier: Apache-2.0 */
/* api_guard_test.c: who may listen where, under which Host, from which Origin, and in which role. */
#include "host/api/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char ops[] = "ops", token[] = "write", eyes[] = "eyes", look[] = "look", file[] = "file";
static char page[] = "https://ops.example", star[] = "*", get[] = "GET", put[] = "PUT";
static struct api_user users[] = { { .name = ops, .token = token }, { .name = eyes, .token = look, .read_only = 1 } };

struct fixture {
	struct listener listener;
	struct api_model model;
	struct door door;
	struct request *q;
	struct response r;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .listener = { .host = "127.0.0.1", .loopback = 1, .url = "http://127.0.0.1:8083" } };
	f.door = (struct door){ &f.listener, &f.model };
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	request_free(&f->q);
	response_clear(&f->r);
	return 0;
}

/* A request with one header. */
static void ask(struct fixture *f, const char *method, const char *header, const char *value)
{
	outflow_error err = { .size = sizeof err };

	request_free(&f->q);
	response_clear(&f->r);
	assert_int_equal(request_new(method, "/", &f->q, &err), OUTFLOW_OK);
	if (value != NULL)
		assert_int_equal(fields_add(&f->q->headers, header, value), OUTFLOW_OK);
}

static const char *answered(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->r.headers.n; i++)
		if (strcmp(f->r.headers.list[i].name, name) == 0)
			return f->r.headers.list[i].value;
	return NULL;
}

/* ---- listening ---- */

static void nobody_listens_to_the_network_by_accident(void **state)
{
	struct fixture *f = *state;
	outflow_error err = { .size = sizeof err };

	assert_int_equal(guard_check_door(&f->door, &err), OUTFLOW_OK);
	f->listener.loopback = 0;
	assert_int_equal(guard_check_door(&f->door, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "api.insecure"));
	f->model.client_ca = file; /* which counts for https alone */
	assert_int_equal(guard_check_door(&f->door, &err), OUTFLOW_E_CONFIG);
	f->model.insecure = 1;
	assert_int_equal(guard_check_door(&f->door, &err), OUTFLOW_OK);
	f->model = (struct api_model){ .users = users, .n_users = 2 };
	assert_int_equal(guard_check_door(&f->door, &err), OUTFLOW_OK);
	f->listener.kind = LISTEN_HTTPS;
	assert_int_equal(guard_check_door(&f->door, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "api.tls.certificate"));
	f->model = (struct api_model){ .certificate = file, .key = file, .client_ca = file };
	assert_int_equal(guard_check_door(&f->door, &err), OUTFLOW_OK);
}

/* ---- Host ---- */

static void hosts(struct fixture *f, const char *const *hosts, int let_in)
{
	for (; *hosts != NULL; hosts++) {
		ask(f, "GET", "Host", *hosts);
		if (guard_origin(&f->door, f->q, &f->r) != let_in)
			fail_msg("Host: %s", *hosts);
		assert_int_equal(f->r.status, let_in ? 0 : 403);
	}
}

static void only_names_of_this_machine_on_loopback(void **state)
{
	static const char *const own[] = { "localhost",   "LOCALHOST:8083", "a.localhost", "127.0.0.1:8083",
		                           "127.255.0.9", "[::1]:8083",     NULL };
	static const char *const others[] = { "rebound.example",
		                              "localhost.example",
		                              "notlocalhost",
		                              "128.0.0.1",
		                              "127.0.0.1.example",
		                              "127.0.0",
		                              "1127.0.0.1",
		                              "[::1",
		                              "[::2]",
		                              ".localhost",
		                              "127.0.0.1a",
		                              "127.0.0.111111111",
		                              "",
		                              NULL };
	struct fixture *f = *state;
	char name[256] = "";

	assert_int_equal(gethostname(name, sizeof name - 1), 0);
	hosts(f, (const char *const[]){ name, NULL }, 1);
	hosts(f, own, 1);
	hosts(f, others, 0);
	ask(f, "GET", "Host", NULL);
	assert_true(guard_origin(&f->door, f->q, &f->r));
	f->listener.kind = LISTEN_UNIX;
	hosts(f, others, 1);
	f->listener.kind = LISTEN_HTTP;
	f->listener.loopback = 0;
	hosts(f, others, 1);
	f->listener.loopback = 1;
	f->model = (struct api_model){ .users = users, .n_users = 2 };
	hosts(f, others, 1);
}

/* ---- Origin ---- */

static int lets_in(struct fixture *f, const char *method, const char *origin, const char *host)
{
	ask(f, method, "Origin", origin);
	assert_int_equal(fields_add(&f->q->headers, "Host", host), OUTFLOW_OK);
	return guard_origin(&f->door, f->q, &f->r);
}

static void pages_from_elsewhere_are_kept_out(void **state)
{
	struct fixture *f = *state;

	assert_true(lets_in(f, "PUT", "http://localhost:8083", "LOCALHOST:8083"));
	assert_null(answered(f, "Access-Control-Allow-Origin"));
	assert_false(lets_in(f, "GET", "http://localhost:8084", "localhost:8083"));
	assert_false(lets_in(f, "GET", "null", "localhost"));
	assert_false(lets_in(f, "GET", "localhost", "localhost"));
	assert_false(lets_in(f, "GET", page, "localhost"));
	assert_int_equal(f->r.status, 403);
}

static void pages_that_are_allowed(void **state)
{
	char *origins[] = { page }, *methods[] = { get, put };
	struct fixture *f = *state;

	f->model = (struct api_model){ .origins = origins, .n_origins = 1 };
	assert_true(lets_in(f, "GET", "HTTPS://OPS.example", "localhost"));
	assert_string_equal(answered(f, "Access-Control-Allow-Origin"), "HTTPS://OPS.example");
	assert_string_equal(answered(f, "Vary"), "Origin");
	assert_null(answered(f, "Access-Control-Allow-Credentials"));
	assert_false(lets_in(f, "PUT", page, "localhost"));
	assert_false(lets_in(f, "GET", "https://ops.example.org", "localhost"));
	assert_true(lets_in(f, "OPTIONS", page, "localhost"));
	assert_string_equal(answered(f, "Access-Control-Allow-Methods"), "GET,POST,HEAD");
	f->model.methods = methods;
	f->model.n_methods = 2;
	assert_true(lets_in(f, "PUT", page, "localhost"));
	assert_false(lets_in(f, "POST", page, "localhost"));
	assert_true(lets_in(f, "OPTIONS", page, "localhost"));
	assert_string_equal(answered(f, "Access-Control-Allow-Methods"), "GET,PUT");
	origins[0] = star;
	assert_true(lets_in(f, "GET", "https://any.example", "localhost"));
	assert_string_equal(answered(f, "Access-Control-Allow-Origin"), "https://any.example");
	assert_false(lets_in(f, "GET", "https://any.example", "rebound.example"));
}

/* ---- users ---- */

static int may(struct fixture *f, const char *authorization, enum access access)
{
	ask(f, "GET", "Authorization", authorization);
	return guard_user(&f->door, f->q, access, &f->r);
}

static void roles(void **state)
{
	struct fixture *f = *state;

	assert_true(may(f, NULL, ACCESS_ADMIN));
	f->model = (struct api_model){ .users = users, .n_users = 2 };
	assert_true(may(f, NULL, ACCESS_PUBLIC));
	assert_null(f->q->user);
	assert_false(may(f, NULL, ACCESS_READ));
	assert_int_equal(f->r.status, 401);
	assert_non_null(answered(f, "WWW-Authenticate"));
	assert_false(may(f, "Bearer other", ACCESS_READ));
	assert_true(may(f, "Bearer look", ACCESS_READ));
	assert_string_equal(f->q->user, "eyes");
	assert_false(may(f, "Bearer look", ACCESS_ADMIN));
	assert_int_equal(f->r.status, 403);
	assert_true(may(f, "Bearer write", ACCESS_ADMIN));
	f->listener.kind = LISTEN_UNIX;
	assert_true(may(f, NULL, ACCESS_ADMIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_listens_to_the_network_by_accident, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_names_of_this_machine_on_loopback, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pages_from_elsewhere_are_kept_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pages_that_are_allowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(roles, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
