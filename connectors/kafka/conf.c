/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>

void kafka_conf_begin(struct kafka_conf *k, const char *prefix, outflow_error *err)
{
	*k = (struct kafka_conf){ rd_kafka_conf_new(), prefix, err, 0 };
}

void kafka_conf_fail(struct kafka_conf *k, const char *name, const char *why)
{
	if (!k->failed)
		outflow_fail(k->err, OUTFLOW_E_CONFIG, "%s%s: %s", k->prefix, name, why);
	k->failed = 1;
}

void kafka_conf_set_as(struct kafka_conf *k, const char *shown, const char *name, const char *value)
{
	char why[300];

	if (!k->failed && rd_kafka_conf_set(k->conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
		kafka_conf_fail(k, shown, why);
}

void kafka_conf_set(struct kafka_conf *k, const char *name, const char *value)
{
	kafka_conf_set_as(k, name, name, value);
}

void kafka_conf_set_number(struct kafka_conf *k, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	kafka_conf_set(k, name, text);
}

void kafka_conf_set_text(struct kafka_conf *k, const char *name, outflow_str value)
{
	char *copy = strndup(value.ptr, value.len);

	if (copy != NULL) {
		kafka_conf_set(k, name, copy);
	} else if (!k->failed) {
		outflow_fail(k->err, OUTFLOW_E_NOMEM, "no memory");
		k->failed = 1;
	}
	free(copy);
}

void kafka_conf_pass_through(struct kafka_conf *k, const outflow_host *h, const outflow_config *c)
{
	outflow_str key = { NULL, 0 }, value = { NULL, 0 };
	size_t n = h->config->prefix(c, k->prefix, SIZE_MAX, &key, &value);

	for (size_t i = 0; i < n; i++) {
		char name[200];
		char *text;

		h->config->prefix(c, k->prefix, i, &key, &value);
		snprintf(name, sizeof name, "%.*s", (int)key.len, key.ptr);
		text = strndup(value.ptr, value.len);
		if (text == NULL)
			kafka_conf_fail(k, name, "no memory");
		else if (!kafka_java_property(k, name, text))
			kafka_conf_set(k, name, text);
		free(text);
	}
}

void kafka_conf_insist(struct kafka_conf *k, const char *name, const char *value, const char *why)
{
	char is[200] = "";
	size_t size = sizeof is;

	if (k->failed || rd_kafka_conf_get(k->conf, name, is, &size) != RD_KAFKA_CONF_OK || strcmp(is, value) == 0)
		return;
	outflow_fail(k->err, OUTFLOW_E_CONFIG, "%s%s: cannot be '%s': %s", k->prefix, name, is, why);
	k->failed = 1;
}

rd_kafka_conf_t *kafka_conf_end(struct kafka_conf *k)
{
	if (!k->failed)
		return k->conf;
	rd_kafka_conf_destroy(k->conf);
	return NULL;
}

outflow_status kafka_conf_report(const outflow_host *h, rd_kafka_conf_t *conf, outflow_error *err)
{
	char *colon;

	if (conf != NULL) {
		rd_kafka_conf_destroy(conf);
		return OUTFLOW_OK;
	}
	/* The error begins with the key, which the host prints by itself. */
	colon = strstr(err->msg, ": ");
	if (colon != NULL)
		*colon = '\0';
	h->problem(h, colon ? err->msg : "bootstrap", colon ? colon + 2 : err->msg);
	return OUTFLOW_E_CONFIG;
}
