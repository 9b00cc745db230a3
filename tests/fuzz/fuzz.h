/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h: what a fuzz target is, and what it must not survive. */
#ifndef FUZZ_H
#define FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The folder of its corpus below tests/fuzz/corpus. */
extern const char fuzz_name[];
/* Called by libFuzzer with inputs of its own, by replay.c with those of the corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
static inline void must(int holds)
{
	if (!holds)
		abort();
}

/* Inputs of two parts are split at the first NUL; without one the second part is empty. */
static inline size_t first_part(const uint8_t *data, size_t size)
{
	const uint8_t *at = size > 0 ? memchr(data, '\0', size) : NULL;

	return at ? (size_t)(at - data) : size;
}

#endif
