/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For cppcheck, which does not read headers from outside the tree: those of
 * their macros that it has to see through, because they are loops or assign
 * something.  What they walk is made up.
 */
#define NP_WALK(pos, start)		for (pos = (start); pos; pos = np_next(pos))

#define mnl_attr_for_each(a, nlh, off)	NP_WALK(a, np_first(nlh))
#define mnl_attr_for_each_nested(a, n)	NP_WALK(a, np_first(n))
#define nla_for_each_attr(a, h, l, r)	NP_WALK(a, np_first(h))

#define json_array_foreach(a, i, v)	for (i = 0; (v = np_next(a)); i++)
#define json_object_foreach(o, k, v) \
	for (k = np_first(o); (v = np_next(o)); k = np_next(k))

#define list_for_each_entry(p, h, m)	NP_WALK(p, np_first(h))
#define list_for_each_entry_rcu(p, h, ...)	NP_WALK(p, np_first(h))
#define hlist_for_each_entry(p, h, m)	NP_WALK(p, np_first(h))
#define hlist_for_each_entry_rcu(p, h, m)	NP_WALK(p, np_first(h))
#define LIST_FOREACH(p, h, m)	NP_WALK(p, np_first(h))
#define list_for_each_entry_safe(p, n, h, m) \
	for (p = np_first(h), n = np_next(p); p; p = n, n = np_next(p))
#define in_dev_for_each_ifa_rcu(p, dev)	NP_WALK(p, np_first(dev))
#define inet_bind_bucket_for_each(p, h)	NP_WALK(p, np_first(h))
#define sk_for_each(p, h)		NP_WALK(p, np_first(h))
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < 8; (cpu)++)
