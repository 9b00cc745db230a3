/* SPDX-License-Identifier: Apache-2.0 */
/* changes.h: tells whoever watches that a pipeline is not in the state any more in which it was. */
#ifndef HOST_API_CHANGES_H
#define HOST_API_CHANGES_H
#include <outflow/abi.h>

struct changes;

/* Called from any thread, with a lock held: it notes down what to do, and does not call back. */
typedef void changes_watcher(void *ctx, const char *pipeline);

/* NULL: no memory. [any] */
struct changes *changes_new(void);
void changes_free(struct changes **c);

/* OUTFLOW_E_NOMEM. [any] */
outflow_status changes_watch(struct changes *c, changes_watcher *watcher, void *ctx);

/* Afterwards it is not called any more, nor is a call under way. [any] */
void changes_unwatch(struct changes *c, changes_watcher *watcher, void *ctx);

/* [any] */
void changes_publish(struct changes *c, const char *pipeline);

#endif
