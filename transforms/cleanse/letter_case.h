/* SPDX-License-Identifier: Apache-2.0 */
/* letter_case.h: texts in upper or lower case, letter by letter as Unicode maps them. */
#ifndef CLEANSE_LETTER_CASE_H
#define CLEANSE_LETTER_CASE_H
#include <outflow/abi.h>

#include <locale.h>
#include <stdbool.h>

/* Opens what the mapping needs; the caller closes it with freelocale. OUTFLOW_E_CONFIG: the C library does not have it;
 * OUTFLOW_E_NOMEM. [any] */
outflow_status letter_case_open(locale_t *locale, outflow_error *err);

/* Writes text, which is UTF-8, in the other case to out, which has room for twice text.len bytes. Returns the length.
 * [any] */
size_t letter_case_write(locale_t locale, bool upper, outflow_str text, char *out);

#endif
