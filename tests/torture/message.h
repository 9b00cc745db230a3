/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h: the messages of the long tests. Each says its own number and ends with a checksum of all bytes before it:
 * {"seq":7,...,"crc":123}. Of the poisoned ones, too, which are damaged in between: what arrives in the dead letters can
 * be checked byte for byte like the rest.
 */
#ifndef TESTS_TORTURE_MESSAGE_H
#define TESTS_TORTURE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* BIG is rare: a thousandth of the poison would be most of the bytes. */
enum poison { POISON_NONE, POISON_SYNTAX, POISON_NUL, POISON_DEEP, POISON_UTF8, POISON_BIG, POISON_KINDS };

/* What is poisoned: every `every`-th message (0: none) by turns, and every `big_every`-th (0: none) with 10 MB. */
struct poisoning {
	uint64_t every, big_every;
};

/* The kind of this message: publisher and reader must come to the same answer. */
enum poison message_poison(const struct poisoning *p, uint64_t number);

const char *poison_name(enum poison kind);

/* Room that any message of this kind needs. */
size_t message_room(enum poison kind, size_t size);

/* Writes message `number`, of about `size` bytes where it is not poisoned; returns its length. */
size_t message_write(char *to, uint64_t number, enum poison kind, size_t size);

/* Reads the number back. Returns 0 when these bytes are none of ours, and sets *corrupt when the checksum is wrong. */
int message_read(const char *bytes, size_t length, uint64_t *number, int *corrupt);

#endif
