/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/schema.h"

#include "host/config/suggest.h"

#include <outflow/util.h>

#include <errno.h>
#include <stdlib.h>

const outflow_cfg_key *schema_key(const outflow_cfg_def *def, size_t i)
{
	return (const outflow_cfg_key *)(const void *)((const char *)def->keys + i * def->key_size);
}

const outflow_cfg_key *schema_find(const outflow_cfg_def *const *schemas, size_t n, const char *name)
{
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; schemas[s] != NULL && i < schemas[s]->n_keys; i++) {
			const outflow_cfg_key *key = schema_key(schemas[s], i);
			size_t length = strlen(key->name);

			if (key->type == OUTFLOW_T_PREFIX
			            ? strncmp(name, key->name, length) == 0 && name[length] != '\0'
			            : strcmp(name, key->name) == 0)
				return key;
		}
	return NULL;
}

/* ---- values ---- */

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};
static const struct unit sizes[] = {
	{ "B", 1 },         { "kB", 1000 },     { "KB", 1000 },     { "MB", 1000000 },           { "GB", 1000000000 },
	{ "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { "TiB", INT64_C(1) << 40 }, { NULL, 0 },
};

/* A whole number and its unit. A bare number is an error but for 0: what it counts should be visible. */
static outflow_status parse_with_unit(const char *text, const struct unit *units, const char *example, int64_t *number,
                                      outflow_error *err)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	while (*end == ' ')
		end++;
	if (end == text || errno != 0 || n < 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is not a number with a unit, such as \"%s\"", text,
		                    example);
	if (*end == '\0' && n == 0) {
		*number = 0;
		return OUTFLOW_OK;
	}
	for (; units->name != NULL; units++)
		if (strcmp(units->name, end) == 0) {
			if (__builtin_mul_overflow(n, units->factor, number))
				return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is too large", text);
			return OUTFLOW_OK;
		}
	return outflow_fail(err, OUTFLOW_E_CONFIG,
	                    *end == '\0' ? "'%.60s' has no unit; write it as in \"%s\""
	                                 : "'%.60s' has an unknown unit; write it as in \"%s\"",
	                    text, example);
}

static outflow_status parse_integer(const char *text, int64_t *number, outflow_error *err)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is not a whole number", text);
	return OUTFLOW_OK;
}

static outflow_status parse_bool(const char *text, int64_t *number, outflow_error *err)
{
	*number = strcmp(text, "true") == 0;
	if (!*number && strcmp(text, "false") != 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is neither true nor false", text);
	return OUTFLOW_OK;
}

static outflow_status parse_double(const char *text, double *value, outflow_error *err)
{
	char *end;

	errno = 0;
	*value = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is not a number", text);
	return OUTFLOW_OK;
}

static outflow_status check_choice(const outflow_cfg_key *key, const char *text, outflow_error *err)
{
	struct suggestion near = { .typed = text };
	char all[300] = "";

	for (const char *const *choice = key->choices; *choice != NULL; choice++) {
		size_t n = strlen(all);

		if (strcmp(*choice, text) == 0)
			return OUTFLOW_OK;
		suggestion_offer(&near, *choice);
		snprintf(all + n, sizeof all - n, "%s%s", n > 0 ? ", " : "", *choice);
	}
	if (near.best != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is not one of %s; did you mean '%s'?", text, all,
		                    near.best);
	return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is not one of %s", text, all);
}

static outflow_status check_range(const outflow_cfg_key *key, const char *text, int64_t number, outflow_error *err)
{
	if ((key->min == 0 && key->max == 0) || (number >= key->min && number <= key->max))
		return OUTFLOW_OK;
	return outflow_fail(err, OUTFLOW_E_CONFIG, "'%.60s' is out of range: from %lld to %lld%s", text,
	                    (long long)key->min, (long long)key->max,
	                    key->type == OUTFLOW_T_DURATION_MS ? " ms"
	                    : key->type == OUTFLOW_T_SIZE      ? " bytes"
	                                                       : "");
}

outflow_status schema_parse(const outflow_cfg_key *key, const char *text, int64_t *number, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	int64_t n = 0;
	double real;

	switch (key->type) {
	case OUTFLOW_T_BOOL:
		status = parse_bool(text, &n, err);
		break;
	case OUTFLOW_T_INT:
		status = parse_integer(text, &n, err);
		break;
	case OUTFLOW_T_DOUBLE:
		return parse_double(text, &real, err);
	case OUTFLOW_T_DURATION_MS:
		status = parse_with_unit(text, durations, "500ms", &n, err);
		break;
	case OUTFLOW_T_SIZE:
		status = parse_with_unit(text, sizes, "64MiB", &n, err);
		break;
	case OUTFLOW_T_ENUM:
		return check_choice(key, text, err);
	default:
		return OUTFLOW_OK;
	}
	if (status == OUTFLOW_OK && key->type != OUTFLOW_T_BOOL)
		status = check_range(key, text, n, err);
	if (status == OUTFLOW_OK && number != NULL)
		*number = n;
	return status;
}
