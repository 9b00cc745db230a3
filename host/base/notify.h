/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h: tells the service manager what the daemon does, by the datagrams of sd_notify(3). Without $NOTIFY_SOCKET nobody is
 * told anything. */
#ifndef HOST_BASE_NOTIFY_H
#define HOST_BASE_NOTIFY_H
#include <outflow/util.h>

#include <stdint.h>

/* Sends lines of NAME=VALUE, a printf text: "READY=1\nSTATUS=...". One that cannot be sent is lost. [any] */
void notify_send(const char *format, ...) OUTFLOW_PRINTF(1, 2);

/* How often WATCHDOG=1 is to be sent, half of what sd_watchdog_enabled(3) says; 0: nobody watches. [any] */
int64_t notify_watchdog_ns(void);

#endif
