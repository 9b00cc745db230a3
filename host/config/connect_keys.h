/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect_keys.h: the keys that Kafka Connect itself defines for every connector (ConnectorConfig, SourceConnectorConfig and
 * SinkConnectorConfig of Apache Kafka 4.3), with the types, defaults, groups and orders that its REST API shows.
 */
#ifndef HOST_CONFIG_CONNECT_KEYS_H
#define HOST_CONFIG_CONNECT_KEYS_H
#include <outflow/abi.h>

enum connect_side { CONNECT_BOTH, CONNECT_SOURCE, CONNECT_SINK };

struct connect_key {
	const char *name;
	const char *type; /* as Connect spells it: "STRING", "INT", ... */
	const char *dflt; /* NULL: none */
	const char *importance, *group;
	int order; /* in its group */
	const char *width, *display, *doc;
	enum connect_side side;
	int required;
	const char *const *choices; /* NULL: any */
};

/* In Connect's order; ends with a name of NULL. */
extern const struct connect_key connect_keys[];

/* NULL: Connect knows no such key for a connector of this side. [any] */
const struct connect_key *connect_key_find(const char *name, enum connect_side side);

/* Is text a value of the key's type and among its choices? Letter case of booleans does not matter, as in Connect.
 * OUTFLOW_E_CONFIG: err says what is allowed. [any] */
outflow_status connect_key_check(const struct connect_key *key, const char *text, outflow_error *err);

/* Java's reading of a boolean text: 1, 0, or -1 when it is none. [any] */
int connect_flag(const char *text);

#endif
