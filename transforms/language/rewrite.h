/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite.h: a JSON text with some values replaced, removed or added, everything else byte for byte.
 *
 * Edits name tokens of the tape that rewrite_begin was given and may come in any order. Of several replacements and
 * removals of one token the last counts; what is edited inside a value that is replaced or removed is gone with it.
 * A name that an object has more than once goes along with its last member, which is the one that paths find, when
 * something in that is replaced or removed: else the old value would show.
 * Edits live in the batch's arena, texts must live until rewrite_finish. No memory is said once, by
 * rewrite_finish. All [task].
 */
#ifndef LANGUAGE_REWRITE_H
#define LANGUAGE_REWRITE_H
#include <outflow/json.h>

#include <stdbool.h>

struct rewrite_edit;

/* One text being edited; its members are rewrite.c's. */
struct rewrite {
	const outflow_host *host;
	outflow_batch *batch;
	const outflow_json *json;
	struct rewrite_edit *edits;
	uint32_t n, room;
	bool sorted, failed;
	size_t growth; /* bytes that the edits add at most */
};

void rewrite_begin(struct rewrite *w, const outflow_host *h, outflow_batch *b, const outflow_json *json);

/* Value `token` becomes json_text, which must be JSON. */
void rewrite_replace(struct rewrite *w, uint32_t token, outflow_str json_text);

/* Value `token` goes: an element, or a member with its name. The root cannot go. */
void rewrite_remove(struct rewrite *w, uint32_t token);

/* `object` gets one member more, behind those that it has. name is UTF-8, escaped here; that the object has no
 * such member yet is the caller's to know. */
void rewrite_add_member(struct rewrite *w, uint32_t object, outflow_str name, outflow_str json_text);

/* Is the text still the same? */
bool rewrite_is_empty(const struct rewrite *w);

/* Does an edit replace or remove `token`, or something around it? */
bool rewrite_covers(const struct rewrite *w, uint32_t token);

/* Has `object` got a member of that name from rewrite_add_member? */
bool rewrite_has_added(const struct rewrite *w, uint32_t object, outflow_str name);

/* The edited text, in the batch's arena; without any edit the text itself. ptr NULL: no memory. */
outflow_bytes rewrite_finish(struct rewrite *w);

#endif
