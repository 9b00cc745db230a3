/* SPDX-License-Identifier: Apache-2.0 */
/* eventbridge_table.h: each field of an event stream, and the setting that says the same. */
#ifndef HOST_API_EVENTBRIDGE_TABLE_H
#define HOST_API_EVENTBRIDGE_TABLE_H
#include "host/config/settings.h"

#define STREAM_PATH_MAX 200
#define STREAM_MQTT "Source.SourceMQTTParameters"
#define STREAM_KAFKA "Sink.SinkKafkaParameters"
#define STREAM_DIALECT "alibaba" /* patterns mean what they mean there */
#define STREAM_ARN_START "acs:alikafka:"

/* How a field and its setting say the same. */
enum kind {
	GROUP,     /* an object; with a key, about the component `is` */
	TEXT,      /* a text */
	NUMBER,    /* a whole number */
	SECONDS,   /* a whole number, and a duration */
	CHOICE,    /* one of words, spelt differently */
	PATTERN,   /* a text of JSON, in the dialect of this API */
	FORM,      /* {Form, Value, Template}: key.form, key.value, key.template */
	CONSTANT,  /* {Form: CONSTANT, Value}: key */
	ARN,       /* acs:alikafka:<region>:<account>:instance/<connection>/topic/<topic> */
	FUNCTIONS, /* [{Arn: URL}]: a chain of transforms */
	REFUSED,   /* key says why */
};

struct word {
	const char *theirs, *ours;
};

struct stream_field {
	const char *path;
	enum kind kind;
	const char *key;
	const char *is;           /* of a GROUP: what the key is */
	const struct word *words; /* of a CHOICE; ends with a zeroed one */
};

/* Parents before children; ends with a zeroed one. */
extern const struct stream_field stream_fields[];

/* The field of this path, "Source.SourceMQTTParameters.Topic", or NULL. [any] */
const struct stream_field *stream_field_find(const char *path);

/* Is path this part of a stream, or within it? [any] */
int stream_path_is_within(const char *path, const char *part);

/* The value of the setting <key>.<name>, or NULL. [any] */
const char *stream_setting(const struct settings *s, const char *key, const char *name);

#endif
