/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h: an answer that has no end yet, such as server-sent events. Whoever has something to say appends it, from any
 * thread, and never waits for the client: a client that reads too slowly is cut off.
 *
 * Two hold a stream: who made it, and the server that sends it (from response_stream on).
 */
#ifndef HOST_API_STREAM_H
#define HOST_API_STREAM_H
#include "host/base/wakeup.h"

#include <outflow/abi.h>
#include <sys/types.h>

struct stream;

/* heartbeat: what is sent when there was nothing else for 15 s, so that a client that has gone is noticed (": \n\n" for
 * server-sent events); a literal. NULL: no memory. The caller has one reference. [any] */
struct stream *stream_new(const char *heartbeat);

/* One more reference, for response_stream. [any] */
struct stream *stream_keep(struct stream *s);

/* Gives a reference back; clears the pointer and accepts NULL inside. [any] */
void stream_release(struct stream **s);

/* Appends. -1: the stream has ended, since the client has gone, read too slowly (256 KiB wait), or there is no memory. [any] */
int stream_send(struct stream *s, const char *text, size_t n);

/* Nothing more will come; what waits is still sent. [any] */
void stream_end(struct stream *s);

/* Has it ended? [any] */
int stream_ended(struct stream *s);

/* How many bytes the client has not taken yet: who sees them grow has to say less. [any] */
size_t stream_waiting(struct stream *s);

/* Signals `drained` whenever the client has taken all that waited, and when it goes; NULL: no more. [any] */
void stream_tell(struct stream *s, struct wakeup *drained);

/* ---- for the server ---- */

/* Who sends: pause is called in stream_take when nothing waits, and wake once after that when something does; both with the
 * stream's lock held. [any] */
struct stream_reader {
	void (*pause)(void *ctx);
	void (*wake)(void *ctx);
	void *ctx;
};
void stream_attach(struct stream *s, const struct stream_reader *reader);

/* The client has gone, or all has been sent: neither function is called any more. [any] */
void stream_detach(struct stream *s);

/* Takes up to n bytes; 0: paused; -1: the end. [any] */
ssize_t stream_take(struct stream *s, char *to, size_t n);

/* Since when (monotonic) the client takes nothing though something waits; 0: nothing waits. Takes no lock. [any] */
int64_t stream_idle_since(const struct stream *s);

/* Sends the heartbeat when it is due. [any] */
void stream_tick(struct stream *s, int64_t now_ns);

#endif
