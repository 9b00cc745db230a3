/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask.h: settings as they may be shown. The value of a secret key is MASK_TEXT, unless it is nothing but references
 * (${file:...}), which tell nobody anything; a configuration that was read so can be changed and written back.
 *
 * A key is secret when its component says so (OUTFLOW_K_SECRET), or when its name does, as those of client libraries:
 * producer.sasl.password, consumer.ssl.key.pem; and so is any URL with a password in it.
 */
#ifndef HOST_CONFIG_MASK_H
#define HOST_CONFIG_MASK_H
#include "host/config/model.h"
#include "host/config/problems.h"
#include "host/config/secret.h"
#include "host/config/settings.h"

/* As Kafka Connect has it: PasswordConfigDef, `Password.HIDDEN`. */
#define MASK_TEXT SECRET_HIDDEN

/* What the settings describe. */
enum mask_of { MASK_PIPELINE, MASK_CONNECTION };

/* A copy of the settings in which secrets are masked; with secrets.show in the host's keys (NULL: without) it is a plain copy. What
 * is to be changed in part is masked first and restored then, so that no secret is left in a key that ceases to be one. to: empty. Runs no
 * plugin's code and loads none: the catalog knows which keys are secret. All keys of a class that is not there count as secret.
 * OUTFLOW_E_NOMEM: to is empty. [any] */
outflow_status mask_settings(const struct host_model *host, const struct inventory *inv, enum mask_of what,
                             const struct settings *from, struct settings *to);

/* Is the value of this key, one of the settings, masked by mask_settings? [any] */
int mask_hides(const struct inventory *inv, enum mask_of what, const struct settings *settings,
               const struct setting *it);

/* Puts what is stored (NULL: nothing) wherever `given` has the mask. The mask is a problem at a key that has nothing stored, and
 * at one that is of another class or connection now and not sure to be secret there. name: of the pipeline or connection.
 * OUTFLOW_E_NOMEM leaves some of it undone. [any] */
outflow_status mask_restore(const struct inventory *inv, enum mask_of what, struct settings *given,
                            const struct settings *stored, const char *name, struct problems *problems);

#endif
