/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.h: texts as the inside of JSON strings. All [any]. */
#ifndef EVENT_JSON_TEXT_H
#define EVENT_JSON_TEXT_H
#include <outflow/json.h>

#include <stdbool.h>

/* How long s, which is UTF-8, is between the quotes of a JSON string; s.len: it needs no escapes. */
size_t json_text_length(outflow_str s);

/* Writes it so and returns the end of what was written; to has room for json_text_length(s). */
char *json_text_write(outflow_str s, char *to);

/* How many characters UTF-8 text has. */
size_t json_text_characters(outflow_str s);

#endif
