/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer.h: one HTTP request by libcurl, which is loaded when it is needed: linked in, it and its thirty libraries would
 * be in every daemon's memory.
 */
#ifndef HOST_CLI_TRANSFER_H
#define HOST_CLI_TRANSFER_H
#include <signal.h>
#include <stddef.h>

struct transfer {
	const char *method, *path;
	const char *address;  /* http://..., https://..., unix:/path */
	const char *body;     /* JSON; NULL: none */
	const char *if_match; /* NULL: none */
	/* Takes the body of a 2xx answer piece by piece instead of `answer`, which gets any other; not 0 ends the transfer. */
	int (*take)(void *ctx, const char *bytes, size_t n);
	void *take_ctx;
	const volatile sig_atomic_t *stop; /* not 0 ends the transfer; NULL: nothing does */
	/* filled in */
	long status;
	char *answer;
	size_t length;
	char etag[40];
	char why[400]; /* it failed */
};

/* 0: there is an answer; -1: there is none, why says the reason. [any] */
int transfer_run(struct transfer *t);

/* libcurl's name and version. NULL: it cannot be loaded, why (of transfer_run's size) says the reason. [any] */
const char *transfer_library(char *why, size_t size);

/* Frees the answer. [any] */
void transfer_clear(struct transfer *t);

#endif
