/* SPDX-License-Identifier: Apache-2.0 */
/* eventbridge_signature_test.c: a signature that the vendor's SDK makes is good once and in its time, and covers the rest. */
#include "host/api/eventbridge_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define SIGNED                                                                                                         \
	"accept;content-type;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
#define START "ACS3-HMAC-SHA256 Credential=AKID,SignedHeaders=" SIGNED ",Signature="
#define NOW_MS INT64_C(1795921200000) /* 2026-11-29T03:00:00Z */
#define MINUTE INT64_C(60000)

/* Signed by alibabacloud-tea-openapi 0.4.6, Utils.get_authorization, with the access key AKID, s3cret. */
struct vector {
	const char *target, *body, *hash, *signature;
};

static const struct vector by_body = {
	.target = "/",
	.body = "NamePrefix=line",
	.hash = "592f7b4ab30a743eacb37fc53a0ad41b7cb1423983dfb0f8aa3aa43173e75191",
	.signature = "0cd7d014c63c02269b3a8f3227faa94e7d437b946cee16d43f1b6e1c893a17ba",
};

static const struct vector by_query = {
	.target = "/?NamePrefix=a%20b%2F~%C3%BC%2A",
	.body = "",
	.hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	.signature = "9c5328b2dab589d3b5813f8cca071efdfdea030044c746607378df1389ccaca4",
};

struct fixture {
	struct request *q;
	struct nonces *nonces;
	struct denial why;
	struct api_user user;
	struct api_model model;
};

static void begin(struct fixture *f, const struct vector *v, size_t nonces)
{
	const char *const headers[][2] = {
		{ "Host", "127.0.0.1:8083" },
		{ "x-acs-version", "2020-04-01" },
		{ "x-acs-action", "ListEventStreamings" },
		{ "User-Agent", "vector" },
		{ "x-acs-date", "2026-11-29T03:00:00Z" },
		{ "x-acs-signature-nonce", "nonce-1" },
		{ "Accept", "application/json" },
		{ "x-acs-content-sha256", v->hash },
		{ "Content-Type", "application/x-www-form-urlencoded" },
	};
	outflow_error err = { .size = sizeof err };
	char authorization[600];

	*f = (struct fixture){ .user = { .name = "sdk", .key_id = "AKID", .key_secret = "s3cret" } };
	f->model = (struct api_model){ .users = &f->user, .n_users = 1 };
	f->nonces = nonces_new(nonces);
	assert_int_equal(request_new("POST", v->target, &f->q, &err), OUTFLOW_OK);
	f->q->body = strdup(v->body);
	f->q->body_length = strlen(v->body);
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		assert_int_equal(fields_add(&f->q->headers, headers[i][0], headers[i][1]), OUTFLOW_OK);
	snprintf(authorization, sizeof authorization, START "%s", v->signature);
	assert_int_equal(fields_add(&f->q->headers, "Authorization", authorization), OUTFLOW_OK);
}

static void end(struct fixture *f)
{
	request_free(&f->q);
	nonces_free(&f->nonces);
}

/* The code of the refusal; "" for a good signature. */
static const char *code_at(struct fixture *f, int64_t now_ms)
{
	const struct api_user *user = signature_check(&f->model, f->q, now_ms, f->nonces, &f->why);

	assert_true(user == NULL || user == &f->user);
	return user ? "" : f->why.code;
}

static void set_header(struct fixture *f, const char *name, const char *value)
{
	for (size_t i = 0; i < f->q->headers.n; i++) {
		struct field *it = &f->q->headers.list[i];

		if (strcmp(it->name, name) != 0)
			continue;
		free(it->value);
		it->value = strdup(value);
		return;
	}
	assert_int_equal(fields_add(&f->q->headers, name, value), OUTFLOW_OK);
}

static void the_sdks_signatures_are_good(void **state)
{
	const struct vector *const vectors[] = { &by_body, &by_query };
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(&f, vectors[i], 10);
		assert_string_equal(code_at(&f, NOW_MS), "");
		assert_string_equal(code_at(&f, NOW_MS + MINUTE), "SignatureNonceUsed");
		end(&f);
	}
}

static void everything_that_is_signed_counts(void **state)
{
	static const char *const changes[][3] = {
		{ "Host", "127.0.0.1:8084", "SignatureDoesNotMatch" },
		{ "x-acs-action", "DeleteEventStreaming", "SignatureDoesNotMatch" },
		{ "x-acs-signature-nonce", "nonce-2", "SignatureDoesNotMatch" },
		{ "x-acs-signature-nonce", "", "SignatureDoesNotMatch" },
		{ "x-acs-date", "2026-11-29T03:00:01Z", "SignatureDoesNotMatch" },
		{ "x-acs-date", "2026-11-29 03:00:00", "InvalidTimeStamp.Format" },
		{ "Content-Type", "text/plain", "SignatureDoesNotMatch" },
		{ "x-acs-content-sha256", "592f7b4ab30a743eacb37fc53a0ad41b7cb1423983dfb0f8aa3aa43173e75192",
		  "SignatureDoesNotMatch" },
		{ "x-acs-content-sha256", "", "SignatureDoesNotMatch" },
		{ "x-acs-security-token", "x", "InvalidSecurityToken.MismatchWithAccessKey" },
		{ "X-Acs-Other", "x", "IncompleteSignature" },
		{ "Authorization", "", "IncompleteSignature" },
		{ "Authorization", "ACS3-HMAC-SHA256", "IncompleteSignature" },
		{ "Authorization", "ACS3-RSA-SHA256 Credential=AKID,SignedHeaders=" SIGNED ",Signature=0",
		  "IncompleteSignature" },
		{ "Authorization", START "0", "SignatureDoesNotMatch" },
		{ "Authorization", START "0cd7d014c63c02269b3a8f3227faa94e7d437b946cee16d43f1b6e1c893a17bb",
		  "SignatureDoesNotMatch" },
		{ "Authorization", START "0cd7d014c63c02269b3a8f3227faa94e7d437b946cee16d43f1b6e1c893a17ba0",
		  "SignatureDoesNotMatch" },
		{ "Authorization", START "0,Signature=0", "IncompleteSignature" },
		{ "Authorization", START "0,More=0", "IncompleteSignature" },
		{ "Authorization", "ACS3-HMAC-SHA256 Credential=AKID,SignedHeaders=;;,Signature=0",
		  "IncompleteSignature" },
		{ "Authorization", "ACS3-HMAC-SHA256 Credential=AKID,SignedHeaders=Host,Signature=0",
		  "IncompleteSignature" },
		{ "Authorization", "ACS3-HMAC-SHA256 Credential=AKID,SignedHeaders=host,Signature=0",
		  "IncompleteSignature" },
		{ "Authorization", "ACS3-HMAC-SHA256 Credential=AKID,SignedHeaders=" SIGNED ";more,Signature=0",
		  "IncompleteSignature" },
		{ "Authorization", "ACS3-HMAC-SHA256 Credential=OTHER,SignedHeaders=" SIGNED ",Signature=0",
		  "InvalidAccessKeyId.NotFound" },
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		begin(&f, &by_body, 10);
		set_header(&f, changes[i][0], changes[i][1]);
		assert_string_equal(code_at(&f, NOW_MS), changes[i][2]);
		end(&f);
	}
	begin(&f, &by_body, 10);
	f.q->body[0] = 'X';
	assert_string_equal(code_at(&f, NOW_MS), "SignatureDoesNotMatch");
	f.q->body[0] = 'N';
	f.q->query.n = 0;
	assert_int_equal(fields_add(&f.q->query, "Limit", "1"), OUTFLOW_OK);
	assert_string_equal(code_at(&f, NOW_MS), "SignatureDoesNotMatch");
	end(&f);
	begin(&f, &by_body, 10);
	f.user.key_secret = "s3cres";
	assert_string_equal(code_at(&f, NOW_MS), "SignatureDoesNotMatch");
	end(&f);
}

static void a_refused_signature_uses_no_nonce(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &by_body, 10);
	set_header(&f, "x-acs-action", "Other");
	assert_string_equal(code_at(&f, NOW_MS), "SignatureDoesNotMatch");
	set_header(&f, "x-acs-action", "ListEventStreamings");
	assert_string_equal(code_at(&f, NOW_MS), "");
	end(&f);
}

static void it_is_good_for_a_quarter_of_an_hour(void **state)
{
	static const struct {
		int64_t late_ms;
		const char *code;
	} cases[] = {
		{ 15 * MINUTE, "" },
		{ -15 * MINUTE, "" },
		{ 15 * MINUTE + 1, "InvalidTimeStamp.Expired" },
		{ -15 * MINUTE - 1, "InvalidTimeStamp.Expired" },
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(&f, &by_body, 10);
		assert_string_equal(code_at(&f, NOW_MS + cases[i].late_ms), cases[i].code);
		end(&f);
	}
}

static void nonce(unsigned char n[NONCE_SIZE], unsigned number)
{
	memset(n, 0, NONCE_SIZE);
	memcpy(n, &number, sizeof number);
}

static void nonces_are_kept_as_long_as_they_could_come_again(void **state)
{
	struct nonces *n = nonces_new(1000);
	unsigned char it[NONCE_SIZE];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		nonce(it, i);
		assert_int_equal(nonces_use(n, it, 0, 1000 + i), NONCE_NEW);
	}
	for (unsigned i = 0; i < 1000; i++) {
		nonce(it, i);
		assert_int_equal(nonces_use(n, it, 999, 5000), NONCE_USED);
	}
	nonce(it, 1000);
	assert_int_equal(nonces_use(n, it, 999, 5000), NONCE_NO_ROOM);
	/* The oldest are over: room for as many. */
	for (unsigned i = 0; i < 10; i++) {
		nonce(it, 2000 + i);
		assert_int_equal(nonces_use(n, it, 1009, 5000), NONCE_NEW);
	}
	nonce(it, 3000);
	assert_int_equal(nonces_use(n, it, 1009, 5000), NONCE_NO_ROOM);
	nonces_free(&n);
	assert_null(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sdks_signatures_are_good),
		cmocka_unit_test(everything_that_is_signed_counts),
		cmocka_unit_test(a_refused_signature_uses_no_nonce),
		cmocka_unit_test(it_is_good_for_a_quarter_of_an_hour),
		cmocka_unit_test(nonces_are_kept_as_long_as_they_could_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
