/* SPDX-License-Identifier: Apache-2.0 */
/* api_request_test.c: a request is taken apart as RFC 9110, 9112 and 3986 say, or refused with the reason. */
#include "failing_memory.h"
#include "host/api/request.h"
#include "host/base/clock.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct request *taken_apart(const char *method, const char *target)
{
	outflow_error err = { .size = sizeof err };
	struct request *q = NULL;

	if (request_new(method, target, &q, &err) != OUTFLOW_OK)
		fail_msg("%s %s: %s", method, target, err.msg);
	assert_string_equal(q->method, method);
	assert_string_equal(q->target, target);
	return q;
}

/* Its segments and query, as "a|b?x=1&y=". */
static void reads_as(const char *method, const char *target, const char *expected)
{
	struct request *q = taken_apart(method, target);
	char text[500] = "";

	for (size_t i = 0; i < q->n_segments; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? "|" : "", q->segments[i]);
	for (size_t i = 0; i < q->query.n; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%s", i > 0 ? "&" : "?",
		         q->query.list[i].name, q->query.list[i].value);
	assert_string_equal(text, expected);
	request_free(&q);
	assert_null(q);
}

static void refused(const char *target, const char *reason)
{
	outflow_error err = { .size = sizeof err };
	struct request *q = NULL;

	assert_int_equal(request_new("GET", target, &q, &err), OUTFLOW_E_CONFIG);
	assert_null(q);
	if (strstr(err.msg, reason) == NULL)
		fail_msg("%s: '%s' is not in '%s'", target, reason, err.msg);
}

static void paths_and_queries(void **state)
{
	(void)state;
	reads_as("GET", "/", "");
	reads_as("GET", "", "");
	reads_as("GET", "/connectors/", "connectors");
	reads_as("GET", "/connectors//status", "connectors||status");
	reads_as("GET", "/a%2Fb/c+d/%c3%bc", "a/b|c+d|\u00fc");
	reads_as("GET", "/x?a=1&b=%26+%2b&&c&=d&a=2", "x?a=1&b=& +&c=&=d&a=2");
	reads_as("GET", "/x?a=b=c#f", "x?a=b=c#f");
	reads_as("GET", "/x#f?a", "x");
	reads_as("GET", "?a=1", "?a=1");
}

/* RFC 9112, 3.2. */
static void other_forms_of_a_target(void **state)
{
	(void)state;
	reads_as("GET", "HTTP://host:1/a?b=c", "a?b=c");
	reads_as("GET", "https://host", "");
	reads_as("GET", "http://host?a", "?a=");
	reads_as("OPTIONS", "*", "");
	refused("*", "does not begin with a slash");
	refused("connectors", "does not begin with a slash");
}

static void what_cannot_be_decoded(void **state)
{
	char many[100] = "";

	(void)state;
	for (const char *const *bad = (const char *const[]){ "/%", "/%4", "/%zz", "/%4z", "/x?a=%", "/x?%g0=1", NULL };
	     *bad != NULL; bad++)
		refused(*bad, "two hexadecimal digits");
	for (const char *const *bad = (const char *const[]){ "/a%00b", "/%0a", "/%7f", "/\x01", "/x?a=%1f", "/%ff",
	                                                     "/%c3", "/%ed%a0%80", "/x?%c0%80=1", NULL };
	     *bad != NULL; bad++)
		refused(*bad, "control characters, or is not UTF-8");
	for (int i = 0; i < 32; i++)
		strcat(many, "/a");
	reads_as("GET", many, "a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a|a");
	strcat(many, "/a");
	refused(many, "more than 32 parts");
}

static void names_and_values(void **state)
{
	struct request *q = taken_apart("GET", "/x?a=1&a=2&on=TRUE&off=yes&none");

	(void)state;
	assert_int_equal(fields_add(&q->headers, "Host", "one"), OUTFLOW_OK);
	assert_int_equal(fields_add(&q->headers, "host", "two"), OUTFLOW_OK);
	assert_string_equal(request_header(q, "HOST"), "one");
	assert_null(request_header(q, "Hos"));
	assert_string_equal(request_query(q, "a"), "1");
	assert_null(request_query(q, "A"));
	assert_true(request_query_has(q, "a", "1") && request_query_has(q, "a", "2"));
	assert_false(request_query_has(q, "a", "3"));
	assert_true(request_flag(q, "on"));
	assert_false(request_flag(q, "off") || request_flag(q, "none") || request_flag(q, "other"));
	q->deadline_ns = clock_mono_ns() + 60 * CLOCK_S;
	assert_true(request_time_left_ns(q) > 0);
	q->deadline_ns = clock_mono_ns() - 1;
	assert_int_equal(request_time_left_ns(q), 0);
	request_free(&q);
}

/* ---- forms ---- */

static outflow_status read_form(const char *body, size_t n, struct fields *form, outflow_error *err)
{
	struct request *q = taken_apart("POST", "/");
	outflow_status status;

	q->body = calloc(1, n + 1);
	memcpy(q->body, body, n);
	q->body_length = n;
	status = request_form(q, form, err);
	request_free(&q);
	return status;
}

static void forms(void **state)
{
	struct fields form = { 0 };
	outflow_error err = { .size = sizeof err };
	struct request *q = taken_apart("POST", "/");

	(void)state;
	assert_int_equal(request_form(q, &form, &err), OUTFLOW_OK);
	assert_int_equal(form.n, 0);
	request_free(&q);
	assert_int_equal(read_form("a=1+2&b=%0A%7B&&c", 17, &form, &err), OUTFLOW_OK);
	assert_int_equal(form.n, 3);
	assert_string_equal(form.list[0].value, "1 2");
	assert_string_equal(form.list[1].value, "\n{");
	assert_string_equal(form.list[2].name, "c");
	fields_clear(&form);
	assert_int_equal(read_form("a=%00", 5, &form, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "the body has a NUL"));
	assert_int_equal(read_form("a=\0b", 4, &form, &err), OUTFLOW_E_CONFIG);
	assert_int_equal(read_form("a=\xff", 3, &form, &err), OUTFLOW_E_CONFIG);
	assert_int_equal(read_form("a=%4", 4, &form, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "the body has a %"));
	fields_clear(&form);
}

static void a_form_has_a_bounded_number_of_fields(void **state)
{
	struct fields form = { 0 };
	outflow_error err = { .size = sizeof err };
	char body[2 * REQUEST_FORM_MAX + 3];

	(void)state;
	for (size_t i = 0; i < REQUEST_FORM_MAX + 1; i++)
		memcpy(body + 2 * i, "a&", 2);
	assert_int_equal(read_form(body, 2 * (size_t)REQUEST_FORM_MAX, &form, &err), OUTFLOW_OK);
	assert_int_equal(form.n, REQUEST_FORM_MAX);
	fields_clear(&form);
	assert_int_equal(read_form(body, 2 * (size_t)REQUEST_FORM_MAX + 2, &form, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "more than 200 fields"));
	fields_clear(&form);
}

/* ---- memory ---- */

static void no_memory_is_a_status(void **state)
{
	outflow_error err = { .size = sizeof err };
	struct request *q = NULL;
	size_t at = 0;
	outflow_status status;

	(void)state;
	do {
		balance = 0;
		fail_at = ++at;
		fails_on = 0;
		armed = 1;
		status = request_new("GET", "/a%20b/c?x=1&y=2", &q, &err);
		fail_at = 0;
		if (status != OUTFLOW_OK) {
			assert_null(q);
			assert_int_equal(balance, 0);
		}
		request_free(&q);
	} while (!armed);
	assert_int_equal(status, OUTFLOW_OK);
	assert_true(at > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_and_queries),
		cmocka_unit_test(other_forms_of_a_target),
		cmocka_unit_test(what_cannot_be_decoded),
		cmocka_unit_test(names_and_values),
		cmocka_unit_test(forms),
		cmocka_unit_test(a_form_has_a_bounded_number_of_fields),
		cmocka_unit_test(no_memory_is_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
