/* SPDX-License-Identifier: Apache-2.0 */
/* missing_entry.c: a shared object that has nothing to do with Outflow. */
int missing_entry_answer(void);
int missing_entry_answer(void)
{
	return 42;
}
