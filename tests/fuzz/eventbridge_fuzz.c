/* SPDX-License-Identifier: Apache-2.0 */
/* eventbridge_fuzz.c: any form is read or refused, what its stream says is shown and read the same again; no header gets in. */
#include "fuzz.h"

#include "host/api/eventbridge_fields.h"
#include "host/api/eventbridge_signature.h"

const char fuzz_name[] = "eventbridge";

static const char *const parts[] = { "Description", "FilterPattern", "Source", "Sink", "Transforms", "RunOptions" };

/* The first part of the input is the body, the second one the header Authorization. */
static struct request *make_request(const uint8_t *data, size_t size)
{
	static const char *const headers[] = { "host", "x-acs-action", "x-acs-version", "x-acs-signature-nonce" };
	size_t n = first_part(data, size), skip = n < size ? n + 1 : n;
	outflow_error err = { .size = sizeof err };
	char *text = strndup((const char *)data + skip, size - skip);
	struct request *q;

	must(text != NULL && request_new("POST", "/?a=b&a", &q, &err) == OUTFLOW_OK);
	q->body = strndup((const char *)data, n);
	q->body_length = n;
	must(q->body != NULL && fields_add(&q->headers, "Authorization", text) == OUTFLOW_OK);
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		must(fields_add(&q->headers, headers[i], "x") == OUTFLOW_OK);
	must(fields_add(&q->headers, "x-acs-date", "2026-11-29T03:00:00Z") == OUTFLOW_OK);
	/* Of the empty body. */
	must(fields_add(&q->headers, "x-acs-content-sha256",
	                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == OUTFLOW_OK);
	free(text);
	return q;
}

static void check_signature(const struct request *q)
{
	struct api_user user = { .name = "u", .key_id = "AKID", .key_secret = "5c1a0a4f3e1b" };
	const struct api_model model = { .users = &user, .n_users = 1 };
	struct nonces *nonces = nonces_new(1);
	struct denial why = { 0 };

	must(nonces != NULL && signature_check(&model, q, INT64_C(1795921200000), nonces, &why) == NULL);
	must(why.status >= 400 && why.status < 500 && *why.message != '\0');
	nonces_free(&nonces);
}

/* What the members of o that are parts of a stream say. 0: something is refused. */
static int read_parts(json_t *o, struct settings *to)
{
	struct problems problems = { 0 };
	size_t n;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const json_t *value = json_object_get(o, parts[i]);

		if (value != NULL)
			must(stream_read(parts[i], value, to, &problems) == OUTFLOW_OK);
	}
	n = problems.n;
	for (size_t i = 0; i < n; i++)
		must(problems.list[i].key != NULL && *problems.list[i].message != '\0');
	problems_clear(&problems);
	return n == 0;
}

static json_t *show(const struct settings *s)
{
	json_t *shown = stream_json(s, settings_find(s, "source.class") ? "mqtt/source" : NULL,
	                            settings_find(s, "sink.class") ? "kafka/sink" : NULL);

	must(shown != NULL);
	return shown;
}

/* Leaves out the parts that the form did not have. */
static void keep_parts(json_t *shown, const json_t *given)
{
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (json_object_get(given, parts[i]) == NULL)
			json_object_del(shown, parts[i]);
}

static void check_stream(json_t *given)
{
	struct settings first = { 0 }, second = { 0 };
	json_t *shown, *again;

	if (read_parts(given, &first)) {
		shown = show(&first);
		keep_parts(shown, given);
		must(read_parts(shown, &second));
		again = show(&second);
		keep_parts(again, given);
		must(json_equal(shown, again));
		json_decref(shown);
		json_decref(again);
	}
	settings_clear(&first);
	settings_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request *q = make_request(data, size);
	outflow_error err = { .size = sizeof err };
	struct fields form = { 0 };
	json_t *given = json_object();

	check_signature(q);
	if (request_form(q, &form, &err) == OUTFLOW_OK) {
		for (size_t i = 0; i < form.n; i++) {
			json_t *value = json_loads(form.list[i].value, JSON_DECODE_ANY, NULL);

			json_object_set_new(given, form.list[i].name, value ? value : json_string(form.list[i].value));
		}
		check_stream(given);
	} else {
		must(*err.msg != '\0');
	}
	json_decref(given);
	fields_clear(&form);
	request_free(&q);
	return 0;
}
