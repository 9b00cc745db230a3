/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static sigset_t stop_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return signals;
}

void signals_block(void)
{
	sigset_t signals = stop_signals();

	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int signals_open(void)
{
	sigset_t signals = stop_signals();

	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}
