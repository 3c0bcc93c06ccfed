// SPDX-License-Identifier: GPL-2.0
/* Becoming nobody in particular, who may manage the network. */
#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "daemon.h"
#include "log.h"

static int make_dir(const char *path, mode_t mode, const struct passwd *owner)
{
	if (mkdir(path, mode) && errno != EEXIST)
		goto bad;
	if (owner && chown(path, owner->pw_uid, owner->pw_gid))
		goto bad;
	return 0;
bad:
	log_error("%s: %s", path, strerror(errno));
	return -errno;
}

/* The directory which a file is in, "" if there is none. */
static void dir_of(char dir[512], const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(dir, 512, "%.*s", slash ? (int)(slash - path) : 0, path);
}

static int find_user(const struct conf *conf, const struct passwd **user)
{
	*user = NULL;
	if (!conf->user)
		return 0;
	/* No other thread is there. */
	/* cppcheck-suppress getpwnamCalled */
	*user = getpwnam(conf->user);
	if (*user)
		return 0;
	log_error("there is no user '%s'", conf->user);
	return -ENOENT;
}

int privileges_prepare(const struct conf *conf)
{
	const struct passwd *user;
	char dir[512];
	int err;

	if (geteuid())
		return 0;
	err = find_user(conf, &user);
	if (err)
		return err;
	err = make_dir(conf->state, 0700, user);
	dir_of(dir, conf->socket);
	/* Not /run or /tmp themselves: only one which is ours is given away. */
	if (!err && *dir && access(dir, F_OK))
		err = make_dir(dir, 0755, user);
	else if (!err && user && strstr(dir, "natpunch"))
		err = make_dir(dir, 0755, user);
	return err;
}

int privileges_drop(const struct conf *conf)
{
	const struct passwd *user;
	int err;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (geteuid())
		return 0;
	err = find_user(conf, &user);
	if (err)
		return err;
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		      CAP_NET_ADMIN, CAP_NET_RAW, -1);
	if (!user)
		err = capng_apply(CAPNG_SELECT_CAPS);
	else
		err = capng_change_id((int)user->pw_uid, (int)user->pw_gid,
				      CAPNG_INIT_SUPP_GRP |
				      CAPNG_CLEAR_BOUNDING);
	if (!err)
		return 0;
	log_error("privileges can not be dropped (libcap-ng says %d)", err);
	return -EPERM;
}
