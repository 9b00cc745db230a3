/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define KEY(NAME, TYPE, FLAGS, IMPORTANCE, GROUP, DOC)                                                                 \
	.name = NAME, .type = OUTFLOW_T_##TYPE, .flags = FLAGS, .importance = OUTFLOW_IMPORTANCE_##IMPORTANCE,         \
	.group = GROUP, .doc = DOC

static const char *const answers[] = { "payload", "event", NULL };
static const char header_prefix[] = "headers.";

static const outflow_cfg_key keys[] = {
	{ KEY("url", STRING, OUTFLOW_K_REQUIRED, HIGH, "Function",
	      "Where events are posted to: http://HOST:PORT/PATH or https://...; a JSON array of CloudEvents, also for one event.") },
	{ KEY("answer", ENUM, 0, HIGH, "Function",
	      "What each element of the answer is. payload: the new payload, a string as its text, anything else as JSON; event: an "
	      "event like those that were sent, whose data.body is the new payload and whose data.key, if there, is the new key."),
	  .dflt = "payload", .choices = answers },
	{ KEY("batch", INT, 0, MEDIUM, "Function",
	      "How many events one request may hold, 16 MiB at most. Above 1 the function must answer a list with one element for "
	      "each event, in their order; an element that is a list stands for several records, or none. On any other answer the "
	      "events are posted again one by one."),
	  .dflt = "1", .min = 1, .max = 10000 },
	{ KEY("timeout", DURATION_MS, 0, MEDIUM, "Function",
	      "How long one request may take in all; then it is tried again as the retry policy says."),
	  .dflt = "60s", .min = 10, .max = 3600000 },
	{ KEY("connect.timeout", DURATION_MS, 0, LOW, "Function",
	      "How long it may take until there is a connection; then the function counts as away, which uses up no retries."),
	  .dflt = "10s", .min = 10, .max = 3600000 },
	{ KEY("headers.", PREFIX, OUTFLOW_K_SECRET, MEDIUM, "Function",
	      "headers.<name>: a header of each request; a secret better as a reference: ${file:/path} or ${env:NAME}.") },
	{ KEY("username", STRING, 0, MEDIUM, "Function", "User name, for basic authentication.") },
	{ KEY("password", STRING, OUTFLOW_K_SECRET, MEDIUM, "Function",
	      "Password; better as a reference: ${file:/path} or ${env:NAME}.") },
	{ KEY("token", STRING, OUTFLOW_K_SECRET, MEDIUM, "Function",
	      "Bearer token, instead of a user name; better as a reference.") },
	{ KEY("proxy", STRING, 0, LOW, "Function",
	      "A proxy, as http://HOST:PORT. Unset: none, whatever the environment says.") },
	{ KEY("tls.ca", STRING, 0, MEDIUM, "TLS",
	      "File of CA certificates that the server's is checked against. Unset: the system's.") },
	{ KEY("tls.cert", STRING, 0, LOW, "TLS", "File of our own certificate, for servers that ask for one.") },
	{ KEY("tls.key", STRING, 0, LOW, "TLS", "File of its private key.") },
	{ KEY("tls.key.password", STRING, OUTFLOW_K_SECRET, LOW, "TLS", "Password of the private key.") },
	{ KEY("tls.verify", BOOL, 0, LOW, "TLS", "false accepts any certificate and any name: for trials only."),
	  .dflt = "true" },
};

/* ---- checking ---- */

struct checker {
	const outflow_host *h;
	const outflow_config *c;
	int problems;
};

static void refuse(struct checker *k, const char *key, const char *cause)
{
	k->h->problem(k->h, key, cause);
	k->problems++;
}

static bool is_set(const struct checker *k, const char *key)
{
	outflow_str text;

	return k->h->config->str(k->c, key, &text) == OUTFLOW_OK;
}

/* The length of the scheme of an address that there is a client for; 0: another. */
static size_t scheme_length(outflow_str url)
{
	if (url.len > 7 && strncasecmp(url.ptr, "http://", 7) == 0)
		return 7;
	return url.len > 8 && strncasecmp(url.ptr, "https://", 8) == 0 ? 8 : 0;
}

static void check_url(struct checker *k)
{
	outflow_str url = outflow_config_text(k->h, k->c, "url");
	size_t scheme = scheme_length(url), host = 0;

	for (size_t i = 0; i < url.len; i++) {
		if ((unsigned char)url.ptr[i] <= ' ' || url.ptr[i] == 0x7f) {
			refuse(k, "url", "blanks and control characters must be written as %20 and so on");
			return;
		}
	}
	if (scheme == 0) {
		refuse(k, "url", "not an address of the form http://HOST:PORT/PATH or https://HOST:PORT/PATH");
		return;
	}
	while (scheme + host < url.len && strchr("/?#", url.ptr[scheme + host]) == NULL)
		host++;
	if (host == 0)
		refuse(k, "url", "the host is missing");
	else if (memchr(url.ptr + scheme, '@', host) != NULL)
		refuse(k, "url", "credentials in an address end up in logs; set username and password, or token");
}

/* RFC 9110, section 5.6.2: token. */
static bool is_token(outflow_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) &&
		    (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return name.len > 0;
}

static bool same_name(outflow_str name, const char *other)
{
	return name.len == strlen(other) && strncasecmp(name.ptr, other, name.len) == 0;
}

static void check_header(struct checker *k, outflow_str name, outflow_str value)
{
	char key[100];

	snprintf(key, sizeof key, "%s%.*s", header_prefix, (int)(name.len > 80 ? 80 : name.len), name.ptr);
	if (!is_token(name))
		refuse(k, key, "not a name of a header: letters, digits and -");
	else if (same_name(name, "content-length") || same_name(name, "transfer-encoding"))
		refuse(k, key, "this header follows from the request itself");
	if (value.len == 0)
		refuse(k, key, "a header needs a value");
	for (size_t i = 0; i < value.len; i++) {
		if ((unsigned char)value.ptr[i] >= ' ' || value.ptr[i] == '\t')
			continue;
		refuse(k, key, "a header has no control characters");
		return;
	}
}

static void check_credentials(struct checker *k)
{
	bool user = is_set(k, "username"), authorization = false;
	outflow_str name, value;

	for (size_t i = 0; i < k->h->config->prefix(k->c, header_prefix, i, &name, &value); i++) {
		check_header(k, name, value);
		authorization |= same_name(name, "authorization");
	}
	if (user != is_set(k, "password"))
		refuse(k, "username", "and password go together");
	if (user + is_set(k, "token") + authorization > 1)
		refuse(k, "token", "only one of username, token and headers.Authorization is possible");
	if (is_set(k, "tls.cert") != is_set(k, "tls.key"))
		refuse(k, "tls.cert", "and tls.key go together");
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	struct checker k = { .h = h, .c = c };

	check_url(&k);
	check_credentials(&k);
	return k.problems == 0 ? OUTFLOW_OK
	                       : outflow_fail(err, OUTFLOW_E_CONFIG, "%d mistake(s) in the settings of the function",
	                                      k.problems);
}

const outflow_cfg_def options_schema = {
	.size = sizeof options_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

/* ---- reading ---- */

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the options of the function");
}

static outflow_status read_headers(struct http_options *o, const outflow_host *h, const outflow_config *c,
                                   outflow_error *err)
{
	outflow_str name, value;
	size_t n = h->config->prefix(c, header_prefix, SIZE_MAX, &name, &value);

	o->headers = calloc(n + 1, sizeof *o->headers);
	if (o->headers == NULL)
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		h->config->prefix(c, header_prefix, i, &name, &value);
		if (asprintf(&o->headers[i], "%.*s: %.*s", (int)name.len, name.ptr, (int)value.len, value.ptr) < 0)
			return no_memory(err);
		o->n_headers++;
	}
	return OUTFLOW_OK;
}

outflow_status options_read(struct http_options *o, const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	const struct {
		const char *key;
		char **to;
	} texts[] = {
		{ "url", &o->url },
		{ "username", &o->username },
		{ "password", &o->password },
		{ "token", &o->token },
		{ "proxy", &o->proxy },
		{ "tls.ca", &o->tls_ca },
		{ "tls.cert", &o->tls_cert },
		{ "tls.key", &o->tls_key },
		{ "tls.key.password", &o->tls_key_password },
	};
	outflow_str text;

	*o = (struct http_options){ .tls_verify = outflow_config_flag(h, c, "tls.verify") };
	o->timeout_ms = outflow_config_number(h, c, "timeout");
	o->connect_timeout_ms = outflow_config_number(h, c, "connect.timeout");
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		*texts[i].to = outflow_config_string(h, c, texts[i].key);
		if (*texts[i].to == NULL && h->config->str(c, texts[i].key, &text) == OUTFLOW_OK)
			return no_memory(err);
	}
	return read_headers(o, h, c, err);
}
