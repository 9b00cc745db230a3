/* SPDX-License-Identifier: Apache-2.0 */
/* function_test.c: whatever a function answers, each event comes to what was answered to it, or to a verdict. */
#include "http_stub.h"
#include "sdk/testing/harness.h"
#include "transforms/function/function.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct http_stub *server;

static int start_server(void **state)
{
	(void)state;
	server = http_stub_start();
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	if (server != NULL)
		http_stub_stop(&server);
	return 0;
}

static void replies(int status, const char *body)
{
	http_stub_reply(server, HTTP_ANSWERS, status, "", body, strlen(body));
}

static outflow_harness *prepare(void)
{
	outflow_harness *t = outflow_harness_new();
	char url[100];

	snprintf(url, sizeof url, "http://127.0.0.1:%d/function?secret=1", http_stub_port(server));
	outflow_harness_rotate_threads(t);
	outflow_harness_use_real_clock(t);
	outflow_harness_set(t, "url", url);
	return t;
}

static void create(outflow_harness *t)
{
	outflow_error err = { .msg = "" };

	if (outflow_harness_create(t, &function_component, &err) != OUTFLOW_OK)
		fail_msg("create: %s", err.msg);
}

static void apply(outflow_harness *t)
{
	outflow_error err = { .msg = "" };

	if (outflow_harness_apply(t, &err) != OUTFLOW_OK)
		fail_msg("apply: %s", err.msg);
}

static outflow_harness *make(const char *key, const char *value)
{
	outflow_harness *t = prepare();

	outflow_harness_set(t, key, value);
	create(t);
	return t;
}

static void assert_outputs(outflow_harness *t, const char *const *expected)
{
	size_t n = 0;

	for (; expected[n] != NULL; n++) {
		if (n >= outflow_harness_outputs(t))
			fail_msg("no output %zu; reject: %s", n,
			         outflow_harness_reject(t, 0) ? outflow_harness_reject(t, 0)->err.msg : "none");
		assert_string_equal(outflow_harness_value(t, n), expected[n]);
	}
	assert_int_equal(outflow_harness_outputs(t), n);
}

#define OUTPUTS(T, ...) assert_outputs(T, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_rejected(outflow_harness *t, size_t i, size_t input, const char *cause)
{
	const outflow_harness_outcome *o = outflow_harness_reject(t, i);

	assert_non_null(o);
	assert_int_equal(o->status, OUTFLOW_E_RECORD);
	assert_int_equal(o->input, input);
	if (strstr(o->err.msg, cause) == NULL)
		fail_msg("reject %zu: %s", i, o->err.msg);
}

/* One event and one answer. */
static void answer_becomes(const char *key, const char *value, const char *answer, const char *const *expected)
{
	outflow_harness *t;

	http_stub_stop(&server);
	server = http_stub_start();
	t = make(key, value);
	replies(200, answer);
	outflow_harness_input(t, "t", "k", "{\"n\":1}");
	apply(t);
	assert_outputs(t, expected);
	outflow_harness_free(&t);
}

#define BECOMES(KEY, VALUE, ANSWER, ...) answer_becomes(KEY, VALUE, ANSWER, (const char *const[]){ __VA_ARGS__, NULL })

/* One event fails with this status, and for this reason. */
static void fails(outflow_harness *t, outflow_status status, const char *cause)
{
	outflow_error err = { .msg = "" };

	outflow_harness_input(t, "t", "k", "{\"n\":1}");
	assert_int_equal(outflow_harness_apply(t, &err), status);
	if (strstr(err.msg, cause) == NULL)
		fail_msg("expected '%s': %s", cause, err.msg);
	assert_null(strstr(err.msg, "secret"));
	assert_int_equal(outflow_harness_outputs(t), 0);
}

/* How many warnings there were, which all must tell this. */
static int warnings(outflow_harness *t, const char *text)
{
	const char *line;
	int n = 0;

	for (size_t i = 0; (line = outflow_harness_log(t, i)) != NULL; i++) {
		if (strncmp(line, "warn: ", 6) != 0)
			continue;
		assert_non_null(strstr(line, text));
		n++;
	}
	return n;
}

/* ---- what is sent ---- */

static void events_are_posted_as_a_list(void **state)
{
	outflow_harness *t = prepare();
	outflow_json *json = NULL;
	const char *head, *body;
	uint32_t data;

	(void)state;
	outflow_harness_set(t, "headers.X-Api-Key", "abc");
	outflow_harness_set(t, "username", "me");
	outflow_harness_set(t, "password", "open");
	create(t);
	replies(200, "[]");
	outflow_harness_input(t, "plant/1", "k", "{\"n\":1}");
	outflow_harness_input(t, "plant/2", "k", "{\"n\":2}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 0);
	assert_int_equal(http_stub_requests(server), 2);
	assert_int_equal(http_stub_connections(server), 1);
	head = http_stub_head(server, 1);
	assert_memory_equal(head, "POST /function?secret=1 HTTP/1.1\r\n", 34);
	assert_non_null(strstr(head, "\r\nX-Api-Key: abc\r\n"));
	assert_non_null(strstr(head, "\r\nContent-Type: application/cloudevents-batch+json; charset=utf-8\r\n"));
	assert_non_null(strstr(head, "\r\nAuthorization: Basic bWU6b3Blbg==\r\n"));
	assert_null(strstr(head, "Expect"));
	body = http_stub_body(server, 1);
	assert_int_equal(outflow_json_parse(outflow_text(body), &json, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_json_type(json, 0), OUTFLOW_JSON_ARRAY);
	data = outflow_json_member(json, 1, outflow_text("data"));
	assert_true(outflow_json_member(json, 1, outflow_text("specversion")) != 0);
	data = outflow_json_member(json, data, outflow_text("body"));
	assert_memory_equal(outflow_json_raw(json, data).ptr, "{\"n\":2}", 7);
	outflow_json_free(&json);
	assert_int_equal(outflow_harness_metric(t, "function_requests"), 2);
	outflow_harness_free(&t);
}

static void a_token_and_a_content_type_can_be_set(void **state)
{
	outflow_harness *t = prepare();

	(void)state;
	outflow_harness_set(t, "token", "t0ken");
	outflow_harness_set(t, "headers.content-type", "application/json");
	create(t);
	replies(200, "[]");
	outflow_harness_input(t, "t", "k", "1");
	apply(t);
	assert_non_null(strstr(http_stub_head(server, 0), "\r\nAuthorization: Bearer t0ken\r\n"));
	assert_non_null(strstr(http_stub_head(server, 0), "\r\ncontent-type: application/json\r\n"));
	assert_null(strstr(http_stub_head(server, 0), "cloudevents"));
	outflow_harness_free(&t);
}

static void a_whole_event_is_sent_as_it_is(void **state)
{
	outflow_harness *t = make("answer", "event");
	outflow_record *r = outflow_harness_input(t, "t", "k", "{ \"id\":\"a\"}");

	(void)state;
	http_stub_reply(server, HTTP_ECHOES, 200, "", "", 0);
	outflow_harness_header(t, r, "content-type", "application/cloudevents+json");
	apply(t);
	assert_string_equal(http_stub_body(server, 0), "[{ \"id\":\"a\"}]");
	OUTPUTS(t, "{ \"id\":\"a\"}");
	outflow_harness_free(&t);
}

/* ---- what is answered ---- */

static void elements_become_payloads(void **state)
{
	(void)state;
	BECOMES("answer", "payload", "[{\"a\": 1.50},\"p1,\\u0032\",[1],null,true]", "{\"a\": 1.50}", "p1,2", "[1]",
	        "null", "true");
	BECOMES("answer", "payload", " {\"a\":1} ", "{\"a\":1}");
	BECOMES("answer", "payload", "\"plain [\"", "plain [");
	BECOMES("answer", "payload", "\"[1,{\\\"a\\\":\\\"\\\\\\\"\\\"}]\"", "1", "{\"a\":\"\\\"\"}");
	BECOMES("answer", "payload", "\"[]\"", NULL);
	BECOMES("answer", "payload", "[]", NULL);
	BECOMES("answer", "payload", "[\"\"]", "");
	BECOMES("batch", "5", "[[1,2]]", "1", "2");
	BECOMES("batch", "5", "[[]]", NULL);
	BECOMES("batch", "5", "[\"[7]\"]", "7");
	BECOMES("batch", "5", "[1,2]", "1", "2");
	BECOMES("batch", "5", "{}", "{}");
	BECOMES("batch", "1", "[[1,2]]", "[1,2]");
}

static void events_become_records(void **state)
{
	outflow_harness *t;

	(void)state;
	BECOMES("answer", "event", "[{\"data\":{\"body\":{ \"x\":1},\"key\":\"new\"}},{\"data\":{\"value\":\"a\"}}]",
	        "{ \"x\":1}", "\"a\"");
	BECOMES("answer", "event", "{\"data\":{\"body\":\"a\\n\",\"props\":{\"format\":\"text\"}}}", "a\n");
	BECOMES("answer", "event", "{\"data\":{\"body\":\"YWI=\",\"props\":{\"format\":\"binary\"}}}", "ab");
	BECOMES("answer", "event", "{\"data\":{\"body\":null}}", "null");
	http_stub_stop(&server);
	server = http_stub_start();
	t = make("answer", "event");
	replies(200, "[{\"data\":{\"body\":1,\"key\":\"n\\u0065w\"}},{\"data\":{\"body\":1,\"key\":null}},"
	             "{\"data\":{\"body\":1}},{\"data\":{\"body\":1,\"key\":5}}]");
	outflow_harness_input(t, "t", "k", "{}");
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 4);
	assert_string_equal(outflow_harness_key(t, 0), "new");
	assert_null(outflow_harness_key(t, 1));
	assert_string_equal(outflow_harness_key(t, 2), "k");
	assert_string_equal(outflow_harness_key(t, 3), "5");
	assert_string_equal(outflow_harness_topic(t, 3), "t");
	outflow_harness_free(&t);
}

static void an_event_that_comes_back_is_the_same_record(void **state)
{
	static const char *const formats[] = { "json", "text", "binary" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		outflow_harness *t = prepare();
		outflow_record *r;

		outflow_harness_set(t, "source.format", formats[i]);
		outflow_harness_set(t, "answer", "event");
		outflow_harness_set(t, "batch", "10");
		create(t);
		http_stub_reply(server, HTTP_ECHOES, 200, "", "", 0);
		r = outflow_harness_input(t, "t", "k", "\"a \\u0041\"");
		r->key = (outflow_bytes){ "\xff\x00", 2 };
		outflow_harness_input(t, "t", NULL, i == 2 ? "\xff\xfe" : "[ 1 ]");
		outflow_harness_input(t, "t", "k", NULL);
		apply(t);
		assert_int_equal(outflow_harness_outputs(t), 3);
		assert_string_equal(outflow_harness_value(t, 0), "\"a \\u0041\"");
		assert_string_equal(outflow_harness_key(t, 0), "\xff");
		assert_string_equal(outflow_harness_value(t, 1), i == 2 ? "\xff\xfe" : "[ 1 ]");
		assert_null(outflow_harness_key(t, 1));
		assert_null(outflow_harness_value(t, 2));
		outflow_harness_free(&t);
	}
}

static void bad_answers_are_bad_records(void **state)
{
	static const struct {
		const char *mode, *answer, *cause;
	} cases[] = {
		{ "payload", "", "the answer is empty; [] says" },
		{ "payload", "[1,", "the answer is not JSON: byte 3" },
		{ "payload", "<html>", "the answer is not JSON: byte 0" },
		{ "event", "[1]", "is no event, not even an object" },
		{ "event", "[{\"data\":{\"body\":1}},{\"data\":{}}]", "without data.body" },
		{ "event", "[{\"body\":1}]", "without data.body" },
		{ "event", "[{\"data\":{\"body\":1,\"key\":[]}}]", "data.key that is no text" },
		{ "event", "[{\"data\":{\"body\":\"a\",\"props\":{\"format\":\"binary\"}}}]", "not Base64" },
		{ "event", "[{\"data\":{\"body\":\"ab=c\",\"props\":{\"format\":\"binary\"}}}]", "not Base64" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_harness *t;

		http_stub_stop(&server);
		server = http_stub_start();
		t = make("answer", cases[i].mode);
		replies(200, cases[i].answer);
		replies(200, "[{\"data\":{\"body\":2}}]");
		outflow_harness_input(t, "t", "k", "{\"n\":1}");
		outflow_harness_input(t, "t", "k", "{\"n\":2}");
		apply(t);
		assert_rejected(t, 0, 0, cases[i].cause);
		assert_int_equal(outflow_harness_outputs(t), 1);
		outflow_harness_free(&t);
	}
}

static void what_is_no_event_is_rejected_alone(void **state)
{
	outflow_harness *t = make("batch", "3");
	char *large = malloc(((size_t)9 << 20) + 1);

	(void)state;
	memset(large, '1', (size_t)9 << 20);
	large[(size_t)9 << 20] = '\0';
	replies(200, "[1,2]");
	outflow_harness_input(t, "t", "k", "1");
	outflow_harness_input(t, "t", "k", "{\"n\"");
	outflow_harness_input(t, "t", "k", large); /* twice in the event, as body and as value */
	outflow_harness_input(t, "t", "k", "2");
	apply(t);
	assert_int_equal(http_stub_requests(server), 1);
	OUTPUTS(t, "1", "2");
	assert_rejected(t, 0, 1, "not JSON");
	assert_rejected(t, 1, 2, "more than fit into a request of 16 MiB");
	outflow_harness_free(&t);
	free(large);
}

/* ---- several events in one request ---- */

static void element_i_belongs_to_event_i(void **state)
{
	outflow_harness *t = make("batch", "3");

	(void)state;
	replies(200, "[\"a\",[\"b1\",\"b2\"],[]]");
	replies(200, "\"[\\\"d\\\",\\\"[1,2]\\\"]\"");
	for (int i = 0; i < 5; i++)
		outflow_harness_input(t, i == 1 ? "b" : "t", "k", "1");
	apply(t);
	assert_int_equal(http_stub_requests(server), 2);
	OUTPUTS(t, "a", "b1", "b2", "d", "1", "2");
	assert_string_equal(outflow_harness_topic(t, 2), "b");
	assert_int_equal(outflow_harness_output(t, 2)->pos, 1);
	assert_int_equal(outflow_harness_output(t, 5)->pos, 4);
	outflow_harness_free(&t);
}

static void an_answer_of_another_length_is_not_used(void **state)
{
	static const char *const answers[] = { "[1,2]", "[1,2,3,4]", "{}", "\"x\"", "[]" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		outflow_harness *t;

		http_stub_stop(&server);
		server = http_stub_start();
		t = make("batch", "3");
		replies(200, answers[i]);
		replies(200, "[\"a\"]");
		replies(200, "[]");
		replies(200, "[\"c\"]");
		for (int k = 0; k < 3; k++)
			outflow_harness_input(t, "t", "k", "1");
		apply(t);
		assert_int_equal(http_stub_requests(server), 4);
		OUTPUTS(t, "a", "c");
		assert_int_equal(outflow_harness_output(t, 1)->pos, 2);
		assert_int_equal(warnings(t, "the answer is no list with one element for each of 3"), 1);
		assert_int_equal(outflow_harness_metric(t, "function_batches_repeated"), 1);
		outflow_harness_free(&t);
	}
}

static void one_bad_event_does_not_spoil_the_others(void **state)
{
	outflow_harness *t = make("batch", "3");

	(void)state;
	replies(400, "no");
	replies(200, "[\"a\"]");
	replies(422, "no");
	replies(200, "[\"c\"]");
	for (int i = 0; i < 3; i++)
		outflow_harness_input(t, "t", "k", "1");
	apply(t);
	OUTPUTS(t, "a", "c");
	assert_rejected(t, 0, 1, "the answer is status 422");
	outflow_harness_free(&t);
}

static void large_batches_are_cut(void **state)
{
	outflow_harness *t = make("batch", "10");
	size_t n = (size_t)3 << 20;
	char *large = malloc(n + 1);

	(void)state;
	memset(large, '1', n);
	large[n] = '\0';
	replies(200, "[1,2]");
	for (int i = 0; i < 4; i++)
		outflow_harness_input(t, "t", "k", large); /* 6 MiB as an event */
	apply(t);
	assert_int_equal(http_stub_requests(server), 2);
	assert_int_equal(outflow_harness_outputs(t), 4);
	assert_true(strlen(http_stub_body(server, 0)) <= (size_t)16 << 20);
	outflow_harness_free(&t);
	free(large);
}

/* ---- failures ---- */

static void the_status_decides(void **state)
{
	static const struct {
		int code;
		outflow_status status;
		const char *cause;
	} cases[] = {
		{ 500, OUTFLOW_E_RETRY, "/function: the answer is status 500 (1 event(s), " },
		{ 502, OUTFLOW_E_RETRY, "status 502" },
		{ 503, OUTFLOW_E_RETRY, "status 503" },
		{ 408, OUTFLOW_E_RETRY, "status 408" },
		{ 429, OUTFLOW_E_RETRY, "status 429" },
		{ 401, OUTFLOW_E_TASK, "status 401; the credentials are not accepted" },
		{ 403, OUTFLOW_E_TASK, "status 403; the credentials are not accepted" },
		{ 302, OUTFLOW_E_TASK, "status 302; redirections are not followed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_harness *t = make("timeout", "10s");

		replies(cases[i].code, "[1]");
		replies(cases[i].code, "[1]");
		fails(t, cases[i].status, cases[i].cause);
		outflow_harness_free(&t);
		http_stub_stop(&server);
		server = http_stub_start();
	}
}

static void refused_events_are_bad_records(void **state)
{
	static const int codes[] = { 400, 404, 413, 422 };
	outflow_harness *t = make("timeout", "10s");

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		replies(codes[i], "[1]");
		outflow_harness_input(t, "t", "k", "1");
	}
	apply(t);
	assert_int_equal(outflow_harness_outputs(t), 0);
	for (size_t i = 0; i < 4; i++)
		assert_rejected(t, i, i, "the answer is status 4");
	outflow_harness_free(&t);
}

/* A failure that may pass ends the call, whatever was done before. */
static void a_call_ends_at_the_first_outage(void **state)
{
	outflow_harness *t = make("timeout", "10s");
	outflow_error err = { .msg = "" };

	(void)state;
	replies(200, "[1]");
	replies(500, "");
	for (int i = 0; i < 4; i++)
		outflow_harness_input(t, "t", "k", "1");
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_E_RETRY);
	assert_int_equal(http_stub_requests(server), 2);
	assert_null(outflow_harness_reject(t, 0));
	outflow_harness_free(&t);
}

static void broken_connections_are_tried_again(void **state)
{
	static const struct {
		enum http_manner manner;
		outflow_status status;
		const char *cause;
	} cases[] = {
		{ HTTP_HANGS_UP, OUTFLOW_E_RETRY, "Empty reply" },
		{ HTTP_CUTS_SHORT, OUTFLOW_E_RETRY, "remaining to read" },
		{ HTTP_SAYS_NOTHING, OUTFLOW_E_RETRY, "timed out after" },
		{ HTTP_DRIPS, OUTFLOW_E_RETRY, "timed out after" },
	};
	static const char text[] =
		"[\"a list that is long enough to take more than 200 ms when it comes byte by byte\"]";

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_harness *t = make("timeout", "200ms");

		http_stub_reply(server, cases[i].manner, 200, "", text, sizeof text - 1);
		replies(200, "[1]");
		fails(t, cases[i].status, cases[i].cause);
		apply(t); /* the same event again */
		OUTPUTS(t, "1");
		outflow_harness_free(&t);
		http_stub_stop(&server);
		server = http_stub_start();
	}
}

static void a_connection_that_the_server_closed_is_made_again(void **state)
{
	outflow_harness *t = make("timeout", "10s");

	(void)state;
	http_stub_reply(server, HTTP_LEAVES_AFTER, 200, "", "[1]", 3);
	for (int i = 0; i < 3; i++)
		outflow_harness_input(t, "t", "k", "1");
	apply(t);
	OUTPUTS(t, "1", "1", "1");
	assert_int_equal(http_stub_connections(server), 3);
	outflow_harness_free(&t);
}

static void a_function_that_is_away_is_an_outage(void **state)
{
	outflow_harness *t = prepare();
	char url[100];

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/", http_stub_port(server));
	http_stub_stop(&server); /* nobody listens there now */
	outflow_harness_set(t, "url", url);
	create(t);
	fails(t, OUTFLOW_E_OUTAGE, "127.0.0.1");
	outflow_harness_free(&t);
}

static void a_name_that_nobody_has_is_an_outage(void **state)
{
	outflow_harness *t = make("url", "http://no-such-host.invalid/");

	(void)state;
	fails(t, OUTFLOW_E_OUTAGE, "http://no-such-host.invalid/: ");
	outflow_harness_free(&t);
}

/* A listener whose queue is full lets nobody in. */
static void a_connection_that_takes_too_long_is_an_outage(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), waiting[4];
	socklen_t n = sizeof address;
	outflow_harness *t = prepare();
	char url[100];

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n), 0);
	for (int i = 0; i < 4; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(waiting[i], (struct sockaddr *)&address, sizeof address);
	}
	snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
	outflow_harness_set(t, "url", url);
	outflow_harness_set(t, "connect.timeout", "200ms");
	create(t);
	fails(t, OUTFLOW_E_OUTAGE, "onnect");
	outflow_harness_free(&t);
	for (int i = 0; i < 4; i++)
		close(waiting[i]);
	close(listener);
}

static void answers_are_bounded(void **state)
{
	size_t n = (size_t)17 << 20;
	char *large = malloc(n);
	outflow_harness *t = make("timeout", "60s");

	(void)state;
	memset(large, ' ', n);
	http_stub_reply(server, HTTP_ANSWERS, 200, "", large, n);
	http_stub_reply(server, HTTP_ANSWERS, 200, "Transfer-Encoding: chunked\r\n", large, n);
	replies(200, "[1]");
	memcpy(large, "1100000\r\n", 9);
	for (int i = 0; i < 3; i++)
		outflow_harness_input(t, "t", "k", "1");
	apply(t);
	assert_rejected(t, 0, 0, "the answer is larger than 16 MiB");
	assert_rejected(t, 1, 1, "the answer is larger than 16 MiB");
	OUTPUTS(t, "1");
	outflow_harness_free(&t);
	free(large);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void retry_after_is_honoured(void **state)
{
	outflow_harness *t = make("timeout", "10s");
	int64_t start = now_ms();

	(void)state;
	http_stub_reply(server, HTTP_ANSWERS, 429, "Retry-After: 1\r\n", "", 0);
	replies(200, "[1]");
	fails(t, OUTFLOW_E_RETRY, "status 429");
	apply(t);
	OUTPUTS(t, "1");
	assert_in_range(now_ms() - start, 900, 9000);
	outflow_harness_free(&t);
}

static void *interrupt_when_asked(void *arg)
{
	const struct timespec pause = { 0, 2000000 };

	while (http_stub_requests(server) == 0)
		nanosleep(&pause, NULL);
	outflow_harness_interrupt(arg);
	return NULL;
}

static void interrupt_ends_a_call_that_waits(void **state)
{
	outflow_harness *t = make("timeout", "1h");
	outflow_error err = { .msg = "" };
	int64_t start = now_ms();
	pthread_t thread;

	(void)state;
	http_stub_reply(server, HTTP_SAYS_NOTHING, 200, "", "", 0);
	outflow_harness_input(t, "t", "k", "1");
	assert_int_equal(pthread_create(&thread, NULL, interrupt_when_asked, t), 0);
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_E_CANCELED);
	pthread_join(thread, NULL);
	/* What follows is not begun: the host comes again record by record. */
	assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_E_CANCELED);
	assert_in_range(now_ms() - start, 0, 30000);
	outflow_harness_free(&t);
}

static void no_memory_is_said(void **state)
{
	outflow_harness *t = make("answer", "event");
	outflow_error err = { .msg = "" };
	size_t n = 1;

	(void)state;
	http_stub_reply(server, HTTP_ECHOES, 200, "", "", 0);
	outflow_harness_input(t, "t", "k", "{\"n\":1}");
	for (; n < 40; n++) {
		outflow_harness_fail_alloc(t, n);
		if (outflow_harness_apply(t, &err) == OUTFLOW_OK)
			break;
		assert_string_not_equal(err.msg, "");
	}
	assert_in_range(n, 5, 25);
	OUTPUTS(t, "{\"n\":1}");
	outflow_harness_free(&t);
}

/* ---- configuration ---- */

static void refuses(const char *key, const char *value, const char *problem)
{
	outflow_harness *t = outflow_harness_new();

	outflow_harness_set(t, "url", "https://host/");
	outflow_harness_set(t, key, value);
	assert_int_equal(outflow_harness_check(t, &function_component), OUTFLOW_E_CONFIG);
	if (strncmp(outflow_harness_problem(t, 0), problem, strlen(problem)) != 0)
		fail_msg("%s", outflow_harness_problem(t, 0));
	outflow_harness_free(&t);
}

static void mistakes_are_reported(void **state)
{
	outflow_harness *t = outflow_harness_new();

	(void)state;
	refuses("url", "ftp://host/", "url: not an address");
	refuses("url", "http:///path", "url: the host is missing");
	refuses("url", "http://a b/", "url: blanks");
	refuses("url", "http://me:open@host/", "url: credentials in an address");
	refuses("headers.a b", "x", "headers.a b: not a name of a header");
	refuses("headers.Content-Length", "5", "headers.Content-Length: this header follows");
	refuses("headers.a", "x\ny: z", "headers.a: a header has no control characters");
	refuses("headers.a", "", "headers.a: a header needs a value");
	refuses("username", "me", "username: and password go together");
	refuses("tls.cert", "file", "tls.cert: and tls.key go together");
	refuses("answer", "record", "answer: not one of");
	refuses("batch", "0", "batch: ");
	/* Every problem at once. */
	outflow_harness_set(t, "url", "host");
	outflow_harness_set(t, "username", "me");
	outflow_harness_set(t, "token", "x");
	outflow_harness_set(t, "tls.key", "x");
	outflow_harness_set(t, "headers.Authorization", "x");
	assert_int_equal(outflow_harness_check(t, &function_component), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(outflow_harness_problem(t, 2), "token: only one of"));
	assert_non_null(outflow_harness_problem(t, 3));
	assert_null(outflow_harness_problem(t, 4));
	outflow_harness_free(&t);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, start_server, stop_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_are_posted_as_a_list),
		TEST(a_token_and_a_content_type_can_be_set),
		TEST(a_whole_event_is_sent_as_it_is),
		TEST(elements_become_payloads),
		TEST(events_become_records),
		TEST(an_event_that_comes_back_is_the_same_record),
		TEST(bad_answers_are_bad_records),
		TEST(what_is_no_event_is_rejected_alone),
		TEST(element_i_belongs_to_event_i),
		TEST(an_answer_of_another_length_is_not_used),
		TEST(one_bad_event_does_not_spoil_the_others),
		TEST(large_batches_are_cut),
		TEST(the_status_decides),
		TEST(refused_events_are_bad_records),
		TEST(a_call_ends_at_the_first_outage),
		TEST(broken_connections_are_tried_again),
		TEST(a_connection_that_the_server_closed_is_made_again),
		TEST(a_function_that_is_away_is_an_outage),
		TEST(a_name_that_nobody_has_is_an_outage),
		TEST(a_connection_that_takes_too_long_is_an_outage),
		TEST(answers_are_bounded),
		TEST(retry_after_is_honoured),
		TEST(interrupt_ends_a_call_that_waits),
		TEST(no_memory_is_said),
		TEST(mistakes_are_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
