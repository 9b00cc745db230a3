/* SPDX-License-Identifier: Apache-2.0 */
/* From the keys of a dead-letter sink to those of the source that reads what it writes. */
#include "host/cli/dlq.h"

#include <stdio.h>
#include <string.h>

/* A line of the file sink holds a whole record, and a batch as much. */
#define LINE_MAX_TEXT "64MiB"

/* One pipeline being made. */
struct reading {
	const struct pipeline_model *of;
	struct settings settings;
	int no_memory;
};

static void set(struct reading *rd, const char *key, const char *value)
{
	rd->no_memory |= settings_set(&rd->settings, key, value, rd->of->file, rd->of->line) != OUTFLOW_OK;
}

/* deadletter.FROM, if it is there, becomes source.TO. */
static void carry(struct reading *rd, const char *from, const char *to)
{
	char key[300];
	const char *value;

	snprintf(key, sizeof key, "deadletter.%s", from);
	value = settings_get(&rd->of->settings, key);
	snprintf(key, sizeof key, "source.%s", to);
	if (value != NULL)
		set(rd, key, value);
}

/* What a producer needs to be let in, a consumer needs too; the rest of its properties would mean nothing. */
static void carry_security(struct reading *rd)
{
	static const char *const groups[] = { "security.", "ssl.",    "sasl.",   "enable.ssl.", "enable.sasl.",
		                              "socket.",   "broker.", "client.", NULL };
	static const char prefix[] = "deadletter.producer.";

	for (size_t i = 0; i < rd->of->settings.n; i++) {
		const char *name = rd->of->settings.list[i].key;
		char from[300], to[300];

		if (strncmp(name, prefix, sizeof prefix - 1) != 0)
			continue;
		name += sizeof prefix - 1;
		for (const char *const *group = groups; *group != NULL; group++) {
			if (strncmp(name, *group, strlen(*group)) != 0)
				continue;
			snprintf(from, sizeof from, "producer.%.250s", name);
			snprintf(to, sizeof to, "consumer.%.250s", name);
			carry(rd, from, to);
		}
	}
}

static int refuse(const struct pipeline_model *m, const char *why)
{
	fprintf(stderr, "outflow: the dead letters of pipeline '%s' cannot be read: %s\n", m->name, why);
	return EXIT_CONFIG;
}

static int read_file(struct reading *rd)
{
	const char *format = settings_get(&rd->of->settings, "deadletter.format");

	if (format == NULL || strcmp(format, "json") != 0)
		return refuse(rd->of,
		              "the file holds nothing but values; set deadletter.format = \"json\" for those to come");
	set(rd, "source.class", "file/source");
	carry(rd, "path", "path");
	set(rd, "source.line.format", "json");
	set(rd, "source.line.max", LINE_MAX_TEXT);
	return EXIT_OK;
}

static int read_kafka(struct reading *rd)
{
	if (rd->of->deadletter_topic == NULL)
		return refuse(rd->of,
		              "they go to the topics of the records; set deadletter.topic to gather them in one");
	set(rd, "source.class", "kafka/reader");
	carry(rd, "bootstrap", "bootstrap");
	carry(rd, "topic", "topics");
	carry_security(rd);
	return EXIT_OK;
}

static int read_from(struct reading *rd)
{
	const struct component *sink = &rd->of->deadletter.component;
	char why[200];

	if (rd->of->deadletter.name == NULL)
		return refuse(rd->of, "it declares none (deadletter.class)");
	if (strcmp(sink->module->plugin->id, "file") == 0)
		return read_file(rd);
	if (strcmp(sink->module->plugin->id, "kafka") == 0)
		return read_kafka(rd);
	if (strcmp(sink->module->plugin->id, "mqtt") == 0)
		return refuse(rd->of, "an MQTT topic keeps nothing; use a Kafka topic or a file for deadletter");
	snprintf(why, sizeof why, "nobody knows how to read what %.60s/%.60s has written; use a Kafka topic or a file",
	         sink->module->plugin->id, sink->what->name);
	return refuse(rd->of, why);
}

int dlq_model_new(struct configuration *c, const struct pipeline_model *m, struct pipeline_model **result)
{
	static const struct declarations no_connections;
	struct reading rd = { .of = m };
	struct declaration d = { .name = m->name, .file = m->file, .line = m->line };
	int status = read_from(&rd);

	*result = NULL;
	set(&rd, "name", m->name);
	set(&rd, "sink.class", "null/sink");
	d.settings = rd.settings;
	if (status == EXIT_OK && (rd.no_memory || pipeline_model_new(&d, &no_connections, &c->host, c->inventory,
	                                                             &c->problems, result) != OUTFLOW_OK)) {
		fputs("outflow: no memory\n", stderr);
		status = EXIT_FAILED;
	}
	if (status == EXIT_OK)
		status = configuration_report(c);
	settings_clear(&rd.settings);
	return status;
}
