/* SPDX-License-Identifier: Apache-2.0 */
/* number.h: JSON numbers compared by value and digit for digit, without going through double: 300 = 300.0 =
 * 3.0e2, and 12345678901234567890 differs from 12345678901234567891. All [any]. */
#ifndef EVENT_NUMBER_H
#define EVENT_NUMBER_H
#include <outflow/abi.h>

#include <stdbool.h>

struct number {
	outflow_str text; /* as it was spelled; must live as long as the number */
	bool small;       /* a whole number of at most 18 digits: value is all there is to know */
	bool quick;       /* at most 15 digits, no exponent: approximate is all there is to know */
	int64_t value;
	double approximate; /* the nearest double, when quick */
};

/* Prepares the text of a JSON number for comparisons. whole: it has neither fraction nor exponent. */
void number_read(struct number *n, outflow_str text, bool whole);

/* Less than, equal to or greater than zero, as a is to b. */
int number_compare(const struct number *a, const struct number *b);

/* The same for two struct number as doubles, of which those within 1e-7 of each other are equal. */
int number_compare_tolerant(const void *a, const void *b);

/* The double that is nearest to n, but for the last bit of numbers with more than 25 digits. */
double number_double(const struct number *n);

/* Is the value of this number within the range of an IEEE double, and not too small for one? */
bool number_is_representable(outflow_str text);

#endif
