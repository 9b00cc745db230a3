/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/eventbridge_signature.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define ALGORITHM "ACS3-HMAC-SHA256"
#define DIGEST_SIZE 32u
#define HEX_SIZE (2 * DIGEST_SIZE + 1)
#define SIGNED_MAX 64u
#define SAME_NAME_MAX 8u
#define NONCE_LENGTH_MAX 256u

/* A part of the Authorization header, which goes on behind it. */
struct part {
	const char *text;
	size_t n;
};

struct authorization {
	struct part credential, headers, signature;
	struct part names[SIGNED_MAX]; /* headers, one by one */
	size_t n_names;
};

void *refuse(struct denial *why, int status, const char *code, const char *format, ...)
{
	va_list args;

	why->status = status;
	why->code = code;
	va_start(args, format);
	(void)vsnprintf(why->message, sizeof why->message, format, args);
	va_end(args);
	return NULL;
}

static void *refuse_incomplete(struct denial *why, const char *what)
{
	return refuse(why, 400, "IncompleteSignature", "The request signature does not conform to the standards: %s.",
	              what);
}

static int part_is(const struct part *p, const char *text)
{
	return p->n == strlen(text) && memcmp(p->text, text, p->n) == 0;
}

/* ---- the Authorization header ---- */

static int split_names(struct authorization *a)
{
	const char *at = a->headers.text, *end = at + a->headers.n;

	while (at < end) {
		const char *semicolon = memchr(at, ';', (size_t)(end - at));
		size_t n = semicolon ? (size_t)(semicolon - at) : (size_t)(end - at);

		if (n == 0 || a->n_names == SIGNED_MAX)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (isupper((unsigned char)at[i]))
				return -1;
		a->names[a->n_names++] = (struct part){ at, n };
		at += n + 1;
	}
	return a->n_names > 0 ? 0 : -1;
}

static struct part *place_of(struct authorization *a, const char *name, size_t n)
{
	const struct part given = { name, n };

	if (part_is(&given, "Credential"))
		return &a->credential;
	if (part_is(&given, "SignedHeaders"))
		return &a->headers;
	return part_is(&given, "Signature") ? &a->signature : NULL;
}

/* "ACS3-HMAC-SHA256 Credential=<id>,SignedHeaders=<a;b>,Signature=<hexadecimal>", each once. NULL: as it is to be. */
static const char *parse(const char *header, struct authorization *a)
{
	size_t n = strcspn(header, " ");

	*a = (struct authorization){ 0 };
	if (n != strlen(ALGORITHM) || strncmp(header, ALGORITHM, n) != 0)
		return "its algorithm is to be " ALGORITHM;
	for (const char *at = header + n; *at != '\0';) {
		struct part *to;
		const char *equals;

		at += strspn(at, ", ");
		n = strcspn(at, ", ");
		if (n == 0)
			break;
		equals = memchr(at, '=', n);
		to = equals ? place_of(a, at, (size_t)(equals - at)) : NULL;
		if (to == NULL || to->text != NULL)
			return "Authorization has Credential, SignedHeaders and Signature, each once";
		*to = (struct part){ equals + 1, n - (size_t)(equals + 1 - at) };
		at += n;
	}
	if (a->credential.n == 0 || a->headers.n == 0 || a->signature.n == 0)
		return "Authorization lacks Credential, SignedHeaders or Signature";
	return split_names(a) == 0 ? NULL : "SignedHeaders lists names in lower case, with semicolons between";
}

/* ---- what has to be signed ---- */

static int is_signed(const struct authorization *a, const char *name)
{
	for (size_t i = 0; i < a->n_names; i++)
		if (strlen(name) == a->names[i].n && strncasecmp(name, a->names[i].text, a->names[i].n) == 0)
			return 1;
	return 0;
}

/* Everything that says what is asked for. */
static int check_signed(const struct authorization *a, const struct request *q, struct denial *why)
{
	static const char *const required[] = { "host",       "x-acs-action",          "x-acs-version",
		                                "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256" };
	char text[200];

	for (size_t i = 0; i < sizeof required / sizeof *required; i++)
		if (request_header(q, required[i]) == NULL || !is_signed(a, required[i])) {
			snprintf(text, sizeof text, "the header %s is missing, or not among SignedHeaders",
			         required[i]);
			refuse_incomplete(why, text);
			return -1;
		}
	for (size_t i = 0; i < q->headers.n; i++) {
		const char *name = q->headers.list[i].name;

		if ((strncasecmp(name, "x-acs-", 6) == 0 || strcasecmp(name, "content-type") == 0) &&
		    !is_signed(a, name)) {
			snprintf(text, sizeof text, "the header %.100s is not among SignedHeaders", name);
			refuse_incomplete(why, text);
			return -1;
		}
	}
	return 0;
}

/* ---- the hash of what is signed ---- */

static void hex(const unsigned char digest[DIGEST_SIZE], char text[HEX_SIZE])
{
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static void add(gnutls_hash_hd_t hash, const char *text, size_t n)
{
	(void)gnutls_hash(hash, text, n);
}

/* RFC 3986, 2.3: all but unreserved characters are encoded. */
static void add_encoded(gnutls_hash_hd_t hash, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		char code[4];

		if (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~')
			add(hash, text, 1);
		else
			add(hash, code, (size_t)snprintf(code, sizeof code, "%%%02X", c));
	}
}

static int by_name(const void *a, const void *b)
{
	const struct field *left = *(const struct field *const *)a, *right = *(const struct field *const *)b;
	int order = strcmp(left->name, right->name);

	return order != 0 ? order : strcmp(left->value, right->value);
}

static int add_query(gnutls_hash_hd_t hash, const struct fields *query)
{
	const struct field **sorted = calloc(query->n + 1, sizeof *sorted);

	if (sorted == NULL)
		return -1;
	for (size_t i = 0; i < query->n; i++)
		sorted[i] = &query->list[i];
	qsort(sorted, query->n, sizeof *sorted, by_name);
	for (size_t i = 0; i < query->n; i++) {
		if (i > 0)
			add(hash, "&", 1);
		add_encoded(hash, sorted[i]->name);
		add(hash, "=", 1);
		add_encoded(hash, sorted[i]->value);
	}
	free(sorted);
	add(hash, "\n", 1);
	return 0;
}

static struct part trimmed(const char *text)
{
	struct part p = { text + strspn(text, " \t"), 0 };

	p.n = strlen(p.text);
	while (p.n > 0 && (p.text[p.n - 1] == ' ' || p.text[p.n - 1] == '\t'))
		p.n--;
	return p;
}

static int by_text(const void *a, const void *b)
{
	const struct part *left = a, *right = b;
	size_t n = left->n < right->n ? left->n : right->n;
	int order = memcmp(left->text, right->text, n);

	return order != 0 ? order : (left->n > right->n) - (left->n < right->n);
}

/* The values of one name in order, with commas between. -1: it is not there, or too often. */
static int add_header(gnutls_hash_hd_t hash, const struct request *q, const struct part *name)
{
	struct part values[SAME_NAME_MAX];
	size_t n = 0;

	for (size_t i = 0; i < q->headers.n; i++) {
		const struct field *it = &q->headers.list[i];

		if (strlen(it->name) != name->n || strncasecmp(it->name, name->text, name->n) != 0)
			continue;
		if (n == SAME_NAME_MAX)
			return -1;
		values[n++] = trimmed(it->value);
	}
	if (n == 0)
		return -1;
	qsort(values, n, sizeof *values, by_text);
	add(hash, name->text, name->n);
	for (size_t i = 0; i < n; i++) {
		add(hash, i > 0 ? "," : ":", 1);
		add(hash, values[i].text, values[i].n);
	}
	add(hash, "\n", 1);
	return 0;
}

/* The hash of the canonical request, in hexadecimal digits. */
static int hash_request(const struct authorization *a, const struct request *q, const char *body, char text[HEX_SIZE])
{
	unsigned char digest[DIGEST_SIZE];
	gnutls_hash_hd_t hash;
	int failed;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -1;
	add(hash, q->method, strlen(q->method));
	add(hash, "\n/\n", 3);
	failed = add_query(hash, &q->query);
	for (size_t i = 0; i < a->n_names && failed == 0; i++)
		failed = add_header(hash, q, &a->names[i]);
	add(hash, "\n", 1);
	add(hash, a->headers.text, a->headers.n);
	add(hash, "\n", 1);
	add(hash, body, strlen(body));
	gnutls_hash_deinit(hash, digest);
	hex(digest, text);
	return failed;
}

static int sign(const char *secret, const char request_hash[HEX_SIZE], char signature[HEX_SIZE])
{
	char text[sizeof ALGORITHM + HEX_SIZE];
	unsigned char digest[DIGEST_SIZE];
	int n = snprintf(text, sizeof text, ALGORITHM "\n%s", request_hash);

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret, strlen(secret), text, (size_t)n, digest) < 0)
		return -1;
	hex(digest, signature);
	return 0;
}

static const struct api_user *check_signature(const struct api_user *user, const struct authorization *a,
                                              const struct request *q, struct denial *why)
{
	char body[HEX_SIZE], request[HEX_SIZE], expected[HEX_SIZE];
	unsigned char digest[DIGEST_SIZE];
	struct part given = trimmed(request_header(q, "x-acs-content-sha256"));

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, q->body ? q->body : "", q->body_length, digest) < 0)
		return refuse(why, 500, "InternalError", "The body's hash cannot be computed.");
	hex(digest, body);
	if (!part_is(&given, body))
		return refuse(why, 400, "SignatureDoesNotMatch",
		              "x-acs-content-sha256 is not the SHA-256 of the body.");
	if (hash_request(a, q, body, request) != 0)
		return refuse_incomplete(why, "SignedHeaders names a header that is not there");
	if (sign(user->key_secret, request, expected) != 0)
		return refuse(why, 500, "InternalError", "The signature cannot be computed.");
	if (a->signature.n != HEX_SIZE - 1 || gnutls_memcmp(a->signature.text, expected, HEX_SIZE - 1) != 0)
		return refuse(why, 400, "SignatureDoesNotMatch",
		              "Specified signature is not matched with our calculation.");
	return user;
}

/* ---- when, and how often ---- */

/* "2026-11-29T03:00:00Z" as milliseconds since 1970; -1: it is none. */
static int64_t read_date(const char *text)
{
	struct tm parts = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);

	return end != NULL && *end == '\0' ? (int64_t)timegm(&parts) * 1000 : -1;
}

static int check_date(const struct request *q, int64_t now_ms, int64_t *at_ms, struct denial *why)
{
	*at_ms = read_date(request_header(q, "x-acs-date"));
	if (*at_ms < 0) {
		refuse(why, 400, "InvalidTimeStamp.Format",
		       "Specified time stamp or date value is not well formatted: x-acs-date is like "
		       "2026-11-29T03:00:00Z.");
		return -1;
	}
	if (*at_ms < now_ms - SIGNATURE_SKEW_MS || *at_ms > now_ms + SIGNATURE_SKEW_MS) {
		refuse(why, 400, "InvalidTimeStamp.Expired",
		       "Specified time stamp or date value is expired: x-acs-date is more than 15 minutes from this "
		       "machine's time.");
		return -1;
	}
	return 0;
}

static const struct api_user *use_nonce(const struct api_user *user, const struct request *q, int64_t now_ms,
                                        int64_t at_ms, struct nonces *nonces, struct denial *why)
{
	const char *nonce = request_header(q, "x-acs-signature-nonce");
	unsigned char digest[NONCE_SIZE];
	char text[NONCE_LENGTH_MAX + 300];
	int n;

	if (*nonce == '\0' || strlen(nonce) > NONCE_LENGTH_MAX)
		return refuse_incomplete(why, "x-acs-signature-nonce has 1 to 256 characters");
	n = snprintf(text, sizeof text, "%.256s\n%s", user->key_id, nonce);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, (size_t)n, digest) < 0)
		return refuse(why, 500, "InternalError", "The nonce's hash cannot be computed.");
	switch (nonces_use(nonces, digest, now_ms, at_ms + SIGNATURE_SKEW_MS + 1)) {
	case NONCE_NEW:
		return user;
	case NONCE_USED:
		return refuse(why, 400, "SignatureNonceUsed", "Specified signature nonce was used already.");
	default:
		return refuse(why, 429, "Throttling", "Too many requests were made in the last 15 minutes.");
	}
}

static const struct api_user *find(const struct api_model *m, const struct part *id)
{
	for (size_t i = 0; i < m->n_users; i++)
		if (m->users[i].key_id != NULL && m->users[i].key_secret != NULL && part_is(id, m->users[i].key_id))
			return &m->users[i];
	return NULL;
}

const struct api_user *signature_check(const struct api_model *m, const struct request *q, int64_t now_ms,
                                       struct nonces *nonces, struct denial *why)
{
	const char *header = request_header(q, "Authorization");
	struct authorization a;
	const struct api_user *user;
	const char *problem = header ? parse(header, &a) : "the header Authorization is missing";
	int64_t at_ms;

	if (problem != NULL)
		return refuse_incomplete(why, problem);
	user = find(m, &a.credential);
	if (user == NULL)
		return refuse(why, 404, "InvalidAccessKeyId.NotFound",
		              "Specified access key is not found: no user of api.users has this key.id.");
	if (request_header(q, "x-acs-security-token") != NULL)
		return refuse(why, 400, "InvalidSecurityToken.MismatchWithAccessKey",
		              "Specified SecurityToken mismatch with the AccessKey: access keys have none here.");
	if (check_signed(&a, q, why) != 0 || check_date(q, now_ms, &at_ms, why) != 0 ||
	    check_signature(user, &a, q, why) == NULL)
		return NULL;
	return use_nonce(user, q, now_ms, at_ms, nonces, why);
}
