/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect_spelling.h: Kafka Connect's spelling of a pipeline, put into our own.
 *
 * connector.class names a source or a sink whose keys stand without prefix; the other side is Kafka. The keys that Connect
 * defines for every connector mean what they mean there; the keys of our own pipelines (batch.*, retry.*, filter.*, journal.*
 * ... and those of the other side below sink. or source.) may stand beside them.
 */
#ifndef HOST_CONFIG_CONNECT_SPELLING_H
#define HOST_CONFIG_CONNECT_SPELLING_H
#include "host/config/connect_class.h"
#include "host/config/model.h"

struct connect_translation {
	struct connect_class class
		; /* its component is NULL when connector.class is wrong: then there is nothing else */
	struct settings native;
	struct settings spelled; /* by native key: the key that it was made from */
};

/* Is it in that spelling? [any] */
int connect_is_spelling(const struct settings *s);

/* Translates. Problems are added under the keys as they are spelled; the result is whole, as far as it goes, all the same, so that
 * what is wrong with the rest can be said, too. OUTFLOW_E_NOMEM. [any] */
outflow_status connect_translate(const struct declaration *d, const struct host_model *host,
                                 const struct inventory *inv, struct problems *problems,
                                 struct connect_translation *result);

/* How the user spells a native key. [any] */
const char *connect_spelled(const struct connect_translation *t, const char *native);

void connect_translation_clear(struct connect_translation *t);

#endif
