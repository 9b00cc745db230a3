/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/ext/probe.h: tries whether the server that a configuration names can be reached, and says why not. Offered by a
 * source or sink (outflow_component.extension); it is how connections are tested. outflow/reach.h helps with the first steps.
 */
#ifndef OUTFLOW_EXT_PROBE_H
#define OUTFLOW_EXT_PROBE_H
#include <outflow/abi.h>

#define OUTFLOW_EXT_PROBE "outflow.probe/1"

/* What the host is told while a probe runs, with the probe's own outflow_host. Texts are for people, and copied; secrets stay
 * out of them. */
typedef struct outflow_probe_steps {
	uint32_t size;
	/* A step begins, such as "resolve", "connect", "tls", "login", "topic". Of a probe that does not come back it is the
	 * step that it hangs in; of one that fails, the step that failed. [any] */
	void (*begin)(const outflow_host *, const char *step);
	/* It went well, and what came of it. [any] */
	void (*done)(const outflow_host *, const char *outcome);
} outflow_probe_steps;

typedef struct outflow_probe_api {
	uint32_t size;
	/* Goes as far as a client would that wants to work: resolves, connects, logs in, asks for what the keys name. It
	 * changes nothing on the other side and disturbs nobody: no client id, group or session of an instance is used.
	 * There is no instance: the configuration may lack required keys, no check has seen it, and of the host there is
	 * what outflow_cfg_def.check has. OUTFLOW_OK: reached. Negative, whatever the class: it is not, err says why; by
	 * deadline_ns (monotonic) at the latest. A component with OUTFLOW_PRIVATE_COPY runs in a copy of its own. [any, not
	 * twice at once in one copy of those] */
	outflow_status (*probe)(const outflow_host *, const outflow_config *, const outflow_probe_steps *,
	                        int64_t deadline_ns, outflow_error *);
	/* Optional. Writes name and version of the client library, "librdkafka 2.0.2". [any] */
	void (*library)(char *text, size_t size);
} outflow_probe_api;
#endif
