/* SPDX-License-Identifier: GPL-2.0 */
/*
 * natpunch.ko comes and goes under us: generic netlink tells when its family does,
 * and a look once a minute when it is given a WAN, or loses it. Sessions whose external endpoint
 * is not kept any more, or by what would not keep it now, then begin anew.
 *
 * The kernel would load the module if it were asked for it. So it is asked once, at
 * the start: who unloads it later wants it to be gone.
 */
#ifndef _NATPUNCHD_MODULE_H
#define _NATPUNCHD_MODULE_H

#include "gateway.h"

struct module;

/** module_open() - and gw->np, if there is a module. @m is made in any case. */
int module_open(struct module **m, struct gateway *gw);
/** module_say() - gateway_look() was there: if that is news, it goes to the log. */
void module_say(struct module *m);
/** module_check() - something that it did does not work: is it still there? */
void module_check(struct module *m);
/** module_warn() - of services that can not be served without it. */
void module_warn(const struct module *m);
/** module_close() - NULL is allowed. */
void module_close(struct module *m);

#endif /* _NATPUNCHD_MODULE_H */
