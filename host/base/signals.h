/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h: SIGTERM and SIGINT are read from a descriptor, never handled. */
#ifndef HOST_BASE_SIGNALS_H
#define HOST_BASE_SIGNALS_H

/* Before any thread is started, so that all inherit it: the two stay pending until they are read; writing to a closed
 * connection is an error and no signal. [any] */
void signals_block(void);

/* A descriptor that gives a struct signalfd_siginfo for each of the two; -1: errno says why. [any] */
int signals_open(void);

#endif
