/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries the way to a cluster (outflow.probe/1): the bootstrap brokers by plain TCP, then login and metadata with librdkafka, as
 * an instance does, then the brokers that the cluster itself names, whose addresses are another matter (advertised.listeners),
 * then the topics. No group is joined and nothing is written.
 */
#include "connectors/kafka/kafka.h"

#include <outflow/ext/probe.h>
#include <outflow/reach.h>
#include <outflow/topic.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MS_NS INT64_C(1000000)
#define ASK_MS 500
#define BROKERS_MAX 32

struct probe {
	const outflow_host *host;
	const outflow_config *config;
	const outflow_probe_steps *steps;
	int64_t deadline_ns;
	rd_kafka_conf_t *conf;
	rd_kafka_t *client;
	char refusal[300]; /* what no later try will change */
	char trouble[300]; /* the last other thing that went wrong */
	int x509_error;    /* atomic */
};

static int64_t left_ns(const struct probe *p)
{
	return p->deadline_ns - p->host->time->mono_ns(p->host);
}

/* A list that grows in a buffer. */
struct words {
	char text[400];
	size_t n;
};

OUTFLOW_PRINTF(2, 3) static void add(struct words *w, const char *format, ...)
{
	va_list arguments;

	if (w->n > 0 && w->n < sizeof w->text)
		w->n += (size_t)snprintf(w->text + w->n, sizeof w->text - w->n, "; ");
	va_start(arguments, format);
	if (w->n < sizeof w->text)
		w->n += (size_t)vsnprintf(w->text + w->n, sizeof w->text - w->n, format, arguments);
	va_end(arguments);
}

/* ---- by TCP ---- */

/* Does anything take a connection there? share_ns: how long this one may take. */
static outflow_status knock(const struct probe *p, const outflow_address *a, int64_t share_ns, outflow_error *err)
{
	int64_t deadline = p->host->time->mono_ns(p->host) + share_ns;
	struct addrinfo *list;
	char shown[200];
	outflow_status status = outflow_resolve(a, &list, shown, sizeof shown, err);
	int fd;

	if (status != OUTFLOW_OK)
		return status;
	status = outflow_connect(p->host, list, deadline, &fd, shown, sizeof shown, err);
	freeaddrinfo(list);
	if (status == OUTFLOW_OK)
		close(fd);
	return status;
}

/* "SASL_SSL://broker:9093" is what Java's clients take, too. */
static outflow_status split(outflow_str text, outflow_address *a, outflow_error *err)
{
	char copy[300];
	const char *scheme;

	snprintf(copy, sizeof copy, "%.*s", (int)text.len, text.ptr);
	scheme = strstr(copy, "://");
	return outflow_address_split(scheme ? scheme + 3 : copy, "9092", a, err);
}

/* One that answers is enough. */
static outflow_status try_bootstrap(const struct probe *p, outflow_error *err)
{
	size_t n = p->host->config->list(p->config, "bootstrap", SIZE_MAX, NULL);
	struct words there = { 0 }, missing = { 0 };

	p->steps->begin(p->host, "connect");
	for (size_t i = 0; i < n; i++) {
		outflow_error why = { .size = sizeof why };
		outflow_address a;
		outflow_str text;
		outflow_status status;

		p->host->config->list(p->config, "bootstrap", i, &text);
		status = split(text, &a, &why);
		if (status == OUTFLOW_OK)
			status = knock(p, &a, left_ns(p) / (int64_t)(n - i + 1), &why);
		if (status == OUTFLOW_OK)
			add(&there, "%s:%s", a.host, a.port);
		else
			add(&missing, "%s", why.msg);
	}
	if (there.n == 0)
		return outflow_fail(err, OUTFLOW_E_OUTAGE, "%s",
		                    n == 0 ? "the key 'bootstrap' is not set" : missing.text);
	if (missing.n > 0)
		add(&there, "but: %s", missing.text);
	p->steps->done(p->host, there.text);
	return OUTFLOW_OK;
}

/* ---- the client ---- */

/* Without what librdkafka adds on its own state: " (after 5ms in state CONNECT, 1 identical error(s) suppressed)". */
static void keep(char *to, size_t size, const char *reason)
{
	const char *end = strstr(reason, " (after ");

	snprintf(to, size, "%.*s", (int)(end ? end - reason : (ptrdiff_t)strlen(reason)), reason);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
	struct probe *p = opaque;

	(void)client;
	switch (code) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
	case RD_KAFKA_RESP_ERR__SSL:
		keep(p->refusal, sizeof p->refusal, reason);
		break;
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN: /* says less than what came before it */
		break;
	default: /* who cannot be connected to was told before */
		if (*p->trouble == '\0' || strstr(reason, "Connect to ") == NULL)
			keep(p->trouble, sizeof p->trouble, reason);
	}
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	const struct probe *p = rd_kafka_opaque(client);

	(void)level;
	outflow_log(p->host, OUTFLOW_LOG_DEBUG, "%s: %s", facility, text);
}

static int on_certificate(rd_kafka_t *client, const char *broker, int32_t broker_id, int *x509_error, int depth,
                          const char *certificate, size_t size, char *why, size_t why_size, void *opaque)
{
	struct probe *p = opaque;

	(void)client;
	(void)broker;
	(void)broker_id;
	(void)depth;
	(void)certificate;
	(void)size;
	if (*x509_error == 0)
		return 1;
	__atomic_store_n(&p->x509_error, *x509_error, __ATOMIC_RELEASE);
	snprintf(why, why_size, "the certificate is not accepted");
	return 0;
}

/* The commonest of openssl/x509_vfy.h. */
static const char *certificate_problem(int x509_error)
{
	switch (x509_error) {
	case 9:
		return "it is not valid yet";
	case 10:
		return "it has expired";
	case 18:
	case 19:
		return "it is self-signed, and not one that ssl.ca.location names";
	case 20:
	case 21:
		return "its authority is unknown: ssl.ca.location has to name the one that issued it";
	case 23:
		return "it is revoked";
	case 62:
	case 64:
		return "it is for another name (ssl.endpoint.identification.algorithm)";
	default:
		return "OpenSSL does not accept it";
	}
}

static outflow_status make_client(struct probe *p, const char *prefix, rd_kafka_type_t type, outflow_error *err)
{
	struct kafka_conf k;
	char why[300];

	kafka_conf_begin(&k, prefix, err);
	kafka_conf_set_text(&k, "bootstrap.servers", outflow_config_text(p->host, p->config, "bootstrap"));
	/* A question must not make a topic. */
	kafka_conf_set(&k, "allow.auto.create.topics", "false");
	kafka_conf_set(&k, "reconnect.backoff.max.ms", "1000");
	kafka_conf_pass_through(&k, p->host, p->config);
	kafka_conf_set(&k, "client.id", "outflow-test");
	kafka_conf_set(&k, "enable.idempotence", "false");
	p->conf = kafka_conf_end(&k);
	if (p->conf == NULL)
		return OUTFLOW_E_CONFIG;
	rd_kafka_conf_set_opaque(p->conf, p);
	rd_kafka_conf_set_error_cb(p->conf, on_error);
	rd_kafka_conf_set_log_cb(p->conf, on_log);
	(void)rd_kafka_conf_set_ssl_cert_verify_cb(p->conf, on_certificate);
	p->client = rd_kafka_new(type, p->conf, why, sizeof why);
	if (p->client == NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the Kafka client cannot be made: %s", why);
	p->conf = NULL;
	return OUTFLOW_OK;
}

static void clear(struct probe *p)
{
	if (p->client != NULL)
		rd_kafka_destroy(p->client);
	if (p->conf != NULL)
		rd_kafka_conf_destroy(p->conf);
}

/* ---- login ---- */

static outflow_status no_login(const struct probe *p, rd_kafka_resp_err_t code, outflow_error *err)
{
	char protocol[40] = "";
	size_t size = sizeof protocol;
	int x509_error = __atomic_load_n(&p->x509_error, __ATOMIC_ACQUIRE);

	if (x509_error != 0)
		return outflow_fail_native(err, OUTFLOW_E_CONFIG, "openssl", x509_error,
		                           "the brokers' certificate is not accepted: %s (OpenSSL's error %d)",
		                           certificate_problem(x509_error), x509_error);
	if (*p->refusal != '\0')
		return outflow_fail_native(err, OUTFLOW_E_CONFIG, "rdkafka", code, "the brokers refuse the login: %s",
		                           p->refusal);
	(void)rd_kafka_conf_get(rd_kafka_conf(p->client), "security.protocol", protocol, &size);
	return outflow_fail_native(err, OUTFLOW_E_OUTAGE, "rdkafka", code,
	                           "no answer from the brokers: %s (is it a listener of Kafka, and is its "
	                           "security.protocol %s?)",
	                           *p->trouble != '\0' ? p->trouble : rd_kafka_err2str(code), protocol);
}

/* Asks until an answer comes, or a "no", or the time is over. */
static outflow_status ask(struct probe *p, rd_kafka_topic_t *topic, const struct rd_kafka_metadata **answer,
                          outflow_error *err)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;

	while (left_ns(p) > 0 && *p->refusal == '\0') {
		int64_t left_ms = left_ns(p) / MS_NS + 1;

		code = rd_kafka_metadata(p->client, 0, topic, answer, left_ms < ASK_MS ? (int)left_ms : ASK_MS);
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			return OUTFLOW_OK;
		/* Where nothing is waited for, this pause keeps asking again from being a storm. */
		rd_kafka_poll(p->client, code == RD_KAFKA_RESP_ERR__TIMED_OUT ? 0 : 50);
	}
	return no_login(p, code, err);
}

/* ---- brokers ---- */

static outflow_status try_brokers(const struct probe *p, const struct rd_kafka_metadata *m, outflow_error *err)
{
	int n = m->broker_cnt < BROKERS_MAX ? m->broker_cnt : BROKERS_MAX;
	struct words there = { 0 };

	p->steps->begin(p->host, "brokers");
	for (int i = 0; i < n; i++) {
		outflow_error why = { .size = sizeof why };
		outflow_address a;

		snprintf(a.host, sizeof a.host, "%s", m->brokers[i].host);
		snprintf(a.port, sizeof a.port, "%d", m->brokers[i].port);
		if (knock(p, &a, left_ns(p) / (n - i + 1), &why) != OUTFLOW_OK)
			return outflow_fail(
				err, OUTFLOW_E_OUTAGE,
				"the cluster says that its broker %d is at %.100s:%s, and from here: %.200s; "
				"see the brokers' advertised.listeners",
				(int)m->brokers[i].id, a.host, a.port, why.msg);
		add(&there, "%d at %s:%s", (int)m->brokers[i].id, a.host, a.port);
	}
	p->steps->done(p->host, there.text);
	return OUTFLOW_OK;
}

/* ---- topics ---- */

static outflow_status judge_topic(const struct probe *p, const char *topic, rd_kafka_resp_err_t code,
                                  struct words *there, int partitions, outflow_error *err)
{
	outflow_str text;

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		add(there, "%s has %d partition%s", topic, partitions, partitions == 1 ? "" : "s");
		return OUTFLOW_OK;
	}
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
	    p->host->config->str(p->config, "create.partitions", &text) == OUTFLOW_OK) {
		add(there, "%s does not exist, and will be created", topic);
		return OUTFLOW_OK;
	}
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return outflow_fail_native(err, OUTFLOW_E_CONFIG, "rdkafka", code,
		                           "the topic '%s' does not exist, or this user may not see it: create it, or "
		                           "correct the key that names it",
		                           topic);
	return outflow_fail_native(err, OUTFLOW_E_CONFIG, "rdkafka", code, "the topic '%s': %s", topic,
	                           rd_kafka_err2str(code));
}

static outflow_status try_topic(struct probe *p, const char *topic, struct words *there, outflow_error *err)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(p->client, topic, NULL);
	rd_kafka_resp_err_t code = rd_kafka_last_error();
	const struct rd_kafka_metadata *m;
	outflow_status status;

	if (handle == NULL)
		return judge_topic(p, topic, code, there, 0, err);
	status = ask(p, handle, &m, err);
	if (status == OUTFLOW_OK) {
		status = m->topic_cnt > 0
		                 ? judge_topic(p, topic, m->topics[0].err, there, m->topics[0].partition_cnt, err)
		                 : judge_topic(p, topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, there, 0, err);
		rd_kafka_metadata_destroy(m);
	}
	rd_kafka_topic_destroy(handle);
	return status;
}

/* A sink's one topic, a source's list without its regular expressions. */
static outflow_status try_topics(struct probe *p, int is_source, outflow_error *err)
{
	char *constant = is_source ? NULL : outflow_topic_constant(p->host, p->config);
	size_t n = is_source ? p->host->config->list(p->config, "topics", SIZE_MAX, NULL) : constant != NULL;
	outflow_status status = OUTFLOW_OK;
	struct words there = { 0 };

	if (n > 0)
		p->steps->begin(p->host, "topic");
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		outflow_str text = { "", 0 };
		char name[300];

		if (is_source)
			p->host->config->list(p->config, "topics", i, &text);
		snprintf(name, sizeof name, "%.*s", is_source ? (int)text.len : 299, is_source ? text.ptr : constant);
		if (*name != '^')
			status = try_topic(p, name, &there, err);
	}
	if (n > 0 && status == OUTFLOW_OK)
		p->steps->done(p->host, there.text);
	free(constant);
	return status;
}

/* ---- the whole ---- */

static outflow_status log_in(struct probe *p, int is_source, outflow_error *err)
{
	const struct rd_kafka_metadata *m = NULL;
	outflow_status status;
	char protocol[40] = "";
	size_t size = sizeof protocol;

	p->steps->begin(p->host, "login");
	status = make_client(p, is_source ? "consumer." : "producer.",
	                     is_source ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, err);
	if (status == OUTFLOW_OK)
		status = ask(p, NULL, &m, err);
	if (status != OUTFLOW_OK)
		return status;
	(void)rd_kafka_conf_get(rd_kafka_conf(p->client), "security.protocol", protocol, &size);
	p->steps->done(p->host, protocol);
	status = try_brokers(p, m, err);
	rd_kafka_metadata_destroy(m);
	return status;
}

static outflow_status run(const outflow_host *h, const outflow_config *c, const outflow_probe_steps *steps,
                          int64_t deadline_ns, int is_source, outflow_error *err)
{
	struct probe p = { .host = h, .config = c, .steps = steps, .deadline_ns = deadline_ns };
	outflow_status status = try_bootstrap(&p, err);

	if (status == OUTFLOW_OK)
		status = log_in(&p, is_source, err);
	if (status == OUTFLOW_OK)
		status = try_topics(&p, is_source, err);
	clear(&p);
	return status;
}

static outflow_status probe_producer(const outflow_host *h, const outflow_config *c, const outflow_probe_steps *steps,
                                     int64_t deadline_ns, outflow_error *err)
{
	return run(h, c, steps, deadline_ns, 0, err);
}

static outflow_status probe_consumer(const outflow_host *h, const outflow_config *c, const outflow_probe_steps *steps,
                                     int64_t deadline_ns, outflow_error *err)
{
	return run(h, c, steps, deadline_ns, 1, err);
}

static void library(char *text, size_t size)
{
	snprintf(text, size, "librdkafka %s", rd_kafka_version_str());
}

const void *kafka_producer_extension(const char *id)
{
	static const outflow_probe_api api = { .size = sizeof api, .probe = probe_producer, .library = library };

	return strcmp(id, OUTFLOW_EXT_PROBE) == 0 ? &api : NULL;
}

const void *kafka_consumer_extension(const char *id)
{
	static const outflow_probe_api api = { .size = sizeof api, .probe = probe_consumer, .library = library };

	return strcmp(id, OUTFLOW_EXT_PROBE) == 0 ? &api : NULL;
}
