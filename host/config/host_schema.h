/* SPDX-License-Identifier: Apache-2.0 */
/* host_schema.h: the keys that the host itself understands, described like those of a plugin. */
#ifndef HOST_CONFIG_HOST_SCHEMA_H
#define HOST_CONFIG_HOST_SCHEMA_H
#include <outflow/abi.h>

/* Of the daemon: state.dir, log.level, ... */
extern const outflow_cfg_def host_schema;

/* Of a pipeline, outside of its source, stages and sinks: name, tasks.max, batch.*, errors.*, journal.*, ... */
extern const outflow_cfg_def pipeline_schema;

/* Below source., sink., deadletter. and a transform's alias: how the component is chosen. */
extern const outflow_cfg_def choice_schema;

/* Below deadletter., beside the sink's own keys. */
extern const outflow_cfg_def deadletter_schema;

/* Keys of every transform, beside its component's. */
extern const outflow_cfg_def transform_schema;

#endif
