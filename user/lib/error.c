// SPDX-License-Identifier: GPL-2.0
/*
 * What went wrong, in words: the kernel's extended ack (its message, the
 * attribute that it points at, the range that its policy gives), or our own.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

void np_error_clear(struct np_error *e)
{
	memset(e, 0, sizeof(*e));
}

/* What errno's own words leave unclear. */
static const char *words(int err)
{
	switch (-err) {
	case EPROTONOSUPPORT:
		return "the kernel module is not loaded; try 'modprobe natpunch'";
	case EPERM:
		return "not permitted, it needs CAP_NET_ADMIN";
	case EINTR:
		return "interrupted, the result may be incomplete";
	case ENOBUFS:
		return "messages were lost, they came faster than they were read";
	case EBUSY:
		return "the handle is in use by a callback";
	default:
		return strerror(-err);
	}
}

/* Append to s[size] as printf(); what does not fit is cut. */
__attribute__((format(printf, 3, 4)))
static void append(char *s, size_t size, const char *fmt, ...)
{
	size_t len = strlen(s);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s + len, size - len, fmt, ap);
	va_end(ap);
}

static void compose(struct np_error *e)
{
	e->text[0] = '\0';
	if (e->attr[0])
		append(e->text, sizeof(e->text), "%s: ", e->attr);
	append(e->text, sizeof(e->text), "%s",
	       e->message[0] ? e->message : words(e->code));
	if (e->has_range)
		append(e->text, sizeof(e->text), " (%llu to %llu)",
		       (unsigned long long)e->min, (unsigned long long)e->max);
}

/* Note code, with a message of our own or none. Returns code. */
int np_error_set(struct np_error *e, int code, const char *message)
{
	np_error_clear(e);
	e->code = code;
	if (message)
		append(e->message, sizeof(e->message), "%s", message);
	compose(e);
	return code;
}

/* The attribute that begins at off of the request goes to e->attr by name. */
static void name_attr(struct np_error *e, const struct nlmsghdr *request,
		      const struct np_set *set, uint32_t off)
{
	const struct nlattr *found = NULL;
	const struct np_attr *info;
	const struct nlattr *attr;
	uint32_t at;

	mnl_attr_for_each(attr, request, sizeof(struct genlmsghdr)) {
		at = (uint32_t)((const char *)attr - (const char *)request);
		if (off >= at && off < at + attr->nla_len)
			found = attr;
	}
	if (!found)
		return;
	info = np_attr_info(set, mnl_attr_get_type(found));
	if (!info)
		return;
	append(e->attr, sizeof(e->attr), "%s", info->name);
	if (!info->nest)
		return;
	mnl_attr_for_each_nested(attr, found) {
		if ((const char *)attr - (const char *)request != off)
			continue;
		info = np_attr_info(info->nest, mnl_attr_get_type(attr));
		if (info)
			append(e->attr, sizeof(e->attr), ".%s", info->name);
		return;
	}
}

static void name_missing(struct np_error *e, const struct np_set *set,
			 uint16_t type)
{
	const struct np_attr *info = np_attr_info(set, type);

	if (!info)
		return;
	append(e->attr, sizeof(e->attr), "%s", info->name);
	if (!e->message[0])
		append(e->message, sizeof(e->message), "is missing");
}

/* The values that the kernel's policy allows an integer attribute. */
static void get_range(struct np_error *e, const struct nlattr *policy)
{
	bool min = false, max = false;
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, policy) {
		if (mnl_attr_get_payload_len(attr) < sizeof(uint64_t))
			continue;
		switch (mnl_attr_get_type(attr)) {
		case NL_POLICY_TYPE_ATTR_MIN_VALUE_U:
			e->min = mnl_attr_get_u64(attr);
			min = true;
			break;
		case NL_POLICY_TYPE_ATTR_MAX_VALUE_U:
			e->max = mnl_attr_get_u64(attr);
			max = true;
			break;
		}
	}
	e->has_range = min && max;
}

static void decode_tlvs(struct np_error *e, const struct nlattr *attr,
			const void *end, const struct nlmsghdr *request,
			const struct np_set *set)
{
	const struct nlattr *missing = NULL;
	uint16_t len;

	for (; mnl_attr_ok(attr, (int)((const char *)end - (const char *)attr));
	     attr = mnl_attr_next(attr)) {
		len = mnl_attr_get_payload_len(attr);
		switch (mnl_attr_get_type(attr)) {
		case NLMSGERR_ATTR_MSG:
			append(e->message, sizeof(e->message), "%.*s", len,
			       mnl_attr_get_str(attr));
			break;
		case NLMSGERR_ATTR_OFFS:
			if (len >= sizeof(uint32_t))
				name_attr(e, request, set,
					  mnl_attr_get_u32(attr));
			break;
		case NLMSGERR_ATTR_POLICY:
			get_range(e, attr);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			if (len >= sizeof(uint32_t))
				missing = attr;
			break;
		}
	}
	if (missing)
		name_missing(e, set, (uint16_t)mnl_attr_get_u32(missing));
}

/*
 * Take in an NLMSG_ERROR or NLMSG_DONE that answers request, whose attributes
 * are those of set. Returns its code, 0 or a negative errno value.
 */
int np_error_decode(struct np_error *e, const struct nlmsghdr *reply,
		    const struct nlmsghdr *request, const struct np_set *set)
{
	const char *end = mnl_nlmsg_get_payload_tail(reply);
	const char *p = mnl_nlmsg_get_payload(reply);
	const struct nlmsgerr *err = (const void *)p;
	size_t skip = sizeof(int);

	if (reply->nlmsg_type == NLMSG_ERROR) {
		skip = sizeof(*err);
		if (mnl_nlmsg_get_payload_len(reply) < skip)
			return np_error_set(e, -EPROTO, NULL);
		if (!(reply->nlmsg_flags & NLM_F_CAPPED))
			skip += mnl_nlmsg_get_payload_len(&err->msg);
	}
	if (mnl_nlmsg_get_payload_len(reply) < skip || !err->error)
		return 0;
	np_error_clear(e);
	e->code = err->error;
	if (reply->nlmsg_flags & NLM_F_ACK_TLVS)
		decode_tlvs(e, (const void *)(p + MNL_ALIGN(skip)), end,
			    request, set);
	compose(e);
	return e->code;
}

const char *natpunch_strerror(const struct natpunch *np, int err)
{
	if (np && np->error.code == err && err)
		return np->error.text;
	return words(err);
}

const char *natpunch_error_message(const struct natpunch *np)
{
	return np->error.message[0] ? np->error.message : NULL;
}

const char *natpunch_error_attr(const struct natpunch *np)
{
	return np->error.attr[0] ? np->error.attr : NULL;
}

int natpunch_error_range(const struct natpunch *np, uint64_t *min,
			 uint64_t *max)
{
	if (!np->error.has_range)
		return 0;
	*min = np->error.min;
	*max = np->error.max;
	return 1;
}
