/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <outflow/util.h>

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS INT64_C(1000000)
#define HEADERS_MAX ((size_t)256 << 10) /* bytes of all headers of an answer */
#define KEPT_BYTES ((size_t)1 << 20)    /* a larger answer's memory is given back */

struct http {
	const outflow_host *host;
	struct http_options options;
	CURLM *multi; /* keeps the connection; what can be woken */
	CURL *easy;
	struct curl_slist *headers;
	char *place;
	char *answer;
	size_t n, room;
	size_t header_bytes;
	bool too_large, no_memory;
	int64_t not_before_ns;
	atomic_bool interrupted;
	char cause[CURL_ERROR_SIZE];
};

void http_options_clear(struct http_options *o)
{
	for (size_t i = 0; i < o->n_headers; i++)
		free(o->headers[i]);
	free(o->headers);
	free(o->url);
	free(o->username);
	free(o->password);
	free(o->token);
	free(o->proxy);
	free(o->tls_ca);
	free(o->tls_cert);
	free(o->tls_key);
	free(o->tls_key_password);
	*o = (struct http_options){ 0 };
}

/* ---- what curl calls ---- */

static size_t take_answer(char *bytes, size_t size, size_t count, void *arg)
{
	struct http *h = arg;
	size_t n = size * count, room = h->room;
	char *larger;

	h->too_large = n > HTTP_BODY_MAX - h->n;
	if (h->too_large)
		return 0;
	while (room < h->n + n)
		room = 2 * room + 4096;
	larger = room == h->room ? h->answer : realloc(h->answer, room);
	h->no_memory = larger == NULL;
	if (h->no_memory)
		return 0;
	h->answer = larger;
	h->room = room;
	memcpy(h->answer + h->n, bytes, n);
	h->n += n;
	return n;
}

static size_t count_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct http *h = arg;

	(void)bytes;
	h->header_bytes += size * count;
	h->too_large = h->header_bytes > HEADERS_MAX;
	return h->too_large ? 0 : size * count;
}

/* ---- life ---- */

static bool add_header(struct http *h, const char *text)
{
	struct curl_slist *longer = curl_slist_append(h->headers, text);

	if (longer != NULL)
		h->headers = longer;
	return longer != NULL;
}

/* Headers of the configuration come last; curl leaves out one of ours that it has also. */
static bool make_headers(struct http *h)
{
	bool typed = false, good = true;

	for (size_t i = 0; i < h->options.n_headers && good; i++) {
		typed |= curl_strnequal(h->options.headers[i], "content-type:", 13);
		good = add_header(h, h->options.headers[i]);
	}
	/* CloudEvents HTTP binding 1.0.2, section 3.3: several events are one JSON array. */
	if (good && !typed)
		good = add_header(h, "Content-Type: application/cloudevents-batch+json; charset=utf-8");
	/* Else curl waits a second for a permission to send a large body. */
	return good && add_header(h, "Expect:") && add_header(h, "Accept: application/json");
}

struct setter {
	CURL *easy;
	CURLcode code; /* of the first option that was refused */
};

static void set_text(struct setter *s, CURLoption option, const char *text)
{
	if (s->code == CURLE_OK && text != NULL)
		s->code = curl_easy_setopt(s->easy, option, text);
}

static void set_number(struct setter *s, CURLoption option, long number)
{
	if (s->code == CURLE_OK)
		s->code = curl_easy_setopt(s->easy, option, number);
}

static void set_credentials(struct http *h, struct setter *s)
{
	const struct http_options *o = &h->options;

	if (o->token != NULL) {
		set_number(s, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		set_text(s, CURLOPT_XOAUTH2_BEARER, o->token);
	} else if (o->username != NULL) {
		set_number(s, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		set_text(s, CURLOPT_USERNAME, o->username);
		set_text(s, CURLOPT_PASSWORD, o->password);
	}
	set_text(s, CURLOPT_CAINFO, o->tls_ca);
	set_text(s, CURLOPT_SSLCERT, o->tls_cert);
	set_text(s, CURLOPT_SSLKEY, o->tls_key);
	set_text(s, CURLOPT_KEYPASSWD, o->tls_key_password);
	set_number(s, CURLOPT_SSL_VERIFYPEER, o->tls_verify);
	set_number(s, CURLOPT_SSL_VERIFYHOST, o->tls_verify ? 2 : 0);
}

static CURLcode set_options(struct http *h)
{
	struct setter s = { .easy = h->easy };
	char agent[100];

	snprintf(agent, sizeof agent, "outflow/%.60s", h->host->version);
	set_text(&s, CURLOPT_URL, h->options.url);
	set_text(&s, CURLOPT_USERAGENT, agent);
	/* Empty, not unset: then curl would ask the environment. */
	set_text(&s, CURLOPT_PROXY, h->options.proxy ? h->options.proxy : "");
	set_credentials(h, &s);
	set_number(&s, CURLOPT_POST, 1);
	set_number(&s, CURLOPT_NOSIGNAL, 1);
	set_number(&s, CURLOPT_TCP_KEEPALIVE, 1);
	set_number(&s, CURLOPT_MAXCONNECTS, 1);
	set_number(&s, CURLOPT_TIMEOUT_MS, (long)h->options.timeout_ms);
	set_number(&s, CURLOPT_CONNECTTIMEOUT_MS, (long)h->options.connect_timeout_ms);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
	/* A name server that does not answer must not hold up the end of a task. */
	set_number(&s, CURLOPT_QUICK_EXIT, 1);
#endif
	if (s.code == CURLE_OK)
		s.code = curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
	if (s.code == CURLE_OK)
		s.code = curl_easy_setopt(h->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HTTP_BODY_MAX);
	if (s.code == CURLE_OK)
		s.code = curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take_answer);
	if (s.code == CURLE_OK)
		s.code = curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, count_header);
	if (s.code == CURLE_OK)
		s.code = curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	if (s.code == CURLE_OK)
		s.code = curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
	if (s.code == CURLE_OK)
		s.code = curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->cause);
	return s.code;
}

outflow_status http_new(const outflow_host *host, struct http_options *o, struct http **result, outflow_error *err)
{
	struct http *h = calloc(1, sizeof *h);
	CURLcode code;

	*result = h;
	if (h == NULL) {
		http_options_clear(o);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the HTTP client");
	}
	h->host = host;
	h->options = *o;
	*o = (struct http_options){ 0 };
	h->multi = curl_multi_init();
	h->easy = curl_easy_init();
	h->place = strndup(h->options.url, strcspn(h->options.url, "?#"));
	if (h->multi == NULL || h->easy == NULL || h->place == NULL || !make_headers(h)) {
		http_free(result);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the HTTP client");
	}
	code = set_options(h);
	if (code == CURLE_OK)
		return OUTFLOW_OK;
	http_free(result);
	return outflow_fail_native(err, code == CURLE_OUT_OF_MEMORY ? OUTFLOW_E_NOMEM : OUTFLOW_E_CONFIG, "curl",
	                           (int32_t)code, "the HTTP client: %s", curl_easy_strerror(code));
}

void http_free(struct http **hp)
{
	struct http *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->headers);
	http_options_clear(&h->options);
	free(h->place);
	free(h->answer);
	free(h);
}

void http_interrupt(struct http *h)
{
	atomic_store(&h->interrupted, true);
	curl_multi_wakeup(h->multi);
}

const char *http_place(const struct http *h)
{
	return h->place;
}

/* ---- one request ---- */

static outflow_status canceled(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_CANCELED, "interrupted");
}

/* The other side has said when to come back. */
static void wait_until_welcome(struct http *h)
{
	for (;;) {
		int64_t left = h->not_before_ns - h->host->time->mono_ns(h->host);

		if (left <= 0 || atomic_load(&h->interrupted))
			return;
		left = left / NS_PER_MS + 1;
		curl_multi_poll(h->multi, NULL, 0, left < 1000 ? (int)left : 1000, NULL);
	}
}

/* Runs the request to its end. CURLE_ABORTED_BY_CALLBACK: interrupted. */
static CURLcode perform(struct http *h)
{
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	CURLMcode code = curl_multi_add_handle(h->multi, h->easy);
	int running = 1, left;
	CURLMsg *message;

	while (code == CURLM_OK && running > 0 && !atomic_load(&h->interrupted)) {
		code = curl_multi_perform(h->multi, &running);
		if (code == CURLM_OK && running > 0)
			code = curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
	}
	while ((message = curl_multi_info_read(h->multi, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
			result = message->data.result;
	curl_multi_remove_handle(h->multi, h->easy);
	return code == CURLM_OK ? result : CURLE_OUT_OF_MEMORY;
}

/* Did a time-out come before the request could be sent? */
static bool was_connecting(const struct http *h)
{
	curl_off_t ready = 0;

	return curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &ready) == CURLE_OK && ready == 0;
}

static outflow_status failure_of(const struct http *h, CURLcode code)
{
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return OUTFLOW_E_NOMEM;
	case CURLE_ABORTED_BY_CALLBACK:
		return OUTFLOW_E_CANCELED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return OUTFLOW_E_OUTAGE;
	case CURLE_OPERATION_TIMEDOUT:
		return was_connecting(h) ? OUTFLOW_E_OUTAGE : OUTFLOW_E_RETRY;
	case CURLE_FILESIZE_EXCEEDED:
		return OUTFLOW_E_RECORD;
	case CURLE_WRITE_ERROR:
		return h->no_memory ? OUTFLOW_E_NOMEM : h->too_large ? OUTFLOW_E_RECORD : OUTFLOW_E_RETRY;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return OUTFLOW_E_TASK;
	default:
		return OUTFLOW_E_RETRY;
	}
}

static outflow_status explain_failure(const struct http *h, CURLcode code, outflow_error *err)
{
	outflow_status status = failure_of(h, code);

	if (status == OUTFLOW_E_CANCELED)
		return canceled(err);
	if (status == OUTFLOW_E_RECORD)
		return outflow_fail(err, status, "the answer is larger than %zu MiB", HTTP_BODY_MAX >> 20);
	return outflow_fail_native(err, status, "curl", (int32_t)code, "%s",
	                           h->cause[0] ? h->cause : curl_easy_strerror(code));
}

static void note_retry_after(struct http *h)
{
	curl_off_t seconds = 0;
	int64_t wait;

	if (curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0)
		return;
	wait = seconds < h->options.timeout_ms / 1000 ? seconds * 1000 : h->options.timeout_ms;
	h->not_before_ns = h->host->time->mono_ns(h->host) + wait * NS_PER_MS;
}

static outflow_status check_status(struct http *h, outflow_error *err)
{
	outflow_status status = OUTFLOW_E_RECORD;
	const char *hint = "";
	long code = 0;

	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &code);
	if (code >= 200 && code < 300)
		return OUTFLOW_OK;
	if (code < 400) {
		status = OUTFLOW_E_TASK;
		hint = "; redirections are not followed, set url to the place itself";
	} else if (code == 401 || code == 403 || code == 407) {
		status = OUTFLOW_E_TASK;
		hint = "; the credentials are not accepted";
	} else if (code >= 500 || code == 408 || code == 425 || code == 429) {
		status = OUTFLOW_E_RETRY;
		note_retry_after(h);
	}
	return outflow_fail_native(err, status, "http", (int32_t)code, "the answer is status %ld%s", code, hint);
}

static void forget_answer(struct http *h)
{
	if (h->room > KEPT_BYTES) {
		free(h->answer);
		h->answer = NULL;
		h->room = 0;
	}
	h->n = 0;
	h->header_bytes = 0;
	h->too_large = h->no_memory = false;
	h->cause[0] = '\0';
}

outflow_status http_post(struct http *h, outflow_str body, outflow_str *answer, outflow_error *err)
{
	outflow_status status;
	CURLcode code;

	wait_until_welcome(h);
	if (atomic_load(&h->interrupted))
		return canceled(err);
	h->not_before_ns = 0;
	forget_answer(h);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, body.ptr);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
	code = perform(h);
	status = code == CURLE_OK ? check_status(h, err) : explain_failure(h, code, err);
	*answer = (outflow_str){ h->answer ? h->answer : "", h->n };
	return status;
}
