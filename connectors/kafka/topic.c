/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/kafka/kafka.h"

int kafka_topic_is_valid(outflow_str name)
{
	int only_dots = 1;

	if (name.len == 0 || name.len > 249)
		return 0;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
		      c == '_' || c == '-'))
			return 0;
		only_dots = only_dots && c == '.';
	}
	return !only_dots || name.len > 2;
}
