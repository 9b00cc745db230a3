/* SPDX-License-Identifier: Apache-2.0 */
/* iregexp.h: I-Regexp (RFC 9485), the regular expressions of JSONPath, run by those of regex.h. */
#ifndef LANGUAGE_IREGEXP_H
#define LANGUAGE_IREGEXP_H
#include "regex.h"

/* Checks text by the grammar of RFC 9485 and compiles it; text need not live on. whole: it must fit a text from its
 * first to its last character, as match() of RFC 9535 does, else any part of one, as search(). OUTFLOW_E_CONFIG: the
 * error says at which byte and why; OUTFLOW_E_NOMEM. The caller frees *r with regex_free. [any] */
outflow_status iregexp_compile(outflow_str text, bool whole, struct regex **r, outflow_error *err);

#endif
