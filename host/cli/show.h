/* SPDX-License-Identifier: Apache-2.0 */
/* show.h: bytes and records for people and programs. Nothing that a message holds may reach a terminal as a control sequence,
 * so all that is printed of one goes through here. */
#ifndef HOST_CLI_SHOW_H
#define HOST_CLI_SHOW_H
#include <outflow/abi.h>

#include <stdio.h>

/* Is it UTF-8 without control characters, but for line ends and tabs? */
int show_is_text(outflow_bytes b);

/* On one line: line ends and tabs become spaces, what is no text hexadecimal digits, null a dash. most: so many bytes, then
 * three dots; 0: all. Returns how many columns it took, a character for one; to NULL: only counts. */
int show_short(outflow_bytes b, size_t most, FILE *to);

/* A value as it is, or in hexadecimal digits, and a line end. */
void show_whole(outflow_bytes b, FILE *to);

#endif
