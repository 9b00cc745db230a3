/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/intern.h"

#include <pthread.h>
#include <string.h>

#define NAMES 255u

uint32_t intern(const char *name)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char *names[NAMES];
	uint32_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < NAMES && names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			break;
	if (i < NAMES && names[i] == NULL)
		names[i] = strdup(name);
	i = i < NAMES && names[i] != NULL ? i + 1 : 0;
	pthread_mutex_unlock(&lock);
	return i;
}
