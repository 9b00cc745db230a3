/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.h: who asks, by the Authorization header. */
#ifndef HOST_API_CREDENTIALS_H
#define HOST_API_CREDENTIALS_H
#include "host/config/model.h"

/* The user whose bearer token (RFC 6750) or name and password (RFC 7617) the header carries; NULL: none, or header is
 * NULL. Takes the same time whatever is wrong, and looks at every user. [any] */
const struct api_user *credentials_find(const struct api_model *m, const char *header);

#endif
