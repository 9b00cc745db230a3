/* SPDX-License-Identifier: Apache-2.0 */
/* properties_fuzz.c: whatever a file of properties holds, one key of it is found, is not there, or the file is refused with a
 * reason; and what is found in it stays when comments and another key come behind. */
#include "fuzz.h"
#include "host/config/properties.h"

#include <outflow/util.h>

#include <stdio.h>

const char fuzz_name[] = "properties";

static outflow_status find(const char *text, size_t n, const char *key, char **value)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, n, "r");
	outflow_error err = { .size = sizeof err };
	outflow_status status;

	must(file != NULL);
	status = properties_find(file, key, value, &err);
	fclose(file);
	must(status == OUTFLOW_OK || (*value == NULL && err.msg[0] != '\0'));
	return status;
}

/* The key, a NUL, and the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char more[] = "\n\n# comment \\\n another.key.than.that = 1\n";
	size_t n = first_part(data, size), rest = n < size ? size - n - 1 : 0;
	char *key = strndup((const char *)data, n), *text = malloc(rest + sizeof more);
	char *value, *again;

	memcpy(text, data + size - rest, rest);
	memcpy(text + rest, more, sizeof more);
	if (rest > 0 && find(text, rest, key, &value) == OUTFLOW_OK) {
		must(find(text, rest + sizeof more - 1, key, &again) == OUTFLOW_OK);
		must(*key == '\0' || strcmp(key, "another.key.than.that") == 0 || (value == NULL) == (again == NULL));
		must(*key == '\0' || value == NULL || strcmp(value, again) == 0 ||
		     strcmp(key, "another.key.than.that") == 0);
		free(value);
		free(again);
	}
	free(key);
	free(text);
	return 0;
}
