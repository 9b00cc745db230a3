/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/failing_memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
int __wrap_asprintf(char **result, const char *format, ...);
int __wrap___asprintf_chk(char **result, int flag, const char *format, ...);

size_t fail_at;
int fails_on;
int armed;
long balance;

static int fails(void)
{
	if (fail_at > 0 && --fail_at == 0) {
		fail_at = (size_t)fails_on;
		armed = 0;
		return 1;
	}
	balance++;
	return 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	balance -= p != NULL;
	return __real_realloc(p, n);
}

void __wrap_free(void *p)
{
	balance -= p != NULL;
	__real_free(p);
}

char *__wrap_strndup(const char *text, size_t n)
{
	size_t length = strnlen(text, n);
	char *copy = __wrap_malloc(length + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, SIZE_MAX);
}

static int print(char **result, const char *format, va_list args)
{
	char text[4096];
	int n = vsnprintf(text, sizeof text, format, args);

	*result = __wrap_strdup(text);
	return *result ? n : -1;
}

int __wrap_asprintf(char **result, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = print(result, format, args);
	va_end(args);
	return n;
}

/* The same in a fortified build. */
int __wrap___asprintf_chk(char **result, int flag, const char *format, ...)
{
	va_list args;
	int n;

	(void)flag;
	va_start(args, format);
	n = print(result, format, args);
	va_end(args);
	return n;
}
