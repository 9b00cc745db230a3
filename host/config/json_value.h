/* SPDX-License-Identifier: Apache-2.0 */
/* json_value.h: values of JSON as the texts that settings are made of, and texts as JSON. */
#ifndef HOST_CONFIG_JSON_VALUE_H
#define HOST_CONFIG_JSON_VALUE_H
#include <outflow/abi.h>

#include <jansson.h>

/* A text, a number, true or false? [any] */
int json_value_is_scalar(const json_t *value);

/* A scalar as text, malloc'd; a fraction with no more digits than it needs. NULL: it is none, or there is no memory. [any] */
char *json_value_text(const json_t *value);

/* Any value as JSON, malloc'd, its fractions like that. NULL: no memory. [any] */
char *json_value_dump(const json_t *value);

/* A sentence as JSON text; each byte that is not UTF-8, such as of a character that was cut, becomes a question mark. NULL: no
 * memory. [any] */
json_t *json_value_sentence(const char *text);

/* Bytes as JSON: a string, {"base64": ...} for what is not UTF-8, null. NULL: no memory. [any] */
json_t *json_value_bytes(outflow_bytes bytes);

#endif
