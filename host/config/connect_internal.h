/* SPDX-License-Identifier: Apache-2.0 */
/* connect_internal.h: what the files that translate Kafka Connect's spelling share. */
#ifndef HOST_CONFIG_CONNECT_INTERNAL_H
#define HOST_CONFIG_CONNECT_INTERNAL_H
#include "host/config/connect_keys.h"
#include "host/config/connect_spelling.h"

#define TOPIC_CREATION "topic.creation."
#define TOPIC_CREATION_DEFAULT "topic.creation.default."
#define DEAD_LETTERS "errors.deadletterqueue."

/* One pipeline being translated. */
struct translating {
	const struct declaration *declaration;
	const struct settings *given; /* its settings */
	const struct settings *host;  /* host_model.connect */
	const struct inventory *inventory;
	struct problems *problems;
	struct connect_translation *to;
	int is_sink;
	const char *own, *other; /* "source." and "sink.", or the other way round */
	outflow_status status;   /* negative: no memory */
};

/* Adds a problem of a key of the user's, at its line. [any] */
void connect_complain(struct translating *t, const char *key, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* Sets a native key that was made from `from`. [any] */
void connect_put(struct translating *t, const char *native, const char *value, const struct setting *from);

/* The same for prefix + name. [any] */
void connect_put_below(struct translating *t, const char *prefix, const char *name, const char *value,
                       const struct setting *from);

/* Sets it when nothing has set it. [any] */
void connect_put_default(struct translating *t, const char *prefix, const char *name, const char *value);

/* The value of a key of the user's when it is there and not empty, else NULL. [any] */
const char *connect_get(const struct translating *t, const char *key);

/* 1, 0; dflt: it is not there, or no boolean. [any] */
int connect_get_flag(const struct translating *t, const char *key, int dflt);

/* What follows prefix, or NULL. [any] */
const char *connect_after(const char *text, const char *prefix);

/* connect_kafka.c: the clients of the Kafka side and of dead letters, with their properties; the topics of a sink; topics to be
 * created. [any] */
void connect_make_kafka(struct translating *t);

/* connect_convert.c: converters, and the formats that they mean. [any] */
void connect_make_formats(struct translating *t);

/* connect_convert.c: a key below key.converter., value.converter. or header.converter. Returns 0: it is none. [any] */
int connect_check_converter_key(struct translating *t, const struct setting *it);

#endif
