/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distributions build Paho so that every function writes down, under a lock that all threads share, that it was entered and
 * left: half of what receiving a message costs. The plugin is linked with --wrap= for both. Its other debugging aid, a tree of
 * all blocks of memory, has to stay: Paho 1.3.12 frees some twice when a connection breaks, and the tree lets that pass.
 * MQTT_C_CLIENT_TRACE still shows the packets, not the functions.
 */
#include "connectors/mqtt/mqtt.h"

#include <MQTTAsync.h>

#include <stdlib.h>

void __wrap_StackTrace_entry(const char *name, int line, int level);
void __wrap_StackTrace_exit(const char *name, int line, void *result, int level);

void __wrap_StackTrace_entry(const char *name, int line, int level)
{
	(void)name;
	(void)line;
	(void)level;
}

void __wrap_StackTrace_exit(const char *name, int line, void *result, int level)
{
	(void)name;
	(void)line;
	(void)result;
	(void)level;
}

/* A line for each packet is formatted even when nobody reads it, unless the level says errors. */
void paho_quiet(void)
{
	const char *wanted = getenv("MQTT_C_CLIENT_TRACE");

	if (wanted == NULL || *wanted == '\0')
		MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
}
