/* SPDX-License-Identifier: Apache-2.0 */
/* exposed.h: files that hold secrets and that every user of this machine can read. */
#ifndef HOST_CONFIG_EXPOSED_H
#define HOST_CONFIG_EXPOSED_H
#include "host/config/load.h"
#include "host/config/mask.h"

/* Zeroed is empty. */
struct exposed {
	char **paths;
	char **sentences; /* each names a file, a key that leads to it, and the cure */
	size_t n;
};

/* Adds the files that references in these settings lead to, and those in which a secret of theirs is written out; each file
 * once. OUTFLOW_E_NOMEM. [any] */
outflow_status exposed_look(struct exposed *e, const struct inventory *inv, enum mask_of what,
                            const struct settings *settings);

/* The same for all that files declare: the host, pipelines, connections. [any] */
outflow_status exposed_look_loaded(struct exposed *e, const struct inventory *inv, const struct loaded *loaded);

void exposed_clear(struct exposed *e);

#endif
