/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/connect_class.h"

#include <outflow/util.h>

#include <stdio.h>

static const struct connect_own_key file_source_keys[] = {
	{ "file", "source.path", "STRING", NULL, "HIGH",
	  "The file to read. (Connect would read its standard input without.)", 1 },
	{ "topic", "sink.topic", "STRING", NULL, "HIGH", "The topic to write to.", 1 },
	{ "batch.size", "source.poll.lines", "INT", "2000", "LOW", "At most so many lines are read at a time.", 0 },
	{ .name = NULL },
};
static const char *const file_source_fixed[] = { "source.follow",
	                                         "true",
	                                         "source.missing",
	                                         "wait",
	                                         "source.line.end",
	                                         "any",
	                                         "source.poll.lines",
	                                         "2000",
	                                         "source.event.max.bytes",
	                                         "64MiB",
	                                         "source.line.max",
	                                         "64MiB",
	                                         NULL };

static const struct connect_own_key file_sink_keys[] = {
	{ "file", "sink.path", "STRING", NULL, "HIGH",
	  "The file to append to. (Connect would write to its standard output without.)", 1 },
	{ .name = NULL },
};
static const char *const file_sink_fixed[] = { "sink.null", "null", "source.event.max.bytes", "64MiB", NULL };

const struct connect_java connect_javas[] = {
	{ "org.apache.kafka.connect.file.FileStreamSinkConnector", OUTFLOW_SINK, "file/sink", file_sink_keys,
	  file_sink_fixed },
	{ "org.apache.kafka.connect.file.FileStreamSourceConnector", OUTFLOW_SOURCE, "file/source", file_source_keys,
	  file_source_fixed },
	{ .class = NULL },
};

const char *const connect_converters[] = { "org.apache.kafka.connect.storage.StringConverter",
	                                   "org.apache.kafka.connect.json.JsonConverter",
	                                   "org.apache.kafka.connect.converters.ByteArrayConverter",
	                                   "org.apache.kafka.connect.storage.SimpleHeaderConverter", NULL };

int connect_class_is(const char *class, const char *suffix, const char *name)
{
	const char *simple = strrchr(class, '.') + 1;
	size_t n = strlen(simple) - strlen(suffix);

	return strcmp(name, class) == 0 || strcmp(name, simple) == 0 ||
	       (strlen(name) == n && strncmp(name, simple, n) == 0);
}

int connect_converter_find(const char *name, int for_headers)
{
	for (int i = 0; connect_converters[i] != NULL; i++)
		if (connect_class_is(connect_converters[i], "Converter", name))
			return i == CONVERTER_HEADERS && !for_headers ? -1 : i;
	return -1;
}

/* "file/source, gen/source ..." of one kind. */
static void list_components(const struct inventory *inv, uint32_t kind, char *list, size_t size)
{
	const struct catalog *catalog = inventory_catalog(inv);

	for (size_t i = 0; i < catalog->n_plugins; i++) {
		const struct known_plugin *p = catalog->plugins[i]->about;

		for (size_t k = 0; k < p->n_components; k++) {
			size_t n = strlen(list);

			if (p->components[k].kind == kind)
				snprintf(list + n, size - n, "%s%s/%s", n > 0 ? ", " : "", p->id,
				         p->components[k].name);
		}
	}
}

static outflow_status refuse(const struct inventory *inv, const char *name, outflow_error *err)
{
	char known[300] = "";

	list_components(inv, OUTFLOW_SOURCE, known, sizeof known);
	list_components(inv, OUTFLOW_SINK, known, sizeof known);
	return outflow_fail(
		err, OUTFLOW_E_CONFIG,
		strchr(name, '.') != NULL
			? "the Java class '%.100s' cannot be run here; there are FileStreamSource, "
			  "FileStreamSink, and the components %s"
			: "there is no connector '%.100s'; there are FileStreamSource, FileStreamSink, and the "
			  "components %s",
		name, known);
}

outflow_status connect_class_find(const struct inventory *inv, const char *name, struct connect_class *result,
                                  outflow_error *err)
{
	outflow_error unused = { .size = sizeof unused };

	*result = (struct connect_class){ .java = NULL };
	for (const struct connect_java *java = connect_javas; java->class != NULL; java++)
		if (connect_class_is(java->class, "Connector", name)) {
			result->java = java;
			return inventory_find(inv, java->kind, java->component, &result->component, err);
		}
	if (inventory_find(inv, OUTFLOW_SOURCE, name, &result->component, &unused) == OUTFLOW_OK ||
	    inventory_find(inv, OUTFLOW_SINK, name, &result->component, &unused) == OUTFLOW_OK)
		return OUTFLOW_OK;
	return refuse(inv, name, err);
}
