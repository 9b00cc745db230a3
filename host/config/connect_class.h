/* SPDX-License-Identifier: Apache-2.0 */
/* connect_class.h: the Java classes of Kafka Connect that components of ours stand for. */
#ifndef HOST_CONFIG_CONNECT_CLASS_H
#define HOST_CONFIG_CONNECT_CLASS_H
#include "host/plugin/inventory.h"

/* A key of a Java connector and what it is for us. */
struct connect_own_key {
	const char *name;   /* "file" */
	const char *native; /* "source.path" */
	const char *type, *dflt, *importance, *doc;
	int required;
};

/* A Java connector. */
struct connect_java {
	const char *class; /* the full name */
	uint32_t kind;     /* OUTFLOW_SOURCE or OUTFLOW_SINK */
	const char *component;
	const struct connect_own_key *keys; /* ends with a name of NULL */
	const char *const *fixed; /* native keys and their values, by turns, NULL-terminated: how it behaves */
};

struct connect_class {
	struct component component;
	const struct connect_java *java; /* NULL: named as the component that it is */
};

/* What connector.class means: a Java connector by its full name, its simple name, or that without Connector; or a source or a
 * sink of ours (the source, when a plugin's id means both). OUTFLOW_E_CONFIG: none; err names what there is. [any] */
outflow_status connect_class_find(const struct inventory *inv, const char *name, struct connect_class *result,
                                  outflow_error *err);

/* The Java connectors; ends with a class of NULL. */
extern const struct connect_java connect_javas[];

/* Is `name` the full Java class name, the simple one, or the simple one without suffix ("Connector", "Converter")? [any] */
int connect_class_is(const char *class, const char *suffix, const char *name);

enum connect_converter { CONVERTER_STRING, CONVERTER_JSON, CONVERTER_BYTES, CONVERTER_HEADERS };

/* The full names, in the enum's order, NULL at the end. */
extern const char *const connect_converters[];

/* Which one it is; -1: none that there is. SimpleHeaderConverter counts only for_headers. [any] */
int connect_converter_find(const char *name, int for_headers);

#endif
