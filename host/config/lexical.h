/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lexical.h: what libconfig's own scanner does without a word: it wraps integers that do not fit, and opens the files that
 * @include names.
 */
#ifndef HOST_CONFIG_LEXICAL_H
#define HOST_CONFIG_LEXICAL_H
#include "host/config/problems.h"

/* Adds a problem for each integer literal that does not fit (31 bits and a sign, or 63 with an L), and for each @include,
 * outside of texts and comments. Returns the number of @includes: such a text must not be given to libconfig. [any] */
size_t lexical_check(const char *text, const char *file, struct problems *problems);

#endif
