/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/json_value.h"

#include <outflow/json.h>

#include <stdlib.h>
#include <string.h>

int json_value_is_scalar(const json_t *value)
{
	return json_is_string(value) || json_is_boolean(value) || json_is_number(value);
}

char *json_value_dump(const json_t *value)
{
	char *text = NULL;

	for (size_t digits = 15; digits <= 17; digits++) {
		json_t *again;
		int same;

		free(text);
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
		if (text == NULL)
			return NULL;
		again = json_loads(text, JSON_DECODE_ANY, NULL);
		same = again == NULL || json_equal(again, value);
		json_decref(again);
		if (same)
			break;
	}
	return text;
}

char *json_value_text(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	return json_value_is_scalar(value) ? json_value_dump(value) : NULL;
}

json_t *json_value_sentence(const char *text)
{
	char *copy = strdup(text);
	size_t n = strlen(text), bad;
	json_t *sentence;

	if (copy == NULL)
		return NULL;
	while ((bad = outflow_utf8_check((outflow_bytes){ copy, n })) < n)
		copy[bad] = '?';
	sentence = json_string_nocheck(copy);
	free(copy);
	return sentence;
}

static json_t *in_base64(outflow_bytes b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = b.ptr;
	char *text = malloc((b.len + 2) / 3 * 4 + 1), *to = text;
	json_t *result;

	if (text == NULL)
		return NULL;
	for (size_t n = b.len; n > 0; p += 3, n -= n < 3 ? n : 3) {
		unsigned long three =
			(unsigned long)p[0] << 16 | (n > 1 ? (unsigned long)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		*to++ = digits[three >> 18];
		*to++ = digits[three >> 12 & 63];
		*to++ = n > 1 ? digits[three >> 6 & 63] : '=';
		*to++ = n > 2 ? digits[three & 63] : '=';
	}
	result = json_pack("{s:s%}", "base64", text, (size_t)(to - text));
	free(text);
	return result;
}

json_t *json_value_bytes(outflow_bytes bytes)
{
	if (bytes.ptr == NULL)
		return json_null();
	/* outflow_utf8_check says how much of it is UTF-8; jansson itself then copies only what is good. */
	if (outflow_utf8_check(bytes) == bytes.len)
		return json_stringn_nocheck(bytes.ptr, bytes.len);
	return in_base64(bytes);
}
