// SPDX-License-Identifier: GPL-2.0
/* Word to systemd; see supervisor.h. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor.h"

/* Its name is a path, or begins with '@': abstract, unix(7). */
static socklen_t socket_name(struct sockaddr_un *un)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	if (!len || len >= sizeof(un->sun_path) ||
	    (*name != '/' && *name != '@'))
		return 0;
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, name, len);
	if (*name == '@')
		un->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
			   (*name == '/'));
}

void supervisor_tell(const char *what)
{
	struct sockaddr_un un;
	socklen_t len = socket_name(&un);
	int fd;

	if (!len)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* If he does not hear us, there is nobody else to say that to. */
	(void)!sendto(fd, what, strlen(what), MSG_NOSIGNAL, (void *)&un, len);
	close(fd);
}

uint64_t supervisor_watchdog_us(void)
{
	const char *us = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	/* It may be meant for our parent. */
	if (!us || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(us, NULL, 10);
}
