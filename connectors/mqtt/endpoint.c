/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/mqtt/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

const char *const mqtt_protocols[] = { "5", "3.1.1", NULL };

static int begins_with_one_of(outflow_str text, const char *const *heads)
{
	for (; *heads != NULL; heads++)
		if (text.len > strlen(*heads) && memcmp(text.ptr, *heads, strlen(*heads)) == 0)
			return 1;
	return 0;
}

int mqtt_endpoint_check(const outflow_host *h, const outflow_config *c)
{
	static const char *const schemes[] = { "tcp://", "ssl://", "mqtt://", "mqtts://", "ws://", "wss://", NULL };
	outflow_str key, cert;
	int problems = 0;

	if (!begins_with_one_of(outflow_config_text(h, c, "broker"), schemes)) {
		h->problem(h, "broker", "is not an address such as tcp://127.0.0.1:1883 or ssl://broker.example:8883");
		problems++;
	}
	if ((h->config->str(c, "tls.key", &key) == OUTFLOW_OK) !=
	    (h->config->str(c, "tls.cert", &cert) == OUTFLOW_OK)) {
		h->problem(h, "tls.cert", "and tls.key go together");
		problems++;
	}
	return problems;
}

static char *client_id(const outflow_host *h, const outflow_config *c, const char *role)
{
	char *given = outflow_config_string(h, c, "client.id");
	char id[512];

	/* The first keeps its name whatever their number, and with it its session. */
	if (given != NULL && h->task == 0)
		return given;
	if (given != NULL)
		snprintf(id, sizeof id, "%s-%u", given, h->task);
	else
		snprintf(id, sizeof id, "%s%s-%u", role, h->pipeline, h->task);
	free(given);
	return strdup(id);
}

outflow_status mqtt_endpoint_read(const outflow_host *h, const outflow_config *c, const char *role,
                                  struct mqtt_endpoint *e, outflow_error *err)
{
	static const char *const encrypted[] = { "ssl://", "mqtts://", "wss://", NULL };

	*e = (struct mqtt_endpoint){ 0 };
	e->broker = outflow_config_string(h, c, "broker");
	e->client_id = client_id(h, c, role);
	e->username = outflow_config_string(h, c, "username");
	e->password = outflow_config_string(h, c, "password");
	e->tls_ca = outflow_config_string(h, c, "tls.ca");
	e->tls_cert = outflow_config_string(h, c, "tls.cert");
	e->tls_key = outflow_config_string(h, c, "tls.key");
	e->tls_key_password = outflow_config_string(h, c, "tls.key.password");
	e->tls_verify = outflow_config_flag(h, c, "tls.verify");
	e->version = outflow_equal(outflow_config_text(h, c, "protocol"), "5") ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	e->keepalive = (int)(outflow_config_number(h, c, "keepalive") / 1000);
	if (e->broker == NULL || e->client_id == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	e->tls = begins_with_one_of(outflow_text(e->broker), encrypted);
	return OUTFLOW_OK;
}

void mqtt_endpoint_clear(struct mqtt_endpoint *e)
{
	free(e->broker);
	free(e->client_id);
	free(e->username);
	free(e->password);
	free(e->tls_ca);
	free(e->tls_cert);
	free(e->tls_key);
	free(e->tls_key_password);
	*e = (struct mqtt_endpoint){ 0 };
}
