/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/mqtt/mqtt.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const protocols[] = { "5", "3.1.1", NULL };

#define HIGH OUTFLOW_IMPORTANCE_HIGH
#define MEDIUM OUTFLOW_IMPORTANCE_MEDIUM
#define LOW OUTFLOW_IMPORTANCE_LOW

static const outflow_cfg_key keys[] = {
	{ .name = "broker",
	  .type = OUTFLOW_T_STRING,
	  .flags = OUTFLOW_K_REQUIRED,
	  .importance = HIGH,
	  .group = "MQTT",
	  .doc = "Address of the broker: tcp://HOST:PORT, ssl://HOST:PORT for TLS, ws:// or wss:// for WebSocket." },
	{ .name = "topics",
	  .type = OUTFLOW_T_LIST,
	  .flags = OUTFLOW_K_REQUIRED,
	  .importance = HIGH,
	  .group = "MQTT",
	  .doc = "Topic filters, with + and #, or $share/GROUP/FILTER." },
	{ .name = "qos",
	  .type = OUTFLOW_T_INT,
	  .importance = MEDIUM,
	  .dflt = "1",
	  .min = 0,
	  .max = 1,
	  .group = "MQTT",
	  .doc = "QoS of the subscription. 0 promises nothing; 2 is not offered, since the client library loses messages "
	         "with it when a process is killed." },
	{ .name = "protocol",
	  .type = OUTFLOW_T_ENUM,
	  .importance = MEDIUM,
	  .dflt = "5",
	  .choices = protocols,
	  .group = "MQTT",
	  .doc = "Version of MQTT." },
	{ .name = "client.id",
	  .type = OUTFLOW_T_STRING,
	  .importance = MEDIUM,
	  .group = "MQTT",
	  .doc = "Identity of the session at the broker; must stay the same. Unset: outflow-PIPELINE-TASK." },
	{ .name = "username", .type = OUTFLOW_T_STRING, .importance = MEDIUM, .group = "MQTT", .doc = "User name." },
	{ .name = "password",
	  .type = OUTFLOW_T_STRING,
	  .flags = OUTFLOW_K_SECRET,
	  .importance = MEDIUM,
	  .group = "MQTT",
	  .doc = "Password; better as a reference: ${file:/path} or ${env:NAME}." },
	{ .name = "keepalive",
	  .type = OUTFLOW_T_DURATION_MS,
	  .importance = LOW,
	  .dflt = "60s",
	  .min = 1000,
	  .max = 65535000,
	  .group = "MQTT",
	  .doc = "A silent connection is given up after about one and a half of this." },
	{ .name = "session.expiry",
	  .type = OUTFLOW_T_DURATION_MS,
	  .importance = LOW,
	  .dflt = "7d",
	  .min = 0,
	  .max = INT64_C(4294967295000),
	  .group = "MQTT",
	  .doc = "MQTT 5: how long the broker keeps messages for this client while it is away." },
	{ .name = "receive.maximum",
	  .type = OUTFLOW_T_INT,
	  .importance = LOW,
	  .dflt = "1000",
	  .min = 1,
	  .max = 65535,
	  .group = "MQTT",
	  .doc = "MQTT 5: how many messages the broker may send before the first is acknowledged." },
	{ .name = "tls.ca",
	  .type = OUTFLOW_T_STRING,
	  .importance = MEDIUM,
	  .group = "TLS",
	  .doc = "File of CA certificates that the broker's is checked against. Unset: the system's." },
	{ .name = "tls.cert",
	  .type = OUTFLOW_T_STRING,
	  .importance = LOW,
	  .group = "TLS",
	  .doc = "File of our own certificate, for brokers that ask for one." },
	{ .name = "tls.key",
	  .type = OUTFLOW_T_STRING,
	  .importance = LOW,
	  .group = "TLS",
	  .doc = "File of its private key." },
	{ .name = "tls.key.password",
	  .type = OUTFLOW_T_STRING,
	  .flags = OUTFLOW_K_SECRET,
	  .importance = LOW,
	  .group = "TLS",
	  .doc = "Password of the private key." },
	{ .name = "tls.verify",
	  .type = OUTFLOW_T_BOOL,
	  .importance = LOW,
	  .dflt = "true",
	  .group = "TLS",
	  .doc = "false accepts any certificate and any name: for trials only." },
};

/* ---- topic filters ---- */

static const char *level_problem(const char *level, size_t n, int last)
{
	if (memchr(level, '#', n) != NULL && (n > 1 || !last))
		return "# stands alone, as the last level";
	if (memchr(level, '+', n) != NULL && n > 1)
		return "+ stands alone in its level";
	return NULL;
}

static const char *levels_problem(const char *text, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i <= n; i++) {
		const char *problem;

		if (i < n && text[i] != '/')
			continue;
		problem = level_problem(text + from, i - from, i == n);
		if (problem != NULL)
			return problem;
		from = i + 1;
	}
	return NULL;
}

const char *mqtt_filter_problem(outflow_str text)
{
	static const char share[] = "$share/";
	const char *slash;

	if (text.len == 0)
		return "a topic filter has at least one character";
	if (text.len > 65535)
		return "a topic filter has at most 65,535 bytes";
	if (text.len < sizeof share - 1 || memcmp(text.ptr, share, sizeof share - 1) != 0)
		return levels_problem(text.ptr, text.len);
	text.ptr += sizeof share - 1;
	text.len -= sizeof share - 1;
	slash = memchr(text.ptr, '/', text.len);
	if (slash == NULL || slash == text.ptr || slash == text.ptr + text.len - 1)
		return "a shared subscription is $share/GROUP/FILTER";
	if (memchr(text.ptr, '+', (size_t)(slash - text.ptr)) || memchr(text.ptr, '#', (size_t)(slash - text.ptr)))
		return "the group of a shared subscription has no + and no #";
	return levels_problem(slash + 1, text.len - (size_t)(slash + 1 - text.ptr));
}

/* ---- the whole ---- */

static int is_tls(const char *broker)
{
	return strncmp(broker, "ssl://", 6) == 0 || strncmp(broker, "mqtts://", 8) == 0 ||
	       strncmp(broker, "wss://", 6) == 0;
}

static int is_address(outflow_str broker)
{
	static const char *const schemes[] = { "tcp://", "ssl://", "mqtt://", "mqtts://", "ws://", "wss://" };

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t n = strlen(schemes[i]);

		if (broker.len > n && memcmp(broker.ptr, schemes[i], n) == 0)
			return 1;
	}
	return 0;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	size_t n = h->config->list(c, "topics", SIZE_MAX, NULL);
	int problems = 0;
	char message[400];
	outflow_str key, cert;

	(void)err;
	if (!is_address(outflow_config_text(h, c, "broker"))) {
		h->problem(h, "broker", "is not an address such as tcp://127.0.0.1:1883 or ssl://broker.example:8883");
		problems++;
	}
	if (n == 0 || n > MQTT_TOPICS_MAX) {
		h->problem(h, "topics", "needs one topic filter at least, and takes 256 at most");
		problems++;
	}
	for (size_t i = 0; i < n; i++) {
		outflow_str topic;
		const char *why;

		h->config->list(c, "topics", i, &topic);
		why = mqtt_filter_problem(topic);
		if (why == NULL)
			continue;
		snprintf(message, sizeof message, "'%.200s' is not a topic filter: %s", topic.ptr, why);
		h->problem(h, "topics", message);
		problems++;
	}
	if ((h->config->str(c, "tls.key", &key) == OUTFLOW_OK) !=
	    (h->config->str(c, "tls.cert", &cert) == OUTFLOW_OK)) {
		h->problem(h, "tls.cert", "and tls.key go together");
		problems++;
	}
	return problems ? OUTFLOW_E_CONFIG : OUTFLOW_OK;
}

static outflow_status read_topics(const outflow_host *h, const outflow_config *c, struct mqtt_options *o)
{
	size_t n = h->config->list(c, "topics", SIZE_MAX, NULL);

	o->topics = calloc(n + 1, sizeof *o->topics);
	for (size_t i = 0; o->topics != NULL && i < n; i++) {
		outflow_str topic;

		h->config->list(c, "topics", i, &topic);
		o->topics[i] = strndup(topic.ptr, topic.len);
		if (o->topics[i] == NULL)
			return OUTFLOW_E_NOMEM;
		o->n_topics++;
	}
	return o->topics ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
}

outflow_status mqtt_options_read(const outflow_host *h, const outflow_config *c, struct mqtt_options *o,
                                 outflow_error *err)
{
	char id[256];

	*o = (struct mqtt_options){ 0 };
	o->broker = outflow_config_string(h, c, "broker");
	o->client_id = outflow_config_string(h, c, "client.id");
	o->username = outflow_config_string(h, c, "username");
	o->password = outflow_config_string(h, c, "password");
	o->tls_ca = outflow_config_string(h, c, "tls.ca");
	o->tls_cert = outflow_config_string(h, c, "tls.cert");
	o->tls_key = outflow_config_string(h, c, "tls.key");
	o->tls_key_password = outflow_config_string(h, c, "tls.key.password");
	o->tls_verify = outflow_config_flag(h, c, "tls.verify");
	o->qos = (int)outflow_config_number(h, c, "qos");
	o->version = outflow_equal(outflow_config_text(h, c, "protocol"), "5") ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	o->keepalive = (int)(outflow_config_number(h, c, "keepalive") / 1000);
	o->receive_maximum = (int)outflow_config_number(h, c, "receive.maximum");
	o->session_expiry = (unsigned)(outflow_config_number(h, c, "session.expiry") / 1000);
	if (o->client_id == NULL) {
		snprintf(id, sizeof id, "outflow-%s-%u", h->pipeline, h->task);
		o->client_id = strdup(id);
	}
	if (o->broker == NULL || o->client_id == NULL || read_topics(h, c, o) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	o->tls = is_tls(o->broker);
	return OUTFLOW_OK;
}

void mqtt_options_clear(struct mqtt_options *o)
{
	for (size_t i = 0; i < o->n_topics; i++)
		free(o->topics[i]);
	free(o->topics);
	free(o->broker);
	free(o->client_id);
	free(o->username);
	free(o->password);
	free(o->tls_ca);
	free(o->tls_cert);
	free(o->tls_key);
	free(o->tls_key_password);
	*o = (struct mqtt_options){ 0 };
}

const outflow_cfg_def mqtt_source_schema = {
	.size = sizeof mqtt_source_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};
