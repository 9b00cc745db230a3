/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventbridge_signature.h: who has signed a request, by the scheme of the vendor's API version 3, ACS3-HMAC-SHA256: an access
 * key signs method, path, query, the headers that it lists, and the body's hash (Alibaba Cloud, "V3 request structure and
 * signature").
 */
#ifndef HOST_API_EVENTBRIDGE_SIGNATURE_H
#define HOST_API_EVENTBRIDGE_SIGNATURE_H
#include "host/api/nonces.h"
#include "host/api/request.h"
#include "host/config/model.h"

/* How far the clock of a client may be from ours, either way. */
#define SIGNATURE_SKEW_MS INT64_C(900000)

/* Why a request is refused. */
struct denial {
	int status;
	const char *code; /* a word for programs; a literal */
	char message[600];
};

/* A printf sentence, as what is refused; NULL, for the caller to return. [any] */
void *refuse(struct denial *why, int status, const char *code, const char *format, ...) OUTFLOW_PRINTF(4, 5);

/* The user whose access key has signed the request for the path "/", at a time near now_ms (wall clock) and for the first
 * time: its nonce is kept. NULL: refused, why says why; a request whose signature is wrong leaves no nonce. [any] */
const struct api_user *signature_check(const struct api_model *m, const struct request *q, int64_t now_ms,
                                       struct nonces *nonces, struct denial *why);

#endif
