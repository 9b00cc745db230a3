/* SPDX-License-Identifier: Apache-2.0 */
/* state_dir.h: the state directory: made, locked against a second daemon, and the paths inside it. */
#ifndef HOST_STORE_STATE_DIR_H
#define HOST_STORE_STATE_DIR_H
#include <outflow/abi.h>

struct state_dir;

/* Makes the directory with its subdirectories (0700 where new) and takes its lock, held until close or the process's
 * end. OUTFLOW_E_RETRY: another process holds it, the error says its pid and how to choose another directory;
 * OUTFLOW_E_TASK: cannot be made or written. [any] */
outflow_status state_dir_open(const char *path, struct state_dir **result, outflow_error *err);

/* The path of a file or directory below it, in a buffer of the caller (PATH_MAX). name parts are percent-encoded so
 * that no name leads out of the directory. OUTFLOW_E_CONFIG: too long. [any] */
outflow_status state_dir_path(const struct state_dir *d, const char *kind, const char *pipeline, int64_t task,
                              char *path, size_t size);

/* The same below any directory, without holding it: for what may be read beside a running process. [any] */
outflow_status state_dir_path_in(const char *root, const char *kind, const char *pipeline, int64_t task, char *path,
                                 size_t size);

/* The directory itself, absolute. [any] */
const char *state_dir_root(const struct state_dir *d);

void state_dir_close(struct state_dir **d);

#endif
