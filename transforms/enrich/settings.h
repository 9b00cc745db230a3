/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h: the configuration of one enrich stage. */
#ifndef ENRICH_SETTINGS_H
#define ENRICH_SETTINGS_H
#include "place.h"
#include "source.h"

enum missing { MISSING_PASS, MISSING_DROP, MISSING_FAIL, MISSING_DEFAULT }; /* what a key without a row comes to */

struct settings {
	struct event_settings event;
	outflow_str key_text; /* the configuration's */
	struct path *key;
	struct place *target;
	enum missing missing;
	struct table *fallback; /* of MISSING_DEFAULT: one row with the empty key */
	struct source *source;  /* until somebody takes it */
	int64_t interval_ms;
};

/* Reads everything and opens nothing. Each problem is told to h->problem when `tell` is set; OUTFLOW_E_CONFIG when there
 * was one, err holds one of them; OUTFLOW_E_NOMEM. The caller calls settings_clear also after an error. [any] */
outflow_status settings_read(struct settings *s, const outflow_host *h, const outflow_config *c, bool tell,
                             outflow_error *err);

/* Frees what s holds. [any] */
void settings_clear(struct settings *s);

extern const outflow_cfg_def settings_schema;

#endif
