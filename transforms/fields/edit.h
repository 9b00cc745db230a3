/* SPDX-License-Identifier: Apache-2.0 */
/* edit.h: fields of a JSON object renamed, dropped or kept, without touching the rest. */
#ifndef FIELDS_EDIT_H
#define FIELDS_EDIT_H
#include <outflow/json.h>

enum edit_kind { EDIT_RENAME, EDIT_DROP, EDIT_KEEP };

struct edit;

/* Makes an edit without any field. NULL: no memory. The caller frees it with edit_free. [any] */
struct edit *edit_new(enum edit_kind kind);

/* Adds one item of the configuration: a name, with dots for nesting, and for EDIT_RENAME ":" and the new name
 * behind it. The text is copied. OUTFLOW_E_CONFIG: the error tells why; OUTFLOW_E_NOMEM. [any] */
outflow_status edit_add(struct edit *e, outflow_str item, outflow_error *err);

/* Frees *e and clears it; NULL inside is fine. [any] */
void edit_free(struct edit **e);

/* Applies e to the object that is the root of j. *text: the new JSON in b's arena, or with ptr NULL nothing had
 * to change. OUTFLOW_E_RECORD: the root is no object; OUTFLOW_E_NOMEM. [task] */
outflow_status edit_apply(const struct edit *e, const outflow_host *h, outflow_batch *b, const outflow_json *j,
                          outflow_bytes *text, outflow_error *err);

#endif
