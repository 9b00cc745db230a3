/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nested.h: a pipeline as nested JSON, as the API takes and shows it, and the flat settings that it stands for:
 *
 *	{ "source": { "class": "mqtt", "topics": [ "a", "b" ] },           source.class = mqtt, source.topics = a,b
 *	  "filter": { "pattern": { "data": { "x": [ 1 ] } } },             filter.pattern = {"data":{"x":[1]}}
 *	  "transforms": [ { "name": "cut", "class": "drop" } ] }           transforms = cut, transforms.cut.class = drop
 *
 * Names of objects join with dots, lists become comma lists or aliases, all by the rules of doc/configuration.md. Where a text
 * of JSON is wanted (`pattern`, each of `patterns`, `template`, and `value` beside `form`), the JSON may stand itself.
 */
#ifndef HOST_CONFIG_NESTED_H
#define HOST_CONFIG_NESTED_H
#include "host/config/problems.h"
#include "host/config/settings.h"

#include <jansson.h>

/* Adds what an object says to settings. What cannot be flattened, or is said twice, becomes a problem under its key.
 * OUTFLOW_E_NOMEM. [any] */
outflow_status nested_flatten(const json_t *object, struct settings *to, struct problems *problems);

/* Changes settings as a JSON merge patch (RFC 7396): null takes a key away, or a group with all that is in it; a list of
 * groups takes the place of the whole list; a plain value replaces one that had a form, too. OUTFLOW_E_NOMEM. [any] */
outflow_status nested_merge(const json_t *patch, struct settings *to, struct problems *problems);

/* The object that stands for these settings; values stay texts, but for patterns that are JSON without fractions. NULL: no
 * memory. [any] */
json_t *nested_from_settings(const struct settings *s);

/* Where in an object that was flattened a key stands, as a JSON pointer (RFC 6901); of one that is missing, the place where it
 * would be. [any] */
void nested_pointer(const json_t *object, const char *key, char *pointer, size_t size);

#endif
