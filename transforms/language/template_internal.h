/* SPDX-License-Identifier: Apache-2.0 */
/* template_internal.h: what a compiled template is made of; for template*.c. */
#ifndef EVENT_TEMPLATE_INTERNAL_H
#define EVENT_TEMPLATE_INTERNAL_H
#include "template.h"

/* Where a variable stands, which decides how its value is written. */
enum template_place {
	TEMPLATE_IN_TEXT,
	TEMPLATE_IN_STRING, /* of a JSON template: between quotes */
	TEMPLATE_AS_VALUE   /* of a JSON template: where a value stands */
};

struct template_slice {
	size_t at, n; /* in template_form.texts */
};

/* Text, then a variable; of the last piece text alone. */
struct template_piece {
	struct template_slice text;
	const struct path *path; /* NULL: none follows */
	enum template_place place;
	bool has_instead;
	struct template_slice instead; /* what is written when there is no value */
	struct template_slice name;
};

struct template_form {
	char *texts;
	struct template_piece *pieces;
	size_t n_pieces;
	size_t n_text; /* of all pieces together */
	bool is_json;
	enum template_missing missing;
	struct path **paths;
	size_t n_paths;
};

#endif
