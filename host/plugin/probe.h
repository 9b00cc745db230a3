/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h: another process loads plugin files and says what they are, so that the host need not load what nobody uses, and
 * one that crashes or hangs while it is loaded is a sentence.
 */
#ifndef HOST_PLUGIN_PROBE_H
#define HOST_PLUGIN_PROBE_H
#include "host/plugin/known_plugin.h"

/* What a look at one file brought: one of the two. */
struct finding {
	struct known_plugin *plugin;
	char *reason; /* why it cannot be used */
};

/* To be called first in main: the process that probe_files starts, which is this program once more, goes on in here and
 * does not return. A program that does not call it must not call probe_files. [once, before threads are started] */
void probe_serve(int argc, char **argv);

/* findings[i]: what the file is; the caller frees it. One process looks at all files; only after one that kills it another
 * goes on with the rest. A file is given five seconds. Where no process can be had, all are refused with the reason.
 * OUTFLOW_E_NOMEM. [any] */
outflow_status probe_files(const char *const *paths, size_t n, struct finding *findings);

#endif
