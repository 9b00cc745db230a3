/* SPDX-License-Identifier: Apache-2.0 */
/* api_route_test.c: a request finds its route or the methods that there are, and media types are read as RFC 9110 says. */
#include "host/api/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void handle(struct api *api, const struct request *q, struct response *r)
{
	(void)api;
	(void)q;
	(void)r;
}

static const struct route first[] = {
	{ "GET", "/", ACCESS_READ, .handle = handle },
	{ "GET", "/v1/plugins", ACCESS_READ, .handle = handle },
	{ "PUT", "/v1/plugins", ACCESS_ADMIN, .handle = handle },
	{ 0 },
};
static const struct route second[] = {
	{ "GET", "/v1/{name}", ACCESS_READ, .handle = handle },
	{ "DELETE", "/v1/{name}/tasks/{task}", ACCESS_ADMIN, .handle = handle },
	{ "POST", "/", ACCESS_PUBLIC, .handle = handle, .header = "x-acs-action" },
	{ "PUT", "/a/{}/{}/{}/{}/{}", ACCESS_PUBLIC, .handle = handle },
	{ 0 },
};
static const struct route *const tables[] = { first, second, NULL };

static struct request *asked(const char *method, const char *target)
{
	outflow_error err = { .size = sizeof err };
	struct request *q = NULL;

	assert_int_equal(request_new(method, target, &q, &err), OUTFLOW_OK);
	return q;
}

/* Finds this one, with these parameters. */
static void finds(const char *method, const char *target, const struct route *expected, const char *one,
                  const char *two)
{
	struct request *q = asked(method, target);
	char allowed[64];

	assert_ptr_equal(route_find(tables, q, allowed, sizeof allowed), expected);
	for (int i = 0; i < 2; i++) {
		const char *wanted = i == 0 ? one : two;

		if (wanted == NULL)
			assert_null(q->parameters[i]);
		else
			assert_string_equal(q->parameters[i], wanted);
	}
	request_free(&q);
}

static void finds_none(const char *method, const char *target, const char *methods)
{
	struct request *q = asked(method, target);
	char allowed[64] = "?";

	assert_null(route_find(tables, q, allowed, sizeof allowed));
	assert_string_equal(allowed, methods);
	request_free(&q);
}

static void routes(void **state)
{
	(void)state;
	finds("GET", "/", &first[0], NULL, NULL);
	finds("HEAD", "", &first[0], NULL, NULL);
	finds("GET", "/v1/plugins/", &first[1], NULL, NULL);
	finds("GET", "/v1/plugin", &second[0], "plugin", NULL);
	finds("GET", "/v1/a%2Fb", &second[0], "a/b", NULL);
	finds("DELETE", "/v1/p/tasks/0", &second[1], "p", "0");
	finds_none("GET", "/v2", "");
	finds_none("GET", "/v1", "");
	finds_none("GET", "/v1//tasks", "");
	finds_none("DELETE", "/v1//tasks/0", "");
	finds_none("PUT", "/a/1/2/3/4/5", "");
}

static void methods_that_there_are(void **state)
{
	(void)state;
	finds_none("POST", "/v1/plugins", "GET, HEAD, PUT, OPTIONS");
	finds_none("OPTIONS", "/v1/p/tasks/0", "DELETE, OPTIONS");
	finds_none("HEAD", "/v1/p/tasks/0", "DELETE, OPTIONS");
	finds_none("POST", "/", "GET, HEAD, OPTIONS");
}

static void a_header_may_be_part_of_a_route(void **state)
{
	struct request *q = asked("POST", "/");
	char allowed[64];

	(void)state;
	assert_int_equal(fields_add(&q->headers, "X-Acs-Action", "a"), OUTFLOW_OK);
	assert_ptr_equal(route_find(tables, q, allowed, sizeof allowed), &second[2]);
	request_free(&q);
}

/* The tables of the program. */
static void every_route_can_be_found(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct route *const *table = route_tables; *table != NULL; table++)
		for (const struct route *it = *table; it->method != NULL; it++, n++) {
			struct request *q = asked(it->method, it->path);
			char allowed[128];

			if (it->header != NULL)
				assert_int_equal(fields_add(&q->headers, it->header, "x"), OUTFLOW_OK);
			if (route_find(route_tables, q, allowed, sizeof allowed) != it)
				fail_msg("%s %s is hidden by another route", it->method, it->path);
			assert_non_null(it->handle);
			request_free(&q);
		}
	assert_true(n > 50);
}

static void media_types_that_are_taken(void **state)
{
	static const struct {
		const char *accept;
		int takes;
	} cases[] = {
		{ NULL, 1 },
		{ "", 1 },
		{ " \t", 1 },
		{ "*/*", 1 },
		{ "application/json", 1 },
		{ "APPLICATION/JSON;charset=utf-8", 1 },
		{ "text/html, application/*;q=0.2", 1 },
		{ "text/html,application/json ; q=0.001", 1 },
		{ "text/html", 0 },
		{ "application/jsonx", 0 },
		{ "applicatio/*", 0 },
		{ "*", 0 },
		{ "application/json;q=0", 0 },
		{ "application/json; q=0.000, text/plain", 0 },
		{ "application/json;q=0, */*", 1 },
		{ ",,;,", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (media_type_accepted(cases[i].accept, "application/json") != cases[i].takes)
			fail_msg("Accept: %s", cases[i].accept);
}

static void the_media_type_of_a_body(void **state)
{
	(void)state;
	assert_true(media_type_is(" Application/JSON ;charset=utf-8", "application/json"));
	assert_true(media_type_is("anything", "*"));
	assert_false(media_type_is("", "application/json"));
	assert_false(media_type_is("application/json5", "application/json"));
	assert_false(media_type_is("application", "application/json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes),
		cmocka_unit_test(methods_that_there_are),
		cmocka_unit_test(a_header_may_be_part_of_a_route),
		cmocka_unit_test(every_route_can_be_found),
		cmocka_unit_test(media_types_that_are_taken),
		cmocka_unit_test(the_media_type_of_a_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
