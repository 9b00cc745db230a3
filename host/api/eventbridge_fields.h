/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventbridge_fields.h: an event stream as EventBridge's API of 2020-04-01 has it, and the settings of the pipeline that it
 * stands for. One table serves both ways (doc/eventbridge.md shows it); what it does not have is refused by name.
 */
#ifndef HOST_API_EVENTBRIDGE_FIELDS_H
#define HOST_API_EVENTBRIDGE_FIELDS_H
#include "host/config/problems.h"
#include "host/config/settings.h"

#include <jansson.h>

/* Takes away what a part of a stream ("Source", "FilterPattern") can say, then adds what value says: an object, a list, or a
 * text. Problems are under the names of fields, "Source.SourceMQTTParameters.Topic". OUTFLOW_E_NOMEM. [any] */
outflow_status stream_read(const char *part, const json_t *value, struct settings *to, struct problems *problems);

/* Source, Sink, RunOptions, Transforms, FilterPattern and Description as they would have been given; what they cannot say is
 * left out. source and sink: which components these are, "mqtt/source". NULL: no memory. [any] */
json_t *stream_json(const struct settings *s, const char *source, const char *sink);

/* The name of the field that a setting stands for; the setting's own name when there is none. [any] */
const char *stream_field_of(const char *key);

#endif
