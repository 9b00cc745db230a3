/* SPDX-License-Identifier: Apache-2.0 */
/*
 * new_values.h: the list of fields of insert, update and delete, and what each gets.
 *
 *   fields = "[{\"field\":\"$.data.body.line\",\"value\":\"4\",\"type\":\"number\"}]"   as the product writes it
 *   fields = ( { field = "$.data.body.line"; value = 4; type = "number"; } )           the same as groups
 *   fields = [ "$.data.body.line" ]                                                     delete: paths alone
 */
#ifndef FIELDS_NEW_VALUES_H
#define FIELDS_NEW_VALUES_H
#include "transforms/language/location.h"
#include "transforms/language/path.h"
#include "transforms/language/reading.h"

struct new_value {
	struct location *where;
	char *json; /* what goes there, as JSON; NULL: what `from` finds */
	struct path *from;
};

struct new_values {
	struct new_value *list;
	size_t n;
	bool without; /* fields alone: delete */
};

/* Reads the key "fields". A failure goes into r; the caller calls new_values_clear in any case. [any] */
void new_values_read(struct new_values *v, struct reading *r);

/* Frees what v holds. [any] */
void new_values_clear(struct new_values *v);

#endif
