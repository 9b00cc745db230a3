/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static sigset_t watched(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	return signals;
}

void signals_block(void)
{
	sigset_t signals = watched();

	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int signals_open(void)
{
	sigset_t signals = watched();

	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}
