/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.h: text compared without regard to case, as event-ruler does it: each character of the pattern stands for its own
 * lower case and its own upper case, with no regard to language or context. "ß" fits "ß" and "SS"; "K" fits "k" and "K",
 * but not the Kelvin sign. Characters beyond U+FFFF have no case. All [any].
 */
#ifndef EVENT_FOLD_H
#define EVENT_FOLD_H
#include <outflow/abi.h>

#include <stdbool.h>

/* One character of a pattern in UTF-8: either will do. */
struct folded {
	uint8_t lower_length, upper_length;
	char lower[9], upper[9];
};

/* Writes the characters of text, which is valid UTF-8, to chars (room for text.len) and their number to *n. false: this
 * system has no UTF-8 locale. */
bool fold_read(outflow_str text, struct folded *chars, size_t *n);

/* Does text begin, does it end with these characters? *length: how much of it they are. */
bool fold_begins(const struct folded *chars, size_t n, outflow_str text, size_t *length);
bool fold_ends(const struct folded *chars, size_t n, outflow_str text);

#endif
