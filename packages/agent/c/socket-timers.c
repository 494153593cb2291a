/*
 * socket-timers PID...: prints how long the TCP connections of these processes outlive a silent peer, one a line:
 *   USER_TIMEOUT_MS KEEPALIVE_MS
 * 0: that timer is off. sock_diag does not tell either, so each socket is borrowed with pidfd_getfd and asked.
 * Processes and descriptors that end meanwhile are passed over. Needs ptrace rights over the processes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, name, &value, &length) == 0 ? value : 0;
}

static void print_timers(int fd)
{
	long keepalive_ms = 0;

	if (option(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP || option(fd, SOL_SOCKET, SO_ACCEPTCONN))
		return;
	/* A probe may be due at any moment: what is left for certain are the probes that may go unanswered. */
	if (option(fd, SOL_SOCKET, SO_KEEPALIVE))
		keepalive_ms = 1000L * option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT);
	printf("%d %ld\n", option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), keepalive_ms);
}

static void visit_descriptor(int pidfd, DIR *descriptors, const char *name)
{
	char target[32];
	ssize_t length = readlinkat(dirfd(descriptors), name, target, sizeof(target));
	int fd;

	if (length < 7 || strncmp(target, "socket:", 7) != 0)
		return;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(name), 0);
	if (fd < 0)
		return;
	print_timers(fd);
	close(fd);
}

static void visit_process(pid_t pid)
{
	char folder[32];
	struct dirent *entry;
	DIR *descriptors;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return;
	snprintf(folder, sizeof(folder), "/proc/%d/fd", pid);
	descriptors = opendir(folder);
	while (descriptors && (entry = readdir(descriptors)))
		if (entry->d_name[0] != '.')
			visit_descriptor(pidfd, descriptors, entry->d_name);
	if (descriptors)
		closedir(descriptors);
	close(pidfd);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: socket-timers PID...\n", stderr);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		visit_process(atoi(argv[i]));
	return fflush(stdout) == 0 ? 0 : 1;
}
