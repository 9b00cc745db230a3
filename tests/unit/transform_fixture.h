/* SPDX-License-Identifier: Apache-2.0 */
/* transform_fixture.h: a transform configured in one line, and what it makes of one message. */
#ifndef TRANSFORM_FIXTURE_H
#define TRANSFORM_FIXTURE_H
#include "sdk/testing/harness.h"

/* Keys and values by turns. */
#define SET(...)                                                                                                       \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}

/* A harness with these settings, with an instance; fails the test when they are refused. */
outflow_harness *transform_make(const outflow_component *c, const char *const *settings);

/* One message with that payload comes out as one with the expected one; outputs, one a line. NULL: filtered. */
void transform_turns(const outflow_component *c, const char *const *settings, const char *payload,
                     const char *expected);

/* It is rejected, and the reason holds `cause`. */
void transform_rejects(const outflow_component *c, const char *const *settings, const char *payload, const char *cause);

/* The settings are refused, and the first problem holds `problem`. */
void transform_refuses(const outflow_component *c, const char *const *settings, const char *problem);

/* Whichever allocation of the host fails, the call says OUTFLOW_E_NOMEM; at least so many there are. */
void transform_runs_out_of_memory(const outflow_component *c, const char *const *settings, const char *payload,
                                  size_t at_least);

#endif
