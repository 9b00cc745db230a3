/* SPDX-License-Identifier: Apache-2.0 */
/* Client properties as Java's clients spell them, where librdkafka has the same thing under another name. */
#include "connectors/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const struct {
	const char *java, *native;
} names[] = {
	{ "max.request.size", "message.max.bytes" },
	{ "fetch.max.wait.ms", "fetch.wait.max.ms" },
	{ "send.buffer.bytes", "socket.send.buffer.bytes" },
	{ "receive.buffer.bytes", "socket.receive.buffer.bytes" },
	{ "ssl.truststore.location", "ssl.ca.location" },
	{ "ssl.truststore.certificates", "ssl.ca.pem" },
	{ "ssl.keystore.certificate.chain", "ssl.certificate.pem" },
	{ "ssl.keystore.key", "ssl.key.pem" },
};

/* An option of a login module: the text between the quotes behind `name=`, malloc'd. NULL: it has none, or no memory. */
static char *module_option(const char *jaas, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = jaas; (p = strstr(p, name)) != NULL; p += n) {
		const char *value = p + n + 1, *end;

		if (p == jaas || (p[-1] != ' ' && p[-1] != '\t' && p[-1] != '\n') || p[n] != '=' || *value != '"')
			continue;
		end = strchr(value + 1, '"');
		return end ? strndup(value + 1, (size_t)(end - value - 1)) : NULL;
	}
	return NULL;
}

/* "org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";" */
static void set_login(struct kafka_conf *k, const char *jaas)
{
	static const char name[] = "sasl.jaas.config";
	char *user = module_option(jaas, "username"), *password = module_option(jaas, "password");

	if (strstr(jaas, "PlainLoginModule") == NULL && strstr(jaas, "ScramLoginModule") == NULL)
		kafka_conf_fail(k, name,
		                "only PlainLoginModule and ScramLoginModule are understood; set librdkafka's own "
		                "sasl.* properties");
	else if (user == NULL || password == NULL)
		kafka_conf_fail(k, name, "has no username=\"...\" and password=\"...\"");
	if (user != NULL)
		kafka_conf_set_as(k, name, "sasl.username", user);
	if (password != NULL)
		kafka_conf_set_as(k, name, "sasl.password", password);
	free(user);
	free(password);
}

static void set_buffer(struct kafka_conf *k, const char *value)
{
	char *end;
	long long bytes = strtoll(value, &end, 10);
	char kbytes[24];

	if (end == value || *end != '\0' || bytes < 1024) {
		kafka_conf_fail(k, "buffer.memory", "is not a number of bytes from 1024");
		return;
	}
	snprintf(kbytes, sizeof kbytes, "%lld", bytes / 1024);
	kafka_conf_set_as(k, "buffer.memory", "queue.buffering.max.kbytes", kbytes);
}

static void check_store(struct kafka_conf *k, const char *name, const char *type, const char *good)
{
	if (strcasecmp(type, "PEM") != 0 && strcasecmp(type, good) != 0)
		kafka_conf_fail(k, name, "this client reads no such store: give it PEM");
}

int kafka_java_property(struct kafka_conf *k, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i].java, name) == 0) {
			kafka_conf_set_as(k, name, names[i].native, value);
			return 1;
		}
	if (strcmp(name, "sasl.jaas.config") == 0)
		set_login(k, value);
	else if (strcmp(name, "buffer.memory") == 0)
		set_buffer(k, value);
	else if (strcmp(name, "ssl.truststore.type") == 0)
		check_store(k, name, value, "PEM");
	else if (strcmp(name, "ssl.keystore.type") == 0)
		check_store(k, name, value, "PKCS12");
	else if (strcmp(name, "ssl.endpoint.identification.algorithm") == 0 && *value == '\0')
		kafka_conf_set(k, name, "none");
	else
		return 0;
	return 1;
}
