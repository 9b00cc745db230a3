/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kafka_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

outflow_plugin_entry_fn outflow_plugin_entry_v1;

void kafka_mock_begin(struct kafka_mock *m, int brokers, int partitions)
{
	char why[200];

	m->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
	assert_non_null(m->owner);
	rd_kafka_set_log_level(m->owner, 0);
	m->cluster = rd_kafka_mock_cluster_new(m->owner, brokers);
	assert_non_null(m->cluster);
	rd_kafka_mock_topic_create(m->cluster, "t", partitions, brokers);
	m->t = outflow_harness_new();
	outflow_harness_use_real_clock(m->t);
	outflow_harness_set(m->t, "bootstrap", rd_kafka_mock_cluster_bootstraps(m->cluster));
}

void kafka_mock_end(struct kafka_mock *m)
{
	outflow_harness_free(&m->t);
	rd_kafka_mock_cluster_destroy(m->cluster);
	rd_kafka_destroy(m->owner);
}

const outflow_component *kafka_component(const char *name)
{
	const outflow_plugin *plugin = outflow_plugin_entry_v1();

	for (size_t i = 0; i < plugin->n_components; i++)
		if (strcmp(plugin->components[i]->name, name) == 0)
			return plugin->components[i];
	fail_msg("no component %s", name);
	return NULL;
}
