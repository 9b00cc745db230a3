/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h: checks settings against the schemas of a place, and shows an instance its own keys.
 *
 * A place may have several schemas (a source: its component's and the converter's); each key belongs to the first that
 * has it.
 */
#ifndef HOST_CONFIG_SCHEMA_H
#define HOST_CONFIG_SCHEMA_H
#include "host/config/problems.h"
#include "host/config/settings.h"

#include <outflow/abi.h>

/* Key number i of a schema that may come from an older or newer SDK (its stride is key_size). [any] */
const outflow_cfg_key *schema_key(const outflow_cfg_def *def, size_t i);

/* The key of the first of these schemas that has one of that name, or whose prefix it is below; NULL: none has. [any] */
const outflow_cfg_key *schema_find(const outflow_cfg_def *const *schemas, size_t n, const char *name);

/* Parses text as a value of key's type and checks range and choices. OUTFLOW_E_CONFIG: the error says what is allowed.
 * *number gets INT, BOOL (0/1), DURATION_MS (ms), SIZE (bytes); it may be NULL. [any] */
outflow_status schema_parse(const outflow_cfg_key *key, const char *text, int64_t *number, outflow_error *err);

/* The view that a component's instance gets of its keys: those of `all` below prefix, with the prefix taken off,
 * defaults of the schemas, and `inherited` settings (may be NULL) under their full names. Every unknown key (with the
 * nearest known one), wrong value and missing required key becomes a problem; then each schema's check runs. The result
 * is usable only when nothing was added to problems. OUTFLOW_E_NOMEM. [any] */
struct instance_place {
	const char *pipeline, *prefix; /* "source." */
	const char *const *
		known; /* keys below prefix that the caller itself understands ("class"), NULL-terminated; may be NULL */
	const outflow_cfg_def *const *schemas;
	size_t n_schemas;
	const struct settings *inherited;
	const char *file; /* where the place as a whole was declared, for missing keys */
	int line;
	int hidden;  /* secrets, and what references lead to, are hidden from it, but for numbers and choices */
	int partial; /* only a part of what an instance needs: nothing is required, and no schema's check runs */
};
outflow_status instance_config_new(const struct instance_place *where, const struct settings *all,
                                   struct problems *problems, outflow_config **result);

/* A copy of base in which the given keys have other values; each must be in its schema. OUTFLOW_E_CONFIG: one is not, or its
 * value is wrong; OUTFLOW_E_NOMEM. [any] */
outflow_status instance_config_copy(const outflow_config *base, const struct settings *changes, outflow_config **result,
                                    outflow_error *err);

/* Clears the pointer and accepts NULL inside. [any] */
void instance_config_free(outflow_config **c);

/* The functions behind outflow_host.config. */
extern const outflow_config_api instance_config_api;

#endif
