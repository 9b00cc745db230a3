/* SPDX-License-Identifier: Apache-2.0 */
/* probe.h: looks at plugin files in a child process, so that one that crashes or hangs while it is loaded is a sentence. */
#ifndef HOST_PLUGIN_PROBE_H
#define HOST_PLUGIN_PROBE_H
#include <outflow/abi.h>

/* verdicts[i]: NULL, the file may be loaded; else malloc'd, why not. One child looks at all files; only after one that
 * kills it another child goes on with the rest. OUTFLOW_E_NOMEM. [any, before threads are started] */
outflow_status probe_files(const char *const *paths, size_t n, char **verdicts);

#endif
