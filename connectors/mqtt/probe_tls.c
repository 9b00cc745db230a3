/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shakes hands with a broker to learn what Paho does not tell: what is wrong with which certificate. What is demanded of the
 * other side is what Paho demands with the same keys.
 */
#include "connectors/mqtt/mqtt.h"

#include <outflow/reach.h>

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>

/* OpenSSL's words for the last error of this thread. */
static const char *last_error(char *text, size_t size)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	snprintf(text, size, "%s", reason ? reason : "no reason given");
	ERR_clear_error();
	return text;
}

static outflow_status bad_file(const char *key, const char *path, outflow_error *err)
{
	char text[200];

	return outflow_fail(err, OUTFLOW_E_CONFIG, "%s: %s cannot be used: %s", key, path,
	                    last_error(text, sizeof text));
}

static int give_password(char *to, int size, int for_writing, void *ctx)
{
	const struct mqtt_endpoint *e = ctx;

	(void)for_writing;
	return e->tls_key_password ? snprintf(to, (size_t)size, "%s", e->tls_key_password) : 0;
}

static outflow_status use_files(SSL_CTX *c, const struct mqtt_endpoint *e, outflow_error *err)
{
	if (e->tls_ca != NULL && SSL_CTX_load_verify_locations(c, e->tls_ca, NULL) != 1)
		return bad_file("tls.ca", e->tls_ca, err);
	if (e->tls_ca == NULL)
		SSL_CTX_set_default_verify_paths(c);
	SSL_CTX_set_default_passwd_cb(c, give_password);
	SSL_CTX_set_default_passwd_cb_userdata(c, (void *)(uintptr_t)e);
	if (e->tls_cert != NULL && SSL_CTX_use_certificate_chain_file(c, e->tls_cert) != 1)
		return bad_file("tls.cert", e->tls_cert, err);
	if (e->tls_key != NULL && SSL_CTX_use_PrivateKey_file(c, e->tls_key, SSL_FILETYPE_PEM) != 1)
		return bad_file("tls.key", e->tls_key, err);
	return OUTFLOW_OK;
}

/* A certificate that was not accepted; of it OpenSSL keeps nothing. */
struct refused {
	char subject[120], issuer[120];
};

static int note_refused(int is_good, X509_STORE_CTX *checking)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(checking, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct refused *refused = SSL_get_app_data(ssl);
	X509 *certificate = X509_STORE_CTX_get_current_cert(checking);

	if (!is_good && certificate != NULL) {
		X509_NAME_oneline(X509_get_subject_name(certificate), refused->subject, sizeof refused->subject);
		X509_NAME_oneline(X509_get_issuer_name(certificate), refused->issuer, sizeof refused->issuer);
	}
	return is_good;
}

/* Whom the other side has to be. */
static void expect(SSL *ssl, const struct mqtt_endpoint *e, const char *name, struct refused *refused)
{
	unsigned char number[16];
	int is_number = inet_pton(AF_INET, name, number) == 1 || inet_pton(AF_INET6, name, number) == 1;

	if (!is_number)
		SSL_set_tlsext_host_name(ssl, name);
	if (!e->tls_verify)
		return;
	SSL_set_app_data(ssl, refused);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, note_refused);
	if (is_number)
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	else
		SSL_set1_host(ssl, name);
}

/* ---- why not ---- */

static outflow_status bad_certificate(SSL *ssl, const struct mqtt_endpoint *e, long code, outflow_error *err)
{
	const struct refused *it = SSL_get_app_data(ssl);

	return outflow_fail_native(err, OUTFLOW_E_CONFIG, "openssl", (int32_t)code,
	                           "the broker's certificate is not accepted: %s%s%s%s%s%s; it is checked against %s",
	                           X509_verify_cert_error_string(code), *it->subject ? " (of " : "", it->subject,
	                           *it->subject ? ", issued by " : "", it->issuer, *it->subject ? ")" : "",
	                           e->tls_ca ? e->tls_ca : "the system's authorities, unless tls.ca names others");
}

static outflow_status explain(SSL *ssl, const struct mqtt_endpoint *e, int kind, outflow_error *err)
{
	long code = SSL_get_verify_result(ssl);
	char text[200];

	if (code != X509_V_OK && e->tls_verify)
		return bad_certificate(ssl, e, code, err);
	if (kind == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
		return outflow_fail(
			err, OUTFLOW_E_OUTAGE,
			"the other side hung up during the handshake%s%s (does the broker speak TLS at this port?)",
			errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
	return outflow_fail(err, OUTFLOW_E_OUTAGE,
	                    "the handshake failed: %s (does the broker speak TLS at this port? Does it want a "
	                    "certificate of ours, tls.cert?)",
	                    last_error(text, sizeof text));
}

static outflow_status shake_hands(const outflow_host *h, SSL *ssl, const struct mqtt_endpoint *e, int fd,
                                  int64_t deadline_ns, outflow_error *err)
{
	for (;;) {
		int rc, kind;

		ERR_clear_error();
		errno = 0;
		rc = SSL_connect(ssl);
		if (rc == 1)
			return OUTFLOW_OK;
		kind = SSL_get_error(ssl, rc);
		if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
			return explain(ssl, e, kind, err);
		if (outflow_wait_for(h, fd, kind == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ns) != OUTFLOW_OK)
			return outflow_fail(err, OUTFLOW_E_OUTAGE,
			                    "no answer to the handshake (does the broker speak TLS at this port?)");
	}
}

outflow_status mqtt_probe_tls(const outflow_host *h, const struct mqtt_endpoint *e, const char *name, int fd,
                              int64_t deadline_ns, char *shown, size_t size, outflow_error *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct refused refused = { "", "" };
	SSL *ssl = NULL;
	outflow_status status = context ? use_files(context, e, err) : OUTFLOW_E_NOMEM;

	if (status == OUTFLOW_OK) {
		ssl = SSL_new(context);
		status = ssl != NULL && SSL_set_fd(ssl, fd) == 1 ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
	}
	if (status == OUTFLOW_OK) {
		expect(ssl, e, name, &refused);
		status = shake_hands(h, ssl, e, fd, deadline_ns, err);
	} else if (status == OUTFLOW_E_NOMEM) {
		outflow_fail(err, status, "no memory");
	}
	if (status == OUTFLOW_OK)
		snprintf(shown, size, "%s, %s%s", SSL_get_version(ssl), SSL_get_cipher(ssl),
		         e->tls_verify ? ", certificate accepted" : ", certificate not looked at (tls.verify)");
	SSL_free(ssl);
	SSL_CTX_free(context);
	return status;
}
