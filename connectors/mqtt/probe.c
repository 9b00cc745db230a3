/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries the way to a broker (outflow.probe/1): by itself as far as TLS, since Paho does not tell these steps apart, then with
 * Paho, as an instance does. The client id is a new one for each probe: a broker ends the session of whoever had the same
 * before (MQTT 5.0, section 3.1.4).
 */
#include "connectors/mqtt/mqtt.h"

#include <outflow/ext/probe.h>
#include <outflow/reach.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define MS_NS INT64_C(1000000)

/* The port of an address that has none, by its scheme. */
static const struct {
	const char *scheme, *port;
} schemes[] = {
	{ "tcp://", "1883" },   { "mqtt://", "1883" }, { "ssl://", "8883" },
	{ "mqtts://", "8883" }, { "ws://", "80" },     { "wss://", "443" },
};

static outflow_status split_broker(const char *broker, outflow_address *a, outflow_error *err)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t n = strlen(schemes[i].scheme);

		if (strncmp(broker, schemes[i].scheme, n) == 0)
			return outflow_address_split(broker + n, schemes[i].port, a, err);
	}
	return outflow_fail(err, OUTFLOW_E_CONFIG,
	                    "the key 'broker' is no address such as tcp://127.0.0.1:1883 or ssl://broker.example:8883");
}

/* Resolves, connects, and shakes hands where that is asked for. */
static outflow_status try_network(const outflow_host *h, const struct mqtt_endpoint *e,
                                  const outflow_probe_steps *steps, int64_t deadline_ns, outflow_error *err)
{
	struct addrinfo *list;
	outflow_address address;
	outflow_status status;
	char shown[300];
	int fd;

	steps->begin(h, "resolve");
	status = split_broker(e->broker, &address, err);
	if (status == OUTFLOW_OK)
		status = outflow_resolve(&address, &list, shown, sizeof shown, err);
	if (status != OUTFLOW_OK)
		return status;
	steps->done(h, shown);
	steps->begin(h, "connect");
	status = outflow_connect(h, list, deadline_ns, &fd, shown, sizeof shown, err);
	freeaddrinfo(list);
	if (status != OUTFLOW_OK)
		return status;
	steps->done(h, shown);
	if (e->tls) {
		steps->begin(h, "tls");
		status = mqtt_probe_tls(h, e, address.host, fd, deadline_ns, shown, sizeof shown, err);
		if (status == OUTFLOW_OK)
			steps->done(h, shown);
	}
	close(fd);
	return status;
}

/* ---- logging in ---- */

static void no_up(void *owner, int session_present, MQTTProperties *properties)
{
	(void)owner;
	(void)session_present;
	(void)properties;
}

static void no_wake(void *owner)
{
	(void)owner;
}

static const struct mqtt_events events = { .up = no_up, .wake = no_wake };

/* What may be done about it. */
static const char *cure(const char *reason)
{
	if (strstr(reason, "dentifier") != NULL)
		return " (the test has a client id of its own; pipelines have theirs)";
	if (strstr(reason, "uthor") != NULL || strstr(reason, "password") != NULL)
		return " (see the keys 'username' and 'password')";
	if (strstr(reason, "rotocol") != NULL)
		return " (see the key 'protocol')";
	return "";
}

static outflow_status explain_login(const struct mqtt_connection *k, outflow_status status, const outflow_error *why,
                                    outflow_error *err)
{
	const char *reason = mqtt_connection_reason(k);

	if (*reason != '\0' && k->is_answer)
		return outflow_fail(err, status < 0 ? status : OUTFLOW_E_OUTAGE, "the broker refuses the login: %s%s",
		                    reason, cure(reason));
	if (status < 0)
		return outflow_fail(err, status, "%s", why->msg);
	return outflow_fail(err, OUTFLOW_E_OUTAGE,
	                    "the other side does not answer as an MQTT broker does%s%s (is that the right port%s?)",
	                    *reason != '\0' ? ": " : "", reason,
	                    k->endpoint->tls ? ", is our certificate good" : ", does it want TLS, as in ssl://");
}

static outflow_status try_login(const outflow_host *h, const struct mqtt_endpoint *e, const outflow_probe_steps *steps,
                                int64_t deadline_ns, outflow_error *err)
{
	struct mqtt_connection k = { .host = h, .endpoint = e, .events = &events, .session = { .clean = 1 } };
	int64_t left_ms = (deadline_ns - h->time->mono_ns(h)) / MS_NS;
	outflow_error why = { .size = sizeof why };
	outflow_status status;
	char shown[100];

	steps->begin(h, "login");
	/* Nothing comes that would have to be acknowledged. */
	socket_hurry(1);
	status = mqtt_connection_start(&k, left_ms < 1 ? 1 : (int)left_ms, &why);
	if (status == OUTFLOW_OK && mqtt_connection_is_up(&k)) {
		snprintf(shown, sizeof shown, "%s, MQTT %s, as client %s",
		         e->username ? "accepted" : "accepted without a user",
		         e->version == MQTTVERSION_5 ? "5" : "3.1.1", e->client_id);
		steps->done(h, shown);
		mqtt_connection_stop(&k, deadline_ns);
	} else {
		status = explain_login(&k, status, &why, err);
		mqtt_connection_drop(&k);
	}
	socket_hurry(0);
	return status;
}

/* ---- the whole ---- */

/* 21 characters: every broker takes 23 (MQTT 3.1.1, section 3.1.3.1). */
static char *new_client_id(void)
{
	uint32_t number = 0;
	char id[24];

	(void)!getrandom(&number, sizeof number, 0);
	snprintf(id, sizeof id, "outflow-test-%08x", number);
	return strdup(id);
}

static outflow_status probe(const outflow_host *h, const outflow_config *c, const outflow_probe_steps *steps,
                            int64_t deadline_ns, outflow_error *err)
{
	struct mqtt_endpoint e = { 0 };
	outflow_status status;
	outflow_str broker;

	if (h->config->str(c, "broker", &broker) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the key 'broker' is not set");
	status = mqtt_endpoint_read(h, c, "", &e, err);
	if (status == OUTFLOW_OK) {
		free(e.client_id);
		e.client_id = new_client_id();
		if (e.client_id == NULL)
			status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	if (status == OUTFLOW_OK)
		status = try_network(h, &e, steps, deadline_ns, err);
	if (status == OUTFLOW_OK)
		status = try_login(h, &e, steps, deadline_ns, err);
	mqtt_endpoint_clear(&e);
	return status;
}

static void library(char *text, size_t size)
{
	const MQTTAsync_nameValue *v = MQTTAsync_getVersionInfo();

	while (v->name != NULL && strcmp(v->name, "Version") != 0)
		v++;
	snprintf(text, size, "Eclipse Paho C %s", v->name ? v->value : "");
}

const void *mqtt_probe_extension(const char *id)
{
	static const outflow_probe_api api = { .size = sizeof api, .probe = probe, .library = library };

	return strcmp(id, OUTFLOW_EXT_PROBE) == 0 ? &api : NULL;
}
